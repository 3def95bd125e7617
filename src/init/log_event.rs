//! What may be worth a line of the log: each event once, as a sentence and as fields for JSON.

use std::io;
use std::time::Duration;

use humantime::format_duration;
use serde_json::Value;

use crate::shown::Shown;
use crate::sys::process::Pid;

use super::plan::{SignalScope, Verbosity};
use super::reaper::End;
use super::signals::Signal;
use super::spawn_error::errno;
use super::target_event::TargetEvent;
use super::terminal::Handover;

/// Whether we have a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HasTerminal {
    /// We control one.
    Yes,
    /// There is none, or it is of no interest.
    No,
}

/// Something that may be worth a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum LogEvent<'a> {
    /// The main child was forked.
    Started { pid: Pid, program: &'a str, terminal: HasTerminal, handover: Option<Handover> },
    /// There is no main child, as asked.
    Paused,
    /// A signal was sent on.
    Forwarded { received: Signal, signal: Signal, is_rewritten: bool, pid: Pid, scope: SignalScope },
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
    Escalated { who: &'a str, after: Option<Duration> },
    /// The main child is gone, and its group was sent what this one is rewritten to.
    LastSignal { received: Signal, signal: Option<Signal>, is_rewritten: bool },
    /// SIGCHLD came, from the kernel or from somebody.
    ChildSignal,
    /// After a signal all the dead have been reaped.
    AllReaped { children_left: bool },
    /// Orphans come to us, as asked.
    Subreaper,
    /// The main child could not become its program.
    ExecFailed { pid: Pid },
    /// We end.
    Exit { code: u8 },
    /// Something about a target that is watched.
    Target(TargetEvent<'a>),
    /// We end, since this target was unhealthy.
    UnhealthyExit { code: u8, target: &'a str },
    /// Something is not as it should be.
    Warning { text: &'a str },
    /// What ends us.
    Failed { reason: &'a str },
    /// Lines found no room.
    Lost { lines: u64 },
    /// Orphans do not come to us, as asked.
    NoReaper,
    /// We stop ourselves, as asked.
    Suspending,
}

/// An event as it is told.
pub(super) struct Told {
    /// Its stable name.
    pub(super) event: &'static str,
    /// It in words.
    pub(super) sentence: String,
    /// What the words say, each under its name.
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl LogEvent<'_> {
    /// From which verbosity on it is told.
    pub(super) fn verbosity(&self) -> Verbosity {
        match self {
            Self::Failed { .. } => Verbosity::Error,
            Self::Warning { .. }
            | Self::Lost { .. }
            | Self::NotForwarded { .. }
            | Self::Escalated { after: Some(_), .. }
            | Self::UnhealthyExit { .. } => Verbosity::Warning,
            Self::Target(event) if event.is_warning() => Verbosity::Warning,
            Self::LastSignal { .. }
            | Self::ChildSignal
            | Self::AllReaped { .. }
            | Self::Subreaper
            | Self::ExecFailed { .. } => Verbosity::Trace,
            _ => Verbosity::Event,
        }
    }

    /// Both of its forms.
    pub(super) fn told(&self) -> Told {
        match *self {
            Self::Started { pid, program, .. } => told(
                "started",
                format!("started {} as pid {pid}", Shown::new(program)),
                [("pid", pid.into()), ("program", text(program.as_bytes()))],
            ),
            Self::Paused => told("paused", "paused: reaping until SIGTERM or SIGINT".into(), []),
            Self::Forwarded { received, signal, pid, scope, .. } => {
                let instead = if received == signal { String::new() } else { format!(" for SIG{received}") };
                let (to, is_group) = match scope {
                    SignalScope::MainChild => ("", false),
                    SignalScope::ProcessGroup => ("the group of ", true),
                };
                told(
                    "forwarded",
                    format!("forwarded SIG{signal}{instead} to {to}pid {pid}"),
                    [
                        ("signal", signal.to_string().into()),
                        ("received", received.to_string().into()),
                        ("pid", pid.into()),
                        ("group", is_group.into()),
                    ],
                )
            }
            Self::NotForwarded { signal, why } => told(
                "not forwarded",
                format!("cannot forward SIG{signal}: {}", errno(why)),
                [("signal", signal.to_string().into()), ("reason", errno(why).to_string().into())],
            ),
            Self::Dropped { signal } => signaled("dropped", format!("dropped SIG{signal}"), signal),
            Self::Ignored { signal } => {
                signaled("ignored", format!("ignored SIG{signal}: no main child"), signal)
            }
            Self::Held { signal, delay } => told(
                "held",
                format!("holding SIG{signal} back for {}", readable(delay)),
                [("signal", signal.to_string().into()), ("ms", milliseconds(delay))],
            ),
            Self::Reaped { pid, name, end, main } => reaped(pid, name, end, main),
            Self::Draining { limit } => told(
                "draining",
                format!("draining what is left, for at most {}", readable(limit)),
                [("ms", milliseconds(limit))],
            ),
            Self::Escalated { who, after } => {
                // Below a second nobody counts.
                let whole = |after: Duration| {
                    if after.as_secs() > 0 { Duration::from_secs(after.as_secs()) } else { after }
                };
                let late = after.map_or(String::new(), |after| format!(" after {}", readable(whole(after))));
                told(
                    "escalated",
                    format!("{who} still running{late}; sending SIGKILL"),
                    [("who", who.into())],
                )
            }
            Self::LastSignal { received, .. } => {
                signaled("last signal", format!("SIG{received} for the main child's group"), received)
            }
            Self::ChildSignal => told("child signal", "received SIGCHLD".into(), []),
            Self::AllReaped { .. } => told("all reaped", "nobody else to reap".into(), []),
            Self::Subreaper => told("subreaper", "orphans come to us, as asked".into(), []),
            Self::ExecFailed { pid } => {
                told("exec failed", format!("pid {pid} could not become its program"), [("pid", pid.into())])
            }
            Self::Exit { code } => told("exit", format!("exit {code}"), [("code", code.into())]),
            Self::Target(event) => Told {
                event: event.name(),
                sentence: Shown::new(&event.to_string()).to_string(),
                fields: event.fields(),
            },
            Self::UnhealthyExit { code, target } => told(
                "exit",
                format!("exiting with {code}: {} was unhealthy", Shown::new(target)),
                [("code", code.into()), ("unhealthy", text(target.as_bytes()))],
            ),
            Self::Warning { text: warning } => {
                told("warning", Shown::new(warning).to_string(), [("text", text(warning.as_bytes()))])
            }
            Self::Failed { reason } => {
                told("failed", Shown::new(reason).to_string(), [("reason", text(reason.as_bytes()))])
            }
            Self::Lost { lines } => told(
                "lost",
                format!("{lines} lines were lost: their reader was too slow"),
                [("lines", lines.into())],
            ),
            Self::NoReaper => told("no reaper", "orphans go to PID 1, as asked".into(), []),
            Self::Suspending => told("suspending", "stopping, too".into(), []),
        }
    }
}

/// A process that was reaped.
fn reaped(pid: Pid, name: &[u8], end: End, main: bool) -> Told {
    let who = if main { "the main child, " } else { "" };
    let called = if name.is_empty() { String::new() } else { format!(" ({})", Shown::new(name)) };
    let (how, signal) = match end {
        End::Exited(code) => (format!("exit {code}"), None),
        End::Killed(signal) => (format!("killed by SIG{signal}"), Some(signal)),
    };
    let mut told = told(
        "reaped",
        format!("reaped {who}pid {pid}{called}: {how}"),
        [("pid", pid.into()), ("name", text(name)), ("main", main.into()), ("code", end.code().into())],
    );
    told.fields.extend(signal.map(|signal| ("signal", signal.to_string().into())));
    told
}

/// An event with a signal and nothing else.
fn signaled(event: &'static str, sentence: String, signal: Signal) -> Told {
    told(event, sentence, [("signal", signal.to_string().into())])
}

/// An event.
fn told<const N: usize>(event: &'static str, sentence: String, fields: [(&'static str, Value); N]) -> Told {
    Told { event, sentence, fields: fields.into() }
}

/// Foreign bytes as JSON has them: what is UTF-8 stays.
fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into()
}

/// A length for people, who want no microseconds.
fn readable(length: Duration) -> impl std::fmt::Display {
    format_duration(Duration::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)))
}

/// A length in whole milliseconds.
fn milliseconds(length: Duration) -> Value {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX).into()
}
