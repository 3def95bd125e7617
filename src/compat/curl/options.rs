//! Its options.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::compat::curl::run::{AfterFailure, Fail, Heads, Retry, RetryOn, Voice};
use crate::compat::transfer::exchange::Redirects;
use crate::compat::transfer::sink::Place;
use crate::http::{Proxy, Route};
use crate::net::tls::Verify;
use crate::net::{Family, Pin};

use super::{Refusal, misused};
use crate::compat::flags::{self, Flag, Given, Syntax, Takes};

/// The redirects that are followed unless `--max-redirs` says otherwise.
const REDIRECTS: u32 = 50;

/// Its options; what only changes how bytes travel, or what a terminal shows, is known and has no effect.
const FLAGS: &[Flag] = &[
    Flag::new("fail", Some('f'), Takes::Nothing),
    Flag::new("fail-with-body", None, Takes::Nothing),
    Flag::new("fail-early", None, Takes::Nothing),
    Flag::new("silent", Some('s'), Takes::Nothing),
    Flag::new("show-error", Some('S'), Takes::Nothing),
    Flag::new("verbose", Some('v'), Takes::Nothing),
    Flag::new("insecure", Some('k'), Takes::Nothing),
    Flag::new("location", Some('L'), Takes::Nothing),
    Flag::new("head", Some('I'), Takes::Nothing),
    Flag::new("include", Some('i'), Takes::Nothing),
    Flag::new("get", Some('G'), Takes::Nothing),
    Flag::new("remote-name", Some('O'), Takes::Nothing),
    Flag::new("output", Some('o'), Takes::Value),
    Flag::new("dump-header", Some('D'), Takes::Value),
    Flag::new("write-out", Some('w'), Takes::Value),
    Flag::new("max-time", Some('m'), Takes::Value),
    Flag::new("connect-timeout", None, Takes::Value),
    Flag::new("max-redirs", None, Takes::Value),
    Flag::new("header", Some('H'), Takes::Value),
    Flag::new("user-agent", Some('A'), Takes::Value),
    Flag::new("user", Some('u'), Takes::Value),
    Flag::new("oauth2-bearer", None, Takes::Value),
    Flag::new("referer", Some('e'), Takes::Value),
    Flag::new("cookie", Some('b'), Takes::Value),
    Flag::new("range", Some('r'), Takes::Value),
    Flag::new("data", Some('d'), Takes::Value),
    Flag::new("data-ascii", None, Takes::Value),
    Flag::new("data-raw", None, Takes::Value),
    Flag::new("data-binary", None, Takes::Value),
    Flag::new("json", None, Takes::Value),
    Flag::new("request", Some('X'), Takes::Value),
    Flag::new("retry", None, Takes::Value),
    Flag::new("retry-delay", None, Takes::Value),
    Flag::new("retry-max-time", None, Takes::Value),
    Flag::new("retry-connrefused", None, Takes::Nothing),
    Flag::new("retry-all-errors", None, Takes::Nothing),
    Flag::new("proxy", Some('x'), Takes::Value),
    Flag::new("noproxy", None, Takes::Value),
    Flag::new("unix-socket", None, Takes::Value),
    Flag::new("abstract-unix-socket", None, Takes::Value),
    Flag::new("cacert", None, Takes::Value),
    Flag::new("cert", Some('E'), Takes::Value),
    Flag::new("key", None, Takes::Value),
    Flag::new("resolve", None, Takes::Value),
    Flag::new("ipv4", Some('4'), Takes::Nothing),
    Flag::new("ipv6", Some('6'), Takes::Nothing),
    Flag::new("url", None, Takes::Value),
    Flag::new("version", Some('V'), Takes::Nothing),
    Flag::new("help", Some('h'), Takes::Nothing),
    Flag::new("globoff", Some('g'), Takes::Nothing),
    Flag::new("http1.1", None, Takes::Nothing),
    Flag::new("http1.0", Some('0'), Takes::Nothing),
    Flag::new("http2", None, Takes::Nothing),
    Flag::new("compressed", None, Takes::Nothing),
    Flag::new("basic", None, Takes::Nothing),
    Flag::new("buffer", None, Takes::Nothing),
    Flag::new("no-buffer", Some('N'), Takes::Nothing),
    Flag::new("keepalive", None, Takes::Nothing),
    Flag::new("keepalive-time", None, Takes::Value),
    Flag::new("progress-bar", Some('#'), Takes::Nothing),
    Flag::new("progress-meter", None, Takes::Nothing),
    Flag::new("tcp-nodelay", None, Takes::Nothing),
    Flag::new("path-as-is", None, Takes::Nothing),
    Flag::new("disable", Some('q'), Takes::Nothing),
    Flag::new("tlsv1", Some('1'), Takes::Nothing),
    Flag::new("tlsv1.0", None, Takes::Nothing),
    Flag::new("tlsv1.1", None, Takes::Nothing),
    Flag::new("tlsv1.2", None, Takes::Nothing),
    Flag::new("tlsv1.3", None, Takes::Nothing),
];

