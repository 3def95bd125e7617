//! What a person sees of a wait: on a terminal one live line a target, otherwise a line when a reason changes.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::report::{self, Stream};

use super::{Stderr, Voice};
use crate::wait::retry_policy::Expect;

/// How long a line may wait for its reader: nobody's start is held up by a log.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often the seconds of a live line move on.
const TICK: Duration = Duration::from_secs(1);

/// What became of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Not there yet.
    Waiting,
    /// There, but not yet as often in a row as is wanted.
    Settling,
    /// There.
    Met,
    /// The limit came first.
    GaveUp,
}

impl Change {
    /// The stable name, as `--json` prints it.
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Settling => "settling",
            Self::Met => "met",
            Self::GaveUp => "gave_up",
        }
    }
}

/// Tells changes, and only changes.
pub(super) struct Display {
    voice: Voice,
    expect: Expect,
    stderr: Stderr,
    started: Instant,
    /// What was told last, by target.
    told: Vec<Option<Told>>,
    /// How many lines stand on the terminal.
    drawn: usize,
    /// When the seconds move on.
    tick: Deadline,
}

/// What was told of a target.
#[derive(Clone, PartialEq, Eq)]
struct Told {
    label: String,
    change: Change,
    reason: String,
    /// When the target was met or given up.
    at: Option<Duration>,
}

impl Display {
    /// Tells in `voice`, on `stderr`.
    pub(super) fn new(voice: Voice, expect: Expect, stderr: Stderr) -> Self {
        let tick = Deadline::after(TICK);
        Self { voice, expect, stderr, started: Instant::now(), told: Vec::new(), drawn: 0, tick }
    }

    /// Tells that target `index` came to `outcome`, unless that was told last.
    pub(super) fn tell(
        &mut self,
        index: usize,
        label: &str,
        change: Change,
        outcome: &Outcome,
        at: Duration,
    ) {
        let (reason, phase) = match outcome {
            Ok(seen) => (seen.as_str(), None),
            Err(failure) => (failure.reason.as_str(), Some(failure.phase.name())),
        };
        let ended = matches!(change, Change::Met | Change::GaveUp).then_some(at);
        let now = Told { label: label.into(), change, reason: reason.into(), at: ended };
        if self.told.len() <= index {
            self.told.resize(index + 1, None);
        }
        let Some(told) = self.told.get_mut(index) else { return };
        if told.as_ref() == Some(&now) {
            return;
        }
        let line = sentence(&now, self.expect);
        *told = Some(now);
        match (self.voice, self.stderr) {
            (Voice::Quiet, _) => {}
            (Voice::Lines, Stderr::Log) => report::line(Stream::Stderr, &line, Deadline::after(PATIENCE)),
            (Voice::Lines, Stderr::Terminal { .. }) => self.draw(),
            (Voice::Json, _) => {
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
        for told in self.told.iter().flatten() {
            let seconds = told.at.unwrap_or(since).as_secs();
            let line = format!("{seconds:>4} s  {}", sentence(told, self.expect));
            let line: String = line.chars().take(width.into()).collect();
            let _ = write!(screen, "\r\x1b[2K{}\n", report::tidy(&line));
        }
        self.drawn = self.told.iter().flatten().count();
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
fn sentence(told: &Told, expect: Expect) -> String {
    let word = match (told.change, expect) {
        (Change::Waiting, Expect::Up) => "waiting",
        (Change::Waiting, Expect::Gone) => "still there",
        (Change::Settling, _) => "settling",
        (Change::Met, Expect::Up) => "ready",
        (Change::Met, Expect::Gone) => "gone",
        (Change::GaveUp, _) => "gave up",
    };
    format!("{word}: {} ({})", told.reason, told.label)
}
