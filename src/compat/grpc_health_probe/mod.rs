//! `grpc_health_probe -addr=HOST:PORT [flags]` (<https://github.com/grpc-ecosystem/grpc-health-probe>): its flags, with
//! one dash or two, and its exit codes.

mod run;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::attempt::Finished;
use crate::cli::{Usage, read_header};
use crate::command::{Command, Document};
use crate::compat::grpc_health_probe::run::{Ask, Told};
use crate::exit::ExitStatus;
use crate::net::tls::Verify;
use crate::outcome::{Cause, Phase};
use crate::probe::Probe;
use crate::probe::options::Options;
use crate::target::parse_host;

/// Its codes, from its README: 1 misused, 2 no connection, 3 no answer, 4 an answer other than SERVING.
const MISUSED: ExitStatus = ExitStatus::Code(1);
const NO_CONNECTION: ExitStatus = ExitStatus::Code(2);
const NO_ANSWER: ExitStatus = ExitStatus::Code(3);
const NOT_SERVING: ExitStatus = ExitStatus::Code(4);

/// Its flags that take a value.
const VALUED: &[&str] = &[
    "addr",
    "service",
    "user-agent",
    "connect-timeout",
    "rpc-timeout",
    "rpc-header",
    "tls-ca-cert",
    "tls-client-cert",
    "tls-client-key",
    "tls-server-name",
];

/// Its flags that are or are not.
const SWITCHES: &[&str] = &["tls", "tls-no-verify", "gzip", "v", "version", "h", "help"];

/// Those of its flags that ask for what is not here.
const NOT_OFFERED: &[&str] = &["alts", "spiffe"];

/// What its `-help` says, in our words.
const HELP: &str = "\
usage: grpc_health_probe -addr=HOST:PORT [-service NAME] [-user-agent NAME] [-connect-timeout 1s] [-rpc-timeout 1s]
  [-rpc-header 'name: value'] [-tls] [-tls-no-verify] [-tls-ca-cert FILE] [-tls-client-cert FILE]
  [-tls-client-key FILE] [-tls-server-name NAME] [-gzip] [-v] [-version]
exit codes: 0 serving, 1 misused, 2 no connection, 3 no answer, 4 not serving
";

/// Both limits, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    read(args).map_err(|why| Usage::bare(MISUSED, format!("grpc_health_probe: {why}")))
}

/// Turns its words into a question.
fn read(args: Vec<OsString>) -> Result<Box<dyn Command>, String> {
    let flags = flags(args)?;
    // As there: who asks for help has not asked for a probe.
    if flags.is_on("h") || flags.is_on("help") {
        return Ok(Box::new(Document::misuse(HELP)));
    }
    if flags.is_on("version") {
        return Ok(Box::new(Document::stdout(concat!("sexton ", env!("CARGO_PKG_VERSION"), "\n"))));
    }
    let address = flags.last("addr").filter(|address| !address.is_empty()).ok_or("-addr not specified")?;
    let connect = flags.last("connect-timeout").map_or(Ok(TIMEOUT), duration)?;
    let answer = flags.last("rpc-timeout").map_or(Ok(TIMEOUT), duration)?;
    let options = options(&flags, connect, answer)?;
    let scheme = if flags.is_on("tls") { "grpcs" } else { "grpc" };
    let service = flags.last("service").unwrap_or_default().to_owned();
    let (mut options, place) = place(address, options);
    options.grpc_service = Some(service);
    let tls = flags.is_on("tls").then(|| options.dial.tls.clone());
    let probe = Probe::parse(&format!("{scheme}://{place}"), &options)?;
    let limit = humantime::format_duration(answer);
    let overdue =
        Told { line: format!("timeout: health rpc did not complete within {limit}"), exit: NO_ANSWER };
    Ok(Box::new(Ask { probe, tls, timeout: connect.saturating_add(answer), judge, overdue }))
}

/// What its flags say about how to ask.
fn options(flags: &Flags, connect: Duration, answer: Duration) -> Result<Options, String> {
    let encrypted = flags.is_on("tls");
    let only_with_tls =
        ["tls-no-verify", "tls-ca-cert", "tls-client-cert", "tls-client-key", "tls-server-name"];
    if let Some(flag) = only_with_tls.iter().find(|flag| !encrypted && flags.last(flag).is_some()) {
        return Err(format!("specified -{flag} without specifying -tls"));
    }
    if flags.last("tls-client-cert").is_some() != flags.last("tls-client-key").is_some() {
        return Err("-tls-client-cert and -tls-client-key go together".into());
    }
    if flags.is_on("tls-no-verify") && (flags.last("tls-ca-cert").or(flags.last("tls-server-name"))).is_some()
    {
        return Err("-tls-no-verify does not go with -tls-ca-cert or -tls-server-name".into());
    }
    let file = |flag: &str| flags.last(flag).map(PathBuf::from);
    let mut options = Options::default();
    options.dial.via.connect_timeout = Some(connect);
    options.answer_timeout = Some(answer);
    options.dial.tls.cacert = file("tls-ca-cert").map(Into::into);
    options.dial.tls.cert = file("tls-client-cert");
    options.dial.tls.key = file("tls-client-key");
    options.dial.tls.server_name = flags.last("tls-server-name").map(parse_host).transpose()?;
    if flags.is_on("tls-no-verify") {
        options.dial.tls.verify = Verify::Off;
    }
    let agent = flags.last("user-agent").map(|agent| format!("user-agent: {agent}"));
    let agent = agent.or_else(|| Some("user-agent: grpc_health_probe".into()));
    for text in flags.all("rpc-header").map(str::to_owned).chain(agent) {
        options.http.headers.push(read_header(&text, "-rpc-header")?);
    }
    Ok(options)
}

