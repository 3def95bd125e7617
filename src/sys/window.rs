//! The size of a terminal.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

/// How much a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Lines.
    pub(crate) rows: u16,
    /// Characters in each.
    pub(crate) columns: u16,
}

/// The size of the terminal at `fd`, if it is one that knows
/// ([ioctl_tty(2)](https://man7.org/linux/man-pages/man2/ioctl_tty.2.html), TIOCGWINSZ).
pub(crate) fn size(fd: &impl AsFd) -> Option<Window> {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: TIOCGWINSZ writes one winsize to where the pointer says.
    let result = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCGWINSZ, size.as_mut_ptr()) };
    // SAFETY: all-zero bytes are a valid winsize, and the call wrote it whole or not at all.
    let size = unsafe { size.assume_init() };
    (result == 0 && size.ws_col > 0).then_some(Window { rows: size.ws_row.max(2), columns: size.ws_col })
}
