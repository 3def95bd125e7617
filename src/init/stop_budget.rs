//! How long a stop may take. One budget runs from the first request to stop that comes from outside: CMD's code has to reach
//! the runtime before the runtime's own SIGKILL. docs/init.md has the timeline.

use std::time::{Duration, Instant};

/// How long the drain lasts if CMD ended by itself, and for a pause: half of the 10 s that `docker stop` gives.
pub(super) const DRAIN: Duration = Duration::from_secs(5);

/// How long the drain lasts after a stop from outside, where nobody says how long the runtime waits: `docker stop -t 3`
/// still gets CMD's code.
pub(super) const DRAIN_AFTER_STOP: Duration = Duration::from_secs(2);

/// How long the killed may take to be reaped: the kernel needs microseconds, and what is stuck in it (state D) is not worth
/// a wait.
pub(super) const REAP_LIMIT: Duration = Duration::from_millis(250);

/// How long before the runtime's own SIGKILL the drain is over: the rest is reaped, and our exit has to reach the runtime.
pub(super) const EXIT_MARGIN: Duration = Duration::from_millis(500);

/// When runtimes kill unless they are told otherwise: Docker and Podman after 10 s, Kubernetes and ECS after 30 s.
const USUAL_STOP_TIMEOUTS: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(30)];

/// How long the drain may last, `elapsed` after a stop whose limit nobody has told us: shorter where it would run into one of
/// the usual limits, at which CMD's code is lost.
pub(super) fn drain_after_stop(elapsed: Duration) -> Duration {
    let next = USUAL_STOP_TIMEOUTS.into_iter().find(|&limit| elapsed < limit);
    next.map_or(DRAIN_AFTER_STOP, |limit| limit.saturating_sub(elapsed + EXIT_MARGIN).min(DRAIN_AFTER_STOP))
}

/// `length` after `now`; a length that no clock can hold is never reached.
pub(super) fn later(now: Instant, length: Duration) -> Instant {
    /// As good as never, and no `Instant` overflows.
    const FURTHEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now + length.min(FURTHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drain_after_a_stop_ends_before_the_usual_limits() {
        let ms = Duration::from_millis;
        for (elapsed, limit) in [
            (0, 2000),
            (7500, 2000),
            (8000, 1500),
            (9400, 100),
            (9600, 0),
            (10_000, 2000),
            (29_000, 500),
            (40_000, 2000),
        ] {
            assert_eq!(drain_after_stop(ms(elapsed)), ms(limit), "CMD ended after {elapsed} ms");
        }
    }
}
