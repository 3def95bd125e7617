//! `SEXTON_INIT_*` for an init that goes by another program's name.

use std::ffi::OsString;

use crate::command::Command;
use crate::init::Explain;
use crate::init::plan::{Init, LogFormat, LogOptions, MainChild, Verbosity};

use super::init::{Words, switch, variable};
use super::wait::PaceWords;
use super::{Usage, options, targets};

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
        let read = |plan: &mut Init| -> Result<Self, String> {
            Words::default().apply(plan)?;
            let mut pace = PaceWords::default();
            targets::environment(&mut pace)?;
            let before = targets::Before::default().read()?;
            (plan.wait, plan.watch) =
                targets::Words::default().into_plans(options::Words::default(), &before, pace)?;
            Ok(Self {
                main: switch("PAUSE")?.then_some(MainChild::None),
                explain: switch("EXPLAIN")?,
                log: plan.log,
                log_format: variable("LOG")?.map(|_| plan.log.format),
            })
        };
        read(plan).map_err(|why| Usage::new(failure, why))
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
