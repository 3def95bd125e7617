//! Its options.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::compat::transfer::exchange::Redirects;
use crate::compat::transfer::output::Destination;
use crate::http::{Proxy, Route};
use crate::net::tls::Verify;
use crate::net::{Family, ResolveOverride};

use super::{UsageError, usage_error};
use crate::compat::curl::flags::{FLAGS, NOT_OFFERED};
use crate::compat::long_options::{self, LongOptions, ParsedArg};

/// The redirects that are followed unless `--max-redirs` says otherwise.
const REDIRECTS: u32 = 50;

/// The longest that curl waits between two tries.
const DELAY_MAX: Duration = Duration::from_secs(600);

/// What a status of 400 and above means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fail {
    /// Nothing.
    Never,
    /// Code 22, and no body.
    WithoutBody,
    /// Code 22, with the body.
    WithBody,
}

/// Whether heads of answers are written where bodies are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseHeaders {
    /// They are not.
    Hidden,
    /// They are.
    Shown,
}

/// What is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Nothing.
    Silent,
    /// Why a transfer failed.
    Errors,
    /// That, and heads, and what was met on the way.
    Verbose,
}

/// Whether the next URL is fetched after one that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterFailure {
    /// It is.
    Continue,
    /// It is not.
    Stop,
}

/// When a transfer is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// So many times.
    pub(crate) times: u32,
    /// After this; each time twice as much where none is given
    pub(crate) delay: Option<Duration>,
    /// For which failures, beside those that pass by themselves.
    pub(crate) on: RetryOn,
}

/// The failures that `--retry` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RetryOn {
    /// Timeouts, names without an address, 408, 429, 500, 502, 503 and 504.
    Transient,
    /// Refused connections, too.
    Refused,
    /// All.
    Anything,
}

impl Retry {
    /// The pause after `tries` tries.
    pub(crate) fn pause(&self, tries: u32) -> Duration {
        let doubled = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
        self.delay.unwrap_or(doubled.min(DELAY_MAX))
    }

    /// Whether `attempt` is worth another try.
    pub(super) fn is_for(&self, code: u8, status: Option<u16>) -> bool {
        let transient = matches!(code, 5 | 6 | 28)
            || matches!(code, 0 | 22) && matches!(status, Some(408 | 429 | 500 | 502 | 503 | 504));
        transient || self.on >= RetryOn::Refused && code == 7 || self.on == RetryOn::Anything && code != 0
    }
}

/// How a text becomes a part of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataKind {
    /// `@file` without its line ends.
    Form,
    /// As it is.
    Raw,
    /// `@file` as it is.
    Binary,
    /// That, and it is JSON.
    Json,
    /// `content`, `=content`, `name=content`, `@file` or `name@file`, with the content %-encoded.
    UrlEncode,
}

/// What was said so far.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct CurlArgs {
    pub(super) urls: Vec<String>,
    /// One for each `-o` and `-O`; none is the remote name.
    pub(super) destinations: Vec<Option<Destination>>,
    pub(super) route: Route,
    pub(super) proxy_never_for: Vec<String>,
    pub(super) follow: bool,
    pub(super) redirects: Redirects,
    pub(super) method: Option<String>,
    pub(super) head: bool,
    pub(super) get: bool,
    pub(super) globoff: bool,
    pub(super) path_as_is: bool,
    pub(super) headers: Vec<String>,
    pub(super) user_agent: Option<String>,
    pub(super) user: Option<String>,
    pub(super) bearer: Option<String>,
    pub(super) data: Vec<(DataKind, String)>,
    pub(super) max_time: Option<Duration>,
    pub(super) retry_max_time: Option<Duration>,
    pub(super) fail: Fail,
    pub(super) heads: ResponseHeaders,
    pub(super) dump: Option<Destination>,
    pub(super) write_out: Option<String>,
    pub(super) silent: bool,
    pub(super) show_error: bool,
    pub(super) verbose: bool,
    pub(super) after_failure: AfterFailure,
    pub(super) retry: Retry,
    pub(super) version: bool,
    pub(super) help: bool,
}

