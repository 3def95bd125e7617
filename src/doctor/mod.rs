//! `sexton doctor`: what is wrong in this container, whose fault it is, and the line that fixes it.

mod command_line;
mod finding;
mod first_process;
mod observation;
mod orphans;
mod program;
#[cfg(test)]
mod tests;
mod usage;
mod zombies;

use std::time::Duration;

use crate::command::Command;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::outcome::Failure;
use crate::report::{self, Stream};
use crate::{sys, watchdog};

use self::finding::{Diagnosis, Format};
use self::observation::Observation;

/// A process in state D can hold up whoever reads its command line; nobody waits longer than this for the doctor.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Looks at the container that it is started in.
#[derive(Debug)]
pub(crate) struct Doctor {
    /// One JSON object instead of text.
    pub(crate) json: bool,
}

impl Command for Doctor {
    fn run(self: Box<Self>) -> ExitStatus {
        let deadline = Deadline::after(TIMEOUT);
        sys::stdio::reopen_closed();
        let line = format!("sexton: doctor: no answer from /proc within {}s\n", TIMEOUT.as_secs());
        // Without a timer the deadline still holds wherever nothing blocks.
        let _ = watchdog::arm(deadline, line, 2, ExitStatus::Unhealthy.code());
        match Observation::make(deadline) {
            Ok(observation) => self.report(&diagnose(&observation)),
            Err(Failure { reason, .. }) => {
                report::refusal(&format!("sexton: doctor: {reason}"), ExitStatus::Unhealthy)
            }
        }
    }
}

impl Doctor {
    /// Prints it; something that is wrong is a failure.
    fn report(&self, diagnosis: &Diagnosis) -> ExitStatus {
        let format = if self.json { Format::Json } else { Format::Text };
        report::document(Stream::Stdout, &diagnosis.render(format));
        if diagnosis.problems() == 0 { ExitStatus::Healthy } else { ExitStatus::Unhealthy }
    }
}

/// All findings, the worst first. Decides from what was observed alone.
fn diagnose(observation: &Observation) -> Diagnosis {
    let mut findings = Vec::new();
    findings.extend(zombies::findings(observation));
    findings.extend(first_process::findings(observation));
    findings.extend(orphans::findings(observation));
    findings.extend(usage::findings(observation));
    findings.sort_by_key(|finding| finding.level);
    Diagnosis { subject: first_process::subject(observation), findings }
}
