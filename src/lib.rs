//! sexton: a healthcheck runner and an init, in one static binary.
//!
//! # The map
//!
//! Each room stands above all that it imports; nothing imports upwards.
//!
//! ```text
//! main -> run -> compat          a folder for each program whose name we answer to: its parsing and its behavior
//!                cli             our own command line and environment -> a command
//!                translate       what to write instead of other programs' lines, by the parsers of compat
//!                 |
//!                check  wait  init        the commands; init is PID 1: spawn, forward, reap, drain, and what it watches
//!                doctor  install
//!                 |
//!                repeat          one target again and again, never two attempts at a time
//!                attempt         one probe on a thread, over by its deadline
//!                health          outcomes -> starting, healthy, unhealthy; pure
//!                 |
//!                probe           the table of schemes, and one file or folder for each kind of check
//!                 |
//!                client  http  expect     what service protocols share; the HTTP client; what an answer must be
//!                target          a target split into its parts
//!                system  net     reading this machine; names, connections and TLS, all by a deadline
//!                 |
//!                deadline  outcome  exit  report  watchdog     the words that all share
//!                shown  exec  regex      text that may be shown; becoming a program; grep's patterns
//!                sys             all unsafe code; imports nothing of ours
//! ```
//!
//! # Invariants
//!
//! * A check never runs another program; only `init::child` forks. What may block in the kernel forever runs in a task of
//!   its own that shares our memory (`sys::task`).
//! * Only `attempt` starts a thread, and one target that touches no file needs none.
//! * Only `report` writes to stdout and stderr, the last line of the watchdog aside; a lost or full reader never changes a
//!   verdict.
//! * Only `cli` and `compat` read the environment; argv is read there and in `translate`, once each.
//! * A timeout is a length only where a command line is read and in what comes of it. A run turns it into a `Deadline`, a
//!   point in time, passed down and shortened.
//! * `watchdog` ends a check at its deadline, whatever a library is doing.
//! * All unsafe code is under `sys`, which imports nothing of ours; `main` itself is the one exception.

mod attempt;
mod check;
mod cli;
mod client;
mod command;
mod compat;
mod deadline;
mod doctor;
mod exec;
mod exit;
mod expect;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod health;
mod http;
mod init;
mod install;
mod net;
mod outcome;
mod probe;
mod regex;
mod repeat;
mod report;
mod shown;
pub(crate) mod sys;
mod system;
mod target;
mod translate;
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

/// The command line as clap has it, for the manual pages and completions that a package brings.
#[doc(hidden)]
#[must_use]
pub fn clap_command() -> clap::Command {
    cli::clap_command([translate::clap_command()])
}

/// One command line, one command.
fn dispatch(args: Args) -> ExitStatus {
    let args = args.into_vec();
    let parsed = match compat::personality(args.first()) {
        Some(personality) => personality.parse(args),
        // It reads other programs' lines by the parsers of `compat`, and so stands above it.
        None if args.get(1).is_some_and(|command| command == "translate") => {
            translate::parse(args.into_iter().skip(2).collect())
        }
        None => cli::parse(args, compat::names),
    };
    match parsed {
        Ok(command) => command.run(),
        Err(usage) => report::refusal(&usage.message, usage.exit),
    }
}
