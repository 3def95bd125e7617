//! What curl and wget share: HTTP transfers whose bodies go to stdout or files, with exit codes of their own.
//!
//! A transfer is not limited in size, as the body of a check is, but in time.

pub(crate) mod exchange;
pub(crate) mod output;

use std::fmt;
use std::time::Duration;

use crate::attempt;
use crate::command::Command;
use crate::compat::RunResult;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::report;
use crate::report::Stream;
use crate::{sys, watchdog};

/// All that one command line asks for.
#[derive(Debug)]
pub(crate) struct Transfers {
    /// The limit that the command line names, `-m` for one: of all tries of all URLs together.
    pub(crate) named_limit: Option<Duration>,
    /// The limit where it names none.
    pub(crate) default_limit: Duration,
    /// curl or wget.
    pub(crate) tool: Box<dyn TransferTool>,
}

/// What differs between curl and wget.
pub(crate) trait TransferTool: Sync {
    /// What it says, and ends with, when the limit has passed.
    fn timeout_report(&self) -> (String, ExitStatus);

    /// The exit code where stdout was closed from the start and there was something to write.
    fn write_error_exit(&self) -> ExitStatus;

    /// Whether it reads or writes files: on a file system whose server is gone that never ends.
    fn touches_files(&self) -> bool;

    /// Writes no file from now on.
    ///
    /// # Errors
    ///
    /// The option that names a file to write, or one to read into a request.
    fn forbid_files(&mut self) -> Result<(), String>;

    /// Runs the transfers.
    fn run(&self, deadline: Deadline) -> RunResult;
}

impl fmt::Debug for dyn TransferTool {
    /// No details, for the reason that a command has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransferTool")
    }
}

impl Command for Transfers {
    /// Runs them, and ends at the limit, whatever a library or a file is doing.
    fn run(self: Box<Self>) -> ExitStatus {
        let deadline = Deadline::after(self.named_limit.unwrap_or(self.default_limit));
        let has_stdout = sys::stdio::is_open(1);
        sys::stdio::reopen_closed();
        let (line, exit) = self.tool.timeout_report();
        let line = if line.is_empty() { line } else { format!("{line}\n") };
        // Without a timer the transfer's own deadline still holds.
        let _ = watchdog::arm(deadline, line, 2, exit.code());
        let result = if self.touches_files() {
            match attempt::run_aside(|| self.tool.run(deadline)) {
                Some(result) => result,
                None => return exit,
            }
        } else {
            self.tool.run(deadline)
        };
        let [written, _] = report::written();
        match result.exit.code() {
            0 if !has_stdout && written > 0 => self.tool.write_error_exit(),
            // What would have been tried again was no success.
            0 if result.out_of_time && self.named_limit.is_none() => exit,
            _ => result.exit,
        }
    }
}

impl Transfers {
    /// Whether it reads or writes files.
    pub(crate) fn touches_files(&self) -> bool {
        self.tool.touches_files()
    }

    /// The limit that the command line names.
    pub(crate) fn own_limit(&self) -> Option<Duration> {
        self.named_limit
    }

    /// Runs them by `deadline`, or sooner where the command line says so, for a caller who keeps the limit.
    pub(crate) fn run_by(&self, deadline: Deadline) -> RunResult {
        match self.named_limit {
            // The end of a limit that the line names is the end of the transfer, and of nothing else.
            Some(limit) => RunResult { out_of_time: false, ..self.tool.run(deadline.at_most(limit)) },
            None => self.tool.run(deadline),
        }
    }
}

/// One line on stderr.
pub(crate) fn stderr_line(line: &str, deadline: Deadline) {
    report::line(Stream::Stderr, line, deadline);
}
