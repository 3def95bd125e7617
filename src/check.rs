//! `sexton check`: one round of probes, then a verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::attempt::{self, Detail, Finished, ProbeWorker, Use};
use crate::command::Command;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::outcome::Cause;
use crate::probe::Probe;
use crate::report::{self, Stream, Verbosity};
use crate::{sys, watchdog};

/// One round of checks.
#[derive(Debug)]
pub(crate) struct Check {
    /// What to ask; at least one.
    pub(crate) probes: Vec<Arc<Probe>>,
    /// How many of them must pass.
    pub(crate) require: Require,
    /// The limit of the whole run.
    pub(crate) timeout: Duration,
    /// How much to say.
    pub(crate) verbosity: Verbosity,
}

/// How many targets must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Require {
    /// Every one.
    All,
    /// One is enough; it ends the round.
    Any,
}

impl Command for Check {
    /// Runs all probes under one deadline.
    fn run(self: Box<Self>) -> ExitStatus {
        let deadline = Deadline::after(self.timeout);
        sys::stdio::reopen_closed();
        // Without a timer the probes' own deadlines still hold.
        let _ = watchdog::arm(deadline, last_words(&self), 1, ExitStatus::Unhealthy.code());
        round(&self, deadline, |verdict| watchdog::settle(verdict.code()))
    }
}

impl Check {
    /// Runs all probes by `deadline`, for somebody who keeps the limit.
    pub(crate) fn run_by(&self, deadline: Deadline) -> ExitStatus {
        round(self, deadline.at_most(self.timeout), |_| {})
    }
}

/// One round; `settle` hears the verdict before it is told.
fn round(check: &Check, deadline: Deadline, settle: impl FnOnce(ExitStatus)) -> ExitStatus {
    let started = Instant::now();
    let mut ended = Vec::new();
    let finished = match check.probes.as_slice() {
        // It has nobody to wait for, and ends by its deadline.
        [probe] if !probe.may_hang() => vec![Some(attempt::run(probe, deadline, check.detail()))],
        probes => all_at_once(probes, check, deadline, &mut ended),
    };
    let verdict = check.require.verdict(&finished);
    settle(verdict);
    match check.verbosity {
        Verbosity::Quiet => {}
        Verbosity::Lines | Verbosity::Steps => tell(check, &finished, verdict, deadline),
        Verbosity::Json => {
            let told = object(check, &finished, verdict, started.elapsed()).to_string();
            report::record(Stream::Stdout, &told, deadline);
        }
    }
    verdict
}

impl Require {
    /// What the outcomes amount to; one that is missing was not needed.
    fn verdict(self, finished: &[Option<Finished>]) -> ExitStatus {
        let mut passes = finished.iter().map(|one| one.as_ref().is_some_and(|one| one.outcome.is_ok()));
        let healthy = match self {
            Self::All => passes.all(|passed| passed),
            Self::Any => passes.any(|passed| passed),
        };
        if healthy { ExitStatus::Healthy } else { ExitStatus::Unhealthy }
    }
}

impl Check {
    /// Whether the steps of an attempt are printed.
    fn detail(&self) -> Detail {
        match self.verbosity {
            Verbosity::Steps => Detail::Steps,
            Verbosity::Quiet | Verbosity::Lines | Verbosity::Json => Detail::Verdict,
        }
    }
}