/// Where `-addr` leads: `host:port`, `:port` on this machine, `dns:///host:port`, `unix:///path`.
fn place(address: &str, mut options: Options) -> (Options, String) {
    if let Some(path) = address.strip_prefix("unix:") {
        options.dial.unix_socket = Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)));
        return (options, "localhost:80".into());
    }
    let address = ["passthrough:///", "dns:///", "dns:"]
        .iter()
        .find_map(|resolver| address.strip_prefix(resolver))
        .unwrap_or(address);
    let place = if address.starts_with(':') { format!("localhost{address}") } else { address.to_owned() };
    (options, place)
}

/// Its words and code for what came of it.
fn judge(finished: &Finished) -> Told {
    let Err(failure) = &finished.outcome else {
        return Told { line: "status: SERVING".into(), exit: ExitStatus::Healthy };
    };
    let (line, exit) = match (failure.phase, failure.cause) {
        (Phase::Resolve | Phase::Connect | Phase::Tls | Phase::Request, Cause::TimedOut) => {
            ("timeout: failed to connect service".into(), NO_CONNECTION)
        }
        // A server that wants another certificate says so after the handshake, and never answers the original.
        (Phase::Resolve | Phase::Connect | Phase::Tls | Phase::Request, _)
        | (_, Cause::ClientCertificateWanted) => {
            (format!("error: failed to connect service: {failure}"), NO_CONNECTION)
        }
        (_, Cause::TimedOut) => ("timeout: health rpc did not complete in time".into(), NO_ANSWER),
        (_, Cause::Answer) => (format!("service unhealthy (responded with {failure})"), NOT_SERVING),
        _ => (format!("error: health rpc failed: {failure}"), NO_ANSWER),
    };
    Told { line, exit }
}

/// Its flags as they were given, in order.
struct Flags(Vec<(String, String)>);

impl Flags {
    /// The last value of `flag`.
    fn last(&self, flag: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == flag).map(|(_, value)| value.as_str())
    }

    /// All values of `flag`.
    fn all(&self, flag: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| name == flag).map(|(_, value)| value.as_str())
    }

    /// Whether the switch `flag` is on.
    fn is_on(&self, flag: &str) -> bool {
        self.last(flag) == Some("true")
    }
}

/// Sorts argv by the rules of Go's flag package (<https://pkg.go.dev/flag>): one dash or two, `=` or the next word for a
/// value, `=` only for a switch.
fn flags(args: Vec<OsString>) -> Result<Flags, String> {
    let mut found = Vec::new();
    let mut args = args.into_iter();
    while let Some(word) = args.next() {
        let word = word.into_string().map_err(|word| format!("{} is not UTF-8", word.display()))?;
        let Some(flag) =
            word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|flag| !flag.is_empty())
        else {
            return Err(format!("unexpected argument {word}"));
        };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        if NOT_OFFERED.contains(&name) {
            return Err(format!("-{name} is not offered here"));
        }
        if !VALUED.contains(&name) && !SWITCHES.contains(&name) {
            return Err(format!("flag provided but not defined: -{name}"));
        }
        let value = match value {
            Some(value) if SWITCHES.contains(&name) => switch(name, value)?,
            Some(value) => value.to_owned(),
            None if SWITCHES.contains(&name) => "true".into(),
            None => args
                .next()
                .and_then(|value| value.into_string().ok())
                .ok_or_else(|| format!("flag needs an argument: -{name}"))?,
        };
        found.push((name.to_owned(), value));
    }
    Ok(Flags(found))
}

/// Reads the value of a switch.
fn switch(name: &str, value: &str) -> Result<String, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok("true".into()),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok("false".into()),
        _ => Err(format!("invalid boolean value {value} for -{name}")),
    }
}

/// Reads a length of time as Go writes it (<https://pkg.go.dev/time#ParseDuration>): `1.5s`, `1m30s`, `100ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("invalid duration {text}; write for example 500ms, 1.5s or 1m30s");
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(refuse)?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let scale = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(refuse()),
        };
        seconds += number.parse::<f64>().map_err(|_| refuse())? * scale;
        rest = after;
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(length) if !length.is_zero() => Ok(length),
        _ => Err(format!("{} must be more than 0", if text.is_empty() { "a timeout" } else { text })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn flags_come_with_one_dash_or_two_and_values_with_or_without_equals() {
        for line in ["-addr=h:1 -tls", "--addr h:1 --tls=true", "-addr x:2 -addr h:1 -tls=1"] {
            let flags = flags(words(line)).unwrap();
            assert_eq!((flags.last("addr"), flags.is_on("tls")), (Some("h:1"), true), "{line}");
        }
        assert!(!flags(words("-tls -tls=false")).unwrap().is_on("tls"));
    }

    #[test]
    fn what_it_refuses_is_refused() {
        for line in [
            "",
            "-addr",
            "-addr=",
            "-nonsense -addr=h:1",
            "stray -addr=h:1",
            "-addr=h:1 -tls=maybe",
            "-addr=h:1 -tls-no-verify",
            "-addr=h:1 -tls -tls-client-cert=x",
            "-addr=h:1 -connect-timeout=1",
            "-addr=h:1 -rpc-timeout=0s",
            "-addr=h:1 -rpc-header=nocolon",
        ] {
            assert!(read(words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn durations_are_those_of_go() {
        for (text, millis) in [("1s", 1000), ("1.5s", 1500), ("250ms", 250), ("1m30s", 90_000), (".5s", 500)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "1", "s", "1x", "-1s", "1s2", "1..5s", "0s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
