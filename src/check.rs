//! `sexton check`: one round of probes, then a verdict.

mod output;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::attempt::{self, Detail, Finished, ProbeWorker, Reuse};
use crate::command::Command;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
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
            let is_healthy = verdict == ExitStatus::Healthy;
            let told = output::json(is_healthy, started.elapsed(), &rows(check, &finished));
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
        let worker = ProbeWorker::new(probe, Reuse::Once)
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
            format!("{}\n", output::overdue_json(check.timeout, &check.probes))
        }
    }
}

/// Prints what failed, then what passed; with `--verbose` each target's steps before its line.
fn tell(check: &Check, finished: &[Option<Finished>], verdict: ExitStatus, deadline: Deadline) {
    let rescued = check.require == Require::Any && verdict == ExitStatus::Healthy;
    let rows = rows(check, finished);
    if check.verbosity == Verbosity::Steps {
        for (probe, one) in rows {
            let Some(one) = one else { continue };
            for step in one.trace.steps.iter().flatten() {
                report::line(Stream::Stdout, step, deadline);
            }
            report::line(Stream::Stdout, &output::line(probe, one), deadline);
        }
        return;
    }
    let is_told = |(_, one): &output::Row<'_>| !rescued || one.is_some_and(|one| one.outcome.is_ok());
    for line in output::lines(&rows.into_iter().filter(is_told).collect::<Vec<_>>()) {
        report::line(Stream::Stdout, &line, deadline);
    }
}

/// Each target beside what came of it.
fn rows<'a>(check: &'a Check, finished: &'a [Option<Finished>]) -> Vec<output::Row<'a>> {
    check.probes.iter().map(AsRef::as_ref).zip(finished.iter().map(Option::as_ref)).collect()
}
