//! What is known of programs by their names.

/// Inits: they reap whatever comes to them. `pause` is Kubernetes' own.
const INITS: &[&str] = &[
    "sexton",
    "tini",
    "tini-static",
    "docker-init",
    "podman-init",
    "dumb-init",
    "catatonit",
    "pause",
    "systemd",
    "init",
    "runit",
    "runsvdir",
    "s6-svscan",
    "openrc-init",
];

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

/// Whether PID 1 with this name and command line is an init.
pub(super) fn is_init(comm: &str, words: &[String]) -> bool {
    INITS.contains(&comm) || words.first().is_some_and(|word| INITS.contains(&base(word)))
}

/// The shell that a process is, if it is one: also one that runs a script, whose name it then has.
pub(super) fn shell<'a>(comm: &'a str, words: &'a [String]) -> Option<&'a str> {
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
        assert!(is_init("tini", &[]) && is_init("x", &["/sbin/docker-init".into()]) && !is_init("java", &[]));
    }
}