/// How a text becomes a piece of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// `@file` without its line ends.
    Form,
    /// As it is.
    Raw,
    /// `@file` as it is.
    Binary,
    /// That, and it is JSON.
    Json,
}

/// What was said so far.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Words {
    pub(super) urls: Vec<String>,
    /// One for each `-o` and `-O`; none is the remote name.
    pub(super) places: Vec<Option<Place>>,
    pub(super) route: Route,
    pub(super) proxy_never_for: Vec<String>,
    pub(super) follow: bool,
    pub(super) redirects: Redirects,
    pub(super) method: Option<String>,
    pub(super) head: bool,
    pub(super) get: bool,
    pub(super) globoff: bool,
    pub(super) headers: Vec<String>,
    pub(super) user_agent: Option<String>,
    pub(super) user: Option<String>,
    pub(super) bearer: Option<String>,
    pub(super) data: Vec<(Piece, String)>,
    pub(super) max_time: Option<Duration>,
    pub(super) retry_max_time: Option<Duration>,
    pub(super) fail: Fail,
    pub(super) heads: Heads,
    pub(super) dump: Option<Place>,
    pub(super) write_out: Option<String>,
    pub(super) silent: bool,
    pub(super) show_error: bool,
    pub(super) verbose: bool,
    pub(super) after_failure: AfterFailure,
    pub(super) retry: Retry,
    pub(super) version: bool,
    pub(super) help: bool,
}

impl Words {
    /// Nothing said yet.
    fn new() -> Self {
        Self {
            urls: Vec::new(),
            places: Vec::new(),
            route: Route::default(),
            proxy_never_for: Vec::new(),
            follow: false,
            redirects: Redirects::Followed(REDIRECTS),
            method: None,
            head: false,
            get: false,
            globoff: false,
            headers: Vec::new(),
            user_agent: None,
            user: None,
            bearer: None,
            data: Vec::new(),
            max_time: None,
            retry_max_time: None,
            fail: Fail::Never,
            heads: Heads::Hidden,
            dump: None,
            write_out: None,
            silent: false,
            show_error: false,
            verbose: false,
            after_failure: AfterFailure::GoOn,
            retry: Retry { times: 0, delay: None, on: RetryOn::Transient },
            version: false,
            help: false,
        }
    }

    /// Sorts argv.
    pub(super) fn read(args: Vec<OsString>) -> Result<Self, Refusal> {
        let mut words = Self::new();
        for given in flags::sort(FLAGS, Syntax::Curl, args).map_err(misused)? {
            match given {
                Given::Word(url) => words.urls.push(url),
                Given::Switch { name, on } => words.switch(name, on)?,
                Given::Value { name, shown, value } => words.value(name, &shown, value)?,
            }
        }
        Ok(words)
    }

    /// Takes a switch.
    fn switch(&mut self, name: &str, on: bool) -> Result<(), Refusal> {
        match name {
            "fail" | "fail-with-body" => {
                let wanted = if name == "fail" { Fail::WithoutBody } else { Fail::WithBody };
                if on && ![Fail::Never, wanted].contains(&self.fail) {
                    return Err(misused(format!(
                        "option --{name}: --fail and --fail-with-body exclude each other"
                    )));
                }
                self.fail = if on { wanted } else { Fail::Never };
            }
            "fail-early" => {
                self.after_failure = if on { AfterFailure::Stop } else { AfterFailure::GoOn };
            }
            "silent" => self.silent = on,
            "show-error" => self.show_error = on,
            "verbose" => self.verbose = on,
            "insecure" => self.route.tls.verify = if on { Verify::Off } else { Verify::Full },
            "location" => self.follow = on,
            "head" => {
                self.head = on;
                self.heads = if on { Heads::Shown } else { Heads::Hidden };
            }
            "include" => self.heads = if on { Heads::Shown } else { Heads::Hidden },
            "get" => self.get = on,
            "globoff" => self.globoff = on,
            "remote-name" => self.places.push(None),
            "retry-connrefused" => self.retry.on = self.retry.on.max(RetryOn::Refused),
            "retry-all-errors" => self.retry.on = RetryOn::Anything,
            "ipv4" => self.route.via.family = Family::V4,
            "ipv6" => self.route.via.family = Family::V6,
            "version" => self.version = on,
            "help" => self.help = on,
            _ => {}
        }
        Ok(())
    }