impl CurlArgs {
    /// Nothing said yet.
    fn new() -> Self {
        Self {
            urls: Vec::new(),
            destinations: Vec::new(),
            route: Route::default(),
            proxy_never_for: Vec::new(),
            follow: false,
            redirects: Redirects::Follow(REDIRECTS),
            method: None,
            head: false,
            get: false,
            globoff: false,
            path_as_is: false,
            headers: Vec::new(),
            user_agent: None,
            user: None,
            bearer: None,
            data: Vec::new(),
            max_time: None,
            retry_max_time: None,
            fail: Fail::Never,
            heads: ResponseHeaders::Hidden,
            dump: None,
            write_out: None,
            silent: false,
            show_error: false,
            verbose: false,
            after_failure: AfterFailure::Continue,
            retry: Retry { times: 0, delay: None, on: RetryOn::Transient },
            version: false,
            help: false,
        }
    }

    /// Sorts argv.
    pub(super) fn read(words: Vec<OsString>) -> Result<Self, UsageError> {
        let mut args = Self::new();
        for given in long_options::parse(FLAGS, LongOptions::Curl, words).map_err(usage_error)? {
            match given {
                ParsedArg::Operand(url) => args.urls.push(url),
                ParsedArg::Switch { name, on } => args.switch(name, on)?,
                ParsedArg::Value { name, shown, value } => args.value(name, &shown, value)?,
            }
        }
        Ok(args)
    }

