//! `process:name` and `process:/pattern/`: such a process lives. A zombie does not, and who asks is no answer.

use regex_lite::Regex;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::regex::{self, Case};
use crate::system::procfs;
use crate::system::procfs::{State, Visibility};
use crate::target::Target;

/// The most bytes of a name that the kernel keeps (`TASK_COMM_LEN` without its NUL).
const COMM_MAX: usize = 15;

/// Looks for a process.
#[derive(Debug)]
pub(super) struct Process {
    wanted: Wanted,
    /// What the command line of somebody who asks the same holds: our own, a shell's that started us, that of another
    /// check at the same time.
    question: String,
}

/// Which process.
#[derive(Debug)]
enum Wanted {
    /// The one of this program.
    Name(String),
    /// One whose command line matches.
    Pattern(Regex),
}

/// Reads `name` or `/pattern/`.
pub(super) fn parse(target: &Target<'_>, _: &Options) -> Result<Box<dyn Kind>, String> {
    let rest = target.rest;
    let process = match rest.strip_prefix('/') {
        Some(pattern) => {
            let Some(pattern) = pattern.strip_suffix('/') else {
                return Err(
                    "no / at the end of the pattern; write process:/PATTERN/, or a name without its path"
                        .into(),
                );
            };
            if pattern.is_empty() {
                return Err("the pattern is empty".into());
            }
            let pattern = regex::compile(pattern, Case::Sensitive)?;
            // However the shell's quotes changed the pattern, this much of the question is as we have it.
            Process { wanted: Wanted::Pattern(pattern), question: "process:/".into() }
        }
        None if rest.is_empty() => return Err("no process name".into()),
        None if rest.contains('/') => {
            return Err("invalid process name: it has a /; write a pattern as process:/PATTERN/".into());
        }
        None => Process { wanted: Wanted::Name(rest.into()), question: format!("process:{rest}") },
    };
    Ok(Box::new(process))
}

impl Kind for Process {
    fn touches_files(&self) -> bool {
        true
    }

    /// Passes when there is at least one.
    fn run(&self, deadline: Deadline, _: &mut Trace) -> Outcome {
        let table = procfs::process_table(deadline)?;
        let own = procfs::own_pid();
        let (mut living, mut dead) = (Vec::new(), Vec::new());
        for process in table.processes.iter().filter(|process| Some(process.pid) != own) {
            if deadline.has_passed() {
                return Err(Failure::timed_out(Phase::Local));
            }
            // That of a zombie is empty, and so is that of one that has ended since.
            let words = procfs::command_line(process.pid);
            if self.wanted.is(&process.comm, &words) && !words.join(" ").contains(&self.question) {
                match process.state {
                    State::Alive => living.push(process),
                    State::Zombie | State::Dead => dead.push(process),
                }
            }
        }
        match (living.as_slice(), dead.as_slice()) {
            ([one], _) => Ok(format!("{} lives", one.name())),
            ([first, ..], _) => Ok(format!("{} processes live, the first is {}", living.len(), first.name())),
            ([], [zombie, ..]) => {
                let reason = procfs::zombie_message(zombie);
                Err(Failure::new(Phase::Local, Cause::NotFound, reason))
            }
            ([], []) if table.visibility == Visibility::Partial => {
                Err(Failure::new(Phase::Local, Cause::Broken, procfs::hidden(table.processes.len())))
            }
            ([], []) => {
                Err(Failure::new(Phase::Local, Cause::NotFound, self.wanted.none_of(table.processes.len())))
            }
        }
    }
}

impl Wanted {
    /// Whether a process of that name and command line is the one.
    fn is(&self, comm: &str, words: &[String]) -> bool {
        match self {
            Self::Name(name) => is_named(name, comm, words),
            // What has no command line, or has emptied it, still has its name; as pgrep -f does.
            Self::Pattern(pattern) if words.is_empty() => pattern.is_match(comm),
            Self::Pattern(pattern) => pattern.is_match(&words.join(" ")),
        }
    }

    /// Why nothing was found among `count` processes.
    fn none_of(&self, count: usize) -> String {
        match self {
            Self::Name(name) => format!("no process is called {name}, among {count}"),
            Self::Pattern(_) => format!("no process has a command line that matches, among {count}"),
        }
    }
}

/// Whether a process is called `name`: the kernel says so, or its own command line does. A name that the kernel has cut
/// must be found whole among the words, since others may begin like it; a script's is behind that of its interpreter.
fn is_named(name: &str, comm: &str, words: &[String]) -> bool {
    let is_base = |word: &String| word.rsplit('/').next() == Some(name);
    if comm == name || words.first().is_some_and(is_base) {
        return true;
    }
    let is_cut = comm.len() == COMM_MAX && name.len() > COMM_MAX && name.starts_with(comm);
    // `name: worker 1`, as a program calls itself that has rewritten its title.
    let is_title = |title: &String| {
        let rest = title.rsplit_once('/').map_or(title.as_str(), |(_, base)| base).strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([':', ' ']))
    };
    is_cut && (words.is_empty() || words.iter().any(is_base) || words.first().is_some_and(is_title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_whole_name() {
        for (name, comm, words, is) in [
            ("nginx", "nginx", &["nginx: master process /usr/sbin/nginx"][..], true),
            ("nginx", "nginx", &[], true),
            ("java", "java", &["/usr/bin/java", "-jar", "app.jar"], true),
            ("node", "MainThread", &["/usr/local/bin/node", "app.js"], true),
            ("app.jar", "java", &["java", "-jar", "app.jar"], false),
            ("ngin", "nginx", &["nginx"], false),
            ("nginx", "nginx-debug", &["nginx-debug"], false),
            ("entrypoint.sh", "entrypoint.sh", &["/bin/sh", "/entrypoint.sh"], true),
            ("docker-entrypoint.sh", "docker-entrypoi", &["/bin/sh", "/docker-entrypoint.sh"], true),
            ("docker-entrypoint.sh", "docker-entrypoi", &[], true),
            ("docker-entrypoint.sh", "docker-entrypoi", &["/docker-entrypoint-b.sh"], false),
            ("a-very-long-daemon", "a-very-long-dae", &["a-very-long-daemon: worker 1"], true),
            ("a-very-long-daemon", "a-very-long-dae", &["a-very-long-daemon [idle]"], true),
            ("a-very-long-daemon", "a-very-long-dae", &["a-very-long-daemon-2: worker 1"], false),
            ("docker-entrypoi", "docker-entrypoi", &["/docker-entrypoint.sh"], true),
            ("sh", "bash", &["/bin/sh"], true),
        ] {
            let words: Vec<_> = words.iter().map(ToString::to_string).collect();
            assert_eq!(is_named(name, comm, &words), is, "{name} {comm} {words:?}");
        }
    }

    #[test]
    fn a_pattern_is_about_the_command_line_or_the_name_of_what_has_none() {
        let pattern = |text| Wanted::Pattern(regex::compile(text, Case::Sensitive).unwrap());
        let java = ["java".to_owned(), "-jar".to_owned(), "app.jar".to_owned()];
        assert!(pattern("^java .*app[.]jar$").is("java", &java));
        assert!(!pattern("^app").is("java", &java));
        assert!(pattern("^kworker").is("kworker/0:1", &[]));
        assert!(!pattern("kworker").is("kworker", &java));
    }
}
