//! Processes: making, naming, waiting for and ending them.

use std::ffi::{CStr, c_int, c_ulong};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use super::errno::cerr;

/// A process id.
pub(crate) type Pid = libc::pid_t;

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ForkResult {
    /// The parent, and its child's id.
    Parent(Pid),
    /// The child. Until exec only async-signal-safe work is allowed: no allocation, no lock.
    Child,
}

/// Splits the process. See [fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html).
pub(crate) fn fork() -> io::Result<ForkResult> {
    // SAFETY: the caller's child side does only async-signal-safe work and ends in exec or `exit_now`.
    Ok(match cerr(unsafe { libc::fork() })? {
        0 => ForkResult::Child,
        pid => ForkResult::Parent(pid),
    })
}

/// Ends the process at once, for a child that could not exec.
pub(crate) fn exit_now(code: c_int) -> ! {
    // SAFETY: _exit takes a number and does not come back.
    unsafe { libc::_exit(code) }
}

/// Our own id.
pub(crate) fn own_pid() -> Pid {
    // SAFETY: always succeeds.
    unsafe { libc::getpid() }
}

/// The parent's id; 0 when it is outside of our namespace.
pub(crate) fn parent_pid() -> Pid {
    // SAFETY: always succeeds.
    unsafe { libc::getppid() }
}

/// Our own process group; 0 when it is outside of our namespace.
pub(crate) fn own_group() -> Pid {
    // SAFETY: always succeeds.
    unsafe { libc::getpgrp() }
}

/// The process group of `pid`.
pub(crate) fn group_of(pid: Pid) -> io::Result<Pid> {
    // SAFETY: takes a number.
    cerr(unsafe { libc::getpgid(pid) })
}

/// The session of this process.
pub(crate) fn own_session() -> Pid {
    // SAFETY: takes a number; fails for no process of ours.
    unsafe { libc::getsid(0) }
}

/// Puts `pid` (0: this process) into a group of its own.
/// See [setpgid(2)](https://man7.org/linux/man-pages/man2/setpgid.2.html).
pub(crate) fn lead_group(pid: Pid) -> io::Result<()> {
    // SAFETY: takes numbers.
    cerr(unsafe { libc::setpgid(pid, pid) }).map(drop)
}

/// Makes this process the leader of a new session.
pub(crate) fn lead_session() -> io::Result<()> {
    // SAFETY: takes nothing.
    cerr(unsafe { libc::setsid() }).map(drop)
}

/// Has orphans below this process reparented to it.
/// See [PR_SET_CHILD_SUBREAPER(2const)](https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html).
pub(crate) fn become_subreaper() -> io::Result<()> {
    let yes: c_ulong = 1;
    let none: c_ulong = 0;
    // SAFETY: this option takes numbers.
    cerr(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, yes, none, none, none) }).map(drop)
}

/// Whether they are already: whoever started us may have asked for it.
/// See [PR_GET_CHILD_SUBREAPER(2const)](https://man7.org/linux/man-pages/man2/PR_GET_CHILD_SUBREAPER.2const.html).
pub(crate) fn is_subreaper() -> bool {
    let mut answer: c_int = 0;
    // SAFETY: the kernel writes a number to a live one.
    let asked = cerr(unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut answer) });
    asked.is_ok() && answer != 0
}

/// Has the kernel send `number` to this process when its parent ends.
/// See [PR_SET_PDEATHSIG(2const)](https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html).
pub(crate) fn signal_at_parents_death(number: c_int) -> io::Result<()> {
    let number = c_ulong::try_from(number).unwrap_or(0);
    let none: c_ulong = 0;
    // SAFETY: this option takes numbers.
    cerr(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, number, none, none, none) }).map(drop)
}

/// Goes to the directory `path`.
pub(crate) fn change_directory(path: &CStr) -> io::Result<()> {
    // SAFETY: a live, NUL-terminated string.
    cerr(unsafe { libc::chdir(path.as_ptr()) }).map(drop)
}

/// What waiting for children without waiting found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaped {
    /// A child and its raw status, which is now forgotten by the kernel.
    Child(Pid, c_int),
    /// All children live.
    AllLive,
    /// There are no children.
    NoChildren,
}

