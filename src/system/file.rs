//! Small files: one reader, with a name for what it may wait for; and why a file cannot be read, in a sentence.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase};
use crate::system::procfs;

/// What most small files fit into, so that one read takes all.
const USUAL: usize = 4 * 1024;

/// How much is read between two looks at the clock.
const PIECE: usize = 64 * 1024;

/// The most that is read of a file that an option names: no certificate bundle, token or body of a healthcheck comes near it.
const OPTION_MAX: usize = 1024 * 1024;

/// What a read may wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReadMode {
    /// Whoever writes it: a file that the user names may be a pipe.
    Blocking,
    /// Nobody: a pipe is read as far as it is filled.
    NonBlocking,
    /// Nobody, and only regular files are read: no fifo without a writer, terminal or device with side effects.
    RegularUntil(Deadline),
}

/// The first `max` bytes of the file at `path`, or all of them when there are fewer.
///
/// # Errors
///
/// What the kernel says; for [`ReadMode::RegularUntil`] also `InvalidInput` when it is no regular file, and `TimedOut` when
/// the deadline comes first.
pub(crate) fn read(path: &Path, max: usize, mode: ReadMode) -> io::Result<Vec<u8>> {
    match mode {
        ReadMode::Blocking => at_most(File::open(path)?, max),
        ReadMode::NonBlocking => at_most(open(path, OFlag::O_NONBLOCK)?, max),
        ReadMode::RegularUntil(deadline) => regular(path, max, deadline),
    }
}

/// Opens the file with more flags than usual.
fn open(path: &Path, flags: OFlag) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)
}

/// Reads up to the end or `max`.
fn at_most(file: File, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL);
    file.take(u64::try_from(max).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a regular file, piece by piece.
fn regular(path: &Path, max: usize, deadline: Deadline) -> io::Result<Vec<u8>> {
    // Opening some devices does something, so what is known not to be a file is not opened at all.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = open(path, OFlag::O_NONBLOCK | OFlag::O_NOCTTY)?;
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

/// The content of the file that `option` names; an error is one sentence with both.
pub(crate) fn of_option(option: &str, path: &Path) -> Result<Vec<u8>, String> {
    let refuse = |why: &str| format!("{option} {}: {why}", path.display());
    let content = read(path, OPTION_MAX + 1, ReadMode::Blocking).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => refuse("no such file"),
        io::ErrorKind::PermissionDenied => refuse("no permission to read it"),
        io::ErrorKind::IsADirectory => refuse("a directory"),
        _ => refuse(&procfs::sentence(&error)),
    })?;
    if content.len() <= OPTION_MAX { Ok(content) } else { Err(refuse("larger than 1 MiB")) }
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

/// Why a regular file cannot be read.
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
