//! All numbers, as Prometheus reads them (<https://prometheus.io/docs/instrumenting/exposition_formats/>), by its
//! conventions for names (<https://prometheus.io/docs/practices/naming/>).

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::deadline::Deadline;
use crate::health::Health;
use crate::system::procfs;

use super::target::{BUCKETS, WatchedTarget};
use super::{Stage, Watch};

/// How long the zombies are counted before PID 1 has better things to do.
const COUNT_LIMIT: Duration = Duration::from_millis(20);

/// A text under construction.
struct Metrics(String);

impl Metrics {
    /// Begins what is told under one name.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP sexton_{name} {help}\n# TYPE sexton_{name} {kind}");
    }

    /// One number, for the labels between the braces.
    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = if labels.is_empty() {
            writeln!(self.0, "sexton_{name} {value}")
        } else {
            writeln!(self.0, "sexton_{name}{{{labels}}} {value}")
        };
    }
}

/// All of a watch.
pub(super) fn text(watch: &Watch<'_>, reaped: u64) -> String {
    let mut to = Metrics(String::new());
    let targets: Vec<(String, &WatchedTarget)> = watch
        .targets
        .iter()
        .map(|target| (format!("target=\"{}\"", escaped(target.name())), target))
        .collect();
    to.family("build_info", "gauge", "The version that runs; always 1.");
    to.sample("build_info", concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""), 1);
    to.family("healthy", "gauge", "Whether all targets are healthy.");
    let is_healthy = watch.health == Health::Healthy && watch.stage == Stage::Running;
    to.sample("healthy", "", u8::from(is_healthy));
    to.family("target_healthy", "gauge", "Whether the target is healthy.");
    for (label, target) in &targets {
        to.sample("target_healthy", label, u8::from(target.tracker.health() == Health::Healthy));
    }
    to.family("consecutive_failures", "gauge", "Failed attempts in a row that count.");
    for (label, target) in &targets {
        to.sample("consecutive_failures", label, target.tracker.failures());
    }
    to.family("last_attempt_timestamp_seconds", "gauge", "When the last attempt ended; 0 before the first.");
    for (label, target) in &targets {
        to.sample("last_attempt_timestamp_seconds", label, seconds(target.checked_at));
    }
    attempts(&mut to, &targets);
    to.family("transitions_total", "counter", "How often the health of the target became another.");
    for (label, target) in &targets {
        let counts = &target.counts;
        for (health, count) in [("healthy", counts.became_healthy), ("unhealthy", counts.became_unhealthy)] {
            to.sample("transitions_total", &format!("{label},to=\"{health}\""), count);
        }
    }
    to.family("zombies_reaped_total", "counter", "Orphans that were reaped.");
    to.sample("zombies_reaped_total", "", reaped);
    if let Some(zombies) = zombies() {
        to.family("zombies", "gauge", "Zombies that their parents have not reaped.");
        to.sample("zombies", "", zombies);
    }
    to.0
}

/// How attempts ended, and how long they took.
fn attempts(to: &mut Metrics, targets: &[(String, &WatchedTarget)]) {
    to.family("attempts_total", "counter", "Attempts by outcome; broken ones lacked something of ours.");
    for (label, target) in targets {
        let counts = &target.counts;
        for (outcome, count) in
            [("passed", counts.passed), ("failed", counts.failed), ("broken", counts.broken)]
        {
            to.sample("attempts_total", &format!("{label},outcome=\"{outcome}\""), count);
        }
    }
    to.family("attempt_duration_seconds", "histogram", "How long attempts took.");
    for (label, target) in targets {
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(target.counts.buckets) {
            below += count;
            to.sample("attempt_duration_seconds_bucket", &format!("{label},le=\"{bound}\""), below);
        }
        let all = target.counts.passed + target.counts.failed;
        to.sample("attempt_duration_seconds_bucket", &format!("{label},le=\"+Inf\""), all);
        to.sample("attempt_duration_seconds_sum", label, target.counts.took.as_secs_f64());
        to.sample("attempt_duration_seconds_count", label, all);
    }
}

/// A point of time as Prometheus has it.
fn seconds(time: Option<SystemTime>) -> f64 {
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_secs_f64()
}

/// A label's value, as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// How many zombies there are; none known where /proc is not ours, or too long to read.
fn zombies() -> Option<u64> {
    if !procfs::is_ours() {
        return None;
    }
    let count = procfs::count_zombies(Deadline::after(COUNT_LIMIT)).ok()?;
    u64::try_from(count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
