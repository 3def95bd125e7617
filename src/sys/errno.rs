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

/// How often a call that was interrupted is tried again.
const TRIES: usize = 16;

/// `call` again while it is interrupted, but not for ever.
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..TRIES {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
    call()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_interrupted_each_time_ends() {
        let mut count = 0;
        let result = uninterrupted(|| -> io::Result<()> {
            count += 1;
            Err(io::ErrorKind::Interrupted.into())
        });
        assert_eq!((result.unwrap_err().kind(), count), (io::ErrorKind::Interrupted, TRIES));
    }
}
