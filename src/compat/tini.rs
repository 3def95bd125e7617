//! `tini [OPTIONS] PROGRAM -- [ARGS]` (<https://github.com/krallin/tini>) and Docker's `docker-init`, which is the same:
//! its flags, variables, words and codes.

use std::ffi::OsString;

use crate::cli::{Usage, variable_os};
use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::init::plan::{
    DrainPolicy, FailureCodes, Init, LogFormat, LogOptions, MainChild, ParentDeath, ReapWarnings,
    SignalScope, Subreaper, Verbosity,
};
use crate::init::signals::Signal;

use crate::compat::getopt as letters;
use crate::compat::getopt::Word;

/// What `docker info` takes apart: the version that is spoken here, and after `git.` whose it is.
const VERSION: &str = concat!("tini version 0.19.0 - git.sexton-", env!("CARGO_PKG_VERSION_MAJOR"), "_");

/// What its usage says, in our words.
const HELP: &str = "\
tini (tini version 0.19.0)
Usage: tini [OPTIONS] PROGRAM -- [ARGS] | --version

Runs PROGRAM under an init (this one is sexton): reaps, forwards signals, keeps its exit code.

Options:
  --version      print the version
  -h             print this
  -s             become a subreaper
  -p SIGNAL      get SIGNAL when the parent dies, for example SIGKILL
  -v             say more; up to three times
  -w             warn of each zombie that is reaped
  -g             send signals to the whole process group
  -e EXIT_CODE   0 instead of EXIT_CODE (0 to 255); repeatable
  -l             print the license

Variables: TINI_SUBREAPER, TINI_VERBOSITY (default 1), TINI_KILL_PROCESS_GROUP
";

/// Its license option prints ours.
const LICENSE: &str = include_str!("../../LICENSE-MIT");

/// Its verbosity when nothing is said.
const VERBOSITY: u32 = 1;

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    if let [only] = args.as_slice()
        && only == "--version"
    {
        return Ok(Box::new(Document::stdout(version())));
    }
    let own = std::process::id();
    let refuse = |why: String| Usage::bare(ExitStatus::Code(1), why);
    let (words, command) = letters::sort(args, &["p", "e"]).map_err(|why| refuse(format!("tini: {why}")))?;
    let mut plan = Init::new(MainChild::Command(after_separator(command)));
    plan.subreaper = Subreaper::Never;
    plan.drain_policy = DrainPolicy::Leave;
    plan.failures = FailureCodes { init: ExitStatus::Code(1), ..plan.failures };
    let (mut verbosity, mut zombies) = (VERBOSITY, ReapWarnings::Off);
    for word in words {
        match word {
            Word::Letter('h', _) => return Ok(Box::new(Document::stdout(HELP))),
            Word::Letter('l', _) => return Ok(Box::new(Document::stdout(LICENSE))),
            Word::Letter('s', _) => plan.subreaper = Subreaper::Always,
            Word::Letter('g', _) => plan.signal_scope = SignalScope::ProcessGroup,
            Word::Letter('v', _) => verbosity += 1,
            Word::Letter('w', _) => zombies = ReapWarnings::On,
            Word::Letter('p', Some(name)) => match Signal::parse(&name) {
                Ok(signal) => plan.parent_death = ParentDeath::Signal(signal),
                Err(_) => {
                    return Err(refuse(format!("[FATAL tini ({own})] Not a valid option for -p: {name}")));
                }
            },
            Word::Letter('e', Some(code)) => match code.parse() {
                Ok(code) => plan.exit_zero.insert(code),
                Err(_) => {
                    return Err(refuse(format!("[FATAL tini ({own})] Not a valid option for -e: {code}")));
                }
            },
            Word::Letter(other, _) => {
                return Err(refuse(format!("tini: invalid option -- '{other}' (see tini -h)")));
            }
            Word::Long(name, _) => {
                return Err(refuse(format!("tini: invalid option --{name} (see tini -h)")));
            }
        }
    }
    // Set to nothing still counts as set, as there.
    if variable_os("TINI_SUBREAPER").is_some() {
        plan.subreaper = Subreaper::Always;
    }
    if variable_os("TINI_KILL_PROCESS_GROUP").is_some() {
        plan.signal_scope = SignalScope::ProcessGroup;
    }
    if let Some(text) = variable_os("TINI_VERBOSITY") {
        verbosity = text.to_str().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    }
    plan.log = LogOptions { format: LogFormat::Tini(zombies), verbosity: level(verbosity) };
    match &plan.main {
        MainChild::Command(command) if command.is_empty() => Ok(Box::new(Document::misuse(HELP))),
        _ => Ok(Box::new(plan)),
    }
}

/// The line of `--version`; `docker info` wants no dot after the one of `git.`.
fn version() -> String {
    format!("{VERSION}{}_{}\n", env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH"))
}

/// `PROGRAM -- ARGS` is `PROGRAM ARGS`, as its getopt has it.
fn after_separator(mut command: Vec<OsString>) -> Vec<OsString> {
    if command.get(1).is_some_and(|word| word == "--") {
        command.remove(1);
    }
    command
}

/// What is said at `verbosity`.
fn level(verbosity: u32) -> Verbosity {
    match verbosity {
        0 => Verbosity::Error,
        1 => Verbosity::Warning,
        2 => Verbosity::Event,
        _ => Verbosity::Detail,
    }
}
