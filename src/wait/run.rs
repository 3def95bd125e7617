//! The loop of a wait outside PID 1, and the exec at its end.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::command::Command;
use crate::deadline::Deadline;
use crate::exec::{self, Program};
use crate::exit::ExitStatus;
use crate::report::{self, Stream};
use crate::sys;

use super::{OnTimeout, Verbosity, Wait, WaitEnd, Waiting};

/// How long the last line may wait for its reader.
const PATIENCE: Duration = Duration::from_millis(100);

impl Command for Wait {
    /// Waits, then becomes CMD.
    fn run(self: Box<Self>) -> ExitStatus {
        sys::stdio::reopen_closed();
        let signals = Signals::block();
        let end = match attend(&self, signals.as_ref()) {
            Ok(end) => end,
            Err(signal) => return ExitStatus::killed_by(signal),
        };
        if end == WaitEnd::TimedOut && self.on_timeout == OnTimeout::Exit {
            return ExitStatus::GaveUp;
        }
        if self.command.is_empty() {
            return if end == WaitEnd::Passed { ExitStatus::Healthy } else { ExitStatus::GaveUp };
        }
        // CMD gets the mask that we were given.
        drop(signals);
        become_command(&self)
    }
}

/// The signals that end a wait, as a descriptor. PID 1 aside they would do so by themselves; this way the caller sees
/// an exit code, and no line is left half drawn.
struct Signals {
    inherited: SigSet,
    fd: SignalFd,
}

impl Signals {
    /// Blocks what ends a wait, and the sign of another size of the terminal; nothing where the kernel refuses, and the
    /// defaults do their work then. What we were given as ignored stays so.
    fn block() -> Option<Self> {
        let mut wanted = SigSet::empty();
        // As PID 1 none of them has a default, and nobody else to end it.
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
            if !sys::signal::is_ignored(number(signal)) {
                wanted.add(signal);
            }
        }
        wanted.add(Signal::SIGWINCH);
        let fd = SignalFd::with_flags(&wanted, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).ok()?;
        let inherited = SigSet::thread_get_mask().ok()?;
        wanted.thread_block().ok()?;
        Some(Self { inherited, fd })
    }
}

/// A signal as the kernel counts it.
#[expect(
    clippy::as_conversions,
    reason = "nix gives its enum the kernel's numbers, and no other way to them"
)]
fn number(signal: Signal) -> i32 {
    signal as i32
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Setting a mask that was read before does not fail.
        let _ = self.inherited.thread_set_mask();
    }
}

/// Waits until the end, or a signal that ends it.
fn attend(wait: &Wait, signals: Option<&Signals>) -> Result<WaitEnd, u32> {
    let mut waiting = Waiting::start(&wait.plan);
    loop {
        if let Some(end) = waiting.step(&wait.plan) {
            return Ok(end);
        }
        while let Some(Ok(Some(info))) = signals.map(|signals| signals.fd.read_signal()) {
            if i32::try_from(info.ssi_signo) != Ok(number(Signal::SIGWINCH)) {
                waiting.interrupt();
                return Err(info.ssi_signo);
            }
            waiting.resize();
        }
        let timeout = waiting.due().map_or(PollTimeout::NONE, |due| due.poll_timeout().into());
        let mut fds: Vec<_> = waiting.fds().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        fds.extend(signals.map(|signals| PollFd::new(signals.fd.as_fd(), PollFlags::POLLIN)));
        // An error of poll is EINTR or no memory; both are met by another round.
        let _ = poll(&mut fds, timeout);
    }
}

/// Replaces this process by CMD.
fn become_command(wait: &Wait) -> ExitStatus {
    let Wait { command, bare_script, .. } = wait;
    // argv came from the kernel NUL-terminated, so no word holds a NUL.
    let Ok(mut program) = Program::new(command, *bare_script, |_| true) else {
        return ExitStatus::NotExecutable;
    };
    let errno = Errno::from_raw(program.exec());
    if wait.plan.verbosity != Verbosity::Quiet {
        let name = command.first().map(OsString::as_os_str).unwrap_or_default();
        let line = format!("sexton: {}", exec::refusal(name, errno));
        report::line(Stream::Stderr, &line, Deadline::after(PATIENCE));
    }
    exec::exit_status(errno)
}
