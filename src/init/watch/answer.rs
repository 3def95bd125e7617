//! What is told about a watch: over HTTP, and in the status file.

use std::fmt::Write;
use std::time::Duration;

use serde_json::json;

use crate::deadline::Deadline;
use crate::health::Health;
use crate::system::procfs;

use super::{Stage, Watch};

/// How long the zombies are counted before PID 1 has better things to do.
const COUNT_LIMIT: Duration = Duration::from_millis(20);

/// The type of a Prometheus text (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The type of everything else.
const TEXT: &str = "text/plain; charset=utf-8";

/// The whole answer to a request with this head.
pub(super) fn to(head: &[u8], watch: &Watch<'_>, reaped: u64) -> Vec<u8> {
    let (verb, path) = match request(head) {
        Ok(request) => request,
        Err(status) => return response(status, TEXT, &format!("{status}\n"), ""),
    };
    if !matches!(verb, "GET" | "HEAD") {
        return response("405 Method Not Allowed", TEXT, "there are GET and HEAD\n", verb);
    }
    match path {
        "/healthz" => {
            let is_healthy = watch.health == Health::Healthy && watch.stage == Stage::Running;
            let status = if is_healthy { "200 OK" } else { "503 Service Unavailable" };
            response(status, TEXT, &verdict(watch), verb)
        }
        "/metrics" => response("200 OK", METRICS, &metrics(watch, reaped), verb),
        _ => response("404 Not Found", TEXT, "there are /healthz and /metrics\n", verb),
    }
}

/// The method and the path of a request, without its query.
fn request(head: &[u8]) -> Result<(&str, &str), &'static str> {
    const BAD: &str = "400 Bad Request";
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| BAD)?.trim_end_matches('\r');
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(verb), Some(path), Some(version), None) if version.starts_with("HTTP/1.") => {
            Ok((verb, path.split('?').next().unwrap_or_default()))
        }
        _ => Err(BAD),
    }
}

/// A whole response; HEAD gets no body.
pub(super) fn response(status: &str, kind: &str, body: &str, verb: &str) -> Vec<u8> {
    let length = body.len();
    let body = if verb == "HEAD" { "" } else { body };
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
    for target in &watch.targets {
        let (health, label) = (target.tracker.health(), target.repeat.probe().label());
        // Writing to a String does not fail.
        let _ = match (&target.reason, health) {
            (Some(reason), _) => writeln!(text, "{}: {reason} ({label})", health.name()),
            (None, Health::Starting) => writeln!(text, "starting: not asked yet ({label})"),
            (None, _) => Ok(()),
        };
    }
    text
}

/// The status file's line.
pub(super) fn status(watch: &Watch<'_>) -> String {
    let targets: Vec<_> = watch
        .targets
        .iter()
        .map(|target| {
            json!({
                "target": target.repeat.probe().label(),
                "health": target.tracker.health().name(),
                "failures": target.tracker.failures(),
                "reason": target.reason,
            })
        })
        .collect();
    json!({ "health": watch.health_name(), "targets": targets }).to_string()
}

/// All numbers.
fn metrics(watch: &Watch<'_>, reaped: u64) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &dyn Fn(&mut String)| {
        let _ = writeln!(text, "# HELP sexton_{name} {help}\n# TYPE sexton_{name} {kind}");
        samples(&mut text);
    };
    let each = |text: &mut String, sample: &dyn Fn(&mut String, &super::WatchedTarget, &str)| {
        for target in &watch.targets {
            sample(text, target, &escaped(target.repeat.probe().label()));
        }
    };
    let is_healthy = watch.health == Health::Healthy && watch.stage == Stage::Running;
    family("healthy", "gauge", "Whether all targets are healthy.", &|text| {
        let _ = writeln!(text, "sexton_healthy {}", u8::from(is_healthy));
    });
    family("target_healthy", "gauge", "Whether the target is healthy.", &|text| {
        each(text, &|text, target, label| {
            let is_healthy = u8::from(target.tracker.health() == Health::Healthy);
            let _ = writeln!(text, "sexton_target_healthy{{target=\"{label}\"}} {is_healthy}");
        });
    });
    family("attempts_total", "counter", "Attempts by their outcome.", &|text| {
        each(text, &|text, target, label| {
            for (outcome, count) in
                [("passed", target.passed), ("failed", target.failed), ("broken", target.broken)]
            {
                let _ = writeln!(
                    text,
                    "sexton_attempts_total{{target=\"{label}\",outcome=\"{outcome}\"}} {count}"
                );
            }
        });
    });
    family("attempt_seconds", "summary", "How long attempts took.", &|text| {
        each(text, &|text, target, label| {
            let (sum, count) = (target.took.as_secs_f64(), target.passed + target.failed);
            let _ = writeln!(text, "sexton_attempt_seconds_sum{{target=\"{label}\"}} {sum}");
            let _ = writeln!(text, "sexton_attempt_seconds_count{{target=\"{label}\"}} {count}");
        });
    });
    family("zombies_reaped_total", "counter", "Orphans that were reaped.", &|text| {
        let _ = writeln!(text, "sexton_zombies_reaped_total {reaped}");
    });
    if let Some(zombies) = zombies() {
        family("zombies", "gauge", "Zombies that their parents have not reaped.", &|text| {
            let _ = writeln!(text, "sexton_zombies {zombies}");
        });
    }
    text
}

/// A label's value, as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// How many zombies there are; none known where /proc is not ours, or too long to read.
fn zombies() -> Option<usize> {
    if !procfs::is_ours() {
        return None;
    }
    procfs::count_zombies(Deadline::after(COUNT_LIMIT)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_method_a_path_and_a_version() {
        assert_eq!(request(b"GET /healthz?x=1 HTTP/1.1\r\nHost: h\r\n"), Ok(("GET", "/healthz")));
        assert_eq!(request(b"HEAD /metrics HTTP/1.0\r\n"), Ok(("HEAD", "/metrics")));
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
    fn a_label_cannot_break_out_of_its_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
