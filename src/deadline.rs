//! A point in time by which something is over.

use std::time::{Duration, Instant};

/// A point on the monotonic clock. A timeout is a length and lives in the CLI only; what is passed down is this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(Instant);

/// The furthest that a deadline can lie ahead; what a user means by more is "never", and an `Instant` overflows.
const FURTHEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Deadline {
    /// The point that lies `timeout` from now.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout.min(FURTHEST))
    }

    /// This point, or the one `timeout` from now if that comes first.
    pub(crate) fn at_most(self, timeout: Duration) -> Self {
        self.min(Self::after(timeout))
    }

    /// This point moved later by `grace`.
    pub(crate) fn plus(self, grace: Duration) -> Self {
        Self(self.0 + grace)
    }

    /// What is left; zero when it has passed.
    pub(crate) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub(crate) fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// What is left as poll(2) takes it: milliseconds, rounded up, since a truncated wait spins through its last one.
    pub(crate) fn poll_timeout(self) -> u16 {
        let micros = self.remaining().as_micros();
        u16::try_from(micros.div_ceil(1000)).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_millisecond_is_rounded_up() {
        let deadline = Deadline::after(Duration::from_micros(9_300));
        assert!((9..=10).contains(&deadline.poll_timeout()));
        assert_eq!(Deadline::after(Duration::ZERO).poll_timeout(), 0);
    }

    #[test]
    fn a_far_deadline_is_waited_for_in_pieces() {
        assert_eq!(Deadline::after(Duration::MAX).poll_timeout(), u16::MAX);
    }

    #[test]
    fn the_earlier_point_wins() {
        let far = Deadline::after(Duration::from_secs(60));
        assert!(far.at_most(Duration::from_secs(1)) < far);
        assert_eq!(far.at_most(Duration::from_secs(600)), far);
    }
}
