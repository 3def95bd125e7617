//! Waiting for something to become true.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks: short beside what an engine takes for anything.
const LOOK: Duration = Duration::from_millis(100);

/// Calls `look` until it is content, and gives what it found; the reason of the last discontent is told when `limit`
/// has passed.
pub(crate) fn eventually<T, E: Debug>(limit: Duration, what: &str, look: impl FnMut() -> Result<T, E>) -> T {
    within(limit, look).unwrap_or_else(|why| panic!("not within {limit:?}: {what}: {why:?}"))
}

/// The same, where it is no failure yet that `limit` has passed.
pub(crate) fn within<T, E>(limit: Duration, mut look: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let started = Instant::now();
    loop {
        match look() {
            Err(_) if started.elapsed() <= limit => thread::sleep(LOOK),
            found => return found,
        }
    }
}
