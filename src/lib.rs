//! sexton: a healthcheck runner and an init, in one static binary.
//!
//! # The map
//!
//! ```text
//! main -> run -> cli, compat          argv and environment become an Invocation: plain, validated data
//!                 |
//!                 +-> check, wait     the two commands that ask
//!                 +-> ask, fetch      the same for other programs' names: their words, their exit codes
//!                 +-> init            PID 1: spawn, forward, reap, drain; wait before and watch during (health)
//!                      |
//!                      v
//!                 repeat              one target, attempt after attempt, never two at a time
//!                      v
//!                 attempt             one probe on a thread, over by its deadline
//!                      v
//!                 probe               what a target means: one file per kind
//!                      v
//!                 net                 names, connections and TLS, all by a deadline
//!                      v
//!                 deadline, outcome   the words that everything above shares
//! ```
//!
//! # Invariants
//!
//! * A check never starts a process; only `init::child` does.
//! * Only `attempt` starts a thread, and one target needs none.
//! * Only `report` writes to stdout and stderr; a lost or full reader never changes a verdict.
//! * Only `cli` and `compat` read argv and the environment.
//! * A timeout is a length only in the CLI. Inside it is a `Deadline`, a point in time, passed down and shortened.
//! * `watchdog` ends a check at its deadline, whatever a library is doing.
//! * All unsafe code is under `sys`; it imports nothing of ours.

mod attempt;
mod check;
mod cli;
mod client;
mod command;
mod compat;
mod deadline;
mod exit;
mod expect;
#[cfg(fuzzing)]
pub mod fuzzing;
mod health;
mod http;
mod init;
mod net;
mod outcome;
mod pattern;
mod probe;
mod repeat;
mod report;
pub(crate) mod sys;
mod system;
mod target;
mod wait;
mod watchdog;

use std::panic;

pub use crate::exit::ExitStatus;
pub use crate::sys::args::Args;

/// Runs the command that `args` name, to its end, and says what to exit with.
#[must_use]
pub fn run(args: Args) -> ExitStatus {
    // A panic has told itself on stderr by then. It is our fault, and for a check that is a verdict: not healthy.
    panic::catch_unwind(|| dispatch(args)).unwrap_or(ExitStatus::Unhealthy)
}

/// One command line, one command.
fn dispatch(args: Args) -> ExitStatus {
    let mut args = args.into_vec();
    let parsed = match compat::personality(args.first()) {
        Some(personality) => personality(args.split_off(1)),
        None => cli::parse(args),
    };
    match parsed {
        Ok(command) => command.run(),
        Err(usage) => report::refusal(&usage.message, usage.exit),
    }
}
