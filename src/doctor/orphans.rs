//! Orphans that live: their parent was ended, and they were not.

use std::collections::BTreeMap;

use crate::system::clock;
use crate::system::procfs::Stat;

use super::command_line::shown;
use super::finding::Finding;
use super::first_process::{Reaping, entry_point, reaping};
use super::observation::Observation;
use super::program::FirstProcess;

/// How it is known that PID 1 did not start a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// PID 1 starts one child, and this is none that it has started.
    NotStarted,
    /// The process that its group or session began with is gone.
    LeaderGone,
    /// The same command runs under another parent, too: one of the two was left behind.
    SameCommand,
}

/// What is known of processes that were adopted.
pub(super) fn findings(seen: &Observation) -> Vec<Finding> {
    let Some(first) = seen.first() else { return Vec::new() };
    let adopted: Vec<_> = seen
        .children(1)
        .into_iter()
        .enumerate()
        .filter_map(|(rank, child)| evidence(seen, rank, child).map(|evidence| (child, evidence)))
        .collect();
    let Some((one, _)) = adopted.first() else { return vec![Finding::ok("orphans", "none that live")] };
    let oldest = adopted.iter().map(|(child, _)| seen.age(child)).max().unwrap_or_default();
    let count = if adopted.len() == 1 { "1 orphan".to_owned() } else { format!("{} orphans", adopted.len()) };
    let message = format!(
        "{count} under PID 1 ({}): {}; the oldest started {} ago",
        first.comm,
        names(seen, &adopted),
        clock::spoken(oldest)
    );
    let twin = adopted.iter().find(|(_, evidence)| *evidence == Evidence::SameCommand);
    let finding = match twin {
        Some((left, _)) => {
            let parent = twin_parent(seen, left);
            let cause = format!(
                "{} ran under {parent} before: somebody killed that and not what it had started; each of them keeps its memory",
                left.comm
            );
            Finding::problem("orphans", message, kill_the_group(&parent)).caused_by(cause)
        }
        None if reaping(seen) == Reaping::Reaps => Finding::note("orphans", message)
            .caused_by(format!("{} was left behind by its parent, or made itself a daemon", one.comm)),
        None => Finding::problem("orphans", message, entry_point(seen, &[]))
            .caused_by(format!("{} lost its parent; when it ends, PID 1 will keep it as a zombie", one.comm)),
    };
    vec![finding]
}

/// How it is known that `child`, the `rank`th oldest under PID 1, was adopted; none when nothing says so.
fn evidence(seen: &Observation, rank: usize, child: &Stat) -> Option<Evidence> {
    let is_gone = |leader| leader != child.pid && leader != 0 && seen.table.get(leader).is_none();
    match seen.first_kind() {
        // The main child, and what is one of many.
        FirstProcess::Init if rank == 0 => None,
        FirstProcess::Supervisor => None,
        _ if twin(seen, child).is_some() => Some(Evidence::SameCommand),
        _ if is_gone(child.group) || is_gone(child.session) => Some(Evidence::LeaderGone),
        FirstProcess::Init | FirstProcess::Pause => Some(Evidence::NotStarted),
        FirstProcess::Shell(_) | FirstProcess::App => None,
    }
}

/// A process with the same command line as `child`, further below PID 1.
fn twin<'a>(seen: &'a Observation, child: &Stat) -> Option<&'a Stat> {
    let words = seen.words(child.pid);
    let is_twin = |other: &&Stat| !words.is_empty() && other.parent > 1 && seen.words(other.pid) == words;
    // A process that forks workers of the same command is above its twins.
    seen.table.processes.iter().filter(is_twin).find(|other| !is_below(seen, other, child))
}

/// Whether `process` descends from `ancestor`.
fn is_below(seen: &Observation, process: &Stat, ancestor: &Stat) -> bool {
    let mut parent = process.parent;
    // A table that is read while it changes may have a circle.
    for _ in 0..seen.table.processes.len() {
        match seen.table.get(parent) {
            _ if parent == ancestor.pid => return true,
            Some(next) => parent = next.parent,
            None => return false,
        }
    }
    false
}

/// What the twin of `child` runs under.
fn twin_parent(seen: &Observation, child: &Stat) -> String {
    let parent = twin(seen, child).and_then(|twin| seen.table.get(twin.parent));
    parent.map_or_else(|| "another process".into(), |parent| parent.comm.clone())
}

/// What whoever starts `parent` should do.
fn kill_the_group(parent: &str) -> String {
    format!(
        "start {parent} in a process group of its own and signal the group (kill -- -PGID), not {parent} alone"
    )
}

/// `2 x next start, 1 x sh -c ...`, the most frequent first.
fn names(seen: &Observation, adopted: &[(&Stat, Evidence)]) -> String {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (child, _) in adopted {
        let name = match seen.words(child.pid) {
            [] => child.comm.clone(),
            words => shown(words),
        };
        *names.entry(name).or_default() += 1;
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_cached_key(|(_, count)| std::cmp::Reverse(*count));
    let words: Vec<_> = names.iter().take(3).map(|(name, count)| format!("{count} x {name}")).collect();
    words.join(", ")
}
