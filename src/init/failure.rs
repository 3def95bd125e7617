//! Why there is no main child, in one line each: the cause, and what would help.

use std::io;
use std::path::Path;

use nix::errno::Errno;

use super::child::Failure;

/// What the kernel said.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

/// The main child could not be forked.
pub(super) fn start(program: &str, failure: &Failure) -> String {
    match failure {
        Failure::Nul => format!("{program}: a word of the command has a NUL in it"),
        Failure::Start(error) => match errno(error) {
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

/// The command could not be exec'd.
pub(super) fn exec(program: &str, error: &io::Error) -> String {
    let why = match errno(error) {
        Errno::ENOENT if program.is_empty() => "the command is empty",
        Errno::ENOENT if program.starts_with('/') && Path::new(program).exists() => {
            "it exists, but the interpreter or dynamic loader that it names does not"
        }
        Errno::ENOENT if program.contains('/') => "not found",
        Errno::ENOENT => "not found in PATH",
        Errno::EACCES if Path::new(program).is_dir() => "it is a directory",
        Errno::EACCES => "permission denied; is it executable, and its file system not noexec?",
        Errno::ENOEXEC => "it is neither a program for this machine nor a script",
        Errno::ETXTBSY => "it is being written to; close it first",
        Errno::E2BIG => "its arguments and environment are too long",
        other => other.desc(),
    };
    format!("cannot execute {program}: {why}")
}
