//! What the init says: one line for each event, in the format that the plan asks for. Never waits for a reader: what does not
//! fit is dropped, and how much that was is told as soon as there is room.

use std::fmt::{self, Write};

use humantime::{format_rfc3339_millis, format_rfc3339_seconds};
use serde_json::Value;

use crate::deadline::Deadline;
use crate::report::{self, Stream};
use crate::system::clock;

use super::dialect;
use super::log_event::{LogEvent, Told};
use super::plan::{LogFormat, LogOptions, Verbosity};

/// The longest line of text with its end.
const TEXT_MAX: usize = 480;

/// The longest line of JSON with its end. Not more than `PIPE_BUF`, so that lines of several writers do not mix.
const JSON_MAX: usize = 4000;

/// What stands for the end of a text that was cut.
const ELLIPSIS: &str = "...";

/// The writer of events.
#[derive(Debug)]
pub(super) struct Log {
    options: LogOptions,
    /// Whether stderr was open when we came; a descriptor of ours may have its number since.
    stderr: Stderr,
    /// Lines that found no room.
    lost: u64,
    /// The rest of a line that found room for its beginning: nothing else may follow that.
    rest: Vec<u8>,
}

/// Whether there is a stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stderr {
    /// It was open at the start.
    Open,
    /// It was closed, and stays so.
    Closed,
}

impl Log {
    /// A log with these options.
    pub(super) fn new(options: LogOptions, stderr: Stderr) -> Self {
        Self { options, stderr, lost: 0, rest: Vec::new() }
    }

    /// Whether events are told at all: finding out what to tell has its cost.
    pub(super) fn tells_events(&self) -> bool {
        self.options.verbosity >= Verbosity::Event && self.stderr == Stderr::Open
    }

    /// Tells `event`, if the options do.
    pub(super) fn record(&mut self, event: LogEvent<'_>) {
        match self.options.format {
            LogFormat::Text | LogFormat::Json => {}
            LogFormat::Tini(zombies) => {
                return dialect::tini(&event, zombies, &mut |level, to, line| self.relay(level, to, line));
            }
            LogFormat::DumbInit(mode) => {
                return dialect::dumb_init(&event, mode, &mut |level, to, line| self.relay(level, to, line));
            }
            LogFormat::Catatonit => {
                return dialect::catatonit(&event, &mut |level, to, line| self.relay(level, to, line));
            }
        }
        if self.stderr == Stderr::Closed || self.options.verbosity < event.verbosity() {
            return;
        }
        if self.lost > 0 && self.write(&line(self.options.format, &LogEvent::Lost { lines: self.lost })) {
            self.lost = 0;
        }
        if self.lost > 0 || !self.write(&line(self.options.format, &event)) {
            self.lost += 1;
        }
    }

    /// Writes what ends us. Unlike the rest of the log this waits for a slow reader, until `deadline`.
    pub(super) fn fail(&self, reason: &str, deadline: Deadline) {
        if self.stderr == Stderr::Open && self.options.verbosity >= Verbosity::Error {
            let line = line(self.options.format, &LogEvent::Failed { reason });
            report::record(Stream::Stderr, line.trim_end(), deadline);
        }
    }

    /// Writes a line whole or not at all, as far as readers can tell.
    fn write(&mut self, line: &str) -> bool {
        if !self.rest.is_empty() {
            let amount = report::log_bytes(Stream::Stderr, &self.rest);
            self.rest.drain(..amount.min(self.rest.len()));
            if !self.rest.is_empty() {
                return false;
            }
        }
        let amount = report::log_bytes(Stream::Stderr, line.as_bytes());
        if amount > 0 {
            self.rest.extend(line.as_bytes().get(amount..).unwrap_or_default());
        }
        amount > 0
    }

    /// Writes a line of another init, if its level is told. Those programs have no words for lines that were lost.
    fn relay(&mut self, level: Verbosity, to: Stream, text: fmt::Arguments<'_>) {
        if self.options.verbosity < level || (to == Stream::Stderr && self.stderr == Stderr::Closed) {
            return;
        }
        let mut line = text.to_string();
        cut(&mut line, TEXT_MAX - 1, "");
        line.push('\n');
        report::log_bytes(to, line.as_bytes());
    }
}

