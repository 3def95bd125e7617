//! `dumb-init [OPTION]... CMD [ARG]...` (<https://github.com/Yelp/dumb-init>): its flags, variables, words and codes.
//! Unless told otherwise the command leads a session of its own, all of it gets the signals, and the stop signals of
//! the terminal become SIGSTOP there.

use std::ffi::OsString;

use crate::cli::{Usage, variable_os};
use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::init::plan::{
    DrainPolicy, DumbInitMode, FailureCodes, Init, JobControl, LogFormat, LogOptions, MainChild, Placement,
    SignalScope, Subreaper, Verbosity,
};
use crate::init::signals::Signal;

use crate::compat::getopt as letters;
use crate::compat::getopt::Word;

/// The version that is spoken here; scripts compare it.
const VERSION: &str = "dumb-init v1.2.5\n";

/// Its help to the letter, which scripts and tests compare; on stderr, as there.
const HELP: &str = "\
dumb-init v1.2.5
Usage: dumb-init [option] command [[arg] ...]

dumb-init is a simple process supervisor that forwards signals to children.
It is designed to run as PID1 in minimal container environments.

Optional arguments:
   -c, --single-child   Run in single-child mode.
                        In this mode, signals are only proxied to the
                        direct child and not any of its descendants.
   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.
                        To ignore (not proxy) a signal, rewrite it to 0.
                        This option can be specified multiple times.
   -v, --verbose        Print debugging information to stderr.
   -h, --help           Print this help message and exit.
   -V, --version        Print the current version and exit.

Full help is available online at https://github.com/Yelp/dumb-init
";

/// What it says to no command, and to a wrong `-r`; in its own lines, which are compared, too.
const NO_COMMAND: &str = "Usage: dumb-init [option] program [args]\nTry dumb-init --help for full usage.\n";
const BAD_REWRITE: &str = "\
Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.
This option can be specified multiple times.
Use --help for full usage.
";

/// Its code when it cannot run the command.
const CANNOT_RUN: ExitStatus = ExitStatus::Code(2);

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    let refuse = |why: &str| Usage::bare(ExitStatus::Code(1), why.to_owned());
    let (words, command) =
        letters::sort(args, &["r", "rewrite"]).map_err(|why| refuse(&format!("dumb-init: {why}")))?;
    let mut plan = Init::new(MainChild::Command(command));
    plan.placement = Placement::Session;
    plan.signal_scope = SignalScope::ProcessGroup;
    plan.job_control = JobControl::StopSelf;
    plan.subreaper = Subreaper::Never;
    plan.failures = FailureCodes { init: CANNOT_RUN, not_executable: CANNOT_RUN, not_found: CANNOT_RUN };
    let mut level = Verbosity::Error;
    let mut mode = DumbInitMode::Session;
    if variable_os("DUMB_INIT_SETSID").is_some_and(|value| value == "0") {
        mode = DumbInitMode::NoSession;
    }
    let mut rewrites = Vec::new();
    for word in words {
        match word {
            Word::Letter('h', _) => return Ok(Box::new(Document::stderr(HELP))),
            Word::Letter('V', _) => return Ok(Box::new(Document::stderr(VERSION))),
            Word::Letter('c', _) => mode = DumbInitMode::SingleChild,
            Word::Letter('v', _) => level = Verbosity::Event,
            Word::Letter('r', Some(pair)) => rewrites.push(pair),
            Word::Long(name, value) => match (name.as_str(), value) {
                ("help", None) => return Ok(Box::new(Document::stderr(HELP))),
                ("version", None) => return Ok(Box::new(Document::stderr(VERSION))),
                ("single-child", None) => mode = DumbInitMode::SingleChild,
                ("verbose", None) => level = Verbosity::Event,
                ("rewrite", Some(pair)) => rewrites.push(pair),
                _ => return Err(refuse(&format!("dumb-init: unrecognized option '--{name}'"))),
            },
            Word::Letter(other, _) => return Err(refuse(&format!("dumb-init: invalid option -- '{other}'"))),
        }
    }
    if variable_os("DUMB_INIT_DEBUG").is_some_and(|value| value == "1") {
        level = Verbosity::Detail;
    }
    if mode == DumbInitMode::Session {
        // A session that no shell watches: a stop that only asks would be ignored there.
        for signal in [Signal::TSTP, Signal::TTIN, Signal::TTOU] {
            plan.rewrites.set(signal, Some(Signal::STOP));
        }
    } else {
        plan.placement = Placement::Inherited;
        plan.signal_scope = SignalScope::MainChild;
        plan.job_control = JobControl::Follow;
    }
    for pair in rewrites {
        match rewrite(&pair) {
            Some((from, to)) => plan.rewrites.set(from, to),
            None => return Ok(Box::new(Document::misuse(BAD_REWRITE))),
        }
    }
    // Its last SIGTERM goes the way of all others.
    plan.drain_policy = plan.rewrites.get(Signal::TERM).map_or(DrainPolicy::Leave, DrainPolicy::Signal);
    plan.log = LogOptions { format: LogFormat::DumbInit(mode), verbosity: level };
    match &plan.main {
        MainChild::Command(command) if command.is_empty() => Ok(Box::new(Document::misuse(NO_COMMAND))),
        _ => Ok(Box::new(plan)),
    }
}

/// Reads `signum:signum`, the second of which may be 0.
fn rewrite(pair: &str) -> Option<(Signal, Option<Signal>)> {
    let (from, to) = pair.split_once(':')?;
    let number = |text: &str| text.parse().ok().filter(|number| (0..=31).contains(number));
    let (from, to) = (number(from)?, number(to)?);
    Some((Signal::new(from)?, Signal::new(to)))
}
