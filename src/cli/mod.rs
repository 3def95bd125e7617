//! argv and the environment become a [`Command`]: plain, validated data. Does nothing else.

mod check;
mod doctor;
mod expand;
mod init;
mod init_variables;
mod install;
mod options;
mod targets;
mod usage;
mod wait;
mod words;

use std::ffi::OsString;

use crate::command::{Command, Document, Parsed};
use crate::exit::ExitStatus;

pub(crate) use self::check::parse as parse_check;
pub(crate) use self::expand::variable_os;
pub(crate) use self::init_variables::InitVariables;
pub(crate) use self::options::{ca_variable, duration as read_duration, read_header};
pub(crate) use self::usage::Usage;

/// What fits on a screen.
const HELP: &str = "\
sexton: healthcheck runner and init for containers

Usage:
  sexton check [OPTIONS] TARGET...             one round of checks; exit 0 when all pass, else 1
  sexton wait [OPTIONS] TARGET... [-- CMD...]  retry until all pass, then become CMD
  sexton init [OPTIONS] [--] CMD...            PID 1: run CMD, reap, forward, keep its exit code
  sexton doctor [--json]                       what is wrong in this container, and what fixes it
  sexton install PATH [--as NAME,..]           copy itself there, for containers whose image has no sexton

Examples:
  HEALTHCHECK CMD [\"/sexton\", \"check\", \"http://127.0.0.1:8080/health\"]
  ENTRYPOINT [\"/sexton\", \"init\", \"--\", \"/app\"]
  sexton wait tcp://db:5432 -- /app

sexton COMMAND --help says more. Exit codes of check: 0 healthy, 1 unhealthy or misused.
";

/// Reads the command line; `names` are those of other programs that we answer to. Only the command that is named is
/// built: clap's cost is paid for what is used.
pub(crate) fn parse(
    args: Vec<OsString>,
    names: fn() -> Vec<&'static str>,
) -> Result<Box<dyn Command>, Usage> {
    let mut words = args.into_iter().skip(1);
    let Some(command) = words.next() else {
        return Err(Usage::new(ExitStatus::Unhealthy, "no command; try sexton check http://127.0.0.1:8080/"));
    };
    match command.to_str() {
        Some("check") => check::parse(words).map(Parsed::into_command),
        Some("wait") => wait::parse(words),
        Some("init") => init::parse(words),
        Some("doctor") => doctor::parse(words).map(Parsed::into_command),
        Some("install") => install::parse(words, &names()).map(Parsed::into_command),
        Some("help" | "--help" | "-h") => Ok(Box::new(Document::stdout(HELP))),
        Some("--version" | "-V" | "version") => {
            Ok(Box::new(Document::stdout(concat!("sexton ", env!("CARGO_PKG_VERSION"), "\n"))))
        }
        _ => Err(Usage::new(
            ExitStatus::Unhealthy,
            format!("unknown command {}; there are check, wait, init, doctor and install", command.display()),
        )),
    }
}
