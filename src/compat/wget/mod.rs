//! `wget [options] URL...` (<https://www.gnu.org/software/wget/manual/wget.html>): the options that healthchecks use,
//! those of busybox among them, and the exit codes of GNU's.

mod run;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::Usage;
use crate::command::{Command, Document, Parsed};
use crate::compat::transfer::Transfers;
use crate::compat::transfer::exchange::{Redirects, TransferRequest};
use crate::compat::transfer::output::Destination;
use crate::compat::wget::run::{
    ConnectionRefused, ContentOnError, Existing, RequestBody, RetryPolicy, ServerResponse, Spider, Transfer,
    Verbosity, Wget,
};
use crate::exit::ExitStatus;
use crate::http::{Credentials, HeaderName, HeaderValue, Method, Route, Url, decoded, encoded, header};
use crate::net::Family;
use crate::net::tls::Verify;

use super::limit;
use super::long_options::{self, Arity, Flag, LongOptions, ParsedArg};

/// What it ends with where nothing else fits, a missing URL for one.
const GENERIC: u8 = 1;

/// Misused: an unknown option, a missing value.
const MISUSED: u8 = 2;

/// Who we say that we are.
const USER_AGENT: &str = "Wget/1.21.3";

/// What `wget -V` begins with.
const VERSION: &str = concat!("GNU Wget 1.21.3 (sexton ", env!("CARGO_PKG_VERSION"), ")\n");

/// What its `--help` says, in our args.
const HELP: &str = "\
usage: wget [options] URL...   (sexton, as GNU and busybox wget)
  -q --quiet  -nv --no-verbose  -S --server-response  --spider  -O --output-document FILE  -c --continue  -nc
  -P --directory-prefix FOLDER  --content-on-error  -t --tries N  --waitretry SECONDS  --retry-connrefused
  -T --timeout SECONDS  --connect-timeout SECONDS  --read-timeout SECONDS  --max-redirect N
  --header 'NAME: VALUE'  -U --user-agent NAME  --user NAME  --password TEXT  --referer URL
  --method METHOD  --body-data TEXT  --body-file FILE  --post-data TEXT  --post-file FILE
  --no-check-certificate  --ca-certificate FILE  --certificate FILE  --private-key FILE
  -Y off  --no-proxy  -4 --inet4-only  -6 --inet6-only  -V --version
without -T all of it is over after SEXTON_TIMEOUT, or 4 seconds
";

/// Its options; what only changes how bytes travel, or what a terminal shows, is known and has no effect.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new("quiet", Some('q'), Arity::Switch),
    Flag::new("verbose", Some('v'), Arity::Switch),
    Flag::new("no-verbose", None, Arity::Switch),
    // `-nv`, `-nc`.
    Flag::new("n", Some('n'), Arity::Value),
    Flag::new("no-clobber", None, Arity::Switch),
    Flag::new("server-response", Some('S'), Arity::Switch),
    Flag::new("spider", None, Arity::Switch),
    Flag::new("output-document", Some('O'), Arity::Value),
    Flag::new("output-file", Some('o'), Arity::Value),
    Flag::new("directory-prefix", Some('P'), Arity::Value),
    Flag::new("continue", Some('c'), Arity::Switch),
    Flag::new("content-on-error", None, Arity::Switch),
    Flag::new("tries", Some('t'), Arity::Value),
    Flag::new("waitretry", None, Arity::Value),
    Flag::new("retry-connrefused", None, Arity::Switch),
    Flag::new("timeout", Some('T'), Arity::Value),
    Flag::new("connect-timeout", None, Arity::Value),
    Flag::new("dns-timeout", None, Arity::Value),
    Flag::new("read-timeout", None, Arity::Value),
    Flag::new("max-redirect", None, Arity::Value),
    Flag::new("header", None, Arity::Value),
    Flag::new("user-agent", Some('U'), Arity::Value),
    Flag::new("referer", None, Arity::Value),
    Flag::new("user", None, Arity::Value),
    Flag::new("password", None, Arity::Value),
    Flag::new("http-user", None, Arity::Value),
    Flag::new("http-password", None, Arity::Value),
    Flag::new("auth-no-challenge", None, Arity::Switch),
    Flag::new("method", None, Arity::Value),
    Flag::new("body-data", None, Arity::Value),
    Flag::new("body-file", None, Arity::Value),
    Flag::new("post-data", None, Arity::Value),
    Flag::new("post-file", None, Arity::Value),
    Flag::new("no-check-certificate", None, Arity::Switch),
    Flag::new("ca-certificate", None, Arity::Value),
    Flag::new("certificate", None, Arity::Value),
    Flag::new("private-key", None, Arity::Value),
    Flag::new("proxy", Some('Y'), Arity::Value),
    Flag::new("no-proxy", None, Arity::Switch),
    Flag::new("inet4-only", Some('4'), Arity::Switch),
    Flag::new("inet6-only", Some('6'), Arity::Switch),
    Flag::new("version", Some('V'), Arity::Switch),
    Flag::new("help", Some('h'), Arity::Switch),
    Flag::new("no-cache", None, Arity::Switch),
    Flag::new("no-cookies", None, Arity::Switch),
    Flag::new("no-dns-cache", None, Arity::Switch),
    Flag::new("no-hsts", None, Arity::Switch),
    Flag::new("no-http-keep-alive", None, Arity::Switch),
    Flag::new("show-progress", None, Arity::Switch),
    Flag::new("progress", None, Arity::Value),
    Flag::new("compression", None, Arity::Value),
    Flag::new("secure-protocol", None, Arity::Value),
];

