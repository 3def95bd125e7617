//! What is used up: PIDs, and when they will be; descriptors.

use std::time::Duration;

use crate::system::cgroup::Level as Limit;
use crate::system::clock;

use super::finding::Finding;
use super::observation::Observation;

/// From here on a limit is too near, in percent: the same as `pids:` has.
const FULL: u64 = 90;

/// A limit that is reached within this time is a problem now.
const SOON: Duration = Duration::from_secs(24 * 3600);

/// The fewest PIDs gained between two looks that are a trend, and not an app that starts a thread.
const TREND_MIN: u64 = 3;

/// The shortest time over which zombies must have come to be a trend.
const SPREAD_MIN: Duration = Duration::from_secs(5);

/// Both.
pub(super) fn findings(seen: &Observation) -> Vec<Finding> {
    let mut findings = vec![pids(seen)];
    findings.extend(descriptors(seen));
    findings
}

/// How full the PID cgroup is, and when it is full.
fn pids(seen: &Observation) -> Finding {
    let Some((before, now)) = &seen.pids else {
        return Finding::note(
            "pids",
            "no pids cgroup is mounted here; docker and kubernetes mount /sys/fs/cgroup",
        );
    };
    let Some((rank, tightest)) = now.limited.iter().enumerate().max_by_key(|(_, level)| level.percent())
    else {
        let used = now.own.map_or_else(String::new, |own| format!("{own} in use, "));
        return Finding::note("pids", format!("{used}without a limit: a leak takes the whole machine's"))
            .fixed_by(
                "docker run --pids-limit 200, pids_limit: 200 in Compose, podPidsLimit of the kubelet",
            );
    };
    let Limit { current, max } = tightest;
    let used = tightest.percent().min(100);
    let gained = before.limited.get(rank).map_or(0, |level| current.saturating_sub(level.current));
    let rate = rate(seen, gained);
    let left = max.saturating_sub(*current);
    let full = rate.and_then(|(count, time)| time_until(left, count, time));
    let when = match (full, rate) {
        (Some(full), Some((count, time))) => {
            let (time, full) = (clock::spoken(time), clock::spoken(full));
            format!("; at this rate ({count} in {time}) it is full in {full}")
        }
        _ => String::new(),
    };
    let message = format!("{current} of {max} in use ({used}%){when}");
    if used >= FULL || full.is_some_and(|full| full < SOON) {
        let fix = "see zombies and orphans above; threads count, too: sexton check pids:80 as a health check tells in time";
        return Finding::problem("pids", message, fix)
            .caused_by("when no PID is left, nothing can be started in this container, no health check and no shell either");
    }
    Finding::ok("pids", message)
}

/// How many PIDs are used up in which time: as the two looks say, or else as the zombies do that have come so far.
fn rate(seen: &Observation, gained: u64) -> Option<(u64, Duration)> {
    if gained >= TREND_MIN {
        return Some((gained, seen.interval));
    }
    let ages = || seen.zombies.iter().map(|zombie| seen.age(zombie));
    let spread = ages().max()?.saturating_sub(ages().min()?);
    // As many at once, at the start for one, are no trend.
    let count = u64::try_from(seen.zombies.len()).ok()?.saturating_sub(1);
    (count >= TREND_MIN && spread >= SPREAD_MIN).then_some((count, spread))
}

/// When `left` are gone at `count` in `time`.
fn time_until(left: u64, count: u64, time: Duration) -> Option<Duration> {
    let millis = u64::try_from(time.as_millis()).ok()?;
    let needed = left.checked_mul(millis)?.checked_div(count)?;
    Some(Duration::from_secs(needed / 1000))
}

/// The process that is nearest to its limit of descriptors; none where we may look at none.
fn descriptors(seen: &Observation) -> Option<Finding> {
    let percent = |open: usize, limit: usize| (open.saturating_mul(100)).checked_div(limit).unwrap_or(100);
    let (pid, worst) = seen.descriptors.iter().max_by_key(|(_, found)| percent(found.open, found.limit))?;
    let name = seen.table.get(*pid)?.name();
    let used = percent(worst.open, worst.limit);
    let message = format!("{} of {} open in {name} ({used}%)", worst.open, worst.limit);
    let is_full = u64::try_from(used).is_ok_and(|used| used >= FULL);
    let fix =
        "docker run --ulimit nofile=65536, or close what it leaks: ls -l /proc/PID/fd shows what is open";
    Some(if is_full {
        Finding::problem("descriptors", message, fix)
    } else {
        Finding::ok("descriptors", message)
    })
}
