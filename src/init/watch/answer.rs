//! What is told to who asks over HTTP, and what the status file says.

use std::borrow::Cow;
use std::fmt::Write;
use std::num::NonZeroU32;
use std::time::SystemTime;

use humantime::format_rfc3339_seconds;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::health::Health;
use crate::sys::process;

use super::target::WatchedTarget;
use super::{Stage, Watch, metrics};

/// The type of a Prometheus text (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The type of everything else.
const TEXT: &str = "text/plain; charset=utf-8";

/// What can be asked, in the words of the answer to anything else.
const PATHS: &str =
    "there are /livez, /readyz, /healthz, each with /NAME of a target below it, and /metrics\n";

/// The whole answer to a request with this head.
pub(super) fn to(head: &[u8], watch: &Watch<'_>, reaped: u64) -> Vec<u8> {
    let (method, path) = match request(head) {
        Ok(request) => request,
        Err(status) => return response(status, TEXT, &format!("{status}\n"), ""),
    };
    if !matches!(method, "GET" | "HEAD") {
        let status = "405 Method Not Allowed\r\nAllow: GET, HEAD";
        return response(status, TEXT, "there are GET and HEAD\n", method);
    }
    if path == "/metrics" {
        return response("200 OK", METRICS, &metrics::text(watch, reaped), method);
    }
    let (kind, name) = match path.get(1..).unwrap_or_default().split_once('/') {
        Some((kind, name)) if !name.is_empty() => (kind, Some(decoded(name))),
        Some((kind, _)) => (kind, None),
        None => (path.get(1..).unwrap_or_default(), None),
    };
    let Some(kind) = Kind::parse(kind) else { return response("404 Not Found", TEXT, PATHS, method) };
    let (is_good, body) = match name {
        None => (kind.accepts(watch.health, watch.stage), verdict(watch)),
        Some(name) => match watch.targets.iter().find(|target| target.name() == name) {
            Some(target) => {
                let health = target.tracker.health();
                let mut body = format!("{}\n", health.name());
                line(&mut body, target, watch.plan.retries);
                (kind.accepts(health, watch.stage), body)
            }
            None => return response("404 Not Found", TEXT, &names(watch), method),
        },
    };
    response(if is_good { "200 OK" } else { "503 Service Unavailable" }, TEXT, &body, method)
}

/// What is asked about a health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Whether it is worth to be kept: starting and stopping are alive.
    Live,
    /// Whether it can do its work now.
    Ready,
}

impl Kind {
    /// The question that stands in a path.
    fn parse(name: &str) -> Option<Self> {
        match name {
            "livez" => Some(Self::Live),
            // One that is asked for its health answers what Docker would.
            "readyz" | "healthz" => Some(Self::Ready),
            _ => None,
        }
    }

    /// Whether the answer is yes.
    fn accepts(self, health: Health, stage: Stage) -> bool {
        match self {
            Self::Live => health != Health::Unhealthy,
            Self::Ready => health == Health::Healthy && stage == Stage::Running,
        }
    }
}

/// The method and the path of a request, without its query; of an absolute-form, too (RFC 9112, 3.2.2).
fn request(head: &[u8]) -> Result<(&str, &str), &'static str> {
    const BAD: &str = "400 Bad Request";
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| BAD)?.trim_end_matches('\r');
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some(version), None) if version.starts_with("HTTP/1.") => {
            let target = target.split('?').next().unwrap_or_default();
            let authority = ["http://", "https://"].iter().find_map(|scheme| target.strip_prefix(scheme));
            let path = match authority {
                Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
                None => target,
            };
            Ok((method, path))
        }
        _ => Err(BAD),
    }
}

/// `text` with its %-escapes resolved; what is none stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Reads a request as [`to`] does, for the fuzzer.
#[cfg(any(fuzzing, test))]
pub(crate) fn read_request(head: &[u8]) {
    if let Ok((_, path)) = request(head) {
        assert!(path.len() < head.len() && !path.contains('?'));
        let name = path.rsplit('/').next().unwrap_or_default();
        assert!(decoded(name).chars().count() <= name.len());
    }
}