/// `event` as one line with its end.
fn line(format: LogFormat, event: &LogEvent<'_>) -> String {
    let told = event.told();
    let mut line = if format == LogFormat::Json {
        json(told)
    } else {
        let time = match event {
            // Of what ends us the reader is there.
            LogEvent::Failed { .. } => String::new(),
            _ => format!("{} ", format_rfc3339_seconds(clock::now())),
        };
        let mut line = format!("{time}sexton: {}", told.sentence);
        cut(&mut line, TEXT_MAX - 1, ELLIPSIS);
        line
    };
    line.push('\n');
    line
}

/// An event as one JSON object. Where it is too long, its longest text is cut, so that it stays one.
fn json(mut told: Told) -> String {
    let time = format_rfc3339_millis(clock::now());
    loop {
        let mut object = format!("{{\"time\":\"{time}\",\"event\":{}", Value::from(told.event));
        for (name, value) in &told.fields {
            // Writing to a String does not fail.
            let _ = write!(object, ",{}:{value}", Value::from(*name));
        }
        object.push('}');
        let excess = object.len().saturating_sub(JSON_MAX - 1);
        let texts = told.fields.iter_mut().filter_map(|(_, value)| match value {
            Value::String(text) => Some(text),
            _ => None,
        });
        match texts.max_by_key(|text| text.len()) {
            // Escaped a character may be six bytes: what is too much is found in a few rounds.
            Some(longest) if excess > 0 && longest.len() > ELLIPSIS.len() => {
                let keep = longest.len().saturating_sub(excess.div_ceil(6).max(1) + ELLIPSIS.len());
                longest.truncate(longest.trim_end_matches(ELLIPSIS).len());
                cut(longest, keep.max(ELLIPSIS.len()), ELLIPSIS);
            }
            _ => return object,
        }
    }
}

/// Cuts `text` to at most `max` bytes, between characters; `end` says that it was.
fn cut(text: &mut String, max: usize, end: &str) {
    if text.len() > max {
        let most = max.saturating_sub(end.len());
        let at = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(at);
        text.push_str(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::reaper::End;
    use crate::init::signals::Signal;
    use crate::init::target_event::{TargetChange, TargetEvent};

    #[test]
    fn json_lines_can_be_read_back_whatever_a_process_is_called() {
        let end = End::Killed(Signal::KILL);
        let event = LogEvent::Reaped { pid: 7, name: b"a\"b\\c\n\xff\xc3\xa4", end, main: false };
        let value: Value = serde_json::from_str(&line(LogFormat::Json, &event)).unwrap();
        assert_eq!(value["event"], "reaped");
        assert_eq!(value["pid"], 7);
        assert_eq!(value["name"], "a\"b\\c\n\u{fffd}\u{e4}");
        assert_eq!(value["code"], 137);
        assert_eq!(value["signal"], "KILL");
    }

    #[test]
    fn text_lines_show_nothing_of_a_foreign_name_that_a_terminal_would_obey() {
        let name = "a\u{1b}[31m\n\u{202e}b".as_bytes();
        let event = LogEvent::Reaped { pid: 7, name, end: End::Exited(3), main: true };
        let text = line(LogFormat::Text, &event);
        // A time, a blank.
        assert_eq!(
            text.get(21..).unwrap_or_default(),
            "sexton: reaped the main child, pid 7 (a?[31m??b): exit 3\n"
        );
    }

    #[test]
    fn a_long_line_of_text_is_cut_between_characters() {
        let text = "ä".repeat(1000);
        let line = line(LogFormat::Text, &LogEvent::Warning { text: &text });
        assert!(line.len() <= TEXT_MAX && line.ends_with("ä...\n"), "{}", line.len());
    }

    #[test]
    fn a_long_line_of_json_is_cut_inside_of_its_texts() {
        for text in ["ä".repeat(9000), "\u{1}\"".repeat(5000), "x".repeat(3980)] {
            let change = TargetChange::Unhealthy { reason: &text, failures: 3, signal: None };
            let event = LogEvent::Target(TargetEvent { target: "http://h/", change });
            let line = line(LogFormat::Json, &event);
            assert!(line.len() <= JSON_MAX && line.len() > JSON_MAX * 9 / 10, "{}", line.len());
            let value: Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&value["target"], &value["failures"]), (&"http://h/".into(), &3.into()));
            assert!(value["reason"].as_str().unwrap().ends_with("..."));
        }
    }
}
