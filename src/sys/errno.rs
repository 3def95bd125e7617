//! errno becomes an error at one point.

use std::ffi::{c_int, c_long};
use std::io;

/// What a call answered, or errno where it answered -1.
pub(super) fn cerr(result: c_int) -> io::Result<c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The same for syscall(2) and for calls that count bytes.
pub(super) fn cerr_long(result: c_long) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
