//! `SEXTON_INIT_*` for an init that goes by another program's name.

use std::ffi::OsString;

use crate::command::Command;
use crate::init::Explain;
use crate::init::plan::{Init, LogFormat, LogOptions, MainChild, Verbosity};

use super::init;
use super::line::{self, Line};
use super::usage::Usage;

/// What the variables say. They are what is left where the other program's line has no room, as with `docker run --init`.
#[derive(Debug)]
pub(crate) struct InitVariables {
    /// What they say, or a word of the other program, instead of a command.
    pub(crate) main: Option<MainChild>,
    explain: bool,
    log: LogOptions,
    log_format: Option<LogFormat>,
}

impl InitVariables {
    /// Changes in `plan` what they say. The words of the other program come after them, and are stronger.
    pub(crate) fn read(plan: &mut Init) -> Result<Self, Usage> {
        let failure = plan.failures.init;
        let line = line::of_environment(&init::GRAMMAR).map_err(|why| Usage::new(failure, why))?;
        apply(&line, plan).map_err(|why| Usage::new(failure, why))
    }

    /// The init of `plan` with the command or what stands for it; it logs as `said`, unless a variable says otherwise. None
    /// where there is nothing to run.
    pub(crate) fn finish(
        self,
        mut plan: Init,
        command: Vec<OsString>,
        said: LogOptions,
    ) -> Option<Box<dyn Command>> {
        plan.main = match self.main {
            Some(main) => main,
            None if command.is_empty() => return None,
            None => MainChild::Command(command),
        };
        plan.log = LogOptions {
            format: self.log_format.unwrap_or(said.format),
            verbosity: if self.log.verbosity >= Verbosity::Event {
                said.verbosity.max(self.log.verbosity)
            } else {
                said.verbosity
            },
        };
        Some(if self.explain { Box::new(Explain(plan)) } else { Box::new(plan) })
    }
}

/// Applies what the environment gives on top of the other program's `plan`.
fn apply(line: &Line, plan: &mut Init) -> Result<InitVariables, String> {
    let mut args = line::defaults(&init::GRAMMAR, &line.given)?;
    args.init = plan.clone();
    line.given.iter().try_for_each(|one| one.apply(&mut args))?;
    init::plan_targets(&mut args, line)?;
    *plan = args.init;
    Ok(InitVariables {
        main: args.init_mode.pause.then_some(MainChild::None),
        explain: args.init_mode.explain,
        log: plan.log,
        log_format: line.given("log").map(|_| plan.log.format),
    })
}
