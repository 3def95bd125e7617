//! `dockerize -wait URL... [-timeout DURATION] [-wait-retry-interval DURATION] [COMMAND ARG...]`
//! (<https://github.com/jwilder/dockerize>): its waits. Templates and tails are refused by their names.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{Usage, read_header};
use crate::command::{Command, Document};
use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::http::Follow;
use crate::net::Family;
use crate::probe::Probe;
use crate::probe::options::Options;
use crate::report::Verbosity;

use super::getopt::{Arity, Flag, Grammar, LongOptions, Mistake, Operands, Scanner, Word};
use super::go;
use super::wait_then_run::WaitThenRun;

/// What `-version` says.
const VERSION: &str = concat!("v0.9.9 (sexton ", env!("CARGO_PKG_VERSION"), ")\n");

/// Its defaults.
const TIMEOUT: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_secs(1);

/// Go's limit of redirects.
const REDIRECTS: u8 = 10;

/// What `-help` says.
const HELP: &str = "\
Usage: dockerize [options] [command]   (sexton, as dockerize: it waits, and runs the command)
  -wait URL                      tcp://, tcp4://, tcp6://, unix://, http://, https:// or file://; may be repeated
  -timeout DURATION              give up after this long, with exit code 1 (default 10s)
  -wait-retry-interval DURATION  the pause between attempts (default 1s)
  -wait-http-header 'NAME: VALUE'  a header of http and https requests; may be repeated
  -version                       print the version
Templates (-template, -delims, -no-overwrite) and tails (-stdout, -stderr, -poll) are not offered.
";

/// Exit codes: a wrong option, as Go's flag package has it, and a wrong value or a failed wait.
const BAD_OPTION: u8 = 2;
const FAILED: u8 = 1;

/// Its flags.
const FLAGS: &[Flag] = &[
    Flag::new("wait", None, Arity::Value),
    Flag::new("wait-http-header", None, Arity::Value),
    Flag::new("timeout", None, Arity::Value),
    Flag::new("wait-retry-interval", None, Arity::Value),
    Flag::new("version", None, Arity::Optional),
    Flag::new("help", None, Arity::Optional),
    Flag::new("h", None, Arity::Optional),
];

/// Its flags that do something else than wait.
const NOT_OFFERED: &[&str] = &[
    "template",
    "delims",
    "no-overwrite",
    "stdout",
    "stderr",
    "poll",
    "env",
    "env-section",
    "env-header",
    "validate-cert",
    "skip-tls-verify",
];

/// What was given.
#[derive(Default)]
pub(crate) struct DockerizeArgs {
    /// `-wait`
    pub(crate) waits: Vec<String>,
    /// `-wait-http-header`
    pub(crate) headers: Vec<String>,
    /// `-timeout`
    pub(crate) timeout: Duration,
    /// `-wait-retry-interval`
    pub(crate) interval: Duration,
    /// What runs afterwards.
    pub(crate) command: Vec<OsString>,
    /// What `-help` or `-version` prints instead of all that.
    document: Option<Document>,
}

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    read(args).map_err(|(code, why)| Usage::bare(ExitStatus::Code(code), format!("dockerize: {why}")))
}

/// Sorts argv; an error has its exit code.
pub(crate) fn args(args: Vec<OsString>) -> Result<DockerizeArgs, (u8, String)> {
    let mut given = DockerizeArgs { timeout: TIMEOUT, interval: INTERVAL, ..DockerizeArgs::default() };
    let grammar = Grammar { letters: "", flags: FLAGS, long: LongOptions::Go, operands: Operands::Last };
    let mut words = Scanner::new(grammar, args);
    while let Some(word) = words.next() {
        let option = match word.map_err(|mistake| mistaken(&mistake))? {
            Word::Option(option) => option,
            Word::Operand(first) => {
                given.command = words.command(first);
                break;
            }
        };
        let value = option.value.map(OsString::into_string).transpose();
        let value = value.map_err(|_| (BAD_OPTION, format!("{} is not UTF-8", option.shown)))?;
        let value = value.unwrap_or_default();
        match option.flag.long.unwrap_or_default() {
            "wait" => given.waits.push(value),
            "wait-http-header" => given.headers.push(value),
            "timeout" => given.timeout = duration("timeout", &value)?,
            "wait-retry-interval" => given.interval = duration("wait-retry-interval", &value)?,
            "version" => given.document = Some(Document::stdout(VERSION)),
            _ => given.document = Some(Document::stderr(HELP)),
        }
        if given.document.is_some() {
            break;
        }
    }
    Ok(given)
}

/// What is wrong, with its exit code.
fn mistaken(mistake: &Mistake) -> (u8, String) {
    match mistake {
        Mistake::UnknownLong(written)
            if NOT_OFFERED.contains(&written.split('=').next().unwrap_or_default()) =>
        {
            let name = written.split('=').next().unwrap_or_default();
            (FAILED, format!("-{name}: not offered by sexton; only -wait and its options are"))
        }
        other => (BAD_OPTION, other.in_go_words()),
    }
}

fn read(words: Vec<OsString>) -> Result<Box<dyn Command>, (u8, String)> {
    if words.is_empty() {
        return Ok(Box::new(Document::misuse(HELP)));
    }
    let mut given = args(words)?;
    if let Some(document) = given.document.take() {
        return Ok(Box::new(document));
    }
    let probes = probes(&given).map_err(|why| (FAILED, why))?;
    let limit = humantime::format_duration(given.timeout);
    let shown = given.waits.join(" ");
    Ok(Box::new(WaitThenRun {
        probes,
        interval: given.interval,
        attempt_timeout: given.timeout,
        timeout: Some(given.timeout),
        verbosity: Verbosity::Lines,
        timeout_line: format!("Timeout after {limit} waiting on dependencies to become available: [{shown}]"),
        command: given.command,
        exec_failure: Some(FAILED),
        bare_script: BareScript::Refuse,
    }))
}

/// The probes of the waits.
fn probes(given: &DockerizeArgs) -> Result<Vec<Arc<Probe>>, String> {
    if given.waits.is_empty() && !given.headers.is_empty() {
        return Err("-wait-http-header without -wait".into());
    }
    let mut options = Options::default();
    options.http.follow = Follow::AtMost(REDIRECTS);
    options.http.headers =
        given.headers.iter().map(|text| read_header(text, "-wait-http-header")).collect::<Result<_, _>>()?;
    given.waits.iter().map(|wait| probe(wait, &options).map(Arc::new)).collect()
}

/// The probe of one `-wait`.
fn probe(wait: &str, options: &Options) -> Result<Probe, String> {
    let mut options = options.clone();
    let (scheme, rest) = wait.split_once("://").ok_or_else(|| format!("bad hostname provided: {wait}"))?;
    let target = match scheme {
        "tcp" | "http" | "https" => wait.to_owned(),
        "tcp4" | "tcp6" => {
            options.dial.connect.family = if scheme == "tcp4" { Family::V4 } else { Family::V6 };
            format!("tcp://{rest}")
        }
        "unix" | "file" => format!("{scheme}:{rest}"),
        other => {
            return Err(format!("invalid host protocol provided: {other}; write tcp, http, unix or file"));
        }
    };
    Probe::parse(&target, &options)
}

/// Reads a duration of Go.
fn duration(name: &str, text: &str) -> Result<Duration, (u8, String)> {
    let invalid = || format!("invalid value \"{text}\" for flag -{name}: write 10s, 500ms or 1m30s");
    go::duration(text).ok_or_else(|| (BAD_OPTION, invalid()))
}
