//! curl's manners: its order of things, its retries, its exit codes (<https://curl.se/docs/manpage.html#EXIT>).

use std::thread;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::http::{HeaderValue, Method, Route, Scheme};
use crate::outcome::{Cause, Failure, Phase};

use crate::compat::transfer::exchange::{
    Body, Course, Heard, Keep, Progress, Redirects, Request, Setback, transfer,
};
use crate::compat::transfer::sink::{Lost, Place, Sink};
use crate::compat::transfer::{Manners, complain};

/// All that one command line of curl asks for.
#[derive(Debug)]
pub(crate) struct Curl {
    /// What to fetch, in this order.
    pub(crate) items: Vec<Item>,
    /// How to get there.
    pub(crate) route: Route,
    /// `-L`, `--max-redirs`.
    pub(crate) redirects: Redirects,
    /// `-X`.
    pub(crate) keep: Keep,
    /// `-m`: the limit of each attempt.
    pub(crate) max_time: Option<Duration>,
    /// `-f`, `--fail-with-body`.
    pub(crate) fail: Fail,
    /// `-i`, `-I`.
    pub(crate) heads: Heads,
    /// `-D`.
    pub(crate) dump: Option<Place>,
    /// `-w`.
    pub(crate) write_out: Option<String>,
    /// `-s`, `-S`, `-v`.
    pub(crate) voice: Voice,
    /// `--fail-early`.
    pub(crate) after_failure: AfterFailure,
    /// `--retry` and its like.
    pub(crate) retry: Retry,
}

/// One URL.
#[derive(Debug)]
pub(crate) struct Item {
    /// What to ask; what is wrong with the URL when it cannot be asked, and the exit code for that.
    pub(crate) request: Result<Request, (u8, String)>,
    /// The URL as it was given
    pub(crate) given: String,
    /// Where the body goes to.
    pub(crate) place: Place,
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
pub(crate) enum Heads {
    /// They are not.
    Hidden,
    /// They are.
    Shown,
}

/// What is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
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
    GoOn,
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

/// How an attempt ended.
struct Ended {
    code: u8,
    why: String,
}

impl Retry {
    /// The pause after `tries` tries.
    pub(crate) fn pause(&self, tries: u32) -> Duration {
        let doubled = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
        self.delay.unwrap_or(doubled.min(DELAY_MAX))
    }

    /// Whether `ended` is worth another try.
    fn is_for(&self, code: u8, status: Option<u16>) -> bool {
        let transient = matches!(code, 5 | 6 | 28)
            || matches!(code, 0 | 22) && matches!(status, Some(408 | 429 | 500 | 502 | 503 | 504));
        transient || self.on >= RetryOn::Refused && code == 7 || self.on == RetryOn::Anything && code != 0
    }
}

impl Manners for Curl {
    /// What is said, and ended with, at the limit.
    fn overdue(&self) -> (String, ExitStatus) {
        let line = match self.voice {
            Voice::Silent => "",
            Voice::Errors | Voice::Verbose => "curl: (28) timed out",
        };
        (line.into(), ExitStatus::Code(28))
    }

    /// All of it; the last transfer has the last word.
    fn run(&self, deadline: Deadline) -> ExitStatus {
        let mut last = 0;
        for item in &self.items {
            last = self.fetch(item, deadline);
            if last != 0 && self.after_failure == AfterFailure::Stop {
                break;
            }
        }
        ExitStatus::Code(last)
    }
}

impl Curl {
    /// One URL, as often as it takes.
    fn fetch(&self, item: &Item, deadline: Deadline) -> u8 {
        let mut tries = 0;
        loop {
            let mut sink = Sink::new(&item.place);
            let mut progress = Progress::new();
            let ended = self.attempt(item, deadline, &mut sink, &mut progress);
            tries += 1;
            let pause = self.retry.pause(tries);
            let again = tries <= self.retry.times
                && self.retry.is_for(ended.code, progress.status)
                && deadline.remaining() > pause;
            if ended.code != 0 && self.voice != Voice::Silent {
                complain(&format!("curl: ({}) {}", ended.code, ended.why), deadline);
            }
            if again {
                thread::sleep(pause);
                continue;
            }
            return self.tell(item, &ended, &sink, &progress, deadline);
        }
    }

    /// Writes what `-w` wants; the code that it all ends with.
    fn tell(&self, item: &Item, ended: &Ended, sink: &Sink, progress: &Progress, deadline: Deadline) -> u8 {
        let Some(format) = &self.write_out else { return ended.code };
        let text = written_out(format, |name| value(name, item, ended, sink, progress));
        match Sink::new(&Place::Stdout).write(text.as_bytes(), deadline) {
            // As there: what -w could not write changes nothing.
            Ok(()) | Err(_) => ended.code,
        }
    }

