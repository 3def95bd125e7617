//! `grpc_health_probe -addr=HOST:PORT [flags]` (<https://github.com/grpc-ecosystem/grpc-health-probe>): its flags, with
//! one dash or two, and its exit codes.

mod run;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::attempt::Finished;
use crate::cli::{Usage, read_header};
use crate::command::{Command, Document};
use crate::compat::getopt::{Arity, Flag, Grammar, LongOptions, Operands, Scanner, Word};
use crate::compat::go;
use crate::compat::grpc_health_probe::run::{FinalLine, HealthProbe};
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

/// Its flags; a switch may have a boolean behind `=`.
const FLAGS: &[Flag] = &[
    Flag::new("addr", None, Arity::Value),
    Flag::new("service", None, Arity::Value),
    Flag::new("user-agent", None, Arity::Value),
    Flag::new("connect-timeout", None, Arity::Value),
    Flag::new("rpc-timeout", None, Arity::Value),
    Flag::new("rpc-header", None, Arity::Value),
    Flag::new("tls-ca-cert", None, Arity::Value),
    Flag::new("tls-client-cert", None, Arity::Value),
    Flag::new("tls-client-key", None, Arity::Value),
    Flag::new("tls-server-name", None, Arity::Value),
    Flag::new("tls", None, Arity::Optional),
    Flag::new("tls-no-verify", None, Arity::Optional),
    Flag::new("gzip", None, Arity::Optional),
    Flag::new("v", None, Arity::Optional),
    Flag::new("version", None, Arity::Optional),
    Flag::new("h", None, Arity::Optional),
    Flag::new("help", None, Arity::Optional),
    Flag::new("alts", None, Arity::Optional),
    Flag::new("spiffe", None, Arity::Optional),
];

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
        FinalLine { line: format!("timeout: health rpc did not complete within {limit}"), exit: NO_ANSWER };
    Ok(Box::new(HealthProbe { probe, tls, timeout: connect.saturating_add(answer), judge, overdue }))
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
    options.dial.connect.connect_timeout = Some(connect);
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
fn judge(finished: &Finished) -> FinalLine {
    let Err(failure) = &finished.outcome else {
        return FinalLine { line: "status: SERVING".into(), exit: ExitStatus::Healthy };
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
    FinalLine { line, exit }
}

/// Its flags as they were given, in order.
pub(crate) struct Flags(Vec<(&'static str, String)>);

impl Flags {
    /// The last value of `flag`.
    pub(crate) fn last(&self, flag: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| *name == flag).map(|(_, value)| value.as_str())
    }

    /// All values of `flag`.
    pub(crate) fn all(&self, flag: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| *name == flag).map(|(_, value)| value.as_str())
    }

    /// Whether the switch `flag` is on.
    pub(crate) fn is_on(&self, flag: &str) -> bool {
        self.last(flag) == Some("true")
    }
}

/// Sorts argv by the rules of Go's flag package (<https://pkg.go.dev/flag>).
pub(crate) fn flags(args: Vec<OsString>) -> Result<Flags, String> {
    let grammar = Grammar { letters: "", flags: FLAGS, long: LongOptions::Go, operands: Operands::Last };
    let mut found = Vec::new();
    for word in Scanner::new(grammar, args) {
        let (name, value) = match word.map_err(|mistake| mistake.in_go_words())? {
            Word::Operand(word) => return Err(format!("unexpected argument {}", word.display())),
            Word::Option(given) => (given.flag, given.value),
        };
        let text = |value: OsString| {
            value.into_string().map_err(|value| format!("{} is not UTF-8", value.display()))
        };
        let value = value.map(text).transpose()?;
        let long = name.long.unwrap_or_default();
        let value = match (name.arity, value) {
            (Arity::Value, value) => value.unwrap_or_default(),
            (_, None) => true.to_string(),
            (_, Some(value)) => go::boolean(&value)
                .ok_or_else(|| format!("invalid boolean value {value} for -{long}"))?
                .to_string(),
        };
        if matches!(long, "alts" | "spiffe") {
            return Err(format!("-{long} is not offered here"));
        }
        found.push((long, value));
    }
    Ok(Flags(found))
}

/// Reads a limit, which is more than 0.
fn duration(text: &str) -> Result<Duration, String> {
    match go::duration(text) {
        Some(Duration::ZERO) => Err(format!("{text} must be more than 0")),
        Some(length) => Ok(length),
        None => Err(format!("invalid duration {text}; write for example 500ms, 1.5s or 1m30s")),
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
}
