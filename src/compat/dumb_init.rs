//! `dumb-init [OPTION]... CMD [ARG]...` (<https://github.com/Yelp/dumb-init>): its flags, variables, words and codes.
//! Unless told otherwise the command leads a session of its own, all of it gets the signals, and the stop signals of
//! the terminal become SIGSTOP there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::cli::{InitVariables, Usage, variable_os};
use crate::command::{Command, Document};
use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::init::plan::{
    BeforeStopRequest, DrainPolicy, DumbInitMode, FailureCodes, Init, JobControl, LogFormat, LogOptions,
    MainChild, Placement, SignalScope, Subreaper, Verbosity,
};
use crate::init::signals::Signal;

use super::getopt::{Arity, Flag, Grammar, LongOptions, Operands, Scanner, Word};
use super::number::{lower_half, strtol};

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

/// What it says to a wrong `-r`; in its own lines, which are compared, too.
const BAD_REWRITE: &str = "\
Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.
This option can be specified multiple times.
Use --help for full usage.
";

/// Its code when it cannot run the command.
const CANNOT_RUN: ExitStatus = ExitStatus::Code(2);

/// Its options; the first operand ends them.
const GRAMMAR: Grammar = Grammar {
    letters: "",
    flags: &[
        Flag::new("help", Some('h'), Arity::Switch),
        Flag::new("single-child", Some('c'), Arity::Switch),
        Flag::new("rewrite", Some('r'), Arity::Value),
        Flag::new("verbose", Some('v'), Arity::Switch),
        Flag::new("version", Some('V'), Arity::Switch),
    ],
    long: LongOptions::Gnu,
    operands: Operands::Last,
};

/// The last signal that it can rewrite.
const LAST_REWRITTEN: i32 = 31;

/// Reads its argv; `program` is the first word.
pub(super) fn parse(program: &OsStr, args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    let mut plan = Init::new(MainChild::None);
    plan.bare_script = BareScript::RunByShell;
    plan.placement = Placement::Session;
    plan.signal_scope = SignalScope::ProcessGroup;
    plan.job_control = JobControl::StopSelf;
    plan.before_stop_request = BeforeStopRequest::Nothing;
    plan.subreaper = Subreaper::Never;
    // Its last SIGTERM goes the way of all others.
    plan.drain_policy = DrainPolicy::SignalGroup(Signal::TERM);
    plan.failures = FailureCodes::of_any_exec(ExitStatus::Code(1), CANNOT_RUN);
    let variables = InitVariables::read(&mut plan)?;
    let mut level = Verbosity::Error;
    let mut mode = DumbInitMode::Session;
    let mut command = Vec::new();
    for word in Scanner::new(GRAMMAR, args) {
        let given = match word {
            Ok(Word::Option(given)) => given,
            Ok(Word::Operand(word)) => {
                command.push(word);
                continue;
            }
            Err(mistake) => {
                return Ok(Box::new(Document::misuse(mistake.in_glibc_words(program) + "\n")));
            }
        };
        match given.flag.letter {
            Some('h') => return Ok(Box::new(Document::stderr(HELP))),
            Some('V') => return Ok(Box::new(Document::stderr(VERSION))),
            Some('c') => mode = DumbInitMode::SingleChild,
            Some('v') => level = Verbosity::Event,
            _ => match rewrite(given.value.unwrap_or_default().as_bytes()) {
                Some((from, to)) => plan.rewrites.set(from, to),
                None => return Ok(Box::new(Document::misuse(BAD_REWRITE))),
            },
        }
    }
    if variable_os("DUMB_INIT_DEBUG").is_some_and(|value| value == "1") {
        level = Verbosity::Detail;
    }
    if variable_os("DUMB_INIT_SETSID").is_some_and(|value| value == "0") {
        mode = DumbInitMode::NoSession;
    }
    if mode == DumbInitMode::Session {
        // A session that no shell watches: a stop that only asks would be ignored there.
        for signal in [Signal::TSTP, Signal::TTIN, Signal::TTOU] {
            if !plan.rewrites.is_set(signal) {
                plan.rewrites.set(signal, Some(Signal::STOP));
            }
        }
    } else {
        plan.placement = Placement::Inherited;
        plan.signal_scope = SignalScope::MainChild;
    }
    let said = LogOptions { format: LogFormat::DumbInit(mode), verbosity: level };
    match variables.finish(plan, command, said) {
        Some(init) => Ok(init),
        None => Ok(Box::new(Document::misuse(no_command(program)))),
    }
}

/// What it says to no command, in its own lines, which are compared.
fn no_command(program: &OsStr) -> String {
    let program = program.display();
    format!("Usage: {program} [option] program [args]\nTry {program} --help for full usage.\n")
}

/// Reads `signum:signum`, the second of which may be 0, as sscanf(3) does: what is behind is of no interest.
fn rewrite(pair: &[u8]) -> Option<(Signal, Option<Signal>)> {
    let number = |text| {
        let (number, rest): (i64, &[u8]) = strtol(text);
        (rest.len() < text.len()).then_some((lower_half(number), rest))
    };
    let (from, rest) = number(pair)?;
    let (to, _) = number(rest.strip_prefix(b":")?)?;
    let all = 0..=LAST_REWRITTEN;
    if !all.contains(&from) || !all.contains(&to) {
        return None;
    }
    Some((Signal::new(from)?, Signal::new(to)))
}
