//! What a person sees of a wait: on a terminal one live line per target, otherwise a line when a reason changes, and one now
//! and then when nothing does.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use humantime::{format_duration, format_rfc3339_millis};
use serde_json::{Value, json};

use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::report::{self, Stream, Verbosity};
use crate::sys::window::{self, Window};
use crate::system::clock;

use super::retry_policy::WaitFor;
use super::{Messages, Plan, Strict, WaitEnd};

/// How long a line may wait for its reader: nobody's start is held up by a log.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often the seconds of a live line move on.
const TICK: Duration = Duration::from_secs(1);

/// After how long without a line it is said what is still missing.
const SILENCE: Duration = Duration::from_secs(10);

/// The most targets that are named then, and at the start.
const NAMED_MAX: usize = 20;

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

    /// The word that a line begins with.
    fn word(self, wait_for: WaitFor) -> &'static str {
        match (self, wait_for) {
            (Self::Waiting, WaitFor::Passing) => "waiting",
            (Self::Waiting, WaitFor::Gone) => "still there",
            (Self::Stabilizing, _) => "settling",
            (Self::Passed, WaitFor::Passing) => "ready",
            (Self::Passed, WaitFor::Gone) => "gone",
            (Self::GaveUp, _) => "gave up",
        }
    }
}

/// What is known of a target.
#[derive(Clone, Debug)]
pub(super) struct Row {
    name: String,
    progress: Progress,
    reason: String,
    phase: Option<&'static str>,
    at: Duration,
    attempts: u32,
}

impl Row {
    /// The target `name`, whose attempt number `attempts` came to `outcome`, so long `at` after the start.
    pub(super) fn new(
        name: &str,
        progress: Progress,
        outcome: &Outcome,
        at: Duration,
        attempts: u32,
    ) -> Self {
        let (reason, phase) = match outcome {
            Ok(seen) => (seen.as_str(), None),
            Err(failure) => (failure.reason.as_str(), Some(failure.phase.name())),
        };
        Self { name: name.into(), progress, reason: reason.into(), phase, at, attempts }
    }

    /// Whether a line would say the same.
    fn says_the_same(&self, other: &Self) -> bool {
        (self.progress, &self.reason) == (other.progress, &other.reason)
    }

    /// Whether it is over for this target.
    fn is_settled(&self) -> bool {
        matches!(self.progress, Progress::Passed | Progress::GaveUp)
    }
}

/// What there is to say at the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) length: Duration,
    pub(super) attempts: u64,
    pub(super) passed: usize,
    pub(super) targets: usize,
}

/// Where lines go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputMode {
    /// Nowhere.
    None,
    /// To a person at a terminal.
    Terminal(Window),
    /// To a log, in our words.
    Log,
    /// To a log, in those of wait-for-it.sh: its four lines and no other.
    WaitForIt,
    /// To a program.
    Json,
}

/// Tells changes, and only changes.
pub(super) struct Display {
    mode: OutputMode,
    messages: Messages,
    wait_for: WaitFor,
    names: Vec<String>,
    timeout: Option<Duration>,
    started: Instant,
    /// What was told last, by target.
    rows: Vec<Option<Row>>,
    /// How many lines stand on the terminal.
    drawn: usize,
    /// When the seconds move on, or the silence has been long enough.
    tick: Deadline,
}

impl Display {
    /// Tells of `plan` as it wants it.
    pub(super) fn new(plan: &Plan) -> Self {
        let mode = match (plan.verbosity, &plan.messages) {
            (Verbosity::Quiet, _) => OutputMode::None,
            (Verbosity::Json, _) => OutputMode::Json,
            (_, Messages::WaitForIt { .. }) => OutputMode::WaitForIt,
            (Verbosity::Lines | Verbosity::Steps, Messages::Own) => {
                window_of_stderr().map_or(OutputMode::Log, OutputMode::Terminal)
            }
        };
        let names: Vec<String> = plan.probes.iter().map(|probe| probe.label().to_owned()).collect();
        Self {
            mode,
            messages: plan.messages.clone(),
            wait_for: plan.wait_for,
            rows: vec![None; names.len()],
            names,
            timeout: plan.timeout,
            started: Instant::now(),
            drawn: 0,
            tick: Deadline::after(if mode == OutputMode::Log { SILENCE } else { TICK }),
        }
    }