/// Reaps one dead child, any (`-1`) or that one.
/// See [wait4(2)](https://man7.org/linux/man-pages/man2/wait4.2.html).
pub(crate) fn reap(which: Pid) -> Reaped {
    let mut status: c_int = 0;
    // SAFETY: the status is live; usage is not asked for.
    match unsafe { libc::wait4(which, &raw mut status, libc::WNOHANG, ptr::null_mut()) } {
        0 => Reaped::AllLive,
        -1 if io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD) => Reaped::NoChildren,
        // A sandbox without this call.
        -1 => reap_by_id(which),
        pid => Reaped::Child(pid, status),
    }
}

/// The same by another call.
/// See [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html).
fn reap_by_id(which: Pid) -> Reaped {
    let (kind, id) = libc::id_t::try_from(which).map_or((libc::P_ALL, 0), |id| (libc::P_PID, id));
    let Some(info) = wait_id(kind, id, libc::WEXITED | libc::WNOHANG) else {
        let has_none = io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD);
        return if has_none { Reaped::NoChildren } else { Reaped::AllLive };
    };
    // SAFETY: waitid fills SIGCHLD's form, and zero when it has found nothing.
    let pid = unsafe { info.si_pid() };
    // SAFETY: the same.
    let value = unsafe { info.si_status() };
    match (pid, info.si_code) {
        (0, _) => Reaped::AllLive,
        (pid, libc::CLD_EXITED) => Reaped::Child(pid, value << 8),
        (pid, _) => Reaped::Child(pid, value),
    }
}

/// A dead child that is yet to be reaped, left as it is: its name can still be read.
/// See [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html).
pub(crate) fn peek_dead() -> Option<Pid> {
    let info = wait_id(libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT)?;
    // SAFETY: waitid fills the pid of SIGCHLD's form, and zero when it has found nothing.
    Some(unsafe { info.si_pid() }).filter(|&pid| pid != 0)
}

/// Whether the child `pid` has ended; it is left to be reaped.
pub(crate) fn is_dead(pid: Pid) -> bool {
    let Ok(id) = libc::id_t::try_from(pid) else { return true };
    match wait_id(libc::P_PID, id, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) {
        // SAFETY: waitid fills the pid of SIGCHLD's form, and zero when it has found nothing.
        Some(info) => unsafe { info.si_pid() != 0 },
        None => true,
    }
}

/// Whether this is the only process of its PID namespace; asked by PID 1.
pub(crate) fn is_alone() -> bool {
    // SAFETY: signal 0 is sent to nobody; -1 means everybody but PID 1.
    let result = unsafe { libc::kill(-1, 0) };
    result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// A process that stays the same one, though its number may be used again.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// The process that has the number `pid` now.
    /// See [pidfd_open(2)](https://man7.org/linux/man-pages/man2/pidfd_open.2.html).
    pub(crate) fn open(pid: Pid) -> io::Result<Self> {
        // SAFETY: takes numbers.
        let fd = super::errno::cerr_long(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
        let fd = RawFd::try_from(fd).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        // SAFETY: the kernel has just made it, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sends `number` to it.
    /// See [pidfd_send_signal(2)](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html).
    pub(crate) fn signal(&self, number: c_int) -> io::Result<()> {
        let fd = self.0.as_raw_fd();
        let no_info: *const libc::siginfo_t = ptr::null();
        // SAFETY: takes numbers, and no siginfo.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, number, no_info, 0) };
        super::errno::cerr_long(result).map(drop)
    }
}

/// The signal that has stopped the child `pid`, while it is stopped; its state is left as it is.
pub(crate) fn peek_stopped(pid: Pid) -> Option<c_int> {
    let id = libc::id_t::try_from(pid).ok()?;
    let info = wait_id(libc::P_PID, id, libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT)?;
    // SAFETY: waitid fills SIGCHLD's form, and zero when it has found nothing.
    if unsafe { info.si_pid() } == 0 {
        return None;
    }
    // SAFETY: the same.
    Some(unsafe { info.si_status() })
}

/// waitid, or nothing where it fails.
fn wait_id(kind: libc::idtype_t, id: libc::id_t, options: c_int) -> Option<libc::siginfo_t> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the info is live.
    if unsafe { libc::waitid(kind, id, info.as_mut_ptr(), options) } != 0 {
        return None;
    }
    // SAFETY: zeroed bytes are a valid siginfo_t, and waitid may have filled it.
    Some(unsafe { info.assume_init() })
}
