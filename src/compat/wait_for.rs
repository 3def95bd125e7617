//! `wait-for HOST:PORT|URL [-t SECONDS] [-q] [-- COMMAND ARG...]` (<https://github.com/eficode/wait-for>): its options and
//! exit codes, without a shell, nc and wget.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Usage;
use crate::command::{Command, Document};
use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::http::Follow;
use crate::probe::Probe;
use crate::probe::options::Options;
use crate::report::Verbosity;

use super::getopt::{Arity, Flag, Grammar, LongOptions, Mistake, Operands, Scanner, Word};
use super::wait_then_run::WaitThenRun;

/// The version whose options these are.
const VERSION: &str = "2.2.4\n";

/// Its default limit.
const TIMEOUT: Duration = Duration::from_secs(15);

/// It tries once a second, each time for a second.
const INTERVAL: Duration = Duration::from_secs(1);

/// wget's limit of redirects.
const REDIRECTS: u8 = 20;

/// What `--help` says.
const HELP: &str = "\
usage: wait-for HOST:PORT|URL [-t SECONDS] [-q] [-- COMMAND ARG...]   (sexton, as eficode's wait-for)
  -t SECONDS  --timeout=SECONDS  give up after this long, 0 never (default 15)
  -q  --quiet                    say nothing while waiting
  -v  --version                  print the version
";

/// Exit codes of a wrong command line: an unknown option, no target, an invalid timeout.
const UNKNOWN: u8 = 1;
const NO_TARGET: u8 = 2;
const BAD_TIMEOUT: u8 = 3;

/// Its options.
const FLAGS: &[Flag] = &[
    Flag::new("quiet", Some('q'), Arity::Switch),
    Flag::new("timeout", Some('t'), Arity::Value),
    Flag::new("version", Some('v'), Arity::Switch),
    Flag::new("help", None, Arity::Switch),
];

/// What was given, as text.
#[derive(Default)]
pub(crate) struct WaitForArgs {
    /// `HOST:PORT` or a URL.
    pub(crate) target: Option<String>,
    /// `-t`
    pub(crate) timeout: Option<String>,
    /// What runs afterwards.
    pub(crate) command: Vec<OsString>,
    /// What `--help` or `--version` prints instead of all that.
    document: Option<Document>,
}

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    read(args).map_err(|(code, why)| Usage::bare(ExitStatus::Code(code), format!("wait-for: {why}")))
}

/// Sorts argv; an error has its exit code.
pub(crate) fn args(args: Vec<OsString>) -> Result<WaitForArgs, (u8, String)> {
    let mut given = WaitForArgs::default();
    let grammar =
        Grammar { letters: "", flags: FLAGS, long: LongOptions::Whole, operands: Operands::Anywhere };
    let mut words = Scanner::new(grammar, args);
    while let Some(word) = words.next() {
        match word {
            Ok(Word::Operand(first)) if words.is_over() => {
                given.command = words.command(first);
                break;
            }
            Ok(Word::Operand(word)) => {
                let word = word
                    .into_string()
                    .map_err(|word| (UNKNOWN, format!("{} is not UTF-8", word.display())))?;
                if !word.contains(':') {
                    return Err((UNKNOWN, format!("unknown argument: {word}")));
                }
                given.target = Some(word);
            }
            Ok(Word::Option(option)) => match option.flag.long {
                Some("quiet") => {}
                Some("timeout") => {
                    given.timeout = option.value.map(|value| value.to_string_lossy().into_owned());
                }
                Some("version") => {
                    return Ok(WaitForArgs { document: Some(Document::stdout(VERSION)), ..given });
                }
                _ => return Ok(WaitForArgs { document: Some(Document::stderr(HELP)), ..given }),
            },
            Err(Mistake::LetterWithoutValue(_) | Mistake::LongWithoutValue(_)) => {
                given.timeout = Some(String::new());
            }
            Err(Mistake::UnknownLetter(letter)) => {
                return Err((UNKNOWN, format!("unknown option: -{}", char::from(letter))));
            }
            Err(Mistake::UnknownLong(written) | Mistake::Ambiguous(written, _)) => {
                return Err((UNKNOWN, format!("unknown option: --{written}")));
            }
            Err(Mistake::UnwantedValue(name)) => return Err((UNKNOWN, format!("unknown option: --{name}="))),
        }
    }
    Ok(given)
}

fn read(words: Vec<OsString>) -> Result<Box<dyn Command>, (u8, String)> {
    let WaitForArgs { target, timeout, command, document } = args(words)?;
    if let Some(document) = document {
        return Ok(Box::new(document));
    }
    let timeout = timeout.map_or(Ok(Some(TIMEOUT)), |text| seconds(&text))?;
    let target = target.ok_or((NO_TARGET, "you need to provide a host and port to test".to_owned()))?;
    let mut options = Options::default();
    options.http.follow = Follow::AtMost(REDIRECTS);
    let target = if target.starts_with("http://") || target.starts_with("https://") {
        target
    } else {
        format!("tcp://{target}")
    };
    let probe = Probe::parse(&target, &options).map_err(|why| (NO_TARGET, why))?;
    Ok(Box::new(WaitThenRun {
        probes: vec![Arc::new(probe)],
        interval: INTERVAL,
        attempt_timeout: INTERVAL,
        timeout,
        // As in the script: nothing is said before the limit has passed.
        verbosity: Verbosity::Quiet,
        timeout_line: "Operation timed out".into(),
        command,
        exec_failure: None,
        // The shell of the script runs it itself.
        bare_script: BareScript::RunByShell,
    }))
}

/// Reads whole seconds; 0 is for ever.
fn seconds(text: &str) -> Result<Option<Duration>, (u8, String)> {
    let seconds: u32 = text.parse().map_err(|_| (BAD_TIMEOUT, format!("invalid timeout '{text}'")))?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds.into())))
}