/// What it refuses, with its code.
type UsageError = (u8, String);

/// Spider its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    transfers(args).map(Parsed::into_command)
}

/// The same, for a line of several commands.
pub(super) fn transfers(args: Vec<OsString>) -> Result<Parsed<Transfers>, Usage> {
    read(args).map_err(|(code, why)| Usage::bare(ExitStatus::Code(code), format!("wget: {why}")))
}

/// A usage error: exit code 2.
fn usage_error(why: impl Into<String>) -> UsageError {
    (MISUSED, why.into())
}

/// What was said so far.
struct WgetArgs {
    urls: Vec<String>,
    wget: Wget,
    template: TransferRequest,
    prefix: PathBuf,
    user: Option<String>,
    password: Option<String>,
    tries: Option<u32>,
    text: Option<&'static str>,
}

/// Turns its args into transfers.
fn read(words: Vec<OsString>) -> Result<Parsed<Transfers>, UsageError> {
    let mut args = WgetArgs::new().map_err(usage_error)?;
    for given in long_options::parse(FLAGS, LongOptions::Gnu, words).map_err(usage_error)? {
        match given {
            ParsedArg::Operand(url) => args.urls.push(url),
            ParsedArg::Switch { name, .. } => args.switch(name),
            ParsedArg::Value { name, shown, value } => args.value(name, &shown, value)?,
        }
    }
    if let Some(text) = args.text {
        return Ok(Parsed::Print(Document::stdout(text)));
    }
    if args.urls.is_empty() {
        return Err((GENERIC, "missing URL; name one, as in wget -q -O - http://127.0.0.1:8080/".into()));
    }
    let default_limit = limit().map_err(usage_error)?;
    let mut wget = args.wget;
    if wget.spider == Spider::On && args.template.method == Method::GET {
        args.template.method = Method::HEAD;
    }
    if let Some(user) = &args.user {
        let password = args.password.as_deref().unwrap_or_default();
        let basic = basic(&format!("{user}:{password}")).map_err(usage_error)?;
        args.template.headers.push((header::AUTHORIZATION, basic));
    }
    for given in &args.urls {
        let request = request(given, &args.template);
        wget.transfers.push(Transfer { request, file: args.prefix.join(name(given)) });
    }
    let urls = u32::try_from(wget.transfers.len()).unwrap_or(u32::MAX);
    let named_limit = match (wget.timeout, args.tries) {
        (None, _) => None,
        (Some(timeout), None) => Some(timeout.saturating_mul(urls)),
        (Some(timeout), Some(tries)) => {
            let pauses = (1..tries.min(1000)).map(|tries| wget.tries.pause(tries));
            let pauses = pauses.fold(Duration::ZERO, Duration::saturating_add);
            Some(timeout.saturating_mul(tries).saturating_add(pauses).saturating_mul(urls))
        }
    };
    Ok(Parsed::Run(Transfers { named_limit, default_limit, tool: Box::new(wget) }))
}

