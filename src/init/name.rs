//! The name of a process, for the log.

use crate::sys::file;
use crate::sys::process::Pid;
use crate::system::procfs;

/// The name of a process as the kernel keeps it.
pub(super) struct Name {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Name {
    /// `TASK_COMM_LEN` with the end of the line, and room.
    const MAX: usize = 64;

    /// Its bytes, without the end of the line.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default().trim_ascii_end()
    }
}

/// The name of `pid`, alive or a zombie; empty where there is no /proc.
/// See [proc_pid_comm(5)](https://man7.org/linux/man-pages/man5/proc_pid_comm.5.html).
pub(super) fn of(pid: Pid) -> Name {
    let mut name = Name { bytes: [0; Name::MAX], len: 0 };
    if !procfs::is_ours() {
        return name;
    }
    name.len = file::read_once(&format!("/proc/{pid}/comm"), &mut name.bytes).unwrap_or(0);
    name
}
