//! `catatonit [-ghLPV] [--] PROGRAM [ARG]...` (<https://github.com/openSUSE/catatonit>): its flags, variable, words and
//! codes.

use std::ffi::OsString;

use crate::cli::{Usage, variable_os};
use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::init::plan::{
    DrainPolicy, FailureCodes, Init, LogFormat, LogOptions, MainChild, SignalScope, Verbosity,
};

use crate::compat::getopt as letters;
use crate::compat::getopt::Word;

/// The version, in the words that Docker wants of an init.
const VERSION: &str = concat!("tini version 0.2.1_catatonit (sexton ", env!("CARGO_PKG_VERSION"), ")\n");

/// What its usage says, in our words; on stderr, as there.
const HELP: &str = "\
usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]

Runs a program under an init (this one is sexton).

options:
  -g              send signals to the program's whole process group
  -h              print this
  -L              print the license
  -P              run no program: reap until SIGINT or SIGTERM
  -V, --version   print the version
";

/// Its license option prints ours.
const LICENSE: &str = "sexton, called as catatonit. MIT OR Apache-2.0.\n";

/// Its code for whatever goes wrong.
const FAILED: ExitStatus = ExitStatus::Code(1);

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    let own = std::process::id();
    let refuse = |why: &str| Usage::bare(FAILED, format!("ERROR (catatonit:{own}): {why}"));
    let (words, command) = letters::sort(args, &[]).map_err(|why| refuse(&why))?;
    let mut plan = Init::new(MainChild::Command(command));
    plan.drain_policy = DrainPolicy::Leave;
    plan.failures = FailureCodes { init: FAILED, not_executable: FAILED, not_found: FAILED };
    for word in words {
        match word {
            Word::Letter('g', _) => plan.signal_scope = SignalScope::ProcessGroup,
            Word::Letter('P', _) => plan.main = MainChild::None,
            Word::Letter('h', _) => return Ok(Box::new(Document::stderr(HELP))),
            Word::Letter('L', _) => return Ok(Box::new(Document::stdout(LICENSE))),
            Word::Letter('V', _) => return Ok(Box::new(Document::stdout(VERSION))),
            Word::Long(name, None) if name == "version" => return Ok(Box::new(Document::stdout(VERSION))),
            Word::Letter(other, _) => return Err(refuse(&format!("invalid option -- '{other}'"))),
            Word::Long(other, _) => return Err(refuse(&format!("unrecognized option '--{other}'"))),
        }
    }
    let debug = letters::is_on(variable_os("CATATONIT_DEBUG").as_deref());
    plan.log = LogOptions {
        format: LogFormat::Catatonit,
        verbosity: if debug { Verbosity::Event } else { Verbosity::Warning },
    };
    match &plan.main {
        MainChild::Command(command) if command.is_empty() => {
            Err(refuse("missing program name (see catatonit -h)"))
        }
        _ => Ok(Box::new(plan)),
    }
}
