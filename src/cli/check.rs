//! `sexton check`.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches};
use ureq::http::{HeaderName, HeaderValue, Method};

use crate::check::{Check, Voice};
use crate::exit::ExitStatus;
use crate::probe::{Group, Options, Probe, StatusSet};

use super::{Invocation, Usage, expand::expand};

/// Docker's own default is 30 s, but most Compose files set 5 s: ours is under it, so that our reason is recorded and
/// not the runtime's kill.
const TIMEOUT: &str = "4s";

/// The options of one round.
#[derive(Args, Debug)]
struct Words {
    /// The limit of the whole run: resolving, connecting, TLS, answers, all targets [default: 4s, or SEXTON_TIMEOUT]
    #[arg(short, long, value_name = "DURATION")]
    timeout: Option<String>,
    /// The statuses that pass, for example 200-299,401
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// A header to send; repeatable
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The method to ask with
    #[arg(short = 'X', long, value_name = "METHOD")]
    method: Option<String>,
    /// Print nothing; the exit code is the answer
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print every step, too
    #[arg(short, long)]
    verbose: bool,
    /// What to check: http://, https://, tcp://host:port, unix:/path
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
}

/// Reads what follows `check`.
pub(super) fn parse(words: impl Iterator<Item = OsString>) -> Result<Invocation, Usage> {
    let refuse = |why: String| Usage::new(ExitStatus::Unhealthy, why);
    let mut command = Words::augment_args(Command::new("sexton check").no_binary_name(true));
    let matches = match command.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
            return Ok(Invocation::Print(error.to_string()));
        }
        Err(error) => return Err(Usage::from_clap("check", ExitStatus::Unhealthy, &error)),
    };
    let words = Words::from_arg_matches(&matches)
        .map_err(|error| Usage::from_clap("check", ExitStatus::Unhealthy, &error))?;
    build(words).map(Invocation::Check).map_err(refuse)
}

/// Turns words into a check.
fn build(words: Words) -> Result<Check, String> {
    let timeout = match words.timeout {
        Some(text) => timeout(&expanded(&text)?, "--timeout")?,
        None => timeout(&variable("SEXTON_TIMEOUT").unwrap_or_else(|| TIMEOUT.into()), "SEXTON_TIMEOUT")?,
    };
    let mut given = Vec::new();
    let mut options = Options::default();
    if let Some(status) = words.status {
        given.push(("--status", Group::Http));
        options.http.status = expanded(&status)?.parse::<StatusSet>()?;
    }
    if let Some(method) = words.method {
        given.push(("--method", Group::Http));
        let method = expanded(&method)?;
        options.http.method =
            method.parse::<Method>().map_err(|_| format!("--method `{method}` is no HTTP method"))?;
    }
    for text in &words.header {
        given.push(("--header", Group::Http));
        options.http.headers.push(header(&expanded(text)?)?);
    }
    let probes = words
        .targets
        .iter()
        .map(|target| Probe::parse(&expanded(target)?, &options))
        .collect::<Result<Vec<_>, _>>()?;
    let useful = Probe::groups(&probes);
    if let Some((flag, _)) = given.iter().find(|(_, group)| !useful.contains(group)) {
        return Err(format!("{flag} means nothing to the targets given"));
    }
    let voice = match (words.quiet, words.verbose) {
        (true, _) => Voice::Quiet,
        (_, true) => Voice::Verbose,
        _ => Voice::Lines,
    };
    Ok(Check { probes, timeout, voice })
}

/// Reads `Name: value`; nothing that would end the line may be in it.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    // The value may be a secret, so it is never shown.
    let (name, value) =
        text.split_once(':').ok_or("--header without a colon; write --header 'Name: value'")?;
    let name = name.trim();
    let parsed = name.parse::<HeaderName>().map_err(|_| format!("--header: `{name}` is no header name"))?;
    let value = HeaderValue::from_str(value.trim_matches([' ', '\t']))
        .map_err(|_| format!("--header {name}: the value holds a control character"))?;
    Ok((parsed, value))
}

/// Reads a length of time that is more than none.
fn timeout(text: &str, whose: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(length) if length.is_zero() => Err(format!("{whose} must be more than 0")),
        Ok(length) => Ok(length),
        Err(_) => Err(format!("{whose} `{text}` is no duration; write for example 500ms, 4s or 1m 30s")),
    }
}

/// `text` with its variables replaced.
fn expanded(text: &str) -> Result<String, String> {
    expand(text, variable)
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "cli is where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
