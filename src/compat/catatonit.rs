//! `catatonit [-ghLPV] [--] PROGRAM [ARG]...` (<https://github.com/openSUSE/catatonit>): its flags, variable, words and
//! codes.

use std::ffi::{OsStr, OsString};

use crate::cli::{InitVariables, Usage, variable_os};
use crate::command::{Command, Document};
use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::init::plan::{
    BeforeStopRequest, DrainPolicy, FailureCodes, Init, LogFormat, LogOptions, MainChild, SignalScope,
    Verbosity,
};
use crate::init::signals::Signal;

use super::getopt::{Arity, Flag, Grammar, LongOptions, Operands, Scanner, Word};

/// The version, in the words that Docker wants of an init.
const VERSION: &str = concat!("tini version 0.2.1_catatonit (sexton ", env!("CARGO_PKG_VERSION"), ")\n");

/// Its usage line after the name that it was called by, and the rest of its help, to the letter; on stderr, as there.
const USAGE: &str = "[-ghLPV] [--] <progname> [<arguments>...]\n";
const HELP: &str = "
options:
  -g              Forward signals to pid1's process group.
  -h              Print this help page.
  -L              Print license information.
  -P              Run in pause mode (no program is run and quit on SIGINT).
  -V, --version   Print version information.

The source code can be found at <https://github.com/openSUSE/catatonit/>.
For bug reporting instructions, please see: <https://bugs.opensuse.org/>.
";

/// Its license option prints ours.
const LICENSE: &str = "sexton, called as catatonit. MIT OR Apache-2.0.\n";

/// Its code for whatever goes wrong.
const FAILED: ExitStatus = ExitStatus::Code(1);

/// Its options; operands may stand anywhere.
const GRAMMAR: Grammar = Grammar {
    letters: "ghLP",
    flags: &[Flag::new("version", Some('V'), Arity::Switch)],
    long: LongOptions::Gnu,
    operands: Operands::Anywhere,
};

/// Reads its argv; `program` is the first word.
pub(super) fn parse(program: &OsStr, args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    let own = std::process::id();
    let error = |why: &str| format!("ERROR (catatonit:{own}): {why}");
    let usage = format!("usage: catatonit {USAGE}");
    if variable_os("CATATONIT_LOG").is_some() {
        return Err(Usage::bare(FAILED, error("CATATONIT_LOG is reserved for future use")));
    }
    let mut plan = Init::new(MainChild::None);
    plan.bare_script = BareScript::RunByShell;
    plan.drain_policy = DrainPolicy::Leave;
    plan.before_stop_request = BeforeStopRequest::ContinueMain;
    plan.failures = FailureCodes::of_any_exec(FAILED, FAILED);
    let mut variables = InitVariables::read(&mut plan)?;
    // The stops of a terminal are not passed on there.
    for signal in [Signal::TSTP, Signal::TTIN, Signal::TTOU] {
        if !plan.rewrites.is_set(signal) {
            plan.rewrites.set(signal, None);
        }
    }
    let mut command = Vec::new();
    for word in Scanner::new(GRAMMAR.as_posix_asks(), args) {
        let given = match word {
            Ok(Word::Option(given)) => given,
            Ok(Word::Operand(word)) => {
                command.push(word);
                continue;
            }
            Err(mistake) => {
                let text = format!("{}\n{usage}", mistake.in_glibc_words(program));
                return Ok(Box::new(Document::misuse(text)));
            }
        };
        match given.flag.letter {
            Some('h') => return Ok(Box::new(Document::stderr(format!("{usage}{HELP}")))),
            Some('L') => return Ok(Box::new(Document::stdout(LICENSE))),
            Some('V') => return Ok(Box::new(Document::stdout(VERSION))),
            Some('P') => {
                variables.main = Some(MainChild::None);
                if plan.drain_policy == DrainPolicy::Leave {
                    plan.drain_policy = DrainPolicy::Default;
                }
            }
            _ => plan.signal_scope = SignalScope::ProcessGroup,
        }
    }
    let debug = variable_os("CATATONIT_DEBUG").is_some();
    let said = LogOptions {
        format: LogFormat::Catatonit,
        verbosity: if debug { Verbosity::Event } else { Verbosity::Warning },
    };
    match variables.finish(plan, command, said) {
        Some(init) => Ok(init),
        None => Ok(Box::new(Document::misuse(format!("{}\n{usage}", error("missing program name"))))),
    }
}
