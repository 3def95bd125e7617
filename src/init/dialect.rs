//! The words of other inits, as scripts and log filters know them. Each event becomes lines for [`WriteLine`]; what those
//! programs do not tell, neither do we.

use std::fmt;
use std::io::{self, IsTerminal};

use crate::report::Stream;
use crate::sys::process::{Pid, own_pid};

use crate::init::log_event::LogEvent;
use crate::init::plan::{DumbInitMode, LogFormat, ReapWarnings, Verbosity};
use crate::init::reaper::End;
use crate::init::signals::Signal;

/// Takes a line, with the level from which on it is told.
pub(crate) type WriteLine<'a> = &'a mut dyn FnMut(Verbosity, Stream, fmt::Arguments<'_>);

/// What tini tells, by its verbosity: 0 nothing, 1 warnings, 2 events, 3 and more details.
pub(crate) fn tini(event: &LogEvent<'_>, zombies: ReapWarnings, write: WriteLine<'_>) {
    let own = own_pid();
    let mut at = |level, text: fmt::Arguments<'_>| match level {
        Verbosity::Warning => write(level, Stream::Stderr, format_args!("[WARN  tini ({own})] {text}")),
        Verbosity::Event => write(level, Stream::Stdout, format_args!("[INFO  tini ({own})] {text}")),
        _ => write(level, Stream::Stdout, format_args!("[DEBUG tini ({own})] {text}")),
    };
    match event {
        LogEvent::Started { pid, program } => {
            at(Verbosity::Event, format_args!("Spawned child process '{program}' with pid '{pid}'"));
        }
        LogEvent::Forwarded { signal, .. } => {
            at(Verbosity::Detail, format_args!("Passing signal: '{}'", signal.describe()));
        }
        LogEvent::NotForwarded { signal, why } => {
            let signal = signal.describe();
            at(Verbosity::Warning, format_args!("Could not pass signal '{signal}': {why}"));
        }
        LogEvent::Reaped { pid, end, main, .. } => {
            at(Verbosity::Detail, format_args!("Reaped child with pid: '{pid}'"));
            match (main, end) {
                (true, End::Exited(code)) => {
                    at(Verbosity::Event, format_args!("Main child exited normally (with status '{code}')"));
                }
                (true, End::Killed(signal)) => {
                    let signal = signal.describe();
                    at(
                        Verbosity::Event,
                        format_args!("Main child exited with signal (with signal '{signal}')"),
                    );
                }
                (false, _) if zombies == ReapWarnings::On => {
                    at(Verbosity::Warning, format_args!("Reaped zombie process with pid={pid}"));
                }
                (false, _) => {}
            }
        }
        LogEvent::NoReaper => at(
            Verbosity::Warning,
            format_args!(
                "Tini is not running as PID 1 and isn't registered as a child subreaper.\n\
                 Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n\
                 To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register \
                 Tini as a child subreaper, or run Tini as PID 1."
            ),
        ),
        LogEvent::Warning { text } => at(Verbosity::Warning, format_args!("{text}")),
        _ => {}
    }
}

/// What dumb-init tells when it is told to.
pub(crate) fn dumb_init(event: &LogEvent<'_>, mode: DumbInitMode, write: WriteLine<'_>) {
    if let LogEvent::Started { .. } = event {
        write(Verbosity::Detail, Stream::Stderr, format_args!("[dumb-init] Running in debug mode."));
    }
    let mut line = |text: fmt::Arguments<'_>| {
        write(Verbosity::Event, Stream::Stderr, format_args!("[dumb-init] {text}"));
    };
    match event {
        LogEvent::Started { pid, .. } => {
            // Without a terminal there is none to give up, nor to take.
            let no_terminal = mode == DumbInitMode::Session && !io::stdin().is_terminal();
            let why = "controlling tty (errno=25 Inappropriate ioctl for device).";
            if mode == DumbInitMode::NoSession {
                line(format_args!("Not running in setsid mode."));
            }
            if no_terminal {
                line(format_args!("Unable to detach from {why}"));
            }
            line(format_args!("Child spawned with PID {pid}."));
            if no_terminal {
                line(format_args!("Unable to attach to {why}"));
            }
            if mode == DumbInitMode::Session {
                line(format_args!("setsid complete."));
            }
        }
        LogEvent::Suspending => line(format_args!("Suspending self due to TTY signal.")),
        LogEvent::Forwarded { received, signal, .. } => {
            line(format_args!("Received signal {}.", received.number()));
            if received != signal {
                line(format_args!("Translating signal {} to {}.", received.number(), signal.number()));
            }
            line(format_args!("Forwarded signal {} to children.", signal.number()));
        }
        LogEvent::Dropped { signal } => {
            line(format_args!("Received signal {}.", signal.number()));
            line(format_args!("Translating signal {} to 0.", signal.number()));
            line(format_args!("Not forwarding signal 0 to children (ignored)."));
        }
        LogEvent::Reaped { pid, end, .. } => {
            line(format_args!("Received signal {}.", Signal::CHLD.number()));
            match end {
                End::Exited(code) => {
                    line(format_args!("A child with PID {pid} exited with exit status {code}."));
                }
                End::Killed(signal) => {
                    line(format_args!(
                        "A child with PID {pid} was terminated by signal {}.",
                        signal.number()
                    ));
                }
            }
        }
        LogEvent::Exit { code } => {
            line(format_args!("Forwarded signal {} to children.", Signal::TERM.number()));
            line(format_args!("Child exited with status {code}. Goodbye."));
        }
        LogEvent::Warning { text } => line(format_args!("{text}")),
        _ => {}
    }
}

/// What catatonit tells with `CATATONIT_DEBUG`.
pub(crate) fn catatonit(event: &LogEvent<'_>, write: WriteLine<'_>) {
    let own = own_pid();
    let mut debug = |text: fmt::Arguments<'_>| {
        write(Verbosity::Event, Stream::Stderr, format_args!("DEBUG (catatonit:{own}): {text}"));
    };
    match event {
        LogEvent::Started { pid, program } => debug(format_args!("pid1 ({pid}) spawned: {program}")),
        LogEvent::Forwarded { signal, .. } => {
            debug(format_args!("forwarded signal {} to pid1", signal.number()));
        }
        LogEvent::Reaped { pid, end: End::Exited(code), .. } => {
            debug(format_args!("child process {pid} exited with code {code}"));
        }
        LogEvent::Reaped { pid, end: End::Killed(signal), .. } => {
            debug(format_args!("child process {pid} exited due to signal {}", signal.number()));
        }
        LogEvent::Warning { text } => {
            write(Verbosity::Warning, Stream::Stderr, format_args!("WARN (catatonit:{own}): {text}"));
        }
        _ => {}
    }
}

/// What each of them says when it cannot start its child; `pid` is that of the child that could not become the program.
pub(crate) fn cannot_start(format: LogFormat, program: &str, pid: Pid, why: &str) -> Option<String> {
    match format {
        LogFormat::Text | LogFormat::Json => None,
        LogFormat::Tini(_) => Some(format!("[FATAL tini ({pid})] exec {program} failed: {why}")),
        LogFormat::DumbInit(_) => Some(format!("[dumb-init] {program}: {why}")),
        LogFormat::Catatonit => Some(format!("ERROR (catatonit:{pid}): failed to exec pid1: {why}")),
    }
}
