//! `sexton check`: one round of probes, then a verdict.

use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::outcome::{Outcome, Trail};
use crate::probe::Probe;
use crate::report::{self, Stream};
use crate::{sys, watchdog};

/// One round of checks.
#[derive(Debug)]
pub(crate) struct Check {
    /// What to ask; at least one.
    pub(crate) probes: Vec<Probe>,
    /// The limit of the whole run.
    pub(crate) timeout: Duration,
    /// How much to say.
    pub(crate) voice: Voice,
}

/// How much a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Nothing; the exit code is the answer.
    Quiet,
    /// One line a target.
    Lines,
    /// One line a step, too.
    Verbose,
}

/// Runs all probes under one deadline.
pub(crate) fn run(check: &Check) -> ExitStatus {
    let deadline = Deadline::after(check.timeout);
    sys::stdio::reopen_closed();
    let limit = humantime::format_duration(check.timeout);
    let target = check.probes.first().map_or("", Probe::label);
    let last_words = match check.voice {
        Voice::Quiet => String::new(),
        Voice::Lines | Voice::Verbose => format!("unhealthy: no verdict within {limit} ({target})\n"),
    };
    // Without a timer the probes' own deadlines still hold.
    let _ = watchdog::arm(deadline, last_words, 1, ExitStatus::Unhealthy.code());

    let mut verdict = ExitStatus::Healthy;
    for probe in &check.probes {
        let started = Instant::now();
        let mut trail = Trail { steps: (check.voice == Voice::Verbose).then(Vec::new), ..Trail::default() };
        let outcome = probe.run(deadline, &mut trail);
        if outcome.is_err() {
            verdict = ExitStatus::Unhealthy;
        }
        if check.voice != Voice::Quiet {
            for step in trail.steps.iter().flatten() {
                report::line(Stream::Stdout, step, deadline);
            }
            report::line(Stream::Stdout, &sentence(probe, &outcome, started.elapsed()), deadline);
        }
    }
    verdict
}

/// The line of one target: the cause first, since runtimes cut at the end.
fn sentence(probe: &Probe, outcome: &Outcome, elapsed: Duration) -> String {
    let (verdict, reason) = match outcome {
        Ok(seen) => ("healthy", seen),
        Err(failure) => ("unhealthy", &failure.reason),
    };
    format!("{verdict}: {reason} ({}, {} ms)", probe.label(), elapsed.as_millis())
}
