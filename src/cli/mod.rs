//! argv and the environment become a [`Command`]: plain, validated data. Does nothing else.
//!
//! ```text
//! option     one option, one row: names, variable, default, constraints, help, and what it sets
//! args       what the rows set
//! options/   the rows about probes; check, wait, retry, watch, init have the others and make the command
//! line       one getopt over the rows; help and hints say what the rows mean
//! template   a target as it is written; targets makes probes of them
//! ```

mod args;
mod check;
mod doctor;
mod expand;
mod help;
mod hints;
mod init;
mod init_variables;
mod install;
mod line;
mod option;
mod options;
mod retry;
mod targets;
mod template;
mod usage;
mod wait;
mod watch;

use std::ffi::OsString;
use std::time::Duration;

use crate::command::{Command, Document, Parsed};
use crate::exit::ExitStatus;

pub(crate) use self::check::parse as parse_check;
pub(crate) use self::expand::variable_os;
pub(crate) use self::help::text as help_of;
pub(crate) use self::init_variables::InitVariables;
pub(crate) use self::options::{ca_variable, read_header};
pub(crate) use self::usage::Usage;

/// What fits on a screen.
const HELP: &str = "\
sexton: health checks and an init for containers, in one static binary

  sexton check [OPTIONS] TARGET...             one round of checks
  sexton wait [OPTIONS] TARGET... [-- CMD...]  retry until all pass, then become CMD
  sexton init [OPTIONS] [--] CMD...            run CMD as PID 1: reap, forward signals, keep code
  sexton translate LINE | FILE...              what to write instead of an existing check
  sexton doctor [--json]                       what is wrong in this container, and what fixes it
  sexton install PATH [--as NAME,..]           copy sexton to where another container can use it

Examples:
  HEALTHCHECK CMD [\"/sexton\", \"check\", \"http://127.0.0.1:8080/health\"]
  ENTRYPOINT [\"/sexton\", \"init\", \"--\", \"/app\"]

Called by the name of another program, sexton takes that program's options: tini, docker-init,
dumb-init, catatonit, curl, wget, nc, sh -c, grpc_health_probe, wait-for-it, wait-for, dockerize.

Exit codes:
  check   0 healthy, 1 unhealthy or misused
  wait    CMD's own, or 0 without CMD; 124 limit reached; 125 misused; 126 CMD not executable;
          127 CMD not found; 130 and 143 ended by SIGINT and SIGTERM
  init    CMD's own, 128+n if signal n killed it; 1 --watch stopped CMD; 124-127 as above
  translate, doctor, install  0, or 1 if something is wrong

More: sexton COMMAND --help, sexton help targets, sexton licenses
";

/// What it is, and what it was built from and for.
const VERSION: &str = if cfg!(target_feature = "crt-static") {
    concat!(
        "sexton ",
        env!("CARGO_PKG_VERSION"),
        " (",
        env!("SEXTON_TARGET"),
        ", static, commit ",
        env!("SEXTON_COMMIT"),
        ")\n"
    )
} else {
    concat!(
        "sexton ",
        env!("CARGO_PKG_VERSION"),
        " (",
        env!("SEXTON_TARGET"),
        ", dynamic, commit ",
        env!("SEXTON_COMMIT"),
        ")\n"
    )
};

/// The crates that it is built from, by license.
const LICENSES: &str = include_str!(concat!(env!("OUT_DIR"), "/licenses.txt"));

/// The commands there are.
const COMMANDS: &[&str] = &["check", "wait", "init", "translate", "doctor", "install"];

/// Reads the command line; `names` are those of other programs that we answer to.
pub(crate) fn parse(
    args: Vec<OsString>,
    names: fn() -> Vec<&'static str>,
) -> Result<Box<dyn Command>, Usage> {
    let mut words = args.into_iter().skip(1);
    let Some(command) = words.next() else {
        return Err(Usage::new(
            ExitStatus::Unhealthy,
            "no command; write for example sexton check http://127.0.0.1:8080/ (see sexton --help)",
        ));
    };
    match command.to_str() {
        Some("check") => check::parse(words).map(Parsed::into_command),
        Some("wait") => wait::parse(words),
        Some("init") => init::parse(words),
        Some("doctor") => doctor::parse(words).map(Parsed::into_command),
        Some("install") => install::parse(words, &names()).map(Parsed::into_command),
        Some("help" | "--help" | "-h") => help(words.next().as_deref().and_then(|topic| topic.to_str())),
        Some("licenses") => Ok(Box::new(Document::stdout(LICENSES))),
        Some("--version" | "-V" | "version") => Ok(Box::new(Document::stdout(VERSION))),
        _ => Err(Usage::new(
            ExitStatus::Unhealthy,
            hints::unknown_command(&command.display().to_string(), COMMANDS),
        )),
    }
}

/// The commands whose lines are read by tables of options.
const GRAMMARS: &[help::Grammar] =
    &[check::GRAMMAR, wait::GRAMMAR, init::GRAMMAR, doctor::GRAMMAR, install::GRAMMAR];

/// What `sexton help TOPIC` prints.
fn help(topic: Option<&str>) -> Result<Box<dyn Command>, Usage> {
    let text = match topic {
        None => HELP.to_owned(),
        Some("targets" | "target") => help::targets(),
        Some(name) => {
            if let Some(grammar) = GRAMMARS.iter().find(|grammar| grammar.command == name) {
                help::of(grammar)
            } else {
                let known: Vec<_> = GRAMMARS.iter().map(|grammar| grammar.command).collect();
                let why = format!("no help on `{name}`; there are {} and targets", known.join(", "));
                return Err(Usage::new(ExitStatus::Unhealthy, why));
            }
        }
    };
    Ok(Box::new(Document::stdout(text)))
}

/// The whole command line as clap has it; the command that stands above this module comes in by `others`.
pub(crate) fn clap_command(others: impl IntoIterator<Item = clap::Command>) -> clap::Command {
    clap::Command::new("sexton")
        .version(env!("CARGO_PKG_VERSION"))
        .about("health checks and an init for containers")
        .override_usage("sexton COMMAND [OPTIONS] [ARG]...")
        .after_help(HELP)
        .disable_help_subcommand(true)
        .after_long_help(help::targets())
        .subcommands(GRAMMARS.iter().map(help::clap_command))
        .subcommands(others)
        .subcommand(
            clap::Command::new("licenses")
                .override_usage("sexton licenses")
                .about("Prints the licenses of sexton and of the crates that it is built from"),
        )
}

/// Reads a length of time that is more than 0 from the variable or option `flag`.
pub(crate) fn read_duration(text: &str, flag: &str) -> Result<Duration, String> {
    match expand::expanded(text).and_then(|text| option::read_duration(&text)) {
        Ok(Duration::ZERO) => Err(format!("{flag}: must be more than 0")),
        Ok(length) => Ok(length),
        Err(why) => Err(format!("{flag}: {why}")),
    }
}
