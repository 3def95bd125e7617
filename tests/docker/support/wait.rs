//! Waiting for something to become true.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks: short beside what an engine takes for anything.
const LOOK: Duration = Duration::from_millis(100);

/// Calls `look` until it is content, and gives what it found; the reason of the last discontent is told when `limit`
/// has passed.
pub(crate) fn eventually<T, E: Debug>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, E>,
) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) if started.elapsed() > limit => panic!("not within {limit:?}: {what}: {why:?}"),
            Err(_) => thread::sleep(LOOK),
        }
    }
}
