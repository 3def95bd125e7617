//! `dockerize -wait URL... [-timeout DURATION] [-wait-retry-interval DURATION] [COMMAND ARG...]`
//! (<https://github.com/jwilder/dockerize>): its waits. Templates and tails are refused by their names.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{Usage, read_header};
use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::http::Follow;
use crate::net::Family;
use crate::probe::Probe;
use crate::probe::options::Options;
use crate::report::Verbosity;

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

/// What was given.
#[derive(Default)]
struct DockerizeArgs {
    waits: Vec<String>,
    headers: Vec<String>,
    timeout: Option<Duration>,
    interval: Option<Duration>,
}

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    read(args).map_err(|(code, why)| Usage::bare(ExitStatus::Code(code), format!("dockerize: {why}")))
}

fn read(args: Vec<OsString>) -> Result<Box<dyn Command>, (u8, String)> {
    if args.is_empty() {
        return Ok(Box::new(Document::misuse(HELP)));
    }
    let mut given = DockerizeArgs::default();
    let mut args = args.into_iter().peekable();
    // Options end at the first word that is none (https://pkg.go.dev/flag).
    while let Some(option) =
        args.next_if(|arg| arg.to_str().is_some_and(|arg| arg.len() > 1 && arg.starts_with('-')))
    {
        let option = option.into_string().unwrap_or_default();
        if option == "--" {
            break;
        }
        let name = option.strip_prefix("--").or_else(|| option.strip_prefix('-')).unwrap_or_default();
        let (name, glued) =
            name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value.to_owned())));
        let mut value = || {
            let next = glued.clone().or_else(|| args.next().and_then(|value| value.into_string().ok()));
            next.ok_or_else(|| (BAD_OPTION, format!("flag needs an argument: -{name}")))
        };
        match name {
            "wait" => given.waits.push(value()?),
            "wait-http-header" => given.headers.push(value()?),
            "timeout" => given.timeout = Some(duration(name, &value()?)?),
            "wait-retry-interval" => given.interval = Some(duration(name, &value()?)?),
            "version" => return Ok(Box::new(Document::stdout(VERSION))),
            "help" | "h" => return Ok(Box::new(Document::stderr(HELP))),
            "template" | "delims" | "no-overwrite" | "stdout" | "stderr" | "poll" | "env" | "env-section"
            | "env-header" | "validate-cert" | "skip-tls-verify" => {
                return Err((
                    FAILED,
                    format!("-{name}: not offered by sexton; only -wait and its options are"),
                ));
            }
            _ => return Err((BAD_OPTION, format!("flag provided but not defined: -{name}"))),
        }
    }
    let probes = probes(&given).map_err(|why| (FAILED, why))?;
    let timeout = given.timeout.unwrap_or(TIMEOUT);
    let shown = given.waits.join(" ");
    let limit = humantime::format_duration(timeout);
    Ok(Box::new(WaitThenRun {
        probes,
        interval: given.interval.unwrap_or(INTERVAL),
        attempt_timeout: timeout,
        timeout: Some(timeout),
        verbosity: Verbosity::Lines,
        timeout_line: format!("Timeout after {limit} waiting on dependencies to become available: [{shown}]"),
        command: args.collect(),
        exec_failure: Some(FAILED),
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
            options.dial.via.family = if scheme == "tcp4" { Family::V4 } else { Family::V6 };
            format!("tcp://{rest}")
        }
        "unix" | "file" => format!("{scheme}:{rest}"),
        other => {
            return Err(format!("invalid host protocol provided: {other}; write tcp, http, unix or file"));
        }
    };
    Probe::parse(&target, &options)
}

/// Reads a duration of Go: `1m30s`, `1.5s`, `500ms`, `0`.
fn duration(name: &str, text: &str) -> Result<Duration, (u8, String)> {
    let invalid =
        || (BAD_OPTION, format!("invalid value \"{text}\" for flag -{name}: write 10s, 500ms or 1m30s"));
    let units = [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let mut seconds = 0.0;
    let mut rest = text;
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    while !rest.is_empty() || text.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (number, after) = rest.split_at_checked(end).ok_or_else(invalid)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters).ok_or_else(invalid)?;
        let (_, length) = units.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        seconds += number.parse::<f64>().map_err(|_| invalid())? * length;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, millis) in [("10s", 10_000), ("500ms", 500), ("1m30s", 90_000), ("1.5s", 1500), ("0", 0)] {
            assert_eq!(duration("timeout", text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "10", "s", "1x", "-1s", "1s2"] {
            assert!(duration("timeout", text).is_err(), "{text}");
        }
    }
}
