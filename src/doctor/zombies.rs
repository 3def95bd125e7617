//! Zombies: how many, how old, by whose fault, and where they come from.

use std::collections::BTreeMap;

use crate::system::clock;
use crate::system::procfs::{self, Pid, Stat};

use super::command_line::shown;
use super::finding::Finding;
use super::first_process::entry_point;
use super::observation::Observation;
use super::program;

/// The most parents that are named.
const NAMED_MAX: usize = 3;

/// Where a zombie of PID 1 comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// A health check: the runtime put it in, and killed the process above it.
    HealthCheck,
    /// Somebody else's exec, or a process that left its session.
    OtherSession,
    /// A script that waited for something before it became the app.
    WaitScript,
    /// The app, or what it started.
    App,
}

/// One finding for each parent, and for PID 1 one for each origin.
pub(super) fn findings(seen: &Observation) -> Vec<Finding> {
    if seen.zombies.is_empty() {
        let partial = if seen.is_partial() { " among the processes that hidepid lets us see" } else { "" };
        return vec![Finding::ok("zombies", format!("none{partial}"))];
    }
    let mut groups: BTreeMap<(Pid, Origin), Vec<&Stat>> = BTreeMap::new();
    for zombie in &seen.zombies {
        let origin = if zombie.parent == 1 { origin(seen, zombie) } else { Origin::App };
        groups.entry((zombie.parent, origin)).or_default().push(zombie);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_cached_key(|(_, zombies)| std::cmp::Reverse(zombies.len()));
    groups
        .iter()
        .take(NAMED_MAX)
        .map(|((parent, origin), zombies)| finding(seen, *parent, *origin, zombies))
        .collect()
}

/// What comes in by exec has a session of its own, whose first process is the one that the runtime kills.
fn origin(seen: &Observation, zombie: &Stat) -> Origin {
    let session_of_first = seen.first().map_or(1, |first| first.session);
    let is_leaderless = seen.table.get(zombie.session).is_none();
    match &*zombie.comm {
        comm if zombie.session != session_of_first && is_leaderless => {
            if program::is_checker(comm) {
                Origin::HealthCheck
            } else {
                Origin::OtherSession
            }
        }
        comm if program::is_waiter(comm) => Origin::WaitScript,
        _ => Origin::App,
    }
}

/// What `zombies` of `parent` mean.
fn finding(seen: &Observation, parent: Pid, origin: Origin, zombies: &[&Stat]) -> Finding {
    let count = if let [_] = zombies { "1 zombie".to_owned() } else { format!("{} zombies", zombies.len()) };
    let oldest = zombies.iter().map(|zombie| seen.age(zombie)).max().unwrap_or_default();
    let message = |whose: &str| {
        format!(
            "{count} under {whose}: {}; the oldest started {} ago",
            procfs::count_by_name(zombies),
            clock::spoken(oldest)
        )
    };
    let guilty = seen.table.get(parent);
    if parent != 1 {
        return match guilty {
            None => Finding::problem(
                "zombies",
                message("a parent that cannot be seen"),
                "look from the container of that process",
            ),
            Some(guilty) => under_a_program(seen, guilty, &message(&guilty.name())),
        };
    }
    let whose = guilty.map_or_else(|| "PID 1".to_owned(), |first| format!("PID 1 ({})", first.comm));
    let (message, first) = (message(&whose), zombies.first().map_or("it", |zombie| zombie.comm.as_str()));
    match origin {
        Origin::HealthCheck => Finding::problem(
            "zombies",
            message,
            format!("HEALTHCHECK CMD [\"{}\", \"check\", \"URL\"]: one process, which ends by itself before the limit", seen.own_path),
        )
        .caused_by(format!(
            "a health check by {first}: the runtime killed the shell around it at its limit, and {first} came to PID 1"
        )),
        Origin::OtherSession => Finding::problem("zombies", message, entry_point(seen, &[])).caused_by(format!(
            "{first} was started by exec (or left its session), and lost its parent: it came to PID 1"
        )),
        Origin::WaitScript => {
            Finding::problem("zombies", message, entry_point(seen, &["--wait", "tcp://HOST:PORT"])).caused_by(format!(
                "a script at the start that waits with {first}: it became the app by exec, and {first} stayed behind"
            ))
        }
        Origin::App => Finding::problem("zombies", message, entry_point(seen, &[])).caused_by(format!(
            "a program that the app ran left {first} behind: an orphan comes to PID 1, which waits only for its own"
        )),
    }
}

/// A parent that lives and does not wait: no init can reap for it.
fn under_a_program(seen: &Observation, guilty: &Stat, message: &str) -> Finding {
    let command = shown(seen.words(guilty.pid));
    let fix = format!(
        "have {} wait for its children, or restart it: sexton init --watch zombies:100 does that by itself",
        guilty.comm
    );
    Finding::problem("zombies", message, fix).caused_by(format!(
        "{command} does not wait for the children that it started; no init can do that for it"
    ))
}
