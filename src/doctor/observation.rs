//! What is seen of a container in two looks, a second apart. All of the doctor's input is read here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::outcome::Failure;
use crate::system::cgroup::{self, Levels};
use crate::system::clock;
use crate::system::procfs::{self, Descriptors, Pid, ProcessTable, SignalSets, Stat, State, Visibility};

use super::program::{self, FirstProcess};

/// The time between the two looks: what lasts that long is no process that ends in the very moment that we look.
const INTERVAL: Duration = Duration::from_secs(1);

/// What the doctor decides from.
#[derive(Debug)]
pub(super) struct Observation {
    /// The processes at the second look, without ourselves.
    pub(super) table: ProcessTable,
    /// Those that were zombies at both looks.
    pub(super) zombies: Vec<Stat>,
    /// The command lines of those that live.
    pub(super) commands: BTreeMap<Pid, Vec<String>>,
    /// What PID 1 and its children do with signals, as far as it can be seen.
    pub(super) signals: BTreeMap<Pid, SignalSets>,
    /// The cgroups' PIDs at the first look and at the second.
    pub(super) pids: Option<(Levels, Levels)>,
    /// The descriptors of each process that we may look at.
    pub(super) descriptors: Vec<(Pid, Descriptors)>,
    /// The time between the looks.
    pub(super) interval: Duration,
    /// The time since boot, by which processes tell their starts.
    pub(super) now: Duration,
    /// Where this program is, for lines that name it.
    pub(super) own_path: String,
}

impl Observation {
    /// Looks twice.
    pub(super) fn make(deadline: Deadline) -> Result<Self, Failure> {
        let first = procfs::process_table(deadline)?;
        let pids_before = cgroup::levels();
        thread::sleep(INTERVAL.min(deadline.remaining()));
        let mut table = procfs::process_table(deadline)?;
        let pids_now = cgroup::levels();
        let now = clock::since_boot();

        let own = procfs::own_pid();
        table.processes.retain(|process| Some(process.pid) != own);
        let before: BTreeSet<_> = first.zombies().map(|zombie| (zombie.pid, zombie.started)).collect();
        let lasting = table.zombies().filter(|zombie| before.contains(&(zombie.pid, zombie.started)));
        let zombies = lasting.cloned().collect();
        let mut observation = Self {
            zombies,
            commands: BTreeMap::new(),
            signals: BTreeMap::new(),
            pids: pids_before.zip(pids_now),
            descriptors: Vec::new(),
            interval: INTERVAL,
            now,
            own_path: own_path(),
            table,
        };
        observation.look_closer(deadline)?;
        Ok(observation)
    }

    /// Reads what each process has in files of its own.
    fn look_closer(&mut self, deadline: Deadline) -> Result<(), Failure> {
        for process in self.table.processes.iter().filter(|process| process.state == State::Alive) {
            if deadline.has_passed() {
                return Err(Failure::timed_out(crate::outcome::Phase::Local));
            }
            let pid = process.pid;
            self.commands.insert(pid, procfs::command_line(pid));
            self.descriptors.extend(procfs::descriptors(pid).map(|found| (pid, found)));
            if pid == 1 || process.parent == 1 {
                self.signals.extend(procfs::signal_sets(pid).map(|sets| (pid, sets)));
            }
        }
        Ok(())
    }

    /// PID 1, unless it cannot be seen.
    pub(super) fn first(&self) -> Option<&Stat> {
        self.table.get(1)
    }

    /// What PID 1 is, by its name and command line.
    pub(super) fn first_kind(&self) -> FirstProcess<'_> {
        self.first().map_or(FirstProcess::App, |first| program::first_process(&first.comm, self.words(1)))
    }

    /// The living children of `parent`, the oldest first.
    pub(super) fn children(&self, parent: Pid) -> Vec<&Stat> {
        let is_child = |process: &&Stat| process.parent == parent && process.state == State::Alive;
        let mut children: Vec<_> = self.table.processes.iter().filter(is_child).collect();
        children.sort_by_key(|child| (child.started, child.pid));
        children
    }

    /// The words of a process's command line; none when it has none.
    pub(super) fn words(&self, pid: Pid) -> &[String] {
        self.commands.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// How long ago `process` started.
    pub(super) fn age(&self, process: &Stat) -> Duration {
        self.now.saturating_sub(process.started)
    }

    /// Whether processes of other users are hidden.
    pub(super) fn is_partial(&self) -> bool {
        self.table.visibility == Visibility::Partial
    }
}

/// The path of the program that runs. A deleted file, or one from another mount, is called as in an image.
fn own_path() -> String {
    let path = fs::read_link("/proc/self/exe").ok();
    let path = path.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_default();
    if path.starts_with('/') && !path.contains(' ') { path } else { "/sexton".into() }
}
