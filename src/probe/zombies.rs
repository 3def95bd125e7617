//! `zombies:[max]`: at most so many zombies in this PID namespace; the rest are named, with who must reap them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::system::clock;
use crate::system::procfs;
use crate::system::procfs::{Pid, ProcessTable, Stat, Visibility};
use crate::target::Target;

/// How long a parent has to reap before its zombie counts: one that ends in the very moment that we look is no leak.
const PATIENCE: Duration = Duration::from_millis(100);

/// The most parents that are named: the line is short, and the worst come first.
const NAMED_MAX: usize = 3;

/// Counts zombies.
#[derive(Debug)]
pub(super) struct Zombies {
    /// How many are accepted.
    max: usize,
}

/// Reads a number, or nothing, which is 0.
pub(super) fn parse(target: &Target<'_>, _: &Options) -> Result<Box<dyn Kind>, String> {
    let digits = target.rest.bytes().all(|b| b.is_ascii_digit());
    let max = match target.rest {
        "" => 0,
        text => text
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or_else(|| format!("invalid limit `{text}`; write for example zombies:5"))?,
    };
    Ok(Box::new(Zombies { max }))
}

impl Kind for Zombies {
    /// Passes when there are at most as many as are accepted, also a moment later.
    fn run(&self, deadline: Deadline, _: &mut Trace) -> Outcome {
        let first = procfs::process_table(deadline)?;
        let before: Vec<_> = first.zombies().collect();
        let verdict = if before.len() > self.max {
            std::thread::sleep(PATIENCE.min(deadline.remaining()));
            let second = procfs::process_table(deadline)?;
            let mut after: Vec<_> = second.zombies().collect();
            // A number that was given out anew is another process.
            after.retain(|zombie| {
                before.iter().any(|one| one.pid == zombie.pid && one.started == zombie.started)
            });
            self.judge(&second, &after)
        } else {
            self.judge(&first, &before)
        };
        match verdict {
            // What cannot be seen may be what it looks for.
            Ok(_) if first.visibility == Visibility::Partial => {
                Err(Failure::new(Phase::Local, Cause::Broken, procfs::hidden(first.processes.len())))
            }
            other => other.map_err(|reason| Failure::new(Phase::Local, Cause::Answer, reason)),
        }
    }
}

impl Zombies {
    /// The verdict on `zombies`, which are of `table`.
    fn judge(&self, table: &ProcessTable, zombies: &[&Stat]) -> Result<String, String> {
        let count = match zombies.len() {
            0 => "no zombies".into(),
            1 => "1 zombie".into(),
            many => format!("{many} zombies"),
        };
        if zombies.len() <= self.max {
            return Ok(format!("{count} among {} processes", table.processes.len()));
        }
        let oldest = zombies.iter().map(|zombie| zombie.age()).max().unwrap_or_default();
        let at_most = self.max;
        let guilty = guilty(table, zombies);
        Err(format!("{count}, at most {at_most}: {guilty}; the oldest started {} ago", clock::spoken(oldest)))
    }
}

/// `2 x wget, 1 x sh under app (pid 1)`, the worst parents and programs first.
fn guilty(table: &ProcessTable, zombies: &[&Stat]) -> String {
    let mut parents: BTreeMap<Pid, Vec<&Stat>> = BTreeMap::new();
    for zombie in zombies {
        parents.entry(zombie.parent).or_default().push(zombie);
    }
    let mut parents: Vec<_> = parents.into_iter().collect();
    parents.sort_by_cached_key(|(_, zombies)| std::cmp::Reverse(zombies.len()));
    let others = parents.len().saturating_sub(NAMED_MAX);
    let mut sentences: Vec<_> = parents
        .into_iter()
        .take(NAMED_MAX)
        .map(|(parent, zombies)| format!("{} under {}", procfs::count_by_name(&zombies), name(table, parent)))
        .collect();
    if others > 0 {
        sentences.push(format!("others under {others} more"));
    }
    sentences.join("; ")
}

/// The process that must reap, as far as it can be seen.
fn name(table: &ProcessTable, parent: Pid) -> String {
    match table.get(parent) {
        Some(process) => process.name(),
        None if parent == 0 => "a parent outside this PID namespace".into(),
        None => format!("pid {parent}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::system::procfs::State;

    use super::*;

    /// A process, by number, name, state and parent.
    fn process(pid: Pid, comm: &str, state: State, parent: Pid) -> Stat {
        Stat {
            pid,
            comm: comm.into(),
            state,
            parent,
            group: pid,
            session: 1,
            started: clock::since_boot().saturating_sub(Duration::from_secs(125)),
        }
    }

    /// The verdict on a table of `processes`, of which `max` may be zombies.
    fn verdict(max: usize, visibility: Visibility, processes: Vec<Stat>) -> Result<String, String> {
        let table = ProcessTable { processes, visibility };
        Zombies { max }.judge(&table, &table.zombies().collect::<Vec<_>>())
    }

    #[test]
    fn the_guilty_parent_is_named_with_what_it_left() {
        let table = || {
            vec![
                process(1, "app", State::Alive, 0),
                process(5, "wget", State::Zombie, 1),
                process(6, "sh", State::Zombie, 1),
                process(7, "wget", State::Zombie, 1),
            ]
        };
        assert_eq!(
            verdict(0, Visibility::Whole, table()).unwrap_err(),
            "3 zombies, at most 0: 2 x wget, 1 x sh under app (pid 1); the oldest started 2m 5s ago"
        );
        assert_eq!(verdict(3, Visibility::Whole, table()).unwrap(), "3 zombies among 4 processes");
    }

    #[test]
    fn a_parent_that_cannot_be_seen_still_has_its_number() {
        let orphan = |parent| vec![process(9, "wget", State::Zombie, parent)];
        let failure = verdict(0, Visibility::Whole, orphan(0)).unwrap_err();
        assert!(failure.starts_with("1 zombie, at most 0: 1 x wget under a parent outside"), "{failure}");
        let failure = verdict(0, Visibility::Partial, orphan(1)).unwrap_err();
        assert!(failure.contains("under pid 1;"), "{failure}");
        assert_eq!(verdict(1, Visibility::Partial, orphan(1)).unwrap(), "1 zombie among 1 processes");
    }

    #[test]
    fn many_parents_and_programs_still_fit_on_a_line() {
        let mut table = Vec::new();
        for parent in 1..=50 {
            table.push(process(parent, "a-fifteen-bytes", State::Alive, 0));
            for child in 1..=parent {
                let comm = format!("fifteen-byte-{child:02}");
                table.push(process(parent * 1000 + child, &comm, State::Zombie, parent));
            }
        }
        let failure = verdict(0, Visibility::Whole, table).unwrap_err();
        assert!(failure.starts_with("1275 zombies, at most 0: 1 x fifteen-byte-01, "), "{failure}");
        assert!(failure.contains("47 others under a-fifteen-bytes (pid 50); "), "{failure}");
        assert!(failure.contains("; others under 47 more; the oldest"), "{failure}");
        assert!(failure.len() < 400, "{}", failure.len());
    }
}
