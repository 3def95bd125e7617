//! curl's manners: its order of things, its retries, its exit codes (<https://curl.se/docs/manpage.html#EXIT>).

use std::thread;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::http::{HeaderValue, Method, Route, Scheme};
use crate::outcome::{Cause, Failure, Phase};

use crate::compat::transfer::exchange::{
    BodyAction, RedirectMethod, Redirects, ResponseHead, TransferError, TransferInfo, TransferOptions,
    TransferRequest, run_transfer,
};
use crate::compat::transfer::output::{Destination, Output, WriteError};
use crate::compat::transfer::{TransferTool, stderr_line};

/// All that one command line of curl asks for.
#[derive(Debug)]
pub(crate) struct Curl {
    /// What to fetch, in this order.
    pub(crate) transfers: Vec<Transfer>,
    /// How to get there.
    pub(crate) route: Route,
    /// `-L`, `--max-redirs`.
    pub(crate) redirects: Redirects,
    /// `-X`.
    pub(crate) redirect_method: RedirectMethod,
    /// `-m`: the limit of each attempt.
    pub(crate) max_time: Option<Duration>,
    /// `-f`, `--fail-with-body`.
    pub(crate) fail: Fail,
    /// `-i`, `-I`.
    pub(crate) heads: ResponseHeaders,
    /// `-D`.
    pub(crate) dump: Option<Destination>,
    /// `-w`.
    pub(crate) write_out: Option<String>,
    /// `-s`, `-S`, `-v`.
    pub(crate) verbosity: Verbosity,
    /// `--fail-early`.
    pub(crate) after_failure: AfterFailure,
    /// `--retry` and its like.
    pub(crate) retry: Retry,
}

/// One URL.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// What to ask; what is wrong with the URL when it cannot be asked, and the exit code for that.
    pub(crate) request: Result<TransferRequest, (u8, String)>,
    /// The URL as it was given
    pub(crate) given: String,
    /// Where the body goes to.
    pub(crate) destination: Destination,
}

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

/// The longest that curl waits between two tries.
const DELAY_MAX: Duration = Duration::from_secs(600);

/// How an attempt attempt.
struct Attempt {
    code: u8,
    why: String,
}

impl Retry {
    /// The pause after `tries` tries.
    pub(crate) fn pause(&self, tries: u32) -> Duration {
        let doubled = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
        self.delay.unwrap_or(doubled.min(DELAY_MAX))
    }

    /// Whether `attempt` is worth another try.
    fn is_for(&self, code: u8, status: Option<u16>) -> bool {
        let transient = matches!(code, 5 | 6 | 28)
            || matches!(code, 0 | 22) && matches!(status, Some(408 | 429 | 500 | 502 | 503 | 504));
        transient || self.on >= RetryOn::Refused && code == 7 || self.on == RetryOn::Anything && code != 0
    }
}

impl TransferTool for Curl {
    /// What is said, and attempt with, at the limit.
    fn timeout_report(&self) -> (String, ExitStatus) {
        let line = match self.verbosity {
            Verbosity::Silent => "",
            Verbosity::Errors | Verbosity::Verbose => "curl: (28) timed out",
        };
        (line.into(), ExitStatus::Code(28))
    }

    fn touches_files(&self) -> bool {
        let is_file = |place: &Destination| matches!(place, Destination::File(_));
        self.route.names_files()
            || self.dump.as_ref().is_some_and(is_file)
            || self.transfers.iter().any(|transfer| is_file(&transfer.destination))
    }

    /// All of it; the last transfer has the last word.
    fn run(&self, deadline: Deadline) -> ExitStatus {
        let mut last = 0;
        for transfer in &self.transfers {
            last = self.fetch(transfer, deadline);
            if last != 0 && self.after_failure == AfterFailure::Stop {
                break;
            }
        }
        ExitStatus::Code(last)
    }
}

impl Curl {
    /// One URL, as often as it takes.
    fn fetch(&self, transfer: &Transfer, deadline: Deadline) -> u8 {
        let mut tries = 0;
        loop {
            let mut output = Output::new(&transfer.destination);
            let mut info = TransferInfo::new();
            let attempt = self.attempt(transfer, deadline, &mut output, &mut info);
            tries += 1;
            let pause = self.retry.pause(tries);
            let again = tries <= self.retry.times
                && self.retry.is_for(attempt.code, info.status)
                && deadline.remaining() > pause;
            if attempt.code != 0 && self.verbosity != Verbosity::Silent {
                stderr_line(&format!("curl: ({}) {}", attempt.code, attempt.why), deadline);
            }
            if again {
                thread::sleep(pause);
                continue;
            }
            return self.tell(transfer, &attempt, &output, &info, deadline);
        }
    }

