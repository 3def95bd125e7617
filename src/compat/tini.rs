//! `tini [OPTIONS] PROGRAM -- [ARGS]` (<https://github.com/krallin/tini>) and Docker's `docker-init`, which is the same:
//! its flags, variables, words and codes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::cli::{InitVariables, Usage, variable_os};
use crate::command::{Command, Document};
use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::init::plan::{
    BeforeStopRequest, DrainPolicy, FailureCodes, Init, LogFormat, LogOptions, MainChild, ParentDeath,
    ReapWarnings, SignalScope, Subreaper, Verbosity,
};
use crate::init::signals::Signal;

use super::getopt::{Grammar, LongOptions, Operands, Scanner, Word};
use super::number::strtol;

/// What `docker info` takes apart: the version that is spoken here, and after `git.` whose it is.
const VERSION: &str = concat!("tini version 0.19.0 - git.sexton-", env!("CARGO_PKG_VERSION_MAJOR"), "_");

/// Its usage to the letter, which scripts and tests compare, after the name that it was called by.
const USAGE: &str = "\
Command line options:

  --version: Show version and exit.
  -h: Show this help message and exit.
  -s: Register as a process subreaper (requires Linux >= 3.4).
  -p SIGNAL: Trigger SIGNAL when parent dies, e.g. \"-p SIGKILL\".
  -v: Generate more verbose output. Repeat up to 3 times.
  -w: Print a warning when processes are getting reaped.
  -g: Send signals to the child's process group.
  -e EXIT_CODE: Remap EXIT_CODE (from 0 to 255) to 0.
  -l: Show license and exit.

Environment variables:

  TINI_SUBREAPER: Register as a process subreaper (requires Linux >= 3.4).
  TINI_VERBOSITY: Set the verbosity level (default: 1).
  TINI_KILL_PROCESS_GROUP: Send signals to the child's process group.

";

/// Its license option prints ours.
const LICENSE: &str = include_str!("../../LICENSE-MIT");

/// Its options; getopt(3), so that no long one is among them and operands may stand anywhere.
const GRAMMAR: Grammar =
    Grammar { letters: "hvsgwlp:e:", flags: &[], long: LongOptions::None, operands: Operands::Anywhere };

/// The signals that `-p` has no name for, besides the real-time ones.
const UNNAMED: [i32; 3] = [libc::SIGSTKFLT, libc::SIGIO, libc::SIGPWR];

/// The first real-time signal.
const FIRST_REAL_TIME: i32 = 32;

/// Its verbosity when nothing is said.
const VERBOSITY: u32 = 1;

/// Its code for its own failures.
const FAILED: ExitStatus = ExitStatus::Code(1);

/// Reads its argv; `program` is the first word.
pub(super) fn parse(program: &OsStr, args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    if let [only] = args.as_slice()
        && only == "--version"
    {
        return Ok(Box::new(Document::stdout(version())));
    }
    let own = std::process::id();
    let invalid = |flag: char, value: &OsStr| {
        let value = value.display();
        Usage::bare(FAILED, format!("[FATAL tini ({own})] Not a valid option for -{flag}: {value}"))
    };
    let mut plan = Init::new(MainChild::None);
    plan.bare_script = BareScript::RunByShell;
    plan.subreaper = Subreaper::Never;
    plan.drain_policy = DrainPolicy::Leave;
    plan.before_stop_request = BeforeStopRequest::ContinueMain;
    plan.failures = FailureCodes { init: FAILED, not_loadable: FAILED, ..plan.failures };
    let variables = InitVariables::read(&mut plan)?;
    // The stops of a terminal's background are ignored there.
    for signal in [Signal::TTIN, Signal::TTOU] {
        if !plan.rewrites.is_set(signal) {
            plan.rewrites.set(signal, None);
        }
    }
    let (mut verbosity, mut zombies) = (VERBOSITY, ReapWarnings::Off);
    let mut command = Vec::new();
    for word in Scanner::new(GRAMMAR.as_posix_asks(), args) {
        let given = match word {
            Ok(Word::Option(given)) => given,
            Ok(Word::Operand(word)) => {
                command.push(word);
                continue;
            }
            Err(mistake) => {
                let text = format!("{}\n{}", mistake.in_glibc_words(program), usage(program));
                return Ok(Box::new(Document::misuse(text)));
            }
        };
        let value = given.value.unwrap_or_default();
        match given.flag.letter {
            Some('h') => return Ok(Box::new(Document::stdout(usage(program)))),
            Some('l') => return Ok(Box::new(Document::stdout(LICENSE))),
            Some('s') => plan.subreaper = Subreaper::Always,
            Some('g') => plan.signal_scope = SignalScope::ProcessGroup,
            Some('v') => verbosity += 1,
            Some('w') => zombies = ReapWarnings::On,
            Some('p') => {
                let signal = signal(&value).ok_or_else(|| invalid('p', &value))?;
                plan.parent_death = ParentDeath::Signal(signal);
            }
            _ => match strtol(value.as_bytes()) {
                (code, b"") => {
                    plan.exit_zero.insert(u8::try_from(code).map_err(|_| invalid('e', &value))?);
                }
                _ => return Err(invalid('e', &value)),
            },
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
        verbosity = super::number::atoi(text.as_bytes()).cast_unsigned();
    }
    let said = LogOptions { format: LogFormat::Tini(zombies), verbosity: level(verbosity) };
    match variables.finish(plan, command, said) {
        Some(init) => Ok(init),
        None => Ok(Box::new(Document::misuse(usage(program)))),
    }
}

/// Its usage, as `program`.
fn usage(program: &OsStr) -> String {
    let name = Path::new(program).file_name().unwrap_or(program).display();
    format!(
        "{name} (tini version 0.19.0)\nUsage: {name} [OPTIONS] PROGRAM -- [ARGS] | --version\n\n\
         Execute a program under the supervision of a valid init process ({name})\n\n{USAGE}"
    )
}

/// The line of `--version`; `docker info` wants no dot after the one of `git.`.
fn version() -> String {
    format!("{VERSION}{}_{}\n", env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH"))
}

/// The signal that `-p` means: a whole name, in capitals.
fn signal(name: &OsStr) -> Option<Signal> {
    let name = name.to_str()?;
    let signal = Signal::parse(name.strip_prefix("SIG")?).ok()?;
    (signal.number() < FIRST_REAL_TIME
        && !UNNAMED.contains(&signal.number())
        && format!("SIG{signal}") == name)
        .then_some(signal)
}

/// What is said at `verbosity`.
fn level(verbosity: u32) -> Verbosity {
    match verbosity {
        0 => Verbosity::Error,
        1 => Verbosity::Warning,
        2 => Verbosity::Event,
        3 => Verbosity::Detail,
        _ => Verbosity::Trace,
    }
}
