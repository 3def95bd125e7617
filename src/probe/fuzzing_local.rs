//! The parsers of this machine's own tables and files, for the targets under `fuzz/`.

use crate::client::payload;
use crate::probe::pid;
use crate::system::{cgroup, procfs};

/// Reads a process's `stat`, `cmdline`, `status` and `limits`.
pub(crate) fn process_table(content: &[u8]) {
    if let Some(stat) = procfs::parse_stat(content) {
        assert!(stat.pid > 0);
    }
    assert!(procfs::parse_command_line(content).len() <= content.len());
    let _ = (procfs::parse_signal_sets(content), procfs::parse_open_files(content));
    assert!(procfs::parse_leader(content).is_none_or(|leader| leader > 0));
    assert!(pid::number(content).map_or(true, |pid| (1..=procfs::PID_MAX).contains(&pid)));
}

/// Finds the cgroup in a `cgroup` and a `mountinfo`, which a NUL separates.
pub(crate) fn cgroup_files(content: &[u8]) {
    let mut files = content.splitn(2, |b| *b == 0);
    let (cgroups, mounts) = (files.next().unwrap_or_default(), files.next().unwrap_or_default());
    let _ = cgroup::place(cgroups, mounts);
}

/// Reads the escapes of `--send`.
pub(crate) fn escapes(text: &str) {
    assert!(payload::unescape(text).map_or(0, |bytes| bytes.len()) <= text.len());
}
