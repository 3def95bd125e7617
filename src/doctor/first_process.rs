//! PID 1: who it is, whether it reaps, whether it acts on SIGTERM.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::system::procfs::{Disposition, Stat};

use super::command_line::{exec_form, shown};
use super::finding::{Finding, Subject};
use super::observation::Observation;
use super::program::FirstProcess;

/// What stops a container, and how it ends when PID 1 does not act on it.
const KILLED: &str = "a stop waits for the whole grace period (10s in Docker, 30s in Kubernetes), then kills it: exit code 137";

/// How PID 1 behaves towards orphans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaping {
    /// It waits for whatever ends under it.
    Reaps,
    /// It has kept zombies that are its own to reap.
    KeepsZombies,
    /// It has no handler for SIGCHLD, so it does not notice an orphan's end.
    NotAsked,
    /// It hears of the end of its children; whether it waits for those of others shows when there are some.
    Unknown,
}

/// PID 1 as the report begins with it.
pub(super) fn subject(seen: &Observation) -> Subject {
    let first = seen.first();
    Subject {
        name: first.map(|first| first.comm.clone()).unwrap_or_default(),
        command: shown(seen.words(1)),
        uptime: first.map_or(Duration::ZERO, |first| seen.age(first)),
        is_init: seen.first_kind().is_init(),
        processes: seen.table.processes.len(),
    }
}

/// What is to be said about it.
pub(super) fn findings(seen: &Observation) -> Vec<Finding> {
    let Some(first) = seen.first() else {
        let hidden = "PID 1 cannot be seen: /proc is mounted with hidepid";
        return vec![
            Finding::note("pid1", hidden).fixed_by("run the doctor as the user of PID 1, or as root"),
        ];
    };
    let mut findings = vec![reaping_finding(seen, first), stop_finding(seen, first)];
    findings.extend(entry_point_finding(seen));
    findings
}

/// How PID 1 behaves towards orphans: what it has done says more than its signals.
pub(super) fn reaping(seen: &Observation) -> Reaping {
    let disposition = seen.signals.get(&1).map(|sets| sets.disposition(Signal::SIGCHLD));
    match (seen.first_kind(), disposition) {
        _ if seen.zombies.iter().any(|zombie| zombie.parent == 1) => Reaping::KeepsZombies,
        (kind, _) if kind.is_init() => Reaping::Reaps,
        // Where it is ignored, the kernel reaps (wait(2)).
        (FirstProcess::Shell(_), _) | (_, Some(Disposition::Ignored)) => Reaping::Reaps,
        (_, Some(Disposition::Default)) => Reaping::NotAsked,
        (_, Some(Disposition::Caught | Disposition::Blocked) | None) => Reaping::Unknown,
    }
}

/// The line that puts an init before what runs as PID 1.
pub(super) fn entry_point(seen: &Observation, options: &[&str]) -> String {
    let before = [&[seen.own_path.as_str(), "init"], options, &["--"]].concat();
    format!("ENTRYPOINT {}", exec_form(&before, seen.words(1)))
}

/// Whether it reaps.
fn reaping_finding(seen: &Observation, first: &Stat) -> Finding {
    let name = &first.comm;
    let disposition = seen.signals.get(&1).map(|sets| sets.disposition(Signal::SIGCHLD));
    match reaping(seen) {
        Reaping::Reaps if disposition == Some(Disposition::Ignored) => {
            Finding::ok("reaping", format!("PID 1 ({name}) ignores SIGCHLD: the kernel reaps for it"))
        }
        Reaping::Reaps => Finding::ok("reaping", format!("PID 1 ({name}) reaps")),
        Reaping::KeepsZombies => {
            let how = match disposition {
                Some(Disposition::Caught | Disposition::Blocked) => {
                    "it handles SIGCHLD, but waits only for children that it started itself"
                }
                _ => "it has no handler for SIGCHLD, and does not notice the end of what it inherits",
            };
            Finding::problem(
                "reaping",
                format!("PID 1 ({name}) does not reap orphans"),
                entry_point(seen, &[]),
            )
            .caused_by(how)
        }
        Reaping::NotAsked => Finding::note(
            "reaping",
            format!("PID 1 ({name}) has no handler for SIGCHLD: each orphan will stay as a zombie"),
        )
        .fixed_by(entry_point(seen, &[])),
        Reaping::Unknown => {
            let told = "handles SIGCHLD, which many programs do for the children that they start; no orphan has ended yet";
            Finding::note("reaping", format!("PID 1 ({name}) {told}")).fixed_by(entry_point(seen, &[]))
        }
    }
}

