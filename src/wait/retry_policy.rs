//! When a target has been waited for long enough: pure.

use std::num::NonZeroU32;
use std::time::Duration;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// That it passes.
    Passing,
    /// That it does not, any more: `--invert`.
    Gone,
}

/// How long after an attempt the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryInterval {
    /// Always as long.
    Constant(Duration),
    /// Twice as long each time, up to `max`.
    Exponential {
        /// The first pause.
        first: Duration,
        /// The longest.
        max: Duration,
    },
}

impl RetryInterval {
    /// The pause after that many attempts, of which there was at least one.
    pub(crate) fn pause(self, attempts: u32) -> Duration {
        match self {
            Self::Constant(interval) => interval,
            Self::Exponential { first, max } => {
                let times = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
                first.saturating_mul(times).min(max)
            }
        }
    }
}

/// Counts what is wanted in a row.
#[derive(Debug)]
pub(crate) struct Streak {
    wait_for: WaitFor,
    stable: NonZeroU32,
    row: u32,
}

impl Streak {
    /// Opens when `wait_for` was seen `stable` times in a row.
    pub(crate) fn new(wait_for: WaitFor, stable: NonZeroU32) -> Self {
        Self { wait_for, stable, row: 0 }
    }

    /// Takes in whether an attempt passed.
    pub(crate) fn record(&mut self, passed: bool) {
        let wanted = passed == (self.wait_for == WaitFor::Passing);
        self.row = if wanted { self.row.saturating_add(1) } else { 0 };
    }

    /// Whether it is open; then it stays so.
    pub(crate) fn is_complete(&self) -> bool {
        self.row >= self.stable.get()
    }

    /// Whether the last attempt came to what is wanted.
    pub(crate) fn has_begun(&self) -> bool {
        self.row > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_must_come_in_a_row() {
        let mut streak = Streak::new(WaitFor::Passing, NonZeroU32::new(2).unwrap());
        for (passed, open) in [(true, false), (false, false), (true, false), (true, true)] {
            streak.record(passed);
            assert_eq!(streak.is_complete(), open);
        }
    }

    #[test]
    fn inverted_a_failure_opens_it() {
        let mut streak = Streak::new(WaitFor::Gone, NonZeroU32::MIN);
        streak.record(true);
        assert!(!streak.is_complete());
        streak.record(false);
        assert!(streak.is_complete());
    }

    #[test]
    fn the_pause_doubles_up_to_its_maximum() {
        let interval =
            RetryInterval::Exponential { first: Duration::from_secs(1), max: Duration::from_secs(10) };
        let pauses: Vec<_> = [1, 2, 3, 4, 5, 100].map(|attempts| interval.pause(attempts).as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
    }
}
