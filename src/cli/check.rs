//! `sexton check`.

use std::ffi::OsString;

use clap::{Args, Command, FromArgMatches};

use crate::check::{Check, Require};
use crate::command::{Document, Parsed};
use crate::exit::ExitStatus;
use crate::report::Verbosity;

use super::options;
use super::{Usage, expand, words};

/// Docker's own default is 30 s, but most Compose files set 5 s: ours is under it, so that our reason is recorded and
/// not the runtime's kill.
const TIMEOUT: &str = "4s";

/// The first line of the help.
const ABOUT: &str = "One round of checks: exit 0 when all targets pass, else 1";

/// The last lines of the help.
const EXAMPLES: &str = "\
Examples:
  sexton check http://127.0.0.1:8080/health
  sexton check --timeout 2s --status 200-299,401 http://localhost:${PORT:-8080}/
  sexton check tcp://127.0.0.1:5432 unix:/run/app.sock
  HEALTHCHECK --interval=10s --timeout=5s CMD [\"/sexton\", \"check\", \"http://127.0.0.1:8080/health\"]

${VAR} and ${VAR:-default} in targets and values are replaced from the environment; $$ is $.";

/// What every check has.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[expect(clippy::struct_excessive_bools, reason = "a flag on the command line is given or not")]
#[expect(clippy::doc_markdown, reason = "clap prints these comments as they are")]
struct Words {
    /// Limit of the whole run, all targets [default: 4s, or SEXTON_TIMEOUT]
    #[arg(short, long, value_name = "DURATION", allow_hyphen_values = true)]
    timeout: Option<String>,
    /// One target that passes is enough
    #[arg(long)]
    any: bool,
    /// Print nothing; the exit code is the answer
    #[arg(short, long, conflicts_with_all = ["verbose", "json"])]
    quiet: bool,
    /// Print every step, too
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,
    /// Print one JSON object instead of a line a target
    #[arg(long)]
    json: bool,
    /// What to check; the help lists them apart.
    #[arg(required = true, value_name = "TARGET", hide = true)]
    targets: Vec<String>,
}

/// Reads what follows `check`.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed<Check>, Usage> {
    let args: Vec<OsString> = args.collect();
    let refuse = |error: &clap::Error| Usage::from_clap("check", ExitStatus::Unhealthy, error);
    let misused = |why| Usage::new(ExitStatus::Unhealthy, why);
    if let Some(targets) = plain(&args) {
        let words = Words { targets, ..Words::default() };
        return build(words, options::Words::default()).map(Parsed::Run).map_err(misused);
    }
    let matches = match words::parse(command(), all_words, &args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
            return Ok(Parsed::Print(Document::stdout(format!("{}\n", error.to_string().trim_end()))));
        }
        Err(error) => return Err(refuse(&error)),
    };
    let words = Words::from_arg_matches(&matches.core).map_err(|error| refuse(&error))?;
    let options = options::Words::from_optional(matches.more.as_ref()).map_err(|error| refuse(&error))?;
    build(words, options).map(Parsed::Run).map_err(misused)
}

/// The targets, where there is nothing else: most lines, and clap's cost is not theirs.
fn plain(args: &[OsString]) -> Option<Vec<String>> {
    let target = |word: &OsString| word.to_str().filter(|word| !word.starts_with('-')).map(str::to_owned);
    args.iter().map(target).collect::<Option<Vec<_>>>().filter(|targets| !targets.is_empty())
}

/// The command with the words that every check has.
fn command() -> Command {
    Words::augment_args(Command::new("sexton check").no_binary_name(true))
}

/// The command with all words, as its help shows it.
fn all_words(command: Command) -> Command {
    options::augment(command).about(ABOUT).after_help(format!("{}\n\n{EXAMPLES}", options::schemes()))
}

/// Turns words into a check.
fn build(words: Words, options: options::Words) -> Result<Check, String> {
    let timeout = match words.timeout {
        Some(text) => options::duration(&text, "--timeout")?,
        None => options::duration(
            &expand::variable("SEXTON_TIMEOUT")?
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| TIMEOUT.into()),
            "SEXTON_TIMEOUT",
        )?,
    };
    let probes = options.into_probes(&words.targets)?;
    let verbosity = match (words.quiet, words.verbose, words.json) {
        (true, ..) => Verbosity::Quiet,
        (_, true, _) => Verbosity::Steps,
        (.., true) => Verbosity::Json,
        _ => Verbosity::Lines,
    };
    let require = if words.any { Require::Any } else { Require::All };
    Ok(Check { probes, require, timeout, verbosity })
}