impl WgetArgs {
    /// Nothing said yet.
    fn new() -> Result<Self, String> {
        let (nowhere, _) = Url::parse("http://localhost/")?;
        let wget = Wget {
            transfers: Vec::new(),
            route: Route::default(),
            redirects: Redirects::Follow(20),
            output: None,
            existing: Existing::Numbered,
            spider: Spider::Off,
            errors: ContentOnError::Skip,
            heads: ServerResponse::Hidden,
            verbosity: Verbosity::Statuses,
            timeout: None,
            body: RequestBody::None,
            has_directory: false,
            tries: RetryPolicy { most: 20, wait: Duration::from_secs(10), refused: ConnectionRefused::Final },
        };
        let template = TransferRequest {
            url: nowhere,
            method: Method::GET,
            headers: Vec::new(),
            user_agent: USER_AGENT.into(),
            suppressed: Vec::new(),
            data: None,
        };
        let prefix = PathBuf::new();
        Ok(Self {
            urls: Vec::new(),
            wget,
            template,
            prefix,
            user: None,
            password: None,
            tries: None,
            text: None,
        })
    }

    /// Takes a switch.
    fn switch(&mut self, name: &str) {
        match name {
            "quiet" => self.wget.verbosity = Verbosity::Quiet,
            "verbose" => self.wget.verbosity = Verbosity::Statuses,
            "no-verbose" => self.wget.verbosity = self.wget.verbosity.min(Verbosity::Errors),
            "no-clobber" => self.wget.existing = Existing::Kept,
            "server-response" => self.wget.heads = ServerResponse::Printed,
            "spider" => self.wget.spider = Spider::On,
            "continue" => self.wget.existing = Existing::Replaced,
            "content-on-error" => self.wget.errors = ContentOnError::Write,
            "retry-connrefused" => self.wget.tries.refused = ConnectionRefused::Retry,
            "no-check-certificate" => self.wget.route.tls.verify = Verify::Off,
            "inet4-only" => self.wget.route.connect.family = Family::V4,
            "inet6-only" => self.wget.route.connect.family = Family::V6,
            "version" => self.text = Some(VERSION),
            "help" => self.text = Some(HELP),
            _ => {}
        }
    }

    /// Takes an option with its value; `shown` is the option as it was written.
    fn value(&mut self, name: &str, shown: &str, value: String) -> Result<(), UsageError> {
        match name {
            "n" => match value.as_str() {
                "v" => self.switch("no-verbose"),
                "c" => self.switch("no-clobber"),
                other => return Err(usage_error(format!("option -n{other}: is unknown"))),
            },
            "output-document" => {
                self.wget.output = Some(match value.as_str() {
                    "-" => Destination::Stdout,
                    "/dev/null" => Destination::Discard,
                    path => Destination::File(PathBuf::from(path)),
                });
            }
            "output-file" if value == "/dev/null" => self.wget.verbosity = Verbosity::Quiet,
            "output-file" => return Err(usage_error(format!("option {shown}: only /dev/null is offered"))),
            "directory-prefix" => {
                self.prefix = PathBuf::from(value);
                self.wget.has_directory = true;
            }
            "tries" => {
                let tries = if value == "inf" { 0 } else { number(shown, &value)? };
                self.wget.tries.most = if tries == 0 { u32::MAX } else { tries };
                self.tries = (tries > 0).then_some(tries);
            }
            "waitretry" => self.wget.tries.wait = seconds(shown, &value)?.unwrap_or_default(),
            "timeout" | "read-timeout" => self.wget.timeout = seconds(shown, &value)?,
            "connect-timeout" | "dns-timeout" => {
                self.wget.route.connect.connect_timeout = seconds(shown, &value)?;
            }
            "max-redirect" => {
                // None followed is a failure there, not an answer.
                self.wget.redirects = Redirects::Follow(number(shown, &value)?);
            }
            "header" => self.header(&value)?,
            "referer" => self.header(&format!("Referer: {value}"))?,
            "user-agent" => self.template.user_agent = value,
            "user" | "http-user" => self.user = Some(value),
            "password" | "http-password" => self.password = Some(value),
            "method" => {
                let method = value.to_ascii_uppercase();
                self.template.method = method
                    .parse()
                    .map_err(|_| usage_error(format!("option {shown}: {method} is no method")))?;
            }
            "body-data" => self.send(RequestBody::Text(value)),
            "body-file" => self.send(RequestBody::File(shown.to_owned(), value.into())),
            "post-data" | "post-file" => {
                self.template.method = Method::POST;
                self.send(match name {
                    "post-data" => RequestBody::Text(value),
                    _ => RequestBody::File(shown.to_owned(), value.into()),
                });
            }
            "ca-certificate" => self.wget.route.tls.cacert = Some(PathBuf::from(value).into()),
            "certificate" => self.wget.route.tls.cert = Some(PathBuf::from(value)),
            "private-key" => self.wget.route.tls.key = Some(PathBuf::from(value)),
            // There are no proxies but given ones, and wget takes them from the environment.
            "proxy" if !matches!(value.as_str(), "on" | "off" | "yes" | "no" | "1" | "0") => {
                return Err(usage_error(format!("option {shown}: on or off, not {value}")));
            }
            _ => {}
        }
        Ok(())
    }