    /// Writes what `-w` wants; the code that it all ends with.
    fn tell(
        &self,
        transfer: &Transfer,
        attempt: &Attempt,
        output: &Output,
        info: &TransferInfo,
        deadline: Deadline,
    ) -> u8 {
        let Some(format) = &self.write_out else { return attempt.code };
        let text = written_out(format, |name| value(name, transfer, attempt, output, info));
        match Output::new(&Destination::Stdout).write(text.as_bytes(), deadline) {
            // As there: what -w could not write changes nothing.
            Ok(()) | Err(_) => attempt.code,
        }
    }

    /// One try.
    fn attempt(
        &self,
        transfer: &Transfer,
        deadline: Deadline,
        output: &mut Output,
        info: &mut TransferInfo,
    ) -> Attempt {
        let request = match &transfer.request {
            Ok(request) => request.clone(),
            Err((code, why)) => return Attempt { code: *code, why: why.clone() },
        };
        if self.verbosity == Verbosity::Verbose {
            info.trace.steps = Some(Vec::new());
        }
        let deadline = self.max_time.map_or(deadline, |timeout| deadline.at_most(timeout));
        let is_head = request.method == Method::HEAD;
        let options = TransferOptions {
            route: &self.route,
            redirects: self.redirects,
            redirect_method: self.redirect_method,
            deadline,
        };
        let mut heads = Output::new(&transfer.destination);
        let mut on_head = |response: &ResponseHead<'_>| self.on_head(response, is_head, &mut heads, deadline);
        let done = run_transfer(request, options, output, info, &mut on_head);
        for step in info.trace.steps.iter().flatten() {
            stderr_line(&format!("* {step}"), deadline);
        }
        match done {
            Ok(_) => Attempt { code: 0, why: String::new() },
            Err(error) => self.failed_attempt(error),
        }
    }

    /// Writes the head where it is wanted, and says what becomes of the body.
    fn on_head(
        &self,
        response: &ResponseHead<'_>,
        is_head: bool,
        heads: &mut Output,
        deadline: Deadline,
    ) -> Result<BodyAction, TransferError> {
        if self.verbosity == Verbosity::Verbose {
            for line in String::from_utf8_lossy(response.head).lines() {
                stderr_line(&format!("< {line}"), deadline);
            }
        }
        if let Some(destination) = &self.dump {
            Output::new(destination).write(response.head, deadline).map_err(TransferError::WriteFailed)?;
        }
        if self.heads == ResponseHeaders::Shown {
            heads.write(response.head, deadline).map_err(TransferError::WriteFailed)?;
        }
        match self.fail {
            Fail::WithoutBody if response.status >= 400 => Err(TransferError::ErrorStatus(response.status)),
            _ if response.is_followed || is_head => Ok(BodyAction::Skip),
            Fail::WithBody if response.status >= 400 => Ok(BodyAction::WriteThenFail),
            _ => Ok(BodyAction::Write),
        }
    }

    /// curl's code for a error, and the args for it.
    fn failed_attempt(&self, error: TransferError) -> Attempt {
        let (code, why) = match error {
            TransferError::Failed(failure, received) => (self.code(&failure, received), failure.reason),
            TransferError::BadRedirect(why) => (1, why),
            TransferError::TooManyRedirects(most) => (47, format!("maximum ({most}) redirects followed")),
            TransferError::ErrorStatus(status) => (22, format!("the requested URL returned error: {status}")),
            TransferError::WriteFailed(WriteError::TimedOut) => (28, "timed out writing the body".into()),
            TransferError::WriteFailed(WriteError::Refused(why)) => {
                (23, format!("failed writing the body: {why}"))
            }
        };
        Attempt { code, why }
    }

    /// Its code for a failure after `received` bytes of an answer.
    fn code(&self, failure: &Failure, received: u64) -> u8 {
        match (failure.phase, failure.cause) {
            (_, Cause::TimedOut) => 28,
            (Phase::Resolve, _) if self.route.proxy.is_some() => 5,
            (Phase::Resolve, _) => 6,
            // What a proxy says to CONNECT.
            (
                Phase::Connect,
                Cause::Denied | Cause::Forbidden | Cause::Closed | Cause::Reset | Cause::Protocol,
            ) if self.route.proxy.is_some() => 56,
            (Phase::Connect, _) => 7,
            (Phase::Tls, Cause::Certificate) => 60,
            (Phase::Tls, Cause::CaFile) => 77,
            (Phase::Tls, Cause::ClientCertificate) => 58,
            (Phase::Tls, _) => 35,
            (Phase::Request, Cause::Broken) => 2,
            (Phase::Request, _) => 55,
            (Phase::Response, Cause::Closed) if received == 0 => 52,
            (Phase::Response, Cause::Protocol) => 1,
            (Phase::Body, Cause::Closed) => 18,
            _ => 56,
        }
    }
}

