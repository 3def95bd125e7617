//! argv and the environment become an [`Invocation`]: plain, validated data. Does nothing else.

mod check;
mod expand;
mod init;
mod options;
mod targets;
mod usage;
mod wait;
mod words;

use std::ffi::OsString;

use crate::ask::Ask;
use crate::check::Check;
use crate::exit::ExitStatus;
use crate::fetch::Fetch;
use crate::init::plan::Init;
use crate::shell::Script;
use crate::wait::Wait;

pub(crate) use self::expand::variable_os;
pub(crate) use self::options::{duration as read_duration, read_header};
pub(crate) use self::usage::Usage;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Invocation {
    /// One round of checks.
    Check(Check),
    /// One question in another program's manners.
    Ask(Ask),
    /// Transfers in another program's manners.
    Fetch(Box<Fetch>),
    /// A line of commands.
    Shell(Script),
    /// Wait, then run a command.
    Wait(Wait),
    /// Run a command as PID 1's child.
    Init(Init),
    /// Say what that would do.
    Explain(Init),
    /// Print a text and be done.
    Print(String),
    /// The same on stderr, where dumb-init and catatonit have their help.
    PrintError(String),
    /// The same, and exit 1: what dumb-init and tini say to a wrong command line has several lines.
    Misuse(String),
}

/// What fits on a screen.
const HELP: &str = "\
sexton: healthcheck runner and init for containers

Usage:
  sexton check [OPTIONS] TARGET...             one round of checks; exit 0 when all pass, else 1
  sexton wait [OPTIONS] TARGET... [-- CMD...]  retry until all pass, then become CMD
  sexton init [OPTIONS] [--] CMD...            PID 1: run CMD, reap, forward, keep its exit code

Examples:
  HEALTHCHECK CMD [\"/sexton\", \"check\", \"http://127.0.0.1:8080/health\"]
  ENTRYPOINT [\"/sexton\", \"init\", \"--\", \"/app\"]
  sexton wait tcp://db:5432 -- /app

sexton COMMAND --help says more. Exit codes of check: 0 healthy, 1 unhealthy or misused.
";

/// Reads the command line. Only the command that is named is built: clap's cost is paid for what is used.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Invocation, Usage> {
    let mut words = args.into_iter().skip(1);
    let Some(command) = words.next() else {
        return Err(Usage::new(ExitStatus::Unhealthy, "no command; try sexton check http://127.0.0.1:8080/"));
    };
    match command.to_str() {
        Some("check") => check::parse(words),
        Some("wait") => wait::parse(words),
        Some("init") => init::parse(words),
        Some("help" | "--help" | "-h") => Ok(Invocation::Print(HELP.into())),
        Some("--version" | "-V" | "version") => {
            Ok(Invocation::Print(concat!("sexton ", env!("CARGO_PKG_VERSION"), "\n").into()))
        }
        _ => Err(Usage::new(
            ExitStatus::Unhealthy,
            format!("unknown command {}; there are check, wait and init", command.display()),
        )),
    }
}