    /// Takes an option with its value; `shown` is the option as it was written.
    fn value(&mut self, name: &str, shown: &str, value: String) -> Result<(), Refusal> {
        match name {
            "output" => self.places.push(Some(place(&value))),
            "dump-header" => self.dump = Some(place(&value)),
            "write-out" => self.write_out = Some(format(value)?),
            "max-time" => self.max_time = seconds(shown, &value)?,
            "connect-timeout" => self.route.via.connect_timeout = seconds(shown, &value)?,
            "max-redirs" if value == "-1" => self.redirects = Redirects::Followed(u32::MAX),
            "max-redirs" => self.redirects = Redirects::Followed(number(shown, &value)?),
            "header" => self.headers.push(value),
            "user-agent" => self.user_agent = Some(value),
            "user" => self.user = Some(value),
            "oauth2-bearer" => self.bearer = Some(value),
            "referer" => self.headers.push(format!("Referer: {value}")),
            "cookie" if value.contains('=') || value.is_empty() => {
                self.headers.push(format!("Cookie: {value}"));
            }
            "cookie" => return Err(misused(format!("option {shown}: files of cookies are not offered"))),
            "range" => self.headers.push(format!("Range: bytes={value}")),
            "data" | "data-ascii" => self.data.push((Piece::Form, value)),
            "data-raw" => self.data.push((Piece::Raw, value)),
            "data-binary" => self.data.push((Piece::Binary, value)),
            "json" => self.data.push((Piece::Json, value)),
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
            "cacert" => self.route.tls.cacert = Some(PathBuf::from(value)),
            "cert" => self.route.tls.cert = Some(PathBuf::from(value)),
            "key" => self.route.tls.key = Some(PathBuf::from(value)),
            "resolve" => self.route.via.pins.extend(pin(&value)?),
            "url" => self.urls.push(value),
            _ => {}
        }
        Ok(())
    }
}

/// What is said on stderr.
pub(super) fn voice(silent: bool, show_error: bool, verbose: bool) -> Voice {
    match (silent, show_error, verbose) {
        (_, _, true) => Voice::Verbose,
        (true, false, false) => Voice::Silent,
        _ => Voice::Errors,
    }
}

/// Where `-o` leads.
fn place(value: &str) -> Place {
    match value {
        "-" => Place::Stdout,
        "/dev/null" => Place::Nowhere,
        path => Place::File(PathBuf::from(path)),
    }
}

/// Reads `-w`: a format, or `@file`.
fn format(value: String) -> Result<String, Refusal> {
    let Some(path) = value.strip_prefix('@') else { return Ok(value) };
    let content = crate::system::option_file::read("-w", path.as_ref()).map_err(misused)?;
    String::from_utf8(content).map_err(|_| misused(format!("option -w: {path} is not UTF-8")))
}

/// Reads seconds, with a fraction if need be; 0 is no limit of their own.
fn seconds(flag: &str, value: &str) -> Result<Option<Duration>, Refusal> {
    let refuse = || misused(format!("option {flag}: expected a proper numerical parameter, not {value}"));
    let length = value.parse::<f64>().map_err(|_| refuse())?;
    let length = Duration::try_from_secs_f64(length).map_err(|_| refuse())?;
    Ok((!length.is_zero()).then_some(length))
}

/// Reads a number.
fn number(flag: &str, value: &str) -> Result<u32, Refusal> {
    value
        .parse()
        .map_err(|_| misused(format!("option {flag}: expected a proper numerical parameter, not {value}")))
}

/// Reads `[http://][user:password@]host[:port]`; the port is 1080 unless given. An empty one is none.
fn proxy(value: &str) -> Result<Option<Proxy>, Refusal> {
    if value.is_empty() {
        return Ok(None);
    }
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let place = url.trim_end_matches('/');
    let host = place.rsplit(['/', '@']).next().unwrap_or_default();
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let place = if has_port { place.to_owned() } else { format!("{place}:1080") };
    // The URL may hold a password, so it is never shown.
    Proxy::parse(&place).map(Some).map_err(|why| (5, format!("the proxy cannot be used: {why}")))
}

/// Reads `[+]host:port:address[,address...]`; what begins with `-` takes away what we do not have.
fn pin(value: &str) -> Result<Option<Pin>, Refusal> {
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
    Ok(Some(Pin { name: (host != "*").then(|| host.to_owned()), port, addresses }))
}