/// A whole response; HEAD gets no body.
pub(super) fn response(status: &str, kind: &str, body: &str, method: &str) -> Vec<u8> {
    let length = body.len();
    let body = if method == "HEAD" { "" } else { body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The answer to a head that is too long.
pub(super) fn too_long() -> Vec<u8> {
    response("431 Request Header Fields Too Large", TEXT, "at most 4 KiB\n", "")
}

/// One word, and a line for each target that has not passed.
fn verdict(watch: &Watch<'_>) -> String {
    let mut text = format!("{}\n", watch.health_name());
    watch.targets.iter().for_each(|target| line(&mut text, target, watch.plan.retries));
    text
}

/// A line about a target that has not passed; of one that is still healthy, in the words of the log.
fn line(text: &mut String, target: &WatchedTarget, retries: NonZeroU32) {
    let (health, name) = (target.tracker.health(), target.name());
    // Writing to a String does not fail.
    let _ = match (&target.reason, health) {
        (Some(reason), Health::Healthy) => match target.tracker.failures() {
            0 => writeln!(text, "not checked: {name}: {reason}"),
            failures => writeln!(text, "failed: {name}: {reason}, {failures} of {retries}"),
        },
        (Some(reason), _) => writeln!(text, "{}: {name}: {reason}", health.name()),
        (None, Health::Starting) => writeln!(text, "starting: {name}: not checked yet"),
        (None, _) => Ok(()),
    };
}

/// The names that there are.
fn names(watch: &Watch<'_>) -> String {
    watch.targets.iter().fold("no such target; there are:\n".to_owned(), |mut text, target| {
        let _ = writeln!(text, "{}", target.name());
        text
    })
}

/// The status file's line. Who reads it can tell a verdict from what a killed container has left: by the time of the last
/// check and the interval, or by the PID where that is the reader's, too.
pub(super) fn status(watch: &Watch<'_>) -> String {
    let time = |time: Option<SystemTime>| time.map(|time| format_rfc3339_seconds(time).to_string());
    let targets: Vec<Value> = watch
        .targets
        .iter()
        .map(|target| {
            json!({
                "target": target.name(),
                "health": target.tracker.health().name(),
                "since": time(Some(target.since)),
                "checked_at": time(target.checked_at),
                "failures": target.tracker.failures(),
                "reason": target.reason,
            })
        })
        .collect();
    let checked_at = watch.targets.iter().filter_map(|target| target.checked_at).min();
    json!({
        "health": watch.health_name(),
        "since": time(Some(watch.since)),
        "checked_at": time(checked_at),
        "interval_seconds": watch.plan.interval.as_secs_f64(),
        "pid": process::own_pid(),
        "targets": targets,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_method_a_path_and_a_version() {
        assert_eq!(request(b"GET /healthz?x=1 HTTP/1.1\r\nHost: h\r\n"), Ok(("GET", "/healthz")));
        assert_eq!(request(b"HEAD /metrics HTTP/1.0\r\n"), Ok(("HEAD", "/metrics")));
        assert_eq!(request(b"GET http://h:1/livez/db HTTP/1.1\r\n"), Ok(("GET", "/livez/db")));
        assert_eq!(request(b"GET http://h HTTP/1.1\r\n"), Ok(("GET", "/")));
        for bad in [&b""[..], b"GET", b"GET /", b"GET / HTTP/2", b"GET / x HTTP/1.1", b"\xff / HTTP/1.1"] {
            assert!(request(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn head_gets_the_length_and_no_body() {
        let text = String::from_utf8(response("200 OK", TEXT, "healthy\n", "HEAD")).unwrap();
        assert!(text.contains("Content-Length: 8\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    }

    #[test]
    fn a_name_in_a_path_may_be_escaped() {
        for (text, name) in [("db", "db"), ("tcp:%2f%2Fh:1", "tcp://h:1"), ("a%", "a%"), ("%zz%41", "%zzA")] {
            assert_eq!(decoded(text), name);
        }
    }
}
