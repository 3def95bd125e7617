//! Outcomes become starting, healthy, unhealthy, by Docker's rules. Knows nothing of time or I/O.

use std::num::NonZeroU32;

/// What is thought of an app (<https://docs.docker.com/reference/dockerfile/#healthcheck>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing has passed yet, and not enough has failed.
    Starting,
    /// The last attempt passed, or too few have failed since one did.
    Healthy,
    /// As many attempts in a row have failed as are allowed.
    Unhealthy,
}

impl Health {
    /// The stable name, as Docker has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// When an attempt began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    /// Within the start period: its failure does not count while the app is starting.
    Start,
    /// After it.
    Running,
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    /// It passed.
    Passed,
    /// It did not.
    Failed,
    /// It says nothing about the app: we could not ask.
    Inconclusive,
}

/// The health of one target.
#[derive(Debug)]
pub(crate) struct Tracker {
    health: Health,
    retries: NonZeroU32,
    failures: u32,
}

impl Tracker {
    /// Starting; `retries` failures in a row make it unhealthy.
    pub(crate) fn new(retries: NonZeroU32) -> Self {
        Self { health: Health::Starting, retries, failures: 0 }
    }

    /// What is thought now.
    pub(crate) fn health(&self) -> Health {
        self.health
    }

    /// How many attempts in a row have failed, as far as they count.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes in what an attempt that began in `period` came to; the new health, if it changed.
    pub(crate) fn record(&mut self, result: Result, period: Period) -> Option<Health> {
        let before = self.health;
        match result {
            Result::Passed => {
                self.failures = 0;
                self.health = Health::Healthy;
            }
            Result::Inconclusive => {}
            Result::Failed if before == Health::Starting && period == Period::Start => {}
            Result::Failed => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= self.retries.get() {
                    self.health = Health::Unhealthy;
                }
            }
        }
        (self.health != before).then_some(self.health)
    }
}

#[cfg(test)]
mod tests {
    use super::Health::{Healthy, Starting, Unhealthy};
    use super::Period::{Running, Start};
    use super::Result::{Failed, Inconclusive, Passed};
    use super::*;

    /// The health after each of `attempts`, with three retries.
    fn after(attempts: &[(Result, Period)]) -> Vec<Health> {
        let mut tracker = Tracker::new(NonZeroU32::new(3).unwrap());
        attempts
            .iter()
            .map(|&(result, period)| {
                tracker.record(result, period);
                tracker.health()
            })
            .collect()
    }

    #[test]
    fn failures_in_the_start_period_do_not_count() {
        let attempts = [(Failed, Start), (Failed, Start), (Failed, Start), (Failed, Start)];
        assert_eq!(after(&attempts), [Starting; 4]);
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        let attempts = [(Failed, Running), (Failed, Running), (Inconclusive, Running), (Failed, Running)];
        assert_eq!(after(&attempts), [Starting, Starting, Starting, Unhealthy]);
    }

    #[test]
    fn the_first_success_ends_the_start_period() {
        let attempts = [(Failed, Start), (Passed, Start), (Failed, Start), (Failed, Start), (Failed, Start)];
        assert_eq!(after(&attempts), [Starting, Healthy, Healthy, Healthy, Unhealthy]);
    }

    #[test]
    fn failures_must_come_in_a_row() {
        let attempts = [(Failed, Running), (Failed, Running), (Passed, Running), (Failed, Running)];
        assert_eq!(after(&attempts), [Starting, Starting, Healthy, Healthy]);
    }

    #[test]
    fn one_success_makes_an_unhealthy_app_healthy() {
        let attempts = [(Failed, Running), (Failed, Running), (Failed, Running), (Passed, Running)];
        assert_eq!(after(&attempts), [Starting, Starting, Unhealthy, Healthy]);
    }

    #[test]
    fn a_change_is_told_once() {
        let mut tracker = Tracker::new(NonZeroU32::MIN);
        assert_eq!(tracker.record(Passed, Running), Some(Healthy));
        assert_eq!(tracker.record(Passed, Running), None);
        assert_eq!(tracker.record(Failed, Running), Some(Unhealthy));
        assert_eq!(tracker.record(Failed, Running), None);
        assert_eq!(tracker.failures(), 2);
    }
}
