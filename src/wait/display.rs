//! What a person sees of a wait: on a terminal one live line a target, otherwise a line when a reason changes.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::report::{self, Stream};

use super::{Stderr, Verbosity};
use crate::wait::retry_policy::WaitFor;

/// How long a line may wait for its reader: nobody's start is held up by a log.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often the seconds of a live line move on.
const TICK: Duration = Duration::from_secs(1);

/// What became of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not there yet.
    Waiting,
    /// There, but not yet as often in a row as is wanted.
    Stabilizing,
    /// There.
    Passed,
    /// The limit came first.
    GaveUp,
}

impl Progress {
    /// The stable name, as `--json` prints it.
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Stabilizing => "settling",
            Self::Passed => "met",
            Self::GaveUp => "gave_up",
        }
    }
}

/// Tells changes, and only changes.
pub(super) struct Display {
    verbosity: Verbosity,
    wait_for: WaitFor,
    stderr: Stderr,
    started: Instant,
    /// What was shown last, by target.
    shown: Vec<Option<Shown>>,
    /// How many lines stand on the terminal.
    drawn: usize,
    /// When the seconds move on.
    tick: Deadline,
}

/// What was shown of a target.
#[derive(Clone, PartialEq, Eq)]
struct Shown {
    label: String,
    change: Progress,
    reason: String,
    /// When the target was met or given up.
    at: Option<Duration>,
}

impl Display {
    /// Tells in `verbosity`, on `stderr`.
    pub(super) fn new(verbosity: Verbosity, wait_for: WaitFor, stderr: Stderr) -> Self {
        let tick = Deadline::after(TICK);
        Self { verbosity, wait_for, stderr, started: Instant::now(), shown: Vec::new(), drawn: 0, tick }
    }

    /// Tells that target `index` came to `outcome`, unless that was shown last.
    pub(super) fn tell(
        &mut self,
        index: usize,
        label: &str,
        change: Progress,
        outcome: &Outcome,
        at: Duration,
    ) {
        let (reason, phase) = match outcome {
            Ok(seen) => (seen.as_str(), None),
            Err(failure) => (failure.reason.as_str(), Some(failure.phase.name())),
        };
        let ended = matches!(change, Progress::Passed | Progress::GaveUp).then_some(at);
        let now = Shown { label: label.into(), change, reason: reason.into(), at: ended };
        if self.shown.len() <= index {
            self.shown.resize(index + 1, None);
        }
        let Some(shown) = self.shown.get_mut(index) else { return };
        if shown.as_ref() == Some(&now) {
            return;
        }
        let line = sentence(&now, self.wait_for);
        *shown = Some(now);
        match (self.verbosity, self.stderr) {
            (Verbosity::Quiet, _) => {}
            (Verbosity::Lines | Verbosity::Steps, Stderr::Log) => {
                report::line(Stream::Stderr, &line, Deadline::after(PATIENCE));
            }
            (Verbosity::Lines | Verbosity::Steps, Stderr::Terminal { .. }) => self.draw(),
            (Verbosity::Json, _) => {
                let object = json!({
                    "target": label,
                    "state": change.name(),
                    "phase": phase,
                    "reason": reason,
                    "milliseconds": u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
                });
                report::record(Stream::Stdout, &object.to_string(), Deadline::after(PATIENCE));
            }
        }
    }

    /// Draws all lines anew, in place.
    fn draw(&mut self) {
        let Stderr::Terminal { width } = self.stderr else { return };
        let mut screen = String::new();
        if self.drawn > 0 {
            // Writing to a String does not fail.
            let _ = write!(screen, "\x1b[{}A", self.drawn);
        }
        let since = self.started.elapsed();
        for shown in self.shown.iter().flatten() {
            let seconds = shown.at.unwrap_or(since).as_secs();
            let line = format!("{seconds:>4} s  {}", sentence(shown, self.wait_for));
            let line: String = line.chars().take(width.into()).collect();
            let _ = write!(screen, "\r\x1b[2K{}\n", report::tidy(&line));
        }
        self.drawn = self.shown.iter().flatten().count();
        report::screen(&screen, Deadline::after(PATIENCE));
        self.tick = Deadline::after(TICK);
    }

    /// Moves the seconds on, when it is time.
    pub(super) fn step(&mut self) {
        if self.drawn > 0 && self.tick.has_passed() {
            self.draw();
        }
    }

    /// When the seconds move on.
    pub(super) fn due(&self) -> Option<Deadline> {
        (self.drawn > 0).then_some(self.tick)
    }
}

/// The line of one target: the cause before the target, since logs are cut at the end.
fn sentence(shown: &Shown, wait_for: WaitFor) -> String {
    let word = match (shown.change, wait_for) {
        (Progress::Waiting, WaitFor::Passing) => "waiting",
        (Progress::Waiting, WaitFor::Gone) => "still there",
        (Progress::Stabilizing, _) => "settling",
        (Progress::Passed, WaitFor::Passing) => "ready",
        (Progress::Passed, WaitFor::Gone) => "gone",
        (Progress::GaveUp, _) => "gave up",
    };
    format!("{word}: {} ({})", shown.reason, shown.label)
}