    /// Sends `data`.
    fn send(&mut self, body: RequestBody) {
        self.wget.body = body;
        if !self.template.headers.iter().any(|(name, _)| name == header::CONTENT_TYPE) {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            self.template.headers.push((header::CONTENT_TYPE, form));
        }
    }

    /// Sends a header; the last of a name counts.
    fn header(&mut self, text: &str) -> Result<(), UsageError> {
        let refuse = |why: &str| usage_error(format!("option --header: {why}"));
        let Some((name, value)) = text.split_once(':') else {
            return Err(refuse("a header has no colon; write --header 'NAME: VALUE'"));
        };
        let name: HeaderName = name
            .trim()
            .parse()
            .map_err(|_| refuse("the name of a header holds a character that no name has"))?;
        // The value may be a secret, so it is never shown.
        let value = HeaderValue::from_str(value.trim())
            .map_err(|_| refuse("a header's value contains a control character"))?;
        self.template.headers.retain(|(given, _)| *given != name);
        self.template.headers.push((name, value));
        Ok(())
    }
}

/// The header for `name:password`.
fn basic(user: &str) -> Result<HeaderValue, String> {
    Credentials::basic(user)?.authorization()
}

/// Spider a number.
fn number(flag: &str, value: &str) -> Result<u32, UsageError> {
    value.parse().map_err(|_| usage_error(format!("option {flag}: invalid number {value}")))
}

/// Spider seconds, or another unit of time by its letter; 0 is no limit of their own.
fn seconds(flag: &str, value: &str) -> Result<Option<Duration>, UsageError> {
    let refuse = || usage_error(format!("option {flag}: invalid time period {value}"));
    let units = [("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, unit) = units
        .iter()
        .find_map(|(letter, unit)| Some((value.strip_suffix(letter)?, *unit)))
        .unwrap_or((value, 1.0));
    let length = number.parse::<f64>().map_err(|_| refuse())? * unit;
    let length = Duration::try_from_secs_f64(length).map_err(|_| refuse())?;
    Ok((!length.is_zero()).then_some(length))
}

/// `given` with its scheme; it is http unless it says otherwise.
fn full(given: &str) -> String {
    if given.contains("://") { given.to_owned() } else { format!("http://{given}") }
}

/// The request for `given`.
fn request(given: &str, template: &TransferRequest) -> Result<TransferRequest, String> {
    let full = full(given);
    let scheme = full.split("://").next().unwrap_or_default().to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(format!("unsupported scheme {scheme}; only http and https are supported"));
    }
    let text = encoded(full.split('#').next().unwrap_or_default().as_bytes());
    let (url, user) = Url::parse(&text).map_err(|why| format!("the URL cannot be asked: {why}"))?;
    let mut request = TransferRequest { url, ..template.clone() };
    if let Some(user) = user {
        let user = if user.contains(':') { user } else { format!("{user}:") };
        request.headers.retain(|(name, _)| name != header::AUTHORIZATION);
        request.headers.push((header::AUTHORIZATION, basic(&user)?));
    }
    Ok(request)
}

/// The file that the body of `given` goes to: what its path ends with, its query included.
fn name(given: &str) -> String {
    let full = full(given);
    let rest = full.split_once("://").map_or("", |(_, rest)| rest).split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let last = path.split_once('/').and_then(|(_, path)| path.rsplit('/').next()).unwrap_or_default();
    // A name never leads out of the folder.
    let last =
        decoded(last).ok().filter(|name| !name.contains(['/', '\0'])).unwrap_or_else(|| last.to_owned());
    let last = if matches!(last.as_str(), "" | "." | "..") { "index.html".to_owned() } else { last };
    match query {
        Some(query) => format!("{last}?{}", query.replace('/', "%2F")),
        None => last,
    }
}
