//! Why there is no main child, in one line each: the cause, and what would help.

use std::io;

use nix::errno::Errno;

use super::child::SpawnError;

/// What the kernel said.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

/// The main child could not be forked.
pub(super) fn start(program: &str, failure: &SpawnError) -> String {
    match failure {
        SpawnError::Nul => format!("{program}: a word of the command has a NUL in it"),
        SpawnError::Start(error) => match errno(error) {
            Errno::EAGAIN => {
                format!(
                    "cannot start {program}: no process is free; raise pids.max of the container or ulimit -u"
                )
            }
            Errno::ENOMEM => format!("cannot start {program}: out of memory"),
            Errno::EMFILE | Errno::ENFILE => {
                format!("cannot start {program}: no file descriptor is free; raise ulimit -n")
            }
            other => format!("cannot start {program}: {}", other.desc()),
        },
    }
}