    /// The first option that writes a file, or reads one into a request or its report.
    pub(super) fn file_option(&self) -> Option<&'static str> {
        let is_file = |destination: &Destination| matches!(destination, Destination::File(_));
        let reads = |(kind, text): &(DataKind, String)| match kind {
            DataKind::Raw => false,
            DataKind::UrlEncode => split_encoded(text).is_err(),
            DataKind::Form | DataKind::Binary | DataKind::Json => text.starts_with('@'),
        };
        let options = [
            ("-o FILE", self.destinations.iter().flatten().any(is_file)),
            ("-O", self.destinations.iter().any(Option::is_none)),
            ("-D FILE", self.dump.as_ref().is_some_and(is_file)),
            ("-d @FILE", self.data.iter().any(reads)),
            ("-w @FILE", self.write_out.as_ref().is_some_and(|format| format.starts_with('@'))),
        ];
        options.into_iter().find_map(|(option, given)| given.then_some(option))
    }

    /// Takes a switch.
    fn switch(&mut self, name: &str, on: bool) -> Result<(), UsageError> {
        match name {
            "fail" | "fail-with-body" => {
                let wanted = if name == "fail" { Fail::WithoutBody } else { Fail::WithBody };
                if on && ![Fail::Never, wanted].contains(&self.fail) {
                    return Err(usage_error(format!(
                        "option --{name}: --fail and --fail-with-body exclude each other"
                    )));
                }
                self.fail = if on { wanted } else { Fail::Never };
            }
            "fail-early" => {
                self.after_failure = if on { AfterFailure::Stop } else { AfterFailure::Continue };
            }
            "silent" => self.silent = on,
            "show-error" => self.show_error = on,
            "verbose" => self.verbose = on,
            "insecure" => self.route.tls.verify = if on { Verify::Off } else { Verify::Full },
            "location" => self.follow = on,
            "head" => {
                self.head = on;
                self.heads = if on { ResponseHeaders::Shown } else { ResponseHeaders::Hidden };
            }
            "include" => self.heads = if on { ResponseHeaders::Shown } else { ResponseHeaders::Hidden },
            "get" => self.get = on,
            "globoff" => self.globoff = on,
            "path-as-is" => self.path_as_is = on,
            "remote-name" => self.destinations.push(None),
            "retry-connrefused" => self.retry.on = self.retry.on.max(RetryOn::Refused),
            "retry-all-errors" => self.retry.on = RetryOn::Anything,
            "ipv4" => self.route.connect.family = Family::V4,
            "ipv6" => self.route.connect.family = Family::V6,
            name if on && NOT_OFFERED.contains(&name) => return Err(not_offered(name)),
            "version" => self.version = on,
            "help" => self.help = on,
            _ => {}
        }
        Ok(())
    }

    /// Takes an option with its value; `shown` is the option as it was written.
    fn value(&mut self, name: &str, shown: &str, value: String) -> Result<(), UsageError> {
        match name {
            "output" => self.destinations.push(Some(destination(&value))),
            "dump-header" => self.dump = Some(destination(&value)),
            "write-out" => self.write_out = Some(value),
            "max-time" => self.max_time = seconds(shown, &value)?,
            "connect-timeout" => self.route.connect.connect_timeout = seconds(shown, &value)?,
            "max-redirs" if value == "-1" => self.redirects = Redirects::Follow(u32::MAX),
            "max-redirs" => self.redirects = Redirects::Follow(number(shown, &value)?),
            "header" => self.headers.push(value),
            "user-agent" => self.user_agent = Some(value),
            "user" => self.user = Some(value),
            "oauth2-bearer" => self.bearer = Some(value),
            "referer" => self.headers.push(format!("Referer: {value}")),
            "cookie" if value.contains('=') || value.is_empty() => {
                self.headers.push(format!("Cookie: {value}"));
            }
            "cookie" => return Err(usage_error(format!("option {shown}: files of cookies are not offered"))),
            "range" => self.headers.push(format!("Range: bytes={value}")),
            "data" | "data-ascii" => self.data.push((DataKind::Form, value)),
            "data-raw" => self.data.push((DataKind::Raw, value)),
            "data-binary" => self.data.push((DataKind::Binary, value)),
            "data-urlencode" => self.data.push((DataKind::UrlEncode, value)),
            "json" => self.data.push((DataKind::Json, value)),
            "request" => self.method = Some(value),
            "retry" => self.retry.times = number(shown, &value)?,
            "retry-delay" => {
                let delay = seconds(shown, &value)?;
                self.retry.delay = delay;
            }
            "retry-max-time" => self.retry_max_time = seconds(shown, &value)?,
            "proxy" => self.route.proxy = proxy(&value)?,
            "noproxy" => self.proxy_never_for = value.split([',', ' ']).map(str::to_owned).collect(),
            "unix-socket" => self.route.unix_socket = Some(PathBuf::from(value)),
            "abstract-unix-socket" => self.route.unix_socket = Some(PathBuf::from(format!("@{value}"))),
            "cacert" => self.route.tls.cacert = Some(PathBuf::from(value).into()),
            "cert" => self.route.tls.cert = Some(PathBuf::from(value)),
            "key" => self.route.tls.key = Some(PathBuf::from(value)),
            "resolve" => self.route.connect.overrides.extend(resolve_override(&value)?),
            "url" => self.urls.push(value),
            "stderr" if !matches!(value.as_str(), "-" | "/dev/null" | "/dev/stdout" | "/dev/stderr") => {
                return Err(usage_error(format!("option {shown}: no file of messages is written")));
            }
            name if NOT_OFFERED.contains(&name) => return Err(not_offered(name)),
            _ => {}
        }
        Ok(())
    }
}

/// An option of curl that is refused by its name.
fn not_offered(name: &str) -> UsageError {
    usage_error(format!("option --{name}: not offered by sexton"))
}

/// Splits the value of `--data-urlencode` into its name and content; the error holds name and path of a file.
pub(super) fn split_encoded(text: &str) -> Result<(&str, &str), (&str, &str)> {
    let at = text.find(['=', '@']);
    match at.and_then(|at| text.split_at_checked(at)) {
        None => Ok(("", text)),
        Some((name, rest)) if rest.starts_with('=') => Ok((name, rest.get(1..).unwrap_or_default())),
        Some((name, rest)) => Err((name, rest.get(1..).unwrap_or_default())),
    }
}

