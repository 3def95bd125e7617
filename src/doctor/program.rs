//! What is known of programs by their names.

/// Inits that run one command and pass signals on to it.
const INITS: &[&str] =
    &["sexton", "tini", "tini-static", "docker-init", "podman-init", "dumb-init", "catatonit"];

/// Those that start many programs, and stop in ways of their own.
const SUPERVISORS: &[&str] = &["systemd", "init", "runit", "runsvdir", "s6-svscan", "openrc-init"];

/// What a process is as PID 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstProcess<'a> {
    /// An init with one main child.
    Init,
    /// An init that starts many programs.
    Supervisor,
    /// The first process of a pod, which starts nothing: whatever is under it was adopted.
    Pause,
    /// A shell, by its name.
    Shell(&'a str),
    /// Anything else.
    App,
}

impl FirstProcess<'_> {
    /// Whether it reaps because that is its work.
    pub(super) fn is_init(self) -> bool {
        matches!(self, Self::Init | Self::Supervisor | Self::Pause)
    }
}

/// Shells: they reap, and keep SIGTERM to themselves.
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"];

/// What health checks are made of, apart from shells.
const CHECKERS: &[&str] = &[
    "wget",
    "curl",
    "nc",
    "ncat",
    "netcat",
    "pg_isready",
    "psql",
    "mysqladmin",
    "mysql",
    "mariadb-admin",
    "redis-cli",
    "mongosh",
    "rabbitmqctl",
    "rabbitmq-diagno",
    "grpc_health_pro",
    "healthcheck.sh",
    "docker-healthch",
];

/// What scripts wait with before they become the app.
const WAITERS: &[&str] =
    &["timeout", "busybox", "sleep", "nc", "wait-for-it.sh", "wait-for-it", "wait-for", "dockerize", "until"];

/// The name of a program without its path.
fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// What PID 1 with this name and command line is.
pub(super) fn first_process<'a>(comm: &'a str, words: &'a [String]) -> FirstProcess<'a> {
    let called = words.first().map_or(comm, |word| base(word));
    let is_among = |names: &[&str]| names.contains(&comm) || names.contains(&called);
    let is_option = |word: &String| matches!(word.as_str(), "--pause" | "-P");
    if comm == "pause"
        || (is_among(INITS) && words.iter().skip(1).take_while(|word| *word != "--").any(is_option))
    {
        FirstProcess::Pause
    } else if is_among(INITS) {
        FirstProcess::Init
    } else if is_among(SUPERVISORS) {
        FirstProcess::Supervisor
    } else {
        shell(comm, words).map_or(FirstProcess::App, FirstProcess::Shell)
    }
}

/// The shell that a process is, if it is one: also one that runs a script, whose name it then has.
fn shell<'a>(comm: &'a str, words: &'a [String]) -> Option<&'a str> {
    // A login shell has a dash before its name; BusyBox may be called by its own.
    let mut names = words.iter().map(|word| base(word.trim_start_matches('-')));
    let first = match names.next() {
        Some("busybox") => names.next(),
        Some(name) => Some(name),
        None => Some(comm),
    };
    first.filter(|name| SHELLS.contains(name))
}

/// Whether a process of this name is likely part of a health check.
pub(super) fn is_checker(comm: &str) -> bool {
    CHECKERS.contains(&comm) || SHELLS.contains(&comm)
}

/// Whether a process of this name is likely part of a script that waits.
pub(super) fn is_waiter(comm: &str) -> bool {
    WAITERS.contains(&comm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_known_by_what_it_was_called() {
        for (comm, words, is) in [
            ("sh", &["/bin/sh", "-c", "app"][..], Some("sh")),
            ("entrypoint.sh", &["/bin/bash", "/entrypoint.sh"], Some("bash")),
            ("busybox", &["/busybox", "sh", "/entry"], Some("sh")),
            ("busybox", &["/busybox", "httpd"], None),
            ("bash", &["-bash"], Some("bash")),
            ("java", &["java", "-jar", "sh"], None),
            ("dash", &[], Some("dash")),
        ] {
            let words: Vec<_> = words.iter().map(ToString::to_string).collect();
            assert_eq!(shell(comm, &words), is, "{comm} {words:?}");
        }
    }

    #[test]
    fn an_init_is_known_by_its_name_and_a_pause_by_what_it_runs() {
        for (comm, words, is) in [
            ("tini", &[][..], FirstProcess::Init),
            ("podman-init", &["/dev/init", "--", "app"], FirstProcess::Init),
            ("x", &["/sbin/docker-init", "--", "app", "-P"], FirstProcess::Init),
            ("sexton", &["/sexton", "init", "--pause"], FirstProcess::Pause),
            ("catatonit", &["/catatonit", "-P"], FirstProcess::Pause),
            ("pause", &["/pause"], FirstProcess::Pause),
            ("systemd", &["/sbin/init"], FirstProcess::Supervisor),
            ("sh", &["sh", "-c", "app"], FirstProcess::Shell("sh")),
            ("java", &["java"], FirstProcess::App),
            ("", &[], FirstProcess::App),
        ] {
            let words: Vec<_> = words.iter().map(ToString::to_string).collect();
            assert_eq!(first_process(comm, &words), is, "{comm} {words:?}");
        }
    }
}
