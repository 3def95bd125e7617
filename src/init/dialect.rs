//! The words of other inits, as scripts and log filters know them. Each event becomes lines for [`WriteLine`]; what those
//! programs do not tell, neither do we.

use std::fmt;
use std::io::{self, IsTerminal};

use nix::errno::Errno;

use crate::report::Stream;
use crate::sys::process::{Pid, own_pid};

use crate::init::log_event::{HasTerminal, LogEvent};
use crate::init::plan::{DumbInitMode, LogFormat, ReapWarnings, Verbosity};
use crate::init::reaper::End;
use crate::init::signals::Signal;
use crate::init::terminal::{Detached, Handover};

/// Takes a line, with the level from which on it is told.
pub(crate) type WriteLine<'a> = &'a mut dyn FnMut(Verbosity, Stream, fmt::Arguments<'_>);

/// What tini tells, by its verbosity: 0 nothing, 1 warnings, 2 events, 3 details, 4 and more each step.
pub(crate) fn tini(event: &LogEvent<'_>, zombies: ReapWarnings, write: WriteLine<'_>) {
    let own = own_pid();
    let mut at = |level, text: fmt::Arguments<'_>| match level {
        Verbosity::Warning => write(level, Stream::Stderr, format_args!("[WARN  tini ({own})] {text}")),
        Verbosity::Event => write(level, Stream::Stdout, format_args!("[INFO  tini ({own})] {text}")),
        Verbosity::Trace => write(level, Stream::Stdout, format_args!("[TRACE tini ({own})] {text}")),
        _ => write(level, Stream::Stdout, format_args!("[DEBUG tini ({own})] {text}")),
    };
    match event {
        LogEvent::Subreaper => at(Verbosity::Trace, format_args!("Registered as child subreaper")),
        LogEvent::Started { pid, program, .. } => {
            at(Verbosity::Event, format_args!("Spawned child process '{program}' with pid '{pid}'"));
        }
        LogEvent::Forwarded { signal, .. } => {
            at(Verbosity::Detail, format_args!("Passing signal: '{}'", signal.describe()));
        }
        LogEvent::NotForwarded { signal, why } => {
            let signal = signal.describe();
            at(Verbosity::Warning, format_args!("Could not pass signal '{signal}': {why}"));
        }
        LogEvent::ChildSignal => at(Verbosity::Detail, format_args!("Received SIGCHLD")),
        LogEvent::AllReaped { children_left: true } => {
            at(Verbosity::Trace, format_args!("No child to reap"));
        }
        LogEvent::AllReaped { children_left: false } => {
            at(Verbosity::Trace, format_args!("No child to wait"));
        }
        // Its child says so on its way; who becomes the program takes the line along, unwritten.
        LogEvent::ExecFailed { pid } if !io::stdin().is_terminal() => write(
            Verbosity::Detail,
            Stream::Stdout,
            format_args!("[DEBUG tini ({pid})] tcsetpgrp failed: no tty (ok to proceed)"),
        ),
        LogEvent::Exit { .. } => at(Verbosity::Trace, format_args!("Exiting: child has exited")),
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
    match *event {
        LogEvent::Started { pid, handover, .. } => {
            if mode == DumbInitMode::NoSession {
                line(format_args!("Not running in setsid mode."));
            }
            if let Some(handover) = handover {
                detached(handover.detached, &mut line);
            }
            line(format_args!("Child spawned with PID {pid}."));
            if let Some(handover) = handover {
                attached(handover, &mut line);
            }
        }
        LogEvent::Suspending => line(format_args!("Suspending self due to TTY signal.")),
        LogEvent::Forwarded { received, signal, is_rewritten, .. } => {
            line(format_args!("Received signal {}.", received.number()));
            sent(received, Some(signal), is_rewritten, &mut line);
        }
        LogEvent::Dropped { signal } => {
            line(format_args!("Received signal {}.", signal.number()));
            sent(signal, None, true, &mut line);
        }
        LogEvent::LastSignal { received, signal, is_rewritten } => {
            sent(received, signal, is_rewritten, &mut line);
        }
        LogEvent::ChildSignal => line(format_args!("Received signal {}.", Signal::CHLD.number())),
        LogEvent::Reaped { pid, end: End::Exited(code), .. } => {
            line(format_args!("A child with PID {pid} exited with exit status {code}."));
        }
        LogEvent::Reaped { pid, end: End::Killed(signal), .. } => {
            line(format_args!("A child with PID {pid} was terminated by signal {}.", signal.number()));
        }
        LogEvent::Exit { code } => line(format_args!("Child exited with status {code}. Goodbye.")),
        LogEvent::Warning { text } => line(format_args!("{text}")),
        _ => {}
    }
}

/// How dumb-init gave up its terminal.
fn detached(detached: Detached, line: &mut impl FnMut(fmt::Arguments<'_>)) {
    match detached {
        Detached::Not(why) => {
            let (number, text) = (raw(why), strerror(why));
            line(format_args!("Unable to detach from controlling tty (errno={number} {text})."));
        }
        Detached::AsMember => {
            line(format_args!("Detached from controlling tty, but was not session leader."));
        }
        Detached::AsLeader(_) => line(format_args!(
            "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."
        )),
    }
}

/// How its child took that; and what became of the signals that came of it.
fn attached(handover: Handover, line: &mut impl FnMut(fmt::Arguments<'_>)) {
    if let Some(why) = handover.attach_error {
        let (number, text) = (raw(why), strerror(why));
        line(format_args!("Unable to attach to controlling tty (errno={number} {text})."));
    }
    line(format_args!("setsid complete."));
    if let Detached::AsLeader(taken) = handover.detached {
        for signal in taken.into_iter().flatten() {
            line(format_args!("Received signal {}.", signal.number()));
            line(format_args!("Ignoring tty hand-off signal {}.", signal.number()));
        }
    }
}

/// What dumb-init made of a signal.
fn sent(
    received: Signal,
    signal: Option<Signal>,
    is_rewritten: bool,
    line: &mut impl FnMut(fmt::Arguments<'_>),
) {
    let number = signal.map_or(0, Signal::number);
    if is_rewritten {
        line(format_args!("Translating signal {} to {number}.", received.number()));
    }
    if number == 0 {
        line(format_args!("Not forwarding signal 0 to children (ignored)."));
    } else {
        line(format_args!("Forwarded signal {number} to children."));
    }
}

/// What catatonit tells with `CATATONIT_DEBUG`.
pub(crate) fn catatonit(event: &LogEvent<'_>, write: WriteLine<'_>) {
    let own = own_pid();
    if let LogEvent::Started { pid, terminal: HasTerminal::No, .. } = event {
        // Its child says so.
        write(
            Verbosity::Event,
            Stream::Stderr,
            format_args!(
                "INFO (catatonit:{pid}): using stdin as tty fd: could not open /dev/tty: No such device or address"
            ),
        );
        if !io::stdin().is_terminal() {
            write(
                Verbosity::Event,
                Stream::Stderr,
                format_args!(
                    "DEBUG (catatonit:{pid}): setting foreground process failed: no tty present: Inappropriate ioctl \
                     for device"
                ),
            );
        }
    }
    let mut debug = |text: fmt::Arguments<'_>| {
        write(Verbosity::Event, Stream::Stderr, format_args!("DEBUG (catatonit:{own}): {text}"));
    };
    match event {
        LogEvent::Started { pid, program, .. } => debug(format_args!("pid1 ({pid}) spawned: {program}")),
        LogEvent::Reaped { pid, end: End::Exited(code), main: false, .. } => {
            debug(format_args!("child process {pid} exited with code {code}"));
        }
        LogEvent::Reaped { pid, end: End::Killed(signal), main: false, .. } => {
            debug(format_args!("child process {pid} exited due to signal {}", signal.number()));
        }
        LogEvent::AllReaped { children_left: false } => {
            debug(format_args!("got ECHILD: no children left to monitor"));
        }
        LogEvent::Dropped { signal } if signal.is_job_control() => {
            debug(format_args!("ignoring kernel attempting to stop us: tty has TOSTOP set"));
        }
        LogEvent::Warning { text } => {
            write(Verbosity::Warning, Stream::Stderr, format_args!("WARN (catatonit:{own}): {text}"));
        }
        _ => {}
    }
}

/// What each of them says when its child `pid` could not become `program`.
pub(crate) fn cannot_exec(format: LogFormat, program: &str, pid: Pid, why: Errno) -> String {
    let why = strerror(why);
    match format {
        LogFormat::Tini(_) => format!("[FATAL tini ({pid})] exec {program} failed: {why}"),
        LogFormat::DumbInit(_) => format!("[dumb-init] {program}: {why}"),
        LogFormat::Catatonit | LogFormat::Text | LogFormat::Json => {
            format!("ERROR (catatonit:{pid}): failed to exec pid1: {why}")
        }
    }
}

/// What each of them says when it cannot fork.
pub(crate) fn cannot_fork(format: LogFormat, why: Errno) -> String {
    let (own, why) = (own_pid(), strerror(why));
    match format {
        LogFormat::Tini(_) => format!("[FATAL tini ({own})] fork failed: {why}"),
        LogFormat::DumbInit(_) => "[dumb-init] Unable to fork. Exiting.".to_owned(),
        LogFormat::Catatonit | LogFormat::Text | LogFormat::Json => {
            let error = format!("ERROR (catatonit:{own}): failed to");
            format!("{error} fork child: {why}\n{error} spawn pid1: {why}")
        }
    }
}

/// What strerror(3) of the GNU C library says; other libraries have words of their own for some.
fn strerror(errno: Errno) -> &'static str {
    match errno {
        Errno::E2BIG => "Argument list too long",
        Errno::EAGAIN => "Resource temporarily unavailable",
        Errno::EIO => "Input/output error",
        Errno::ELOOP => "Too many levels of symbolic links",
        Errno::ENAMETOOLONG => "File name too long",
        Errno::ENOEXEC => "Exec format error",
        Errno::ENOMEM => "Cannot allocate memory",
        Errno::ENOTTY => "Inappropriate ioctl for device",
        Errno::EPERM => "Operation not permitted",
        Errno::ETXTBSY => "Text file busy",
        other => other.desc(),
    }
}

/// An errno's number.
#[expect(clippy::as_conversions, reason = "an enum with numbers has no other way to them")]
fn raw(errno: Errno) -> i32 {
    errno as i32
}