    /// Says what is waited for, and for how long.
    pub(super) fn start(&mut self) {
        if self.names.is_empty() {
            return;
        }
        match &self.messages {
            Messages::WaitForIt { program, place, .. } if self.mode == OutputMode::WaitForIt => {
                let line = match self.timeout {
                    Some(limit) => format!("{program}: waiting {} seconds for {place}", limit.as_secs()),
                    None => format!("{program}: waiting for {place} without a timeout"),
                };
                stderr_line(&line);
            }
            Messages::Own if self.mode == OutputMode::Log => {
                let gone = if self.wait_for == WaitFor::Gone { " to be gone" } else { "" };
                let limit = match self.timeout {
                    Some(limit) => format!("up to {}", format_duration(limit)),
                    None => "without a limit".to_owned(),
                };
                stderr_line(&format!("waiting {limit} for {}{gone}", listed(&self.names)));
            }
            _ => {}
        }
    }

    /// Tells what is known of target `index`, unless that was told last.
    pub(super) fn update(&mut self, index: usize, now: Row) {
        let Some(row) = self.rows.get_mut(index) else { return };
        if row.as_ref().is_some_and(|row| row.says_the_same(&now)) {
            return;
        }
        let now = row.insert(now);
        match self.mode {
            OutputMode::None | OutputMode::WaitForIt => {}
            OutputMode::Log => {
                let (word, Row { name, reason, .. }) = (now.progress.word(self.wait_for), now);
                stderr_line(&format!("{word}: {reason} ({name})"));
                self.tick = Deadline::after(SILENCE);
            }
            OutputMode::Terminal(window) => self.draw(window),
            OutputMode::Json => record(json!({
                "event": "target",
                "target": now.name,
                "state": now.progress.name(),
                "phase": now.phase,
                "reason": now.reason,
                "attempt": now.attempts,
                "milliseconds": milliseconds(now.at),
            })),
        }
    }

    /// Moves the seconds on, or breaks a long silence, when it is time.
    pub(super) fn step(&mut self) {
        if !self.tick.has_passed() {
            return;
        }
        match self.mode {
            OutputMode::Terminal(_) => self.resize(),
            OutputMode::Log => {
                self.remind();
                self.tick = Deadline::after(SILENCE);
            }
            OutputMode::None | OutputMode::WaitForIt | OutputMode::Json => {}
        }
    }

