//! What the init says: one line for each event, in the words that the plan asks for. Never waits for a reader: what does not
//! fit is dropped, and how much that was is told as soon as there is room.

use std::fmt::{self, Write};
use std::io;
use std::time::Duration;

use crate::health::Health;
use crate::report;
use crate::sys::process::Pid;

use super::dialect::{self, Channel};
use super::failure::errno;
use super::plan::{LogFormat, LogOptions, SignalScope, Verbosity};
use super::reaper::End;
use super::signals::Signal;

/// Something that may be worth a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum LogEvent<'a> {
    /// The main child was forked.
    Started { pid: Pid, program: &'a str },
    /// There is no main child, as asked.
    Paused,
    /// A signal was sent on.
    Forwarded { received: Signal, signal: Signal, pid: Pid, target: SignalScope },
    /// A signal could not be sent on.
    NotForwarded { signal: Signal, why: &'a io::Error },
    /// A signal was not sent on, as the plan has it.
    Dropped { signal: Signal },
    /// A signal has nobody to be sent to.
    Ignored { signal: Signal },
    /// A signal is held back.
    Held { signal: Signal, delay: Duration },
    /// A process was reaped.
    Reaped { pid: Pid, name: &'a [u8], end: End, main: bool },
    /// What the main child left is asked to end.
    Draining { limit: Duration },
    /// Somebody who did not end is killed.
    Escalated { who: &'a str },
    /// We end.
    Exit { code: u8 },
    /// A target that is watched is thought of otherwise than before.
    Health { health: Health, target: &'a str, reason: Option<&'a str>, failures: u32 },
    /// Something is not as it should be.
    Warning { text: &'a str },
    /// Orphans do not come to us, as asked.
    NoReaper,
    /// We stop ourselves, as asked.
    Suspending,
}

impl LogEvent<'_> {
    /// From which level on it is said.
    fn level(&self) -> Verbosity {
        match self {
            Self::Warning { .. }
            | Self::NotForwarded { .. }
            | Self::Health { health: Health::Unhealthy, .. } => Verbosity::Warning,
            _ => Verbosity::Event,
        }
    }
}

/// The writer of notes.
#[derive(Debug)]
pub(super) struct Log {
    options: LogOptions,
    /// Whether stderr was open when we came; a descriptor of ours may have its number since.
    stderr: Stderr,
    /// Lines that found no room.
    lost: u64,
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
    /// A log with this voice.
    pub(super) fn new(options: LogOptions, stderr: Stderr) -> Self {
        Self { options, stderr, lost: 0 }
    }

    /// Whether events are said at all: finding out what to say has its cost.
    pub(super) fn tells_events(&self) -> bool {
        self.options.verbosity >= Verbosity::Event && self.stderr == Stderr::Open
    }

    /// Says `note`, if the voice does.
    pub(super) fn record(&mut self, note: LogEvent<'_>) {
        match self.options.format {
            LogFormat::Text | LogFormat::Json => {}
            LogFormat::Tini(zombies) => {
                return dialect::tini(&note, zombies, &mut |level, to, line| self.relay(level, to, line));
            }
            LogFormat::DumbInit(mode) => {
                return dialect::dumb_init(&note, mode, &mut |level, to, line| self.relay(level, to, line));
            }
            LogFormat::Catatonit => {
                return dialect::catatonit(&note, &mut |level, to, line| self.relay(level, to, line));
            }
        }
        if self.stderr == Stderr::Closed || self.options.verbosity < note.level() {
            return;
        }
        if self.lost > 0 {
            let mut line = Line::new();
            let _ = match self.options.format {
                LogFormat::Json => write!(line, "{{\"event\":\"lost\",\"lines\":{}}}", self.lost),
                _ => write!(line, "sexton: {} lines were lost: their reader was too slow", self.lost),
            };
            if !line.send_to(Channel::Stderr) {
                self.lost += 1;
                return;
            }
            self.lost = 0;
        }
        let mut line = Line::new();
        // A line that is too long is cut, and told as it is.
        let _ = match self.options.format {
            LogFormat::Json => json(&note, &mut line),
            _ => text(&note, &mut line),
        };
        if !line.send_to(Channel::Stderr) {
            self.lost += 1;
        }
    }
}

impl Log {
    /// Writes a line of another init, if its level is told. Those programs have no words for lines that were lost.
    fn relay(&mut self, level: Verbosity, to: Channel, text: fmt::Arguments<'_>) {
        if self.options.verbosity < level || (to == Channel::Stderr && self.stderr == Stderr::Closed) {
            return;
        }
        let mut line = Line::new();
        // A line that is too long is cut.
        let _ = line.write_fmt(text);
        line.send_to(to);
    }
}

/// A note in words.
fn text(note: &LogEvent<'_>, to: &mut Line) -> fmt::Result {
    write!(to, "sexton: ")?;
    match note {
        LogEvent::Started { pid, program } => {
            write!(to, "started {} as pid {pid}", Clean(program.as_bytes()))
        }
        LogEvent::Paused => write!(to, "paused: reaping until SIGTERM or SIGINT"),
        LogEvent::Forwarded { received, signal, pid, target } => {
            write!(to, "forwarded SIG{signal}")?;
            if received != signal {
                write!(to, " for SIG{received}")?;
            }
            match target {
                SignalScope::MainChild => write!(to, " to pid {pid}"),
                SignalScope::ProcessGroup => write!(to, " to the group of pid {pid}"),
            }
        }
        LogEvent::NotForwarded { signal, why } => write!(to, "cannot forward SIG{signal}: {}", errno(why)),
        LogEvent::Dropped { signal } => write!(to, "dropped SIG{signal}"),
        LogEvent::Ignored { signal } => write!(to, "ignored SIG{signal}: no main child"),
        LogEvent::Held { signal, delay } => {
            write!(to, "holding SIG{signal} back for {}", humantime::format_duration(*delay))
        }
        LogEvent::Reaped { pid, name, end, main } => {
            write!(to, "reaped {}pid {pid}", if *main { "the main child, " } else { "" })?;
            if !name.is_empty() {
                write!(to, " ({})", Clean(name))?;
            }
            match end {
                End::Exited(code) => write!(to, ": exit {code}"),
                End::Killed(signal) => write!(to, ": killed by SIG{signal}"),
            }
        }
        LogEvent::Draining { limit } => {
            write!(to, "draining what is left, for at most {}", humantime::format_duration(*limit))
        }
        LogEvent::Escalated { who } => write!(to, "killing {who}: it did not end in time"),
        LogEvent::Exit { code } => write!(to, "exit {code}"),
        LogEvent::Health { health, target, reason, failures } => {
            let (health, target) = (health.name(), Clean(target.as_bytes()));
            match reason {
                Some(reason) => {
                    let reason = Clean(reason.as_bytes());
                    write!(to, "{health}: {reason} ({target}), {failures} in a row")
                }
                None => write!(to, "{health} ({target})"),
            }
        }
        LogEvent::Warning { text } => write!(to, "{text}"),
        LogEvent::NoReaper => write!(to, "orphans go to PID 1, as asked"),
        LogEvent::Suspending => write!(to, "stopping, too"),
    }
}

/// A note as one JSON object.
fn json(note: &LogEvent<'_>, to: &mut Line) -> fmt::Result {
    match note {
        LogEvent::Started { pid, program } => {
            write!(to, r#"{{"event":"started","pid":{pid},"program":"{}"}}"#, Quoted(program.as_bytes()))
        }
        LogEvent::Paused => write!(to, r#"{{"event":"paused"}}"#),
        LogEvent::Forwarded { received, signal, pid, target } => {
            let group = matches!(target, SignalScope::ProcessGroup);
            write!(
                to,
                r#"{{"event":"forwarded","signal":"{signal}","received":"{received}","pid":{pid},"group":{group}}}"#
            )
        }
        LogEvent::NotForwarded { signal, why } => {
            write!(to, r#"{{"event":"not forwarded","signal":"{signal}","reason":"{}"}}"#, errno(why))
        }
        LogEvent::Dropped { signal } => write!(to, r#"{{"event":"dropped","signal":"{signal}"}}"#),
        LogEvent::Ignored { signal } => write!(to, r#"{{"event":"ignored","signal":"{signal}"}}"#),
        LogEvent::Held { signal, delay } => {
            write!(to, r#"{{"event":"held","signal":"{signal}","ms":{}}}"#, delay.as_millis())
        }
        LogEvent::Reaped { pid, name, end, main } => {
            write!(
                to,
                r#"{{"event":"reaped","pid":{pid},"name":"{}","main":{main},"code":{}"#,
                Quoted(name),
                end.code()
            )?;
            if let End::Killed(signal) = end {
                write!(to, r#","signal":"{signal}""#)?;
            }
            write!(to, "}}")
        }
        LogEvent::Draining { limit } => write!(to, r#"{{"event":"draining","ms":{}}}"#, limit.as_millis()),
        LogEvent::Escalated { who } => write!(to, r#"{{"event":"escalated","who":"{who}"}}"#),
        LogEvent::Exit { code } => write!(to, r#"{{"event":"exit","code":{code}}}"#),
        LogEvent::Health { health, target, reason, failures } => write!(
            to,
            r#"{{"event":"health","health":"{}","target":"{}","reason":"{}","failures":{failures}}}"#,
            health.name(),
            Quoted(target.as_bytes()),
            Quoted(reason.unwrap_or_default().as_bytes())
        ),
        LogEvent::Warning { text } => {
            write!(to, r#"{{"event":"warning","text":"{}"}}"#, Quoted(text.as_bytes()))
        }
        LogEvent::NoReaper => write!(to, r#"{{"event":"no reaper"}}"#),
        LogEvent::Suspending => write!(to, r#"{{"event":"suspending"}}"#),
    }
}

/// What ends us, as one line in these words.
pub(super) fn fatal_line(format: LogFormat, why: &str) -> String {
    match format {
        LogFormat::Json => format!(r#"{{"event":"failed","reason":"{}"}}"#, Quoted(why.as_bytes())),
        _ => format!("sexton: {why}"),
    }
}

/// Bytes of a foreign name, without what a terminal would obey.
struct Clean<'a>(&'a [u8]);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|c| f.write_char(if c.is_control() { '?' } else { c }))?;
            if !chunk.invalid().is_empty() {
                f.write_char('?')?;
            }
        }
        Ok(())
    }
}

/// The same inside of JSON's quotes; what is UTF-8 stays.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                    c => f.write_char(c)?,
                }
            }
            if !chunk.invalid().is_empty() {
                f.write_char('\u{fffd}')?;
            }
        }
        Ok(())
    }
}

/// A line under construction, on the stack.
struct Line {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Line {
    /// Longest line with its end. Far under `PIPE_BUF`, so that lines of several writers do not mix.
    const MAX: usize = 480;

    /// Nothing yet.
    fn new() -> Self {
        Self { bytes: [0; Self::MAX], len: 0 }
    }

    /// Ends the line and writes it, if all of it can be written now.
    fn send_to(mut self, to: Channel) -> bool {
        if let Some(end) = self.bytes.get_mut(self.len) {
            *end = b'\n';
            self.len += 1;
        }
        let stream = match to {
            Channel::Stdout => report::Stream::Stdout,
            Channel::Stderr => report::Stream::Stderr,
        };
        report::log_line(stream, self.bytes.get(..self.len).unwrap_or_default())
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // One byte is kept for the end of the line.
        let room = Self::MAX - 1 - self.len;
        let mut fits = text.len().min(room);
        while !text.is_char_boundary(fits) {
            fits -= 1;
        }
        let (Some(to), Some(from)) =
            (self.bytes.get_mut(self.len..self.len + fits), text.as_bytes().get(..fits))
        else {
            return Err(fmt::Error);
        };
        to.copy_from_slice(from);
        self.len += fits;
        if fits < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `note` as it would be written.
    fn said(note: &LogEvent<'_>, format: LogFormat) -> String {
        let mut line = Line::new();
        let _ = match format {
            LogFormat::Json => json(note, &mut line),
            _ => text(note, &mut line),
        };
        String::from_utf8(line.bytes[..line.len].to_vec()).unwrap()
    }

    #[test]
    fn json_lines_can_be_read_back_whatever_a_process_is_called() {
        let end = End::Killed(Signal::KILL);
        let note = LogEvent::Reaped { pid: 7, name: b"a\"b\\c\n\xff\xc3\xa4", end, main: false };
        let value: serde_json::Value = serde_json::from_str(&said(&note, LogFormat::Json)).unwrap();
        assert_eq!(value["event"], "reaped");
        assert_eq!(value["pid"], 7);
        assert_eq!(value["name"], "a\"b\\c\n\u{fffd}\u{e4}");
        assert_eq!(value["code"], 137);
        assert_eq!(value["signal"], "KILL");
    }

    #[test]
    fn text_lines_show_no_control_characters_of_a_foreign_name() {
        let note = LogEvent::Reaped { pid: 7, name: b"a\x1b[31m\n", end: End::Exited(3), main: true };
        assert_eq!(said(&note, LogFormat::Text), "sexton: reaped the main child, pid 7 (a?[31m?): exit 3");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let text = "ä".repeat(1000);
        let line = said(&LogEvent::Warning { text: &text }, LogFormat::Text);
        assert!(line.len() < Line::MAX && line.ends_with('ä'), "{}", line.len());
    }
}