/// The value of `-w`'s variable `name`, if there is one of that name.
fn value(
    name: &str,
    transfer: &Transfer,
    attempt: &Attempt,
    output: &Output,
    info: &TransferInfo,
) -> Option<String> {
    let total = info.started.elapsed();
    let seconds = |length: Option<Duration>| format!("{:.6}", length.unwrap_or_default().as_secs_f64());
    let url = info.url.as_ref();
    let scheme = url.map(|url| url.scheme);
    Some(match name {
        "http_code" | "response_code" => format!("{:03}", info.status.unwrap_or(0)),
        "exitcode" => attempt.code.to_string(),
        "errormsg" => attempt.why.clone(),
        "time_total" => seconds(Some(total)),
        "time_connect" | "time_pretransfer" => seconds(info.connect_time),
        "time_appconnect" => seconds(info.connect_time.filter(|_| scheme == Some(Scheme::Https))),
        "time_starttransfer" => seconds(info.first_byte_time),
        "time_namelookup" | "time_redirect" => seconds(None),
        "size_download" => output.bytes.to_string(),
        "size_header" => info.header_bytes.to_string(),
        "size_upload" => transfer.sent().to_string(),
        "speed_download" => {
            let speed = u128::from(output.bytes) * 1_000_000 / total.as_micros().max(1);
            speed.to_string()
        }
        "url" => transfer.given.clone(),
        "url_effective" => url.map_or_else(|| transfer.given.clone(), |url| url.uri.to_string()),
        "redirect_url" => info.redirect_url.as_ref().map(|url| url.uri.to_string()).unwrap_or_default(),
        "num_redirects" => info.redirect_count.to_string(),
        "num_connects" => u8::from(info.connect_time.is_some()).to_string(),
        "content_type" => info.content_type.clone().unwrap_or_default(),
        "scheme" => scheme.map(|scheme| scheme.name().to_ascii_uppercase()).unwrap_or_default(),
        "method" => transfer.request.as_ref().map(|request| request.method.to_string()).unwrap_or_default(),
        "http_version" => if info.status.is_some() { "1.1" } else { "0" }.into(),
        "ssl_verify_result" => "0".into(),
        _ => return None,
    })
}

impl Transfer {
    /// How many bytes of a body go to the server.
    fn sent(&self) -> usize {
        self.request.as_ref().ok().and_then(|request| request.data.as_ref()).map_or(0, Vec::len)
    }
}

/// `format` with its variables and escapes replaced; those that are not known stand for nothing.
fn written_out(format: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        if let Some((name, after)) =
            after.strip_prefix('{').filter(|_| c == '%').and_then(|name| name.split_once('}'))
        {
            text.push_str(&value(name).unwrap_or_default());
            rest = after;
            continue;
        }
        let next = after.chars().next();
        let meant = match (c, next) {
            ('%', Some('%')) => Some("%"),
            ('\\', Some('n')) => Some("\n"),
            ('\\', Some('t')) => Some("\t"),
            ('\\', Some('r')) => Some("\r"),
            _ => None,
        };
        // Any other escape stays as it is, backslash included.
        if let Some(meant) = meant {
            text.push_str(meant);
            rest = after.get(1..).unwrap_or_default();
        } else {
            text.push(c);
            rest = after;
        }
    }
    text
}

/// The header that `-u` sends, if the name and the password can be sent.
pub(crate) fn basic(user: &str) -> Result<HeaderValue, String> {
    crate::http::Credentials::basic(user)?.authorization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_has_variables_and_escapes() {
        let value = |name: &str| (name == "http_code").then(|| "200".to_owned());
        for (format, text) in [
            ("%{http_code}", "200"),
            (r"a\n\t\r\\n", "a\n\t\r\\\n"),
            ("%{unknown}x", "x"),
            ("100%% %d %{open", "100% %d %{open"),
            ("ä%{http_code}ß", "ä200ß"),
            ("%", "%"),
            ("\\", "\\"),
        ] {
            assert_eq!(written_out(format, value), text, "{format}");
        }
    }

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
