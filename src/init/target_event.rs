//! What the log tells of a watched target.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::signals::Signal;

/// Something about one watched target that may be worth a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct TargetEvent<'a> {
    /// Its name.
    pub(super) target: &'a str,
    /// What has happened.
    pub(super) change: TargetChange<'a>,
}

/// What has happened to a target.
#[derive(Clone, Copy, Debug)]
pub(super) enum TargetChange<'a> {
    /// An attempt failed, and for another reason than the one before it.
    Failed { reason: &'a str, failures: u32, retries: u32 },
    /// As many attempts in a row have failed as are allowed, or as many again; the main child gets this signal for it.
    Unhealthy { reason: &'a str, failures: u32, signal: Option<Signal> },
    /// It is still unhealthy, and for the same reason.
    Unchanged { reason: &'a str, attempts: u64, length: Duration },
    /// It passes; before that so many attempts in a row had failed, for so long.
    Passed { attempts: u64, length: Duration },
    /// It is healthy for the first time.
    Healthy,
    /// It is healthy, after it was unhealthy for so many attempts and so long.
    Recovered { attempts: u64, length: Duration },
    /// It could not be asked, for a want of ours.
    Inconclusive { reason: &'a str },
}

impl TargetEvent<'_> {
    /// Whether it is told unless nothing is to be told.
    pub(super) fn is_warning(&self) -> bool {
        !matches!(
            self.change,
            TargetChange::Failed { .. } | TargetChange::Passed { .. } | TargetChange::Healthy
        )
    }

    /// Its stable name.
    pub(super) fn name(&self) -> &'static str {
        match self.change {
            TargetChange::Failed { .. } | TargetChange::Passed { .. } | TargetChange::Inconclusive { .. } => {
                "attempt"
            }
            TargetChange::Unhealthy { .. }
            | TargetChange::Unchanged { .. }
            | TargetChange::Healthy
            | TargetChange::Recovered { .. } => "health",
        }
    }

    /// What the sentence says, each under its name.
    pub(super) fn fields(&self) -> Vec<(&'static str, Value)> {
        let milliseconds = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let mut fields = vec![("target", self.target.into())];
        fields.push(match self.change {
            TargetChange::Failed { .. } => ("outcome", "failed".into()),
            TargetChange::Passed { .. } => ("outcome", "passed".into()),
            TargetChange::Inconclusive { .. } => ("outcome", "broken".into()),
            TargetChange::Unhealthy { .. } | TargetChange::Unchanged { .. } => ("health", "unhealthy".into()),
            TargetChange::Healthy | TargetChange::Recovered { .. } => ("health", "healthy".into()),
        });
        match self.change {
            TargetChange::Failed { reason, failures, .. } => {
                fields.extend([("reason", reason.into()), ("failures", failures.into())]);
            }
            TargetChange::Unhealthy { reason, failures, signal } => {
                let signal = signal.map(|signal| signal.to_string());
                let failures = failures.into();
                fields.extend([("reason", reason.into()), ("failures", failures), ("signal", signal.into())]);
            }
            TargetChange::Unchanged { reason, attempts, length } => {
                let length = milliseconds(length).into();
                fields.extend([("reason", reason.into()), ("failures", attempts.into()), ("ms", length)]);
            }
            TargetChange::Passed { attempts, length } | TargetChange::Recovered { attempts, length } => {
                fields.extend([("after_failures", attempts.into()), ("ms", milliseconds(length).into())]);
            }
            TargetChange::Inconclusive { reason } => fields.push(("reason", reason.into())),
            TargetChange::Healthy => {}
        }
        fields
    }
}

impl fmt::Display for TargetEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target;
        match self.change {
            TargetChange::Failed { reason, failures, retries } => {
                write!(f, "failed: {target}: {reason}, {failures} of {retries}")
            }
            TargetChange::Unhealthy { reason, failures, signal } => {
                write!(f, "unhealthy: {target}: {reason}, {failures} in a row")?;
                signal.map_or(Ok(()), |signal| write!(f, "; sending SIG{signal}"))
            }
            TargetChange::Unchanged { reason, attempts, length } => {
                write!(
                    f,
                    "still unhealthy: {target}: {reason}; same for {}",
                    FailedAttempts(attempts, length)
                )
            }
            TargetChange::Passed { attempts, length } => {
                write!(f, "passed: {target}, after {}", FailedAttempts(attempts, length))
            }
            TargetChange::Healthy => write!(f, "healthy: {target}"),
            TargetChange::Recovered { attempts, length } => {
                write!(f, "healthy again: {target}, after {}", FailedAttempts(attempts, length))
            }
            TargetChange::Inconclusive { reason } => {
                write!(f, "cannot check {target}: {reason}; this does not count as a failure")
            }
        }
    }
}

/// So many failed attempts, over so long.
struct FailedAttempts(u64, Duration);

impl fmt::Display for FailedAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(attempts, length) = self;
        let attempts_are = if *attempts == 1 { "failed attempt" } else { "failed attempts" };
        // Below a second nobody counts.
        let length = Duration::from_secs(length.as_secs());
        write!(f, "{attempts} {attempts_are} in {}", humantime::format_duration(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_one_sentence_and_one_object() {
        let long = Duration::from_millis(760_400);
        let (reason, length) = ("connection refused", long);
        for (change, text) in [
            (
                TargetChange::Failed { reason, failures: 1, retries: 3 },
                "failed: db: connection refused, 1 of 3",
            ),
            (
                TargetChange::Unhealthy { reason, failures: 3, signal: Some(Signal::TERM) },
                "unhealthy: db: connection refused, 3 in a row; sending SIGTERM",
            ),
            (
                TargetChange::Unchanged { reason, attempts: 76, length },
                "still unhealthy: db: connection refused; same for 76 failed attempts in 12m 40s",
            ),
            (
                TargetChange::Passed { attempts: 1, length: Duration::ZERO },
                "passed: db, after 1 failed attempt in 0s",
            ),
            (TargetChange::Healthy, "healthy: db"),
            (
                TargetChange::Recovered { attempts: 76, length },
                "healthy again: db, after 76 failed attempts in 12m 40s",
            ),
            (
                TargetChange::Inconclusive { reason: "no thread" },
                "cannot check db: no thread; this does not count as a failure",
            ),
        ] {
            let event = TargetEvent { target: "db", change };
            assert_eq!(event.to_string(), text);
            assert_eq!(event.fields()[0], ("target", "db".into()), "{text}");
        }
    }
}
