//! The start of the main child, and what is said where it fails.

use std::os::fd::RawFd;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::report::{self, Stream};
use crate::sys::fds;
use crate::sys::process;
use crate::sys::signal::Source;

use super::child::{self, CloseFds, Inherited, SpawnError};
use super::dialect;
use super::effects::Effects;
use super::log::Log;
use super::log_event::{HasTerminal, LogEvent};
use super::plan::{Init, LogFormat, MainChild, Placement};
use super::spawn_error;
use super::terminal::Terminal;

/// How long a line about what ends us waits for its reader: one that has not come by then does not come.
const PATIENCE: Duration = Duration::from_millis(200);

/// What the main child is started with.
#[derive(Debug)]
pub(super) struct Launch<'p> {
    pub(super) plan: &'p Init,
    pub(super) inherited: Inherited,
    /// The descriptors that we were given, where probes have their own beside them.
    pub(super) given: Option<Vec<RawFd>>,
}

impl Launch<'_> {
    /// Starts the main child, if the plan has one.
    ///
    /// # Errors
    ///
    /// What to exit with when it cannot be started.
    pub(super) fn start(&self, source: &Source, effects: &mut Effects<'_>) -> Result<(), ExitStatus> {
        let MainChild::Command(command) = &self.plan.main else {
            let _ = process::change_directory(c"/");
            fds::close_each(self.given.as_deref().unwrap_or_default());
            effects.log.record(LogEvent::Paused);
            return Ok(());
        };
        effects.terminal = self.terminal();
        let ours: Vec<_> = [source.raw_fd(), effects.terminal.raw_fd()].into_iter().flatten().collect();
        let program = command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
        let closing = self.given.as_deref().map_or(CloseFds::AllBut(&ours), CloseFds::Only);
        match child::spawn(self.plan, command, &self.inherited, &effects.terminal, closing) {
            Ok(child) => {
                let terminal =
                    if effects.terminal.raw_fd().is_some() { HasTerminal::Yes } else { HasTerminal::No };
                let (pid, handover) = (child.pid, child.handover);
                effects.log.record(LogEvent::Started { pid, program: &program, terminal, handover });
                effects.remaining.set_group(child.pid);
                effects.child = Some(child);
                Ok(())
            }
            Err(error) => {
                let why = match (self.plan.log.format, &error) {
                    (LogFormat::Text | LogFormat::Json, _) | (_, SpawnError::Nul) => {
                        spawn_error::start(&program, &error)
                    }
                    (format, SpawnError::Start(why)) => dialect::cannot_fork(format, spawn_error::errno(why)),
                };
                report_fatal(self.plan, &effects.log, &why);
                Err(self.plan.failures.init)
            }
        }
    }

    /// The controlling terminal; of no interest to a main child that does not get a group of its own in our session.
    fn terminal(&self) -> Terminal {
        if self.plan.placement == Placement::Group { Terminal::find() } else { Terminal::none() }
    }
}

/// Says what ends us, in the words of the plan's format. Unlike the log this waits for a slow reader, but not for long.
pub(super) fn report_fatal(plan: &Init, log: &Log, why: &str) {
    let deadline = Deadline::after(PATIENCE);
    match plan.log.format {
        LogFormat::Text | LogFormat::Json => log.fail(why, deadline),
        LogFormat::Tini(_) | LogFormat::DumbInit(_) | LogFormat::Catatonit => {
            for line in why.lines() {
                report::line(Stream::Stderr, line, deadline);
            }
        }
    }
}
