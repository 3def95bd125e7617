//! Small files and folders of the kernel, read without std: its loops do not end where a call is interrupted each time (a
//! sandbox, a file system of a user), and it panics where a folder cannot be closed. PID 1 must not do either.

use std::ffi::{CStr, CString, c_int};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::errno::{cerr, cerr_long};

/// How often a call that was interrupted is tried again.
const TRIES: usize = 16;

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

/// Reads the beginning of the file at `path`, as much as one read(2) gives.
///
/// # Errors
///
/// Those of open(2) and read(2).
pub(crate) fn read_once(path: &str, buffer: &mut [u8]) -> io::Result<usize> {
    let fd = open(path, 0)?;
    super::fds::read(&fd, buffer)
}

/// Reads the file at `path`, at most `max` bytes of it.
///
/// # Errors
///
/// Those of open(2) and read(2); want of memory.
pub(crate) fn read(path: &str, max: usize) -> io::Result<Vec<u8>> {
    let fd = open(path, 0)?;
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while bytes.len() < max {
        let amount = super::fds::read(&fd, &mut piece)?.min(max - bytes.len());
        if amount == 0 {
            break;
        }
        bytes.try_reserve(amount)?;
        bytes.extend_from_slice(piece.get(..amount).unwrap_or_default());
    }
    Ok(bytes)
}

/// Calls `each` with the names in the folder at `path`, until it answers false.
/// See [getdents64(2)](https://man7.org/linux/man-pages/man2/getdents64.2.html).
///
/// # Errors
///
/// Those of open(2) and getdents64(2).
pub(crate) fn names(path: &str, mut each: impl FnMut(&str) -> bool) -> io::Result<()> {
    /// Where in an entry its length and its name stand.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let fd = open(path, libc::O_DIRECTORY)?;
    let mut buffer = [0_u8; 8192];
    loop {
        let number = fd.as_raw_fd();
        let (to, size) = (buffer.as_mut_ptr(), buffer.len());
        // SAFETY: the buffer is live and as long as told.
        let read = || cerr_long(unsafe { libc::syscall(libc::SYS_getdents64, number, to, size) });
        let mut rest = match uninterrupted(read)? {
            0 => return Ok(()),
            amount => buffer.get(..amount).unwrap_or_default(),
        };
        while let Some(&[low, high]) = rest.get(LENGTH..LENGTH + 2) {
            let (entry, after) =
                rest.split_at(usize::from(u16::from_ne_bytes([low, high])).clamp(1, rest.len()));
            let name = entry.get(NAME..).and_then(|name| CStr::from_bytes_until_nul(name).ok());
            if let Some(Ok(name)) = name.map(CStr::to_str)
                && !matches!(name, "." | "..")
                && !each(name)
            {
                return Ok(());
            }
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_file_of_the_kernel_are_read_as_std_reads_them() {
        let mut names = Vec::new();
        self::names("/sys/kernel", |name| {
            names.push(std::ffi::OsString::from(name));
            true
        })
        .unwrap();
        let std: Vec<_> =
            std::fs::read_dir("/sys/kernel").unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names, std);
        let known = std::fs::read("/proc/filesystems").unwrap();
        assert_eq!(read("/proc/filesystems", 100_000).unwrap(), known);
        assert_eq!(read("/proc/filesystems", 7).unwrap(), known[..7]);
        assert!(read("/nowhere", 1).is_err() && self::names("/proc/version", |_| true).is_err());
    }

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
