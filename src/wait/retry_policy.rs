//! When a target is asked again, and when it has been waited for long enough: pure.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::outcome::{Cause, Outcome};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// That it passes.
    Passing,
    /// That it is not there any more: `--invert`.
    Gone,
}

impl WaitFor {
    /// Whether `outcome` is what is waited for. Gone is what refuses, or does not exist; any doubt, or a want of ours, may
    /// be a living instance.
    pub(crate) fn is_met_by(self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Passing, outcome) => outcome.is_ok(),
            (Self::Gone, Ok(_)) => false,
            (Self::Gone, Err(failure)) => matches!(failure.cause, Cause::Refused | Cause::NotFound),
        }
    }
}

/// How long after an attempt the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryInterval {
    /// Always as long.
    Constant(Duration),
    /// Twice as long each time, up to `max`; somewhat less by chance, so that a hundred that began together do not ask
    /// together.
    Exponential {
        /// The first pause.
        first: Duration,
        /// The longest.
        max: Duration,
    },
}

impl RetryInterval {
    /// The pause after that many attempts, of which there was at least one. `random` is any number.
    pub(crate) fn pause(self, attempts: u32, random: u32) -> Duration {
        match self {
            Self::Constant(interval) => interval,
            Self::Exponential { first, max } => {
                let times = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
                let longest = first.saturating_mul(times).min(max);
                // From half of it to all of it.
                longest.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
            }
        }
    }
}

/// Counts what is wanted in a row.
#[derive(Debug)]
pub(crate) struct Streak {
    wanted: NonZeroU32,
    length: u32,
}

impl Streak {
    /// Complete when what is waited for was seen `wanted` times in a row.
    pub(crate) fn new(wanted: NonZeroU32) -> Self {
        Self { wanted, length: 0 }
    }

    /// Takes in whether an attempt came to what is waited for.
    pub(crate) fn record(&mut self, is_met: bool) {
        self.length = if is_met { self.length.saturating_add(1).min(self.wanted.get()) } else { 0 };
    }

    /// Whether it is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.length >= self.wanted.get()
    }

    /// How long it is.
    pub(crate) fn length(&self) -> u32 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Failure, Phase};

    #[test]
    fn passes_must_come_in_a_row() {
        let mut streak = Streak::new(NonZeroU32::new(2).unwrap());
        for (passed, complete) in [(true, false), (false, false), (true, false), (true, true)] {
            streak.record(passed);
            assert_eq!(streak.is_complete(), complete);
        }
    }

    #[test]
    fn gone_is_what_refuses_or_does_not_exist_and_nothing_else() {
        assert!(!WaitFor::Gone.is_met_by(&Ok("status 200".into())));
        for (cause, is_gone) in [
            (Cause::Refused, true),
            (Cause::NotFound, true),
            (Cause::TimedOut, false),
            (Cause::Unreachable, false),
            (Cause::Closed, false),
            (Cause::Reset, false),
            (Cause::Answer, false),
            (Cause::Denied, false),
            (Cause::Forbidden, false),
            (Cause::Broken, false),
        ] {
            let outcome = Err(Failure::new(Phase::Connect, cause, ""));
            assert_eq!(WaitFor::Gone.is_met_by(&outcome), is_gone, "{cause:?}");
        }
    }

    #[test]
    fn the_pause_doubles_up_to_its_maximum_and_is_never_less_than_half() {
        let interval =
            RetryInterval::Exponential { first: Duration::from_secs(1), max: Duration::from_secs(10) };
        let pauses =
            |random| [1, 2, 3, 4, 5, 100].map(|attempts| interval.pause(attempts, random).as_millis());
        assert_eq!(pauses(u32::MAX), [1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(pauses(0), [500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(RetryInterval::Constant(Duration::from_secs(1)).pause(7, 5), Duration::from_secs(1));
    }
}
