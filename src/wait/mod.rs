//! `sexton wait`: targets are retried until they are there; then CMD takes this process over.

mod display;
mod retry_policy;
mod run;
mod waiting;

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::check::Require;
use crate::exec::BareScript;
use crate::probe::Probe;
use crate::report::Verbosity;

pub(crate) use self::waiting::{WaitEnd, Waiting};
pub(crate) use crate::wait::retry_policy::{RetryInterval, WaitFor};

/// A wait, and what comes after it.
#[derive(Debug)]
pub(crate) struct Wait {
    /// What is waited for.
    pub(crate) plan: Plan,
    /// What to do when the limit has come.
    pub(crate) on_timeout: OnTimeout,
    /// CMD and its arguments; empty when the wait is all.
    pub(crate) command: Vec<OsString>,
    /// What is done if CMD is a script without `#!`.
    pub(crate) bare_script: BareScript,
}

/// What to do when the limit of a wait has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnTimeout {
    /// Exit 124.
    Exit,
    /// Run CMD as if all were there: `--or-run`.
    RunAnyway,
}

/// What is waited for, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What to ask; at least one.
    pub(crate) probes: Vec<Arc<Probe>>,
    /// How many of them must be there.
    pub(crate) require: Require,
    /// Whether they must be there or gone.
    pub(crate) wait_for: WaitFor,
    /// How often in a row.
    pub(crate) stable: NonZeroU32,
    /// The pause between attempts.
    pub(crate) interval: RetryInterval,
    /// The limit of one attempt.
    pub(crate) attempt_timeout: Duration,
    /// The limit of the whole; none waits for ever.
    pub(crate) timeout: Option<Duration>,
    /// How much to print.
    pub(crate) verbosity: Verbosity,
    /// Whose lines.
    pub(crate) messages: Messages,
}

/// Whose lines are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Messages {
    /// Ours.
    Own,
    /// Those of wait-for-it.sh, which scripts look for.
    WaitForIt {
        /// What it was called by.
        program: String,
        /// `host:port`, as they were given.
        place: String,
        /// Whether there is a command that is not run where the limit comes.
        strict: Strict,
    },
}

/// What wait-for-it.sh does with its command when the limit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strict {
    /// It refuses to run it, and says so.
    Refuses,
    /// There is nothing to refuse.
    No,
}