    /// Says what is still missing, and why; one line for each, and not for more than anybody reads.
    fn remind(&self) {
        let after = format_duration(Duration::from_secs(self.started.elapsed().as_secs()));
        let missing = || {
            let rows = self.names.iter().zip(&self.rows);
            rows.filter(|(_, row)| !row.as_ref().is_some_and(Row::is_settled))
        };
        for (name, row) in missing().take(NAMED_MAX) {
            let why = row.as_ref().map_or("no answer yet", |row| row.reason.as_str());
            stderr_line(&format!("still waiting after {after}: {why} ({name})"));
        }
        if let Some(more) = missing().count().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
            stderr_line(&format!("still waiting after {after} for {more} more"));
        }
    }

    /// When `step` has something to do.
    pub(super) fn due(&self) -> Option<Deadline> {
        let is_live = match self.mode {
            OutputMode::Terminal(_) => self.drawn > 0,
            OutputMode::Log => true,
            OutputMode::None | OutputMode::WaitForIt | OutputMode::Json => false,
        };
        is_live.then_some(self.tick)
    }

    /// The terminal may have another size.
    pub(super) fn resize(&mut self) {
        if let (OutputMode::Terminal(_), Some(window)) = (self.mode, window_of_stderr()) {
            self.mode = OutputMode::Terminal(window);
            self.draw(window);
        }
    }

    /// Says how it ended, how long it took and how many attempts.
    pub(super) fn end(&mut self, end: WaitEnd, summary: &Summary) {
        if summary.targets == 0 {
            return;
        }
        match (self.mode, &self.messages) {
            (OutputMode::WaitForIt, Messages::WaitForIt { program, place, strict }) => match end {
                WaitEnd::Passed => {
                    let seconds = summary.length.as_secs();
                    stderr_line(&format!("{program}: {place} is available after {seconds} seconds"));
                }
                WaitEnd::TimedOut => {
                    let limit = self.timeout.unwrap_or_default().as_secs();
                    stderr_line(&format!(
                        "{program}: timeout occurred after waiting {limit} seconds for {place}"
                    ));
                    if *strict == Strict::Refuses {
                        stderr_line(&format!("{program}: strict mode, refusing to execute subprocess"));
                    }
                }
            },
            (OutputMode::Log | OutputMode::Terminal(_), _) => stderr_line(&self.sentence(end, summary)),
            (OutputMode::Json, _) => end_record(
                match end {
                    WaitEnd::Passed => "passed",
                    WaitEnd::TimedOut => "timed_out",
                },
                summary,
            ),
            (OutputMode::None | OutputMode::WaitForIt, _) => {}
        }
    }

    /// A signal has ended it.
    pub(super) fn interrupt(&self, summary: &Summary) {
        if self.mode == OutputMode::Json {
            end_record("interrupted", summary);
        }
    }

    /// The end in words.
    fn sentence(&self, end: WaitEnd, summary: &Summary) -> String {
        let length = format_duration(Duration::from_millis(milliseconds(summary.length)));
        let attempts = match summary.attempts {
            1 => "1 attempt".to_owned(),
            attempts => format!("{attempts} attempts"),
        };
        match end {
            WaitEnd::TimedOut => format!("gave up after {length}, {attempts}"),
            WaitEnd::Passed => {
                let is = Progress::Passed.word(self.wait_for);
                let Summary { passed, targets, .. } = summary;
                let who = if *targets == 1 { String::new() } else { format!("{passed} of {targets} ") };
                format!("{who}{is} after {length}, {attempts}")
            }
        }
    }

    /// Draws all lines anew, in place: never more than the terminal has, since those that scroll away cannot be drawn again.
    fn draw(&mut self, window: Window) {
        let mut screen = String::new();
        if self.drawn > 0 {
            // Writing to a String does not fail.
            let _ = write!(screen, "\x1b[{}A\r\x1b[J", self.drawn);
        }
        let since = self.started.elapsed();
        let rows: Vec<&Row> = self.rows.iter().flatten().collect();
        // One is left for the cursor.
        let room = usize::from(window.rows.saturating_sub(1)).max(1);
        let shown = if rows.len() > room { room.saturating_sub(1) } else { rows.len() };
        // What is still missing is what matters.
        let missing = rows.iter().filter(|row| !row.is_settled());
        let settled = rows.iter().filter(|row| row.is_settled());
        let chosen: Vec<&&Row> = if shown < rows.len() {
            missing.chain(settled).take(shown).collect()
        } else {
            rows.iter().collect()
        };
        let mut line = |text: &str| {
            let text: String = text.chars().take(window.columns.into()).collect();
            let _ = write!(screen, "{}\r\n", report::tidy(&text));
        };
        for row in &chosen {
            let seconds = if row.is_settled() { row.at } else { since }.as_secs();
            let word = row.progress.word(self.wait_for);
            line(&format!("{seconds:>4} s  {word:<8} {}: {}", row.name, row.reason));
        }
        if shown < rows.len() {
            line(&format!("        and {} more", rows.len() - shown));
        }
        self.drawn = chosen.len() + usize::from(shown < rows.len());
        report::screen(&screen, Deadline::after(PATIENCE));
        self.tick = Deadline::after(TICK);
    }
}

/// The size of the terminal that stderr is, if it is one.
fn window_of_stderr() -> Option<Window> {
    let stderr = std::io::stderr();
    window::size(&stderr).filter(|_| stderr.is_terminal())
}

/// The first few of `names`.
fn listed(names: &[String]) -> String {
    let shown = names.get(..NAMED_MAX).unwrap_or(names).join(", ");
    match names.len().checked_sub(NAMED_MAX) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// Prints a line.
fn stderr_line(line: &str) {
    report::line(Stream::Stderr, line, Deadline::after(PATIENCE));
}

/// Prints an object, with the time.
fn record(fields: Value) {
    let Value::Object(mut object) = fields else { return };
    object.insert("time".into(), format_rfc3339_millis(clock::now()).to_string().into());
    let object = Value::Object(object);
    report::record(Stream::Stdout, &object.to_string(), Deadline::after(PATIENCE));
}

/// A length in whole milliseconds.
fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
/// The end for a program.
fn end_record(state: &str, summary: &Summary) {
    record(json!({
        "event": "end",
        "state": state,
        "attempts": summary.attempts,
        "passed": summary.passed,
        "targets": summary.targets,
        "milliseconds": milliseconds(summary.length),
    }));
}
