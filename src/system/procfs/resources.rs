//! What a process has used up of what it may have.

use std::fs;

use super::{Pid, read};

/// The descriptors of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// Those that are open.
    pub(crate) open: usize,
    /// As many as there may be: the soft limit.
    pub(crate) limit: usize,
}

/// The descriptors of `pid`; none when it is gone, is another user's, or has no limit.
pub(crate) fn descriptors(pid: Pid) -> Option<Descriptors> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    let limits = read(&format!("/proc/{pid}/limits")).ok().flatten()?;
    Some(Descriptors { open, limit: parse_open_files(&limits)? })
}

/// Reads the soft limit of open files in `/proc/PID/limits`, a table whose first column has blanks in its names
/// ([proc_pid_limits(5)](https://man7.org/linux/man-pages/man5/proc_pid_limits.5.html)).
pub(crate) fn parse_open_files(content: &[u8]) -> Option<usize> {
    let line = content.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"Max open files"))?;
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number_of_its_line() {
        let table = b"Limit                     Soft Limit           Hard Limit           Units\n\
                      Max cpu time              unlimited            unlimited            seconds\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(parse_open_files(table), Some(1024));
        assert_eq!(parse_open_files(b"Max open files            unlimited   unlimited   files\n"), None);
        assert_eq!(parse_open_files(b""), None);
    }

    #[test]
    fn we_see_our_own() {
        let own = descriptors(nix::unistd::getpid().as_raw()).unwrap();
        assert!(own.open > 2 && own.open <= own.limit, "{own:?}");
    }
}
