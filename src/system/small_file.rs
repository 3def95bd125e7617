//! The small files that say how names are resolved here.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;

/// What most of these files fit into, so that one read takes all.
const USUAL: usize = 4 * 1024;

/// At most `max` bytes of the file at `path`. Never waits, also when it is a pipe.
pub(crate) fn read(path: &str, max: u64) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let mut bytes = Vec::with_capacity(USUAL);
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}
