//! What `dockerize` and `wait-for` share: a wait with its own words and exit code for a timeout, then a command.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::check::Require;
use crate::command::Command;
use crate::deadline::Deadline;
use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::init::plan::{Init, MainChild};
use crate::probe::Probe;
use crate::report::{self, Stream, Verbosity};
use crate::sys::process;
use crate::wait::{Messages, OnTimeout, Plan, RetryInterval, Wait, WaitFor};

/// How long the last line may wait for its reader.
const PATIENCE: Duration = Duration::from_millis(100);

/// A wait, then a command.
#[derive(Debug)]
pub(super) struct WaitThenRun {
    /// What is waited for.
    pub(super) probes: Vec<Arc<Probe>>,
    /// The pause between two attempts.
    pub(super) interval: Duration,
    /// The limit of one attempt.
    pub(super) attempt_timeout: Duration,
    /// The limit of the whole; none waits for ever.
    pub(super) timeout: Option<Duration>,
    /// Whether each change is told.
    pub(super) verbosity: Verbosity,
    /// The line on stderr when the limit has passed; the exit code is then 1.
    pub(super) timeout_line: String,
    /// The command and its arguments; empty when the wait is all.
    pub(super) command: Vec<OsString>,
    /// The exit code of a command that cannot run, where it is always the same.
    pub(super) exec_failure: Option<u8>,
    /// What is done if the command is a script without `#!`.
    pub(super) bare_script: BareScript,
}

impl Command for WaitThenRun {
    /// Waits, then becomes the command; as PID 1 it runs the command under an init, so that its orphans are reaped.
    fn run(self: Box<Self>) -> ExitStatus {
        if !self.probes.is_empty() {
            let wait = self.wait(self.plan(), Vec::new());
            match Box::new(wait).run() {
                ExitStatus::Healthy => {}
                ExitStatus::GaveUp => {
                    report::line(Stream::Stderr, &self.timeout_line, Deadline::after(PATIENCE));
                    return ExitStatus::Code(1);
                }
                signalled => return signalled,
            }
        }
        if self.command.is_empty() {
            return ExitStatus::Healthy;
        }
        if process::own_pid() == 1 {
            let init = Init::new(MainChild::Command(self.command));
            return Box::new(Init { bare_script: self.bare_script, ..init }).run();
        }
        let exec_failure = self.exec_failure;
        // A wait for nothing becomes its command at once.
        let plan = Plan { probes: Vec::new(), ..self.plan() };
        let exit = Box::new(self.wait(plan, self.command.clone())).run();
        exec_failure.map_or(exit, ExitStatus::Code)
    }
}

impl WaitThenRun {
    /// A wait as `plan` has it, then `command`.
    fn wait(&self, plan: Plan, command: Vec<OsString>) -> Wait {
        Wait { plan, on_timeout: OnTimeout::Exit, command, bare_script: self.bare_script }
    }

    /// The wait.
    fn plan(&self) -> Plan {
        Plan {
            probes: self.probes.clone(),
            require: Require::All,
            wait_for: WaitFor::Passing,
            stable: NonZeroU32::MIN,
            interval: RetryInterval::Constant(self.interval),
            attempt_timeout: self.attempt_timeout,
            timeout: self.timeout,
            verbosity: self.verbosity,
            messages: Messages::Own,
        }
    }
}
