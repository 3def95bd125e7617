//! The names in a folder of the kernel, read without std: it panics where a folder cannot be closed.

use std::ffi::CStr;
use std::io;
use std::os::fd::AsRawFd;

use super::errno::{cerr_long, uninterrupted};
use super::open::open;

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
    fn a_folder_of_the_kernel_is_read_as_std_reads_it() {
        let mut names = Vec::new();
        let each = |name: &str| {
            names.push(std::ffi::OsString::from(name));
            true
        };
        self::names("/sys/kernel", each).unwrap();
        let std = std::fs::read_dir("/sys/kernel").unwrap().flatten().map(|entry| entry.file_name());
        assert_eq!(names, std.collect::<Vec<_>>());
        assert!(self::names("/proc/version", |_| true).is_err());
    }
}
