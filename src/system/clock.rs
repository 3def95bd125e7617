//! The clocks of the machine, and lengths of time as a person says them.

use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

pub(crate) use crate::sys::time::{modified, now};

/// What a file's time may lie ahead of our clock: a file server has a clock of its own, and NTP steps ours. Accepting
/// it costs no more than that much lateness.
const SLACK: Duration = Duration::from_secs(2);

/// How a point in time relates to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// That long ago; just now counts as not at all.
    Past(Duration),
    /// So far ahead that it is no matter of clocks being read at slightly different times.
    Future(Duration),
}

/// The age of `then` at `now`.
pub(crate) fn age(then: SystemTime, now: SystemTime) -> Age {
    match now.duration_since(then) {
        Ok(age) => Age::Past(age),
        Err(ahead) if ahead.duration() <= SLACK => Age::Past(Duration::ZERO),
        Err(ahead) => Age::Future(ahead.duration()),
    }
}

/// The time since boot, suspended time included: the clock that processes' start times are told in (proc(5)).
pub(crate) fn since_boot() -> Duration {
    // The clock exists since Linux 2.6.39, and reading it does not fail.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// `length` with its one or two largest units: `350ms`, `4s`, `2m 5s`, `3h 20m`, `12days 4h`.
pub(crate) fn spoken(length: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = length.as_secs();
    let unit = match seconds {
        0 => return humantime::format_duration(Duration::from_millis(millis(length))).to_string(),
        1..HOUR => 1,
        HOUR..DAY => MINUTE,
        _ => HOUR,
    };
    humantime::format_duration(Duration::from_secs(seconds - seconds % unit)).to_string()
}

/// The milliseconds of `length`.
fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_its_two_largest_units() {
        for (millis, text) in [
            (0, "0s"),
            (350, "350ms"),
            (4_900, "4s"),
            (125_000, "2m 5s"),
            (12_005_000, "3h 20m"),
            (1_051_260_000, "12days 4h"),
        ] {
            assert_eq!(spoken(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn only_what_lies_well_ahead_is_the_future() {
        let now = now();
        let second = Duration::from_secs(1);
        assert_eq!(age(now - second, now), Age::Past(second));
        assert_eq!(age(now, now), Age::Past(Duration::ZERO));
        assert_eq!(age(now + SLACK, now), Age::Past(Duration::ZERO));
        assert_eq!(age(now + SLACK + second, now), Age::Future(SLACK + second));
    }
}
