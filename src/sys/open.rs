//! Opening what is read without std.

use std::ffi::{CString, c_int};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use super::errno::{cerr, uninterrupted};

/// Opens `path`, without a mode; without an access mode among `flags` it is read.
/// See [open(2)](https://man7.org/linux/man-pages/man2/open.2.html).
pub(super) fn open(path: &str, flags: c_int) -> io::Result<OwnedFd> {
    let path = CString::new(path).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let flags = flags | libc::O_CLOEXEC;
    // SAFETY: a live string that ends with NUL, and flags that need no mode.
    let fd = uninterrupted(|| cerr(unsafe { libc::open(path.as_ptr(), flags) }))?;
    // SAFETY: the kernel has just made it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