/// Runs each of `probes` on its own thread, until all are done, one has passed where that is enough, or time is up.
/// Those that have been used go to `ended`: a task that hangs is waited for when the verdict has been told.
fn all_at_once(
    probes: &[Arc<Probe>],
    check: &Check,
    deadline: Deadline,
    ended: &mut Vec<ProbeWorker>,
) -> Vec<Option<Finished>> {
    let mut running = Vec::with_capacity(probes.len());
    let mut finished = Vec::with_capacity(probes.len());
    for probe in probes {
        let worker = ProbeWorker::new(probe, Use::Once)
            .and_then(|mut worker| worker.start(deadline, check.detail()).map(|()| worker));
        if let Ok(worker) = worker {
            running.push(Some(worker));
            finished.push(None);
        } else {
            // No thread, no file descriptor: then in turn, here.
            running.push(None);
            finished.push(Some(attempt::run(probe, deadline, check.detail())));
        }
    }
    let overdue_at = attempt::overdue_at(deadline);
    loop {
        for (slot, done) in running.iter_mut().zip(&mut finished) {
            let overdue = overdue_at.has_passed();
            let result =
                slot.as_ref().and_then(|one| one.finished().or_else(|| overdue.then(|| one.overdue())));
            if result.is_some() {
                *done = result;
                ended.extend(slot.take());
            }
        }
        let decided =
            check.require == Require::Any && check.require.verdict(&finished) == ExitStatus::Healthy;
        if decided || running.iter().all(Option::is_none) {
            ended.extend(running.into_iter().flatten());
            return finished;
        }
        attempt::wait_for_any(&running, deadline);
    }
}

/// What the watchdog says when nothing else was said in time.
fn last_words(check: &Check) -> String {
    let limit = humantime::format_duration(check.timeout);
    let target = check.probes.first().map_or("", |probe| probe.label());
    match check.verbosity {
        Verbosity::Quiet => String::new(),
        Verbosity::Lines | Verbosity::Steps => format!("unhealthy: no verdict within {limit} ({target})\n"),
        Verbosity::Json => {
            format!("{}\n", json!({"healthy": false, "reason": "no verdict in time", "targets": []}))
        }
    }
}

/// One line a target: of all that failed; of the one that passed, where one is enough.
fn tell(check: &Check, finished: &[Option<Finished>], verdict: ExitStatus, deadline: Deadline) {
    let rescued = check.require == Require::Any && verdict == ExitStatus::Healthy;
    for (probe, one) in check.probes.iter().zip(finished) {
        let Some(one) = one else { continue };
        for step in one.trace.steps.iter().flatten() {
            report::line(Stream::Stdout, step, deadline);
        }
        if one.outcome.is_err() && rescued && check.verbosity != Verbosity::Steps {
            continue;
        }
        report::line(Stream::Stdout, &sentence(probe, one), deadline);
    }
}

/// The line of one target: the cause first, since runtimes cut at the end.
fn sentence(probe: &Probe, finished: &Finished) -> String {
    let (verdict, reason) = match &finished.outcome {
        Ok(seen) => ("healthy", seen),
        Err(failure) => ("unhealthy", &failure.reason),
    };
    format!("{verdict}: {reason} ({}, {} ms)", probe.label(), finished.elapsed.as_millis())
}

/// The round as `--json` tells it. The names are stable.
fn object(check: &Check, finished: &[Option<Finished>], verdict: ExitStatus, elapsed: Duration) -> Value {
    let targets: Vec<_> =
        check.probes.iter().zip(finished).map(|(probe, one)| entry(probe, one.as_ref())).collect();
    json!({
        "healthy": verdict == ExitStatus::Healthy,
        "milliseconds": milliseconds(elapsed),
        "targets": targets,
    })
}

/// One target as `--json` tells it.
fn entry(probe: &Probe, finished: Option<&Finished>) -> Value {
    let Some(finished) = finished else {
        return json!({"target": probe.label(), "outcome": "skipped"});
    };
    let (outcome, phase, reason) = match &finished.outcome {
        Ok(seen) => ("pass", None, seen),
        Err(failure) => {
            let outcome = match failure.cause {
                Cause::TimedOut => "timeout",
                Cause::Broken => "broken",
                _ => "fail",
            };
            (outcome, Some(failure.phase.name()), &failure.reason)
        }
    };
    json!({
        "target": probe.label(),
        "outcome": outcome,
        "phase": phase,
        "reason": reason,
        "status": finished.trace.status,
        "address": finished.trace.address,
        "milliseconds": milliseconds(finished.elapsed),
    })
}

/// A length in milliseconds, to the microsecond.
fn milliseconds(length: Duration) -> Value {
    let micros = u32::try_from(length.as_micros()).unwrap_or(u32::MAX);
    json!(f64::from(micros) / 1000.0)
}
