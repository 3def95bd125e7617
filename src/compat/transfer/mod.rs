//! HTTP transfers in another program's manners: bodies to stdout or files, its words, its exit codes.
//!
//! A transfer is not limited in size, as the body of a check is, but in time.

pub(crate) mod exchange;
pub(crate) mod output;

use std::fmt::Debug;
use std::time::Duration;

use crate::attempt;
use crate::command::Command;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::report;
use crate::report::Stream;
use crate::{sys, watchdog};

/// All that one command line asks for.
#[derive(Debug)]
pub(crate) struct Transfers {
    /// The limit of the whole run.
    pub(crate) timeout: Duration,
    /// Whose manners.
    pub(crate) tool: Box<dyn TransferTool>,
}

/// What differs from program to program.
pub(crate) trait TransferTool: Debug + Sync {
    /// What it says, and ends with, when the limit came.
    fn timeout_report(&self) -> (String, ExitStatus);

    /// Whether it reads or writes files: on a file system whose server is gone that never ends.
    fn touches_files(&self) -> bool;

    /// Does it.
    fn run(&self, deadline: Deadline) -> ExitStatus;
}

impl Command for Transfers {
    /// Does it, and ends at its limit, whatever a library is doing.
    fn run(self: Box<Self>) -> ExitStatus {
        let deadline = Deadline::after(self.timeout);
        sys::stdio::reopen_closed();
        let (line, exit) = self.tool.timeout_report();
        let line = if line.is_empty() { line } else { format!("{line}\n") };
        // Without a timer the transfer's own deadline still holds.
        let _ = watchdog::arm(deadline, line, 2, exit.code());
        if self.touches_files() {
            return attempt::run_aside(|| self.tool.run(deadline)).unwrap_or(exit);
        }
        self.tool.run(deadline)
    }
}

impl Transfers {
    /// Whether it reads or writes files.
    pub(crate) fn touches_files(&self) -> bool {
        self.tool.touches_files()
    }

    /// Does it by `deadline`, for somebody who keeps the limit.
    pub(crate) fn run_by(&self, deadline: Deadline) -> ExitStatus {
        self.tool.run(deadline.at_most(self.timeout))
    }
}

/// One line on stderr.
pub(crate) fn stderr_line(line: &str, deadline: Deadline) {
    report::line(Stream::Stderr, line, deadline);
}
