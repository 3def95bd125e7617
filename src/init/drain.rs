//! The processes that the main child leaves behind, or that a pause shares its namespace with: finding them, and asking them
//! to end or ending them.

use std::time::{Duration, Instant};

use crate::sys::file;
use crate::sys::folder;
use crate::sys::process::{self, Pid, PidFd};
use crate::sys::signal;
use crate::system::procfs;

use super::reaper::Role;
use super::signals::Signal;

/// How long one pass over the processes may go on before the loop gets its turn again.
const PASS_LIMIT: Duration = Duration::from_millis(100);

/// The processes that are left.
#[derive(Debug)]
pub(super) struct Remaining {
    scope: Scope,
    /// The main child's group; it may have outlived it.
    group: Option<Pid>,
    /// Who has been asked already, sorted. A second SIGTERM means "at once" to many.
    asked: Vec<Pid>,
}

/// Who belongs to the remaining processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Everybody in our PID namespace: we are its PID 1.
    Namespace,
    /// Our descendants.
    Descendants,
    /// The main child's group is all that can be found.
    Group,
}

impl Remaining {
    /// Nobody is asked yet.
    pub(super) fn new(role: Role) -> Self {
        let scope = match role {
            Role::Pid1 => Scope::Namespace,
            Role::Subreaper => Scope::Descendants,
            Role::Plain => Scope::Group,
        };
        Self { scope, group: None, asked: Vec::new() }
    }

    /// The main child leads `group`.
    pub(super) fn set_group(&mut self, group: Pid) {
        self.group = Some(group);
    }

    /// Asks all to end; SIGCONT comes with it, since the stopped cannot act on a signal.
    pub(super) fn signal_all(&mut self) {
        match self.scope {
            Scope::Namespace => {
                // Listed first: who comes between the list and the signal is asked twice rather than never.
                self.asked = others();
                send_all(Signal::TERM);
                send_all(Signal::CONT);
            }
            Scope::Descendants => match descendants() {
                // Without /proc the group is all that can be found.
                none if none.is_empty() => self.ask_group(),
                found => self.ask_each(&found),
            },
            Scope::Group => self.ask_group(),
        }
    }

    /// Asks those who have come since.
    pub(super) fn signal_newcomers(&mut self) {
        match self.scope {
            Scope::Namespace => self.ask_each(&others()),
            Scope::Descendants => self.ask_each(&descendants()),
            Scope::Group => {}
        }
    }

    /// Ends all.
    pub(super) fn kill(&self) {
        match self.scope {
            Scope::Namespace => send_all(Signal::KILL),
            Scope::Descendants => {
                let found = descendants();
                if found.is_empty() {
                    self.signal_group(Signal::KILL);
                }
                for pid in &found {
                    send_each(*pid, &found, &[Signal::KILL]);
                }
            }
            // Nobody would tell us when they are gone, and we do not outlive the main child for a guess.
            Scope::Group => {}
        }
    }

    /// Sends `signal` to those who are still in the main child's group.
    pub(super) fn signal_group(&self, signal: Signal) {
        if let Some(group) = self.group {
            send(-group, signal);
        }
    }

    /// Asks the main child's group to end.
    fn ask_group(&self) {
        self.signal_group(Signal::TERM);
        self.signal_group(Signal::CONT);
    }

    /// Asks those of `pids` who have not been asked.
    fn ask_each(&mut self, pids: &[Pid]) {
        for pid in pids {
            if let Err(place) = self.asked.binary_search(pid) {
                self.asked.insert(place, *pid);
                match self.scope {
                    // Only of our descendants do we know who they are.
                    Scope::Descendants => send_each(*pid, pids, &[Signal::TERM, Signal::CONT]),
                    Scope::Namespace | Scope::Group => {
                        send(*pid, Signal::TERM);
                        send(*pid, Signal::CONT);
                    }
                }
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

/// Sends `signals` to the descendant `pid`. Its own parent may have reaped it since `family` was found, and its number may be
/// somebody else's: it is held fast first, and then looked at again.
fn send_each(pid: Pid, family: &[Pid], signals: &[Signal]) {
    // Without pidfds (an old kernel, a sandbox, no descriptor) the look comes shortly before the signal, and that is all.
    let process = PidFd::open(pid).ok();
    let is_ours =
        parent_of(pid).is_some_and(|parent| parent == process::own_pid() || family.contains(&parent));
    for signal in signals.iter().filter(|_| is_ours) {
        match &process {
            Some(process) => {
                let _ = process.signal(signal.number());
            }
            None => send(pid, *signal),
        }
    }
}

/// The parent of `pid`, while there is such a process.
fn parent_of(pid: Pid) -> Option<Pid> {
    procfs::stat(pid).ok().flatten().map(|stat| stat.parent)
}

/// All processes in our namespace but us, sorted.
fn others() -> Vec<Pid> {
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
    /// The most that is read of a list: a fork bomb's is long, and there is another look.
    const LIST_MAX: usize = 1 << 20;
    let (mut pids, mut has_lists) = (Vec::new(), true);
    let threads = format!("/proc/{pid}/task");
    let _ = folder::names(&threads, |thread| {
        match file::read(&format!("{threads}/{thread}/children"), LIST_MAX) {
            Ok(list) => {
                let numbers = list.split(u8::is_ascii_whitespace);
                pids.extend(numbers.filter_map(|pid| std::str::from_utf8(pid).ok()?.parse::<Pid>().ok()));
            }
            Err(_) => has_lists = false,
        }
        has_lists
    });
    if has_lists {
        return pids;
    }
    // This kernel has no such list.
    others().into_iter().filter(|&child| parent_of(child) == Some(pid)).collect()
}