/// What is said on stderr.
pub(super) fn verbosity(silent: bool, show_error: bool, verbose: bool) -> Verbosity {
    match (silent, show_error, verbose) {
        (_, _, true) => Verbosity::Verbose,
        (true, false, false) => Verbosity::Silent,
        _ => Verbosity::Errors,
    }
}

/// Where `-o` leads.
fn destination(value: &str) -> Destination {
    match value {
        "-" => Destination::Stdout,
        "/dev/null" => Destination::Discard,
        path => Destination::File(PathBuf::from(path)),
    }
}

/// The format that `-w` gives: the text itself, or the content of `@file`.
pub(super) fn format(value: String) -> Result<String, UsageError> {
    let Some(path) = value.strip_prefix('@') else { return Ok(value) };
    let content = crate::system::file::of_option("-w", path.as_ref()).map_err(usage_error)?;
    String::from_utf8(content).map_err(|_| usage_error(format!("option -w: {path} is not UTF-8")))
}

/// Reads seconds, with a fraction if need be; 0 is no limit of their own.
fn seconds(flag: &str, value: &str) -> Result<Option<Duration>, UsageError> {
    let refuse = || usage_error(format!("option {flag}: expected a proper numerical parameter, not {value}"));
    let length = value.parse::<f64>().map_err(|_| refuse())?;
    let length = Duration::try_from_secs_f64(length).map_err(|_| refuse())?;
    Ok((!length.is_zero()).then_some(length))
}

/// Reads a number.
fn number(flag: &str, value: &str) -> Result<u32, UsageError> {
    value.parse().map_err(|_| {
        usage_error(format!("option {flag}: expected a proper numerical parameter, not {value}"))
    })
}

/// Reads `[http://][user:password@]host[:port]`; the port is 1080 unless given. An empty one is none.
fn proxy(value: &str) -> Result<Option<Proxy>, UsageError> {
    if value.is_empty() {
        return Ok(None);
    }
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let destination = url.trim_end_matches('/');
    let host = destination.rsplit(['/', '@']).next().unwrap_or_default();
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let destination = if has_port { destination.to_owned() } else { format!("{destination}:1080") };
    // The URL may hold a password, so it is never shown.
    Proxy::parse(&destination).map(Some).map_err(|why| (5, format!("the proxy cannot be used: {why}")))
}

/// Reads `[+]host:port:address[,address...]`; what begins with `-` takes away what we do not have.
fn resolve_override(value: &str) -> Result<Option<ResolveOverride>, UsageError> {
    let refuse = || (49, format!("could not parse --resolve {value}; write --resolve HOST:PORT:ADDRESS"));
    if value.starts_with('-') {
        return Ok(None);
    }
    let text = value.strip_prefix('+').unwrap_or(value);
    let (host, rest) = text.split_once(':').ok_or_else(refuse)?;
    let (port, addresses) = rest.split_once(':').ok_or_else(refuse)?;
    let addresses = addresses
        .split(',')
        .map(|address| address.trim_matches(['[', ']']).parse::<IpAddr>().map_err(|_| refuse()))
        .collect::<Result<Vec<_>, _>>()?;
    let port = port.parse().map_err(|_| refuse())?;
    Ok(Some(ResolveOverride { name: (host != "*").then(|| host.to_owned()), port, addresses }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_tries_doubles_unless_it_is_given() {
        let retry = Retry { times: 3, delay: None, on: RetryOn::Transient };
        let pauses: Vec<_> = (1..=4).map(|tries| retry.pause(tries).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8]);
        assert_eq!(retry.pause(60), DELAY_MAX);
        let given = Retry { delay: Some(Duration::from_secs(3)), ..retry };
        assert_eq!(given.pause(4), Duration::from_secs(3));
    }
}
