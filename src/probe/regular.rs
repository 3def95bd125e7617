//! Regular files, read without waiting for anybody: a fifo without a writer, a terminal, a device with side effects.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use crate::deadline::Deadline;

/// How much is read between two looks at the clock.
const PIECE: usize = 64 * 1024;

/// The first `max` bytes of the file at `path`, or all of them when there are fewer.
///
/// # Errors
///
/// `InvalidInput` when it is no regular file, `TimedOut` when the deadline comes first, or what the kernel says.
pub(super) fn read(path: &Path, max: usize, deadline: Deadline) -> io::Result<Vec<u8>> {
    // Opening some devices does something, so what is known not to be a file is not opened at all.
    if !std::fs::metadata(path)?.is_file() {
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