    /// One try.
    fn attempt(&self, item: &Item, deadline: Deadline, sink: &mut Sink, progress: &mut Progress) -> Ended {
        let request = match &item.request {
            Ok(request) => request.clone(),
            Err((code, why)) => return Ended { code: *code, why: why.clone() },
        };
        if self.voice == Voice::Verbose {
            progress.trace.steps = Some(Vec::new());
        }
        let deadline = self.max_time.map_or(deadline, |timeout| deadline.at_most(timeout));
        let is_head = request.method == Method::HEAD;
        let course = Course { route: &self.route, redirects: self.redirects, keep: self.keep, deadline };
        let mut heads = Sink::new(&item.place);
        let mut judge = |heard: &Heard<'_>| self.judge(heard, is_head, &mut heads, deadline);
        let done = transfer(request, course, sink, progress, &mut judge);
        for step in progress.trace.steps.iter().flatten() {
            complain(&format!("* {step}"), deadline);
        }
        match done {
            Ok(_) => Ended { code: 0, why: String::new() },
            Err(setback) => self.ended(setback),
        }
    }

    /// Writes the head where it is wanted, and says what becomes of the body.
    fn judge(
        &self,
        heard: &Heard<'_>,
        is_head: bool,
        heads: &mut Sink,
        deadline: Deadline,
    ) -> Result<Body, Setback> {
        if self.voice == Voice::Verbose {
            for line in String::from_utf8_lossy(heard.head).lines() {
                complain(&format!("< {line}"), deadline);
            }
        }
        if let Some(place) = &self.dump {
            Sink::new(place).write(heard.head, deadline).map_err(Setback::Lost)?;
        }
        if self.heads == Heads::Shown {
            heads.write(heard.head, deadline).map_err(Setback::Lost)?;
        }
        match self.fail {
            Fail::WithoutBody if heard.status >= 400 => Err(Setback::Refused(heard.status)),
            _ if heard.followed || is_head => Ok(Body::Left),
            Fail::WithBody if heard.status >= 400 => Ok(Body::WrittenInVain),
            _ => Ok(Body::Written),
        }
    }

    /// curl's code for a setback, and the words for it.
    fn ended(&self, setback: Setback) -> Ended {
        let (code, why) = match setback {
            Setback::Failed(failure, received) => (self.code(&failure, received), failure.reason),
            Setback::Misled(why) => (1, why),
            Setback::TooMany(most) => (47, format!("maximum ({most}) redirects followed")),
            Setback::Refused(status) => (22, format!("the requested URL returned error: {status}")),
            Setback::Lost(Lost::TimedOut) => (28, "timed out writing the body".into()),
            Setback::Lost(Lost::Refused(why)) => (23, format!("failed writing the body: {why}")),
        };
        Ended { code, why }
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
            (Phase::Tls, Cause::Broken) if failure.reason.starts_with("--cacert") => 77,
            (Phase::Tls, Cause::Broken) if failure.reason.starts_with("--") => 58,
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
fn value(name: &str, item: &Item, ended: &Ended, sink: &Sink, progress: &Progress) -> Option<String> {
    let total = progress.begun.elapsed();
    let seconds = |length: Option<Duration>| format!("{:.6}", length.unwrap_or_default().as_secs_f64());
    let url = progress.url.as_ref();
    let scheme = url.map(|url| url.scheme);
    Some(match name {
        "http_code" | "response_code" => format!("{:03}", progress.status.unwrap_or(0)),
        "exitcode" => ended.code.to_string(),
        "errormsg" => ended.why.clone(),
        "time_total" => seconds(Some(total)),
        "time_connect" | "time_pretransfer" => seconds(progress.connected),
        "time_appconnect" => seconds(progress.connected.filter(|_| scheme == Some(Scheme::Https))),
        "time_starttransfer" => seconds(progress.answered),
        "time_namelookup" | "time_redirect" => seconds(None),
        "size_download" => sink.bytes.to_string(),
        "size_header" => progress.heads.to_string(),
        "size_upload" => item.sent().to_string(),
        "speed_download" => {
            let speed = u128::from(sink.bytes) * 1_000_000 / total.as_micros().max(1);
            speed.to_string()
        }
        "url" => item.given.clone(),
        "url_effective" => url.map_or_else(|| item.given.clone(), |url| url.uri.to_string()),
        "redirect_url" => progress.next.as_ref().map(|url| url.uri.to_string()).unwrap_or_default(),
        "num_redirects" => progress.hops.to_string(),
        "num_connects" => u8::from(progress.connected.is_some()).to_string(),
        "content_type" => progress.content_type.clone().unwrap_or_default(),
        "scheme" => scheme.map(|scheme| scheme.name().to_ascii_uppercase()).unwrap_or_default(),
        "method" => item.request.as_ref().map(|request| request.method.to_string()).unwrap_or_default(),
        "http_version" => if progress.status.is_some() { "1.1" } else { "0" }.into(),
        "ssl_verify_result" => "0".into(),
        _ => return None,
    })
}

impl Item {
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
