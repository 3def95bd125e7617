//! Regular files, read without waiting for anybody: a fifo without a writer, a terminal, a device with side effects.

use std::fs::{self, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase};
use crate::system::procfs;

/// How much is read between two looks at the clock.
const PIECE: usize = 64 * 1024;

/// The first `max` bytes of the file at `path`, or all of them when there are fewer.
///
/// # Errors
///
/// `InvalidInput` when it is no regular file, `TimedOut` when the deadline comes first, or what the kernel says.
pub(crate) fn read(path: &Path, max: usize, deadline: Deadline) -> io::Result<Vec<u8>> {
    // Opening some devices does something, so what is known not to be a file is not opened at all.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let mut file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    // Another one may stand there by now; it was opened without waiting.
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut content = Vec::new();
    let mut buffer = vec![0; PIECE.min(max)];
    while content.len() < max {
        if deadline.has_passed() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(amount) => content.extend_from_slice(buffer.get(..amount).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    content.truncate(max);
    Ok(content)
}

/// Why a file cannot be looked at.
pub(crate) fn unseen(path: &Path, error: &io::Error) -> Failure {
    let (cause, reason) = match error.kind() {
        io::ErrorKind::NotFound => (Cause::NotFound, missing(path)),
        io::ErrorKind::PermissionDenied => {
            (Cause::Answer, format!("permission denied for uid {}", nix::unistd::geteuid()))
        }
        _ => (Cause::Answer, procfs::sentence(error)),
    };
    Failure::new(Phase::Local, cause, reason)
}

/// Why a file cannot be read by [`read`].
pub(crate) fn unread(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut => Failure::timed_out(Phase::Local),
        io::ErrorKind::InvalidInput => {
            let kind =
                fs::metadata(path).map_or("something else", |metadata| kind_name(metadata.file_type()));
            Failure::answer(Phase::Local, format!("{kind}, not a file that can be read"))
        }
        _ => unseen(path, error),
    }
}

/// What is missing: the file, the directory that it should be in, or where its link points to.
fn missing(path: &Path) -> String {
    if let Ok(target) = fs::read_link(path) {
        return format!("no such file: a link to {}, which does not exist", target.display());
    }
    match path.parent() {
        Some(parent) if fs::symlink_metadata(parent).is_err() => {
            format!("no such file, nor the directory {}", parent.display())
        }
        _ => "no such file".into(),
    }
}

/// The kind of file that is not a regular one, as a person says it.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_fifo() => "a fifo",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_dir() => "a directory",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "a file",
    }
}
