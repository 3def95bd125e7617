//! The foreground of the terminal: handed to the main child when it is ours, and taken back before we end. No error in here
//! is ever fatal: a terminal may go away at any time.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;

use crate::sys::process::{self, Pid};
use crate::sys::signal::{self, SigSet};
use crate::sys::terminal;

use super::signals::Signal;

/// Where a session has its terminal.
const STDIN: RawFd = 0;

/// Our controlling terminal, if any, and whose it is.
#[derive(Debug)]
pub(super) struct Terminal {
    fd: Option<OwnedFd>,
    /// Our own group.
    group: Pid,
    hold: Foreground,
}

/// Who has the foreground, as far as we had it to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Foreground {
    /// Not we: a shell has put us into the background, or there is no terminal.
    NotOurs,
    /// We have handed it to the main child. Nobody takes it from there but by stopping or ending us.
    Lent,
}

impl Terminal {
    /// Finds the controlling terminal, and whether the main child is to have its foreground: only when we have it.
    pub(super) fn find() -> Self {
        let fd = terminal::open().ok();
        let group = process::own_group();
        let mut found = Self { fd, group, hold: Foreground::NotOurs };
        if found.is_ours() {
            found.hold = Foreground::Lent;
        }
        found
    }

    /// Without one, for a main child that stays in our group.
    pub(super) fn none() -> Self {
        Self { fd: None, group: 0, hold: Foreground::NotOurs }
    }

    /// Its descriptor.
    pub(super) fn raw_fd(&self) -> Option<RawFd> {
        self.fd.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// In the child, between fork and exec: takes what is lent, for `group`.
    pub(super) fn take(&self, group: Pid) {
        if let (Some(fd), Foreground::Lent) = (&self.fd, self.hold) {
            let _ = terminal::set_foreground(fd, group);
        }
    }

    /// Before we end: gives the foreground back to the group that we had it from.
    pub(super) fn give_back(&mut self) {
        if let (Some(fd), Foreground::Lent) = (&self.fd, self.hold) {
            let _ = terminal::set_foreground(fd, self.group);
            self.hold = Foreground::NotOurs;
        }
    }

    /// We were continued, maybe into the foreground: lends it again.
    pub(super) fn follow_continue(&mut self, main: Pid) {
        if self.hold == Foreground::NotOurs && self.is_ours() {
            self.lend(main);
        }
    }

    /// The terminal has stopped the main child by `stop`. Stops us and our group the same way, so that our shell sees its job
    /// stopped; when we go on, the main child does. Where there is no shell (PID 1, an orphaned group) the kernel does not stop
    /// us, and it goes on at once: a container is never frozen by ^Z.
    pub(super) fn follow_stop(&mut self, main: Pid, stop: Signal) {
        if self.fd.is_none() {
            return;
        }
        self.give_back();
        if process::own_pid() != 1 && self.group != 0 {
            stop_with_group(stop);
        }
        if self.is_ours() {
            self.lend(main);
        }
        // Reading from the background would stop it again at once, and again.
        if stop == Signal::TSTP || self.is_in_foreground(main) {
            let group = process::group_of(main).unwrap_or(main);
            let _ = signal::kill(-group, Signal::CONT.number());
        }
    }

    /// Puts the main child's group into the foreground.
    fn lend(&mut self, main: Pid) {
        let group = process::group_of(main).unwrap_or(main);
        if let Some(fd) = &self.fd
            && terminal::set_foreground(fd, group).is_ok()
        {
            self.hold = Foreground::Lent;
        }
    }

    /// Whether our own group is in the foreground.
    fn is_ours(&self) -> bool {
        let Some(fd) = &self.fd else { return false };
        match terminal::foreground(fd.as_raw_fd()) {
            // Both are outside of our namespace, and all such groups are 0: the terminal itself has to tell.
            Ok(0) if self.group == 0 => !terminal::refuses_reading(fd),
            Ok(group) => group == self.group,
            Err(_) => false,
        }
    }

    /// Whether the main child's group is.
    fn is_in_foreground(&self, main: Pid) -> bool {
        let foreground = self.raw_fd().and_then(|fd| terminal::foreground(fd).ok());
        foreground.is_some() && foreground == process::group_of(main).ok()
    }
}

/// Sends `stop` to our group, us included, as the terminal would have done.
fn stop_with_group(stop: Signal) {
    let Ok(mask) = signal::set_mask(SigSet::FULL.without(stop.number())) else { return };
    let _ = signal::kill(0, stop.number());
    let _ = signal::set_mask(mask);
}

/// How a terminal goes from our session to that of the main child.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handover {
    /// How we gave it up.
    pub(super) detached: Detached,
    /// Why the child could not take it, if it could not.
    pub(super) attach_error: Option<Errno>,
}

/// How we gave a terminal up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Detached {
    /// We did not: stdin is not our controlling terminal, or the kernel has another reason.
    Not(Errno),
    /// We did, as one of its session.
    AsMember,
    /// We did as the leader of its session. The kernel sent these for it, and we have taken them away.
    AsLeader([Option<Signal>; 2]),
}

/// Gives up the controlling terminal, for a main child that leads a session of its own. The SIGHUP and SIGCONT that the kernel
/// sends us for that are taken away; a real one, from somebody, is left to be sent on.
pub(super) fn detach() -> Detached {
    let before = signal::pending();
    if let Err(why) = terminal::detach(STDIN) {
        return Detached::Not(errno(&why));
    }
    if process::own_session() != process::own_pid() {
        return Detached::AsMember;
    }
    Detached::AsLeader([Signal::HUP, Signal::CONT].map(|signal| {
        let is_new = !before.contains(signal.number());
        let taken = is_new && signal::take(SigSet::EMPTY.with(signal.number()), Some(Duration::ZERO)).is_ok();
        taken.then_some(signal)
    }))
}

/// What the kernel said.
fn errno(why: &io::Error) -> Errno {
    Errno::from_raw(why.raw_os_error().unwrap_or(0))
}

/// In the child that leads a session: makes stdin its controlling terminal, if it is one that nobody has. Gives back errno, or 0.
pub(super) fn attach() -> c_int {
    terminal::attach(STDIN).err().and_then(|why| why.raw_os_error()).unwrap_or(0)
}