/// Whether a stop reaches the app.
fn stop_finding(seen: &Observation, first: &Stat) -> Finding {
    let name = &first.comm;
    match seen.first_kind() {
        FirstProcess::Init => return main_child_finding(seen, name),
        FirstProcess::Supervisor => {
            return Finding::ok(
                "sigterm",
                format!("PID 1 ({name}) stops what it has started, in its own way"),
            );
        }
        FirstProcess::Pause => {
            return Finding::ok(
                "sigterm",
                "the containers of this pod share PID 1, and are stopped one by one",
            );
        }
        FirstProcess::Shell(_) | FirstProcess::App => {}
    }
    let Some(sets) = seen.signals.get(&1) else {
        return Finding::note("sigterm", "the signals of PID 1 cannot be read");
    };
    match sets.disposition(Signal::SIGTERM) {
        Disposition::Caught => Finding::ok("sigterm", format!("PID 1 ({name}) handles SIGTERM")),
        Disposition::Blocked => Finding::ok("sigterm", format!("PID 1 ({name}) waits for SIGTERM")),
        Disposition::Ignored => {
            let fix = "handle SIGTERM in the app, or STOPSIGNAL with one that it handles";
            Finding::problem("sigterm", format!("PID 1 ({name}) ignores SIGTERM: {KILLED}"), fix)
        }
        Disposition::Default => {
            // A shell does not pass it on; its whole group has to hear it.
            let is_shell = matches!(seen.first_kind(), FirstProcess::Shell(_));
            let options: &[&str] = if is_shell { &["--group"] } else { &[] };
            Finding::problem(
                "sigterm",
                format!("PID 1 ({name}) has no handler for SIGTERM: {KILLED}"),
                entry_point(seen, options),
            )
            .caused_by("the kernel drops a signal that PID 1 has no handler for")
        }
    }
}

/// Under an init the app decides: without a handler it ends, if it ignores the signal it does not.
fn main_child_finding(seen: &Observation, init: &str) -> Finding {
    let children = seen.children(1);
    let Some(main) = children.first() else {
        return Finding::ok("sigterm", format!("PID 1 ({init}) acts on SIGTERM"));
    };
    let ignores = seen.signals.get(&main.pid).map(|sets| sets.disposition(Signal::SIGTERM));
    if ignores == Some(Disposition::Ignored) {
        let fix = "handle SIGTERM in the app, or have the init send another: sexton init --rewrite TERM:INT";
        return Finding::problem("sigterm", format!("{} ignores SIGTERM: {KILLED}", main.name()), fix);
    }
    Finding::ok("sigterm", format!("PID 1 ({init}) passes SIGTERM on to {}", main.name()))
}

/// Whether a shell stands where the app should.
fn entry_point_finding(seen: &Observation) -> Option<Finding> {
    let FirstProcess::Shell(shell) = seen.first_kind() else { return None };
    let children = seen.children(1);
    let below =
        children.first().map_or_else(String::new, |child| format!("; {} runs under it", child.name()));
    let message = format!("the entry point is a shell ({shell}), which passes no signal on{below}");
    let fix = "start the app by exec, as the last command: exec app; in a Dockerfile ENTRYPOINT [\"app\"], not ENTRYPOINT app";
    let handles =
        seen.signals.get(&1).is_some_and(|sets| sets.disposition(Signal::SIGTERM) == Disposition::Caught);
    // One that has a trap for it may pass it on.
    Some(if handles {
        Finding::note("entrypoint", message).fixed_by(fix)
    } else {
        Finding::problem("entrypoint", message, fix)
    })
}
