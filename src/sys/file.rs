//! Small files of the kernel, read without std: its loops do not end where a call is interrupted each time (a sandbox, a
//! file system of a user). PID 1 must not do that.

use std::io;

use super::fds;
use super::open::open;

/// Reads the beginning of the file at `path`, as much as one read(2) gives.
///
/// # Errors
///
/// Those of open(2) and read(2).
pub(crate) fn read_once(path: &str, buffer: &mut [u8]) -> io::Result<usize> {
    let fd = open(path, 0)?;
    fds::read(&fd, buffer)
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
        let amount = fds::read(&fd, &mut piece)?.min(max - bytes.len());
        if amount == 0 {
            break;
        }
        bytes.try_reserve(amount)?;
        bytes.extend_from_slice(piece.get(..amount).unwrap_or_default());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_kernel_is_read_as_std_reads_it() {
        let known = std::fs::read("/proc/filesystems").unwrap();
        assert_eq!(read("/proc/filesystems", 100_000).unwrap(), known);
        assert_eq!(read("/proc/filesystems", 7).unwrap(), known[..7]);
        assert!(read("/nowhere", 1).is_err());
    }
}
