//! The controlling terminal.

use std::ffi::{CStr, c_int};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::errno::cerr;
use super::fds;
use super::process::Pid;

/// The controlling terminal under the name that it always has.
const NAME: &CStr = c"/dev/tty";

/// Reading and writing; what never blocks is our own open file description, nobody else's.
const FLAGS: c_int = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC | libc::O_NONBLOCK;

/// Opens the controlling terminal; by stdin, stdout or stderr where /dev has no such name.
/// See [tty(4)](https://man7.org/linux/man-pages/man4/tty.4.html).
pub(crate) fn open() -> io::Result<OwnedFd> {
    // SAFETY: a live, NUL-terminated string and flags that need no mode.
    let fd = match cerr(unsafe { libc::open(NAME.as_ptr(), FLAGS) }) {
        Ok(fd) => fd,
        // No such process has a terminal, and none of 0-2 can be it.
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => return Err(error),
        Err(error) => {
            let standard = (0..3).find(|&fd| foreground(fd).is_ok()).ok_or(error)?;
            // SAFETY: a copy of an open descriptor is asked for.
            cerr(unsafe { libc::fcntl(standard, libc::F_DUPFD_CLOEXEC, 3) })?
        }
    };
    // SAFETY: the kernel has just made it, and nobody else has it.
    fds::above_stdio(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The group in the foreground of our controlling terminal `fd`; 0 when it is outside of our namespace.
/// See [tcgetpgrp(3)](https://man7.org/linux/man-pages/man3/tcgetpgrp.3.html).
pub(crate) fn foreground(fd: RawFd) -> io::Result<Pid> {
    // SAFETY: takes a number.
    cerr(unsafe { libc::tcgetpgrp(fd) })
}

/// Whether the terminal answers a read of nothing as it does in the background: with SIGTTIN blocked that is EIO. The
/// descriptor never blocks, so that another reader does not hold us up.
pub(crate) fn refuses_reading(terminal: &OwnedFd) -> bool {
    matches!(fds::read(terminal, &mut []), Err(error) if error.raw_os_error() == Some(libc::EIO))
}

/// Puts `group` into the foreground. With SIGTTOU blocked this works from the background, too. Async-signal-safe.
pub(crate) fn set_foreground(terminal: &OwnedFd, group: Pid) -> io::Result<()> {
    // SAFETY: takes numbers.
    cerr(unsafe { libc::tcsetpgrp(terminal.as_raw_fd(), group) }).map(drop)
}

/// Gives up the controlling terminal; a session leader's foreground group gets SIGHUP and SIGCONT for it.
/// See [TIOCNOTTY(2const)](https://man7.org/linux/man-pages/man2/TIOCNOTTY.2const.html).
pub(crate) fn detach(fd: RawFd) -> io::Result<()> {
    // SAFETY: this request takes no argument.
    cerr(unsafe { libc::ioctl(fd, libc::TIOCNOTTY) }).map(drop)
}

/// Makes the terminal `fd` the controlling one of this new session. Async-signal-safe.
/// See [TIOCSCTTY(2const)](https://man7.org/linux/man-pages/man2/TIOCSCTTY.2const.html).
pub(crate) fn attach(fd: RawFd) -> io::Result<()> {
    let do_not_steal: c_int = 0;
    // SAFETY: this request takes a number.
    cerr(unsafe { libc::ioctl(fd, libc::TIOCSCTTY, do_not_steal) }).map(drop)
}
