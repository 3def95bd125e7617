//! The three standard descriptors.

use std::fs::{File, OpenOptions};
use std::os::fd::{FromRawFd, IntoRawFd};

/// Opens /dev/null at each of 0-2 that is closed, so that no socket of ours lands there and gets our report.
/// A check needs it; an init must not do it, since its child inherits the same ones closed.
pub(crate) fn reopen_closed() {
    // The kernel gives out the lowest free number: once one above 2 comes back, all three are taken.
    while let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") {
        let fd = null.into_raw_fd();
        if fd > 2 {
            // SAFETY: `fd` was just taken out of a File and nobody else has it.
            drop(unsafe { File::from_raw_fd(fd) });
            return;
        }
    }
}
