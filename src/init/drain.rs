//! What the main child leaves behind: finding it, and asking it to end or ending it.

use std::fs;
use std::time::{Duration, Instant};

use crate::sys::process::{self, Pid};
use crate::sys::signal;
use crate::system::procfs;

use super::reaper::Role;
use super::signals::Signal;

/// How long one pass over the processes may go on before the loop gets its turn again.
const PASS_LIMIT: Duration = Duration::from_millis(100);

/// The processes that are left.
#[derive(Debug)]
pub(super) struct Leftovers {
    role: Role,
    /// The main child's group; it may have outlived it.
    group: Option<Pid>,
    /// Who has been asked already, sorted. A second SIGTERM means "at once" to many.
    signaled: Vec<Pid>,
}

impl Leftovers {
    /// Of a main child that led `group`.
    pub(super) fn new(role: Role, group: Option<Pid>) -> Self {
        Self { role, group, signaled: Vec::new() }
    }

    /// Asks all to end; SIGCONT comes with it, since the stopped cannot hear.
    pub(super) fn signal_remaining(&mut self) {
        match self.role {
            Role::Pid1 => {
                // Listed first: who comes between the list and the signal is asked twice rather than never.
                self.signaled = all();
                send_all(Signal::TERM);
                send_all(Signal::CONT);
            }
            Role::Subreaper => match descendants() {
                // Without /proc the group is all that can be found.
                none if none.is_empty() => self.signal_group_once(),
                found => self.signal_each(found),
            },
            Role::Plain => self.signal_group_once(),
        }
    }

    /// Asks the main child's group.
    fn signal_group_once(&self) {
        self.send_group(Signal::TERM);
        self.send_group(Signal::CONT);
    }

    /// Asks those who have come since; by now they are our own children, or below one.
    pub(super) fn signal_newcomers(&mut self) {
        if self.role != Role::Plain {
            self.signal_each(descendants());
        }
    }

    /// Ends all.
    pub(super) fn kill(&self) {
        match self.role {
            Role::Pid1 => send_all(Signal::KILL),
            Role::Subreaper => {
                let found = descendants();
                if found.is_empty() {
                    self.send_group(Signal::KILL);
                }
                for pid in found {
                    send(pid, Signal::KILL);
                }
            }
            // Nobody would tell us when they are gone, and we do not outlive the main child for a guess.
            Role::Plain => {}
        }
    }

    /// The main child's last signal to its group, where others are still in it.
    pub(super) fn send_group(&self, signal: Signal) {
        if let Some(group) = self.group {
            send(-group, signal);
        }
    }

    /// Asks those of `pids` who have not been asked.
    fn signal_each(&mut self, pids: Vec<Pid>) {
        for pid in pids {
            if let Err(place) = self.signaled.binary_search(&pid) {
                self.signaled.insert(place, pid);
                send(pid, Signal::TERM);
                send(pid, Signal::CONT);
            }
        }
    }
}

/// Sends to one process or group. It may be gone, or not ours to signal: there is nothing to do about either.
fn send(pid: Pid, signal: Signal) {
    let _ = signal::kill(pid, signal.number());
}

/// Sends to everybody in our namespace but us. Only for a PID 1: elsewhere this is everything that the user owns.
fn send_all(signal: Signal) {
    if process::own_pid() == 1 {
        send(-1, signal);
    }
}

/// All processes in our namespace but us, sorted.
fn all() -> Vec<Pid> {
    let own = process::own_pid();
    if !procfs::is_ours() {
        return Vec::new();
    }
    let mut pids: Vec<Pid> = procfs::pids();
    pids.retain(|pid| *pid != own);
    pids.sort_unstable();
    pids
}

/// All processes below us, parents before their children; none without a /proc that could tell.
fn descendants() -> Vec<Pid> {
    if !procfs::is_ours() {
        return Vec::new();
    }
    let until = Instant::now() + PASS_LIMIT;
    let mut found = children(process::own_pid());
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        if Instant::now() > until {
            break;
        }
        next += 1;
        let below = children(pid);
        found.extend(below);
    }
    found
}

/// The children of `pid`, of all its threads.
/// See [proc_tid_children(5)](https://man7.org/linux/man-pages/man5/proc_tid_children.5.html).
fn children(pid: Pid) -> Vec<Pid> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut pids = Vec::new();
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(list) => pids.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<Pid>().ok())),
            // This kernel has no such list.
            Err(_) => return children_by_parent(pid),
        }
    }
    pids
}

/// The same by asking everybody for its parent.
fn children_by_parent(parent: Pid) -> Vec<Pid> {
    let is_child = |pid: &Pid| matches!(procfs::stat(*pid), Ok(Some(stat)) if stat.parent == parent);
    all().into_iter().filter(is_child).collect()
}
