//! One question to one target, told in the manners of another program: its words, its exit codes.

use std::time::Duration;

use crate::attempt;
use crate::attempt::{Detail, Finished};
use crate::command::Command;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::net::tls;
use crate::probe::Probe;
use crate::report;
use crate::report::Stream;
use crate::{sys, watchdog};

/// A question of a personality.
#[derive(Debug)]
pub(crate) struct HealthProbe {
    /// What to ask.
    pub(crate) probe: Probe,
    /// The files to look at before anybody is asked.
    pub(crate) tls: Option<tls::Options>,
    /// The limit of the whole run.
    pub(crate) timeout: Duration,
    /// How that program would tell what came of it.
    pub(crate) judge: fn(&Finished) -> FinalLine,
    /// How it would tell that nothing did in time.
    pub(crate) overdue: FinalLine,
}

/// The last words of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FinalLine {
    /// Its line.
    pub(crate) line: String,
    /// What it exits with.
    pub(crate) exit: ExitStatus,
}

impl Command for HealthProbe {
    /// Asks, and says on stderr what the other program would say there.
    fn run(self: Box<Self>) -> ExitStatus {
        let deadline = Deadline::after(self.timeout);
        sys::stdio::reopen_closed();
        // Without a timer the probe's own deadline still holds.
        let _ = watchdog::arm(deadline, format!("{}\n", self.overdue.line), 2, self.overdue.exit.code());
        if let Some(Err(failure)) = self.tls.as_ref().map(tls::Options::check_files) {
            let line = format!("failed to initialize tls credentials. error={failure}");
            watchdog::settle(1);
            report::line(Stream::Stderr, &line, deadline);
            return ExitStatus::Code(1);
        }
        let last = (self.judge)(&attempt::run(&self.probe, deadline, Detail::Verdict));
        watchdog::settle(last.exit.code());
        report::line(Stream::Stderr, &last.line, deadline);
        last.exit
    }
}
