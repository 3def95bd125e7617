//! What a check prints: lines, or one JSON object, both bounded. Whatever failed comes first.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::attempt::Finished;
use crate::outcome::Cause;
use crate::probe::Probe;
use crate::report;

/// What Podman keeps of a check's output.
const LINES_MAX: usize = 500;

/// The most bytes of the JSON object and its line feed: Docker keeps 4096.
const JSON_MAX: usize = 4000;

/// How long a reason may be in JSON, in turns, until all of it fits.
const REASONS: [usize; 5] = [480, 240, 120, 60, 20];

/// A target, and what came of it; nothing where that was not needed.
pub(super) type Row<'a> = (&'a Probe, Option<&'a Finished>);

/// Whether a row is a failure.
fn is_failure((_, finished): &Row<'_>) -> bool {
    finished.is_some_and(|one| one.outcome.is_err())
}

/// `rows` with the failures first, each group in its order.
fn failures_first<'a>(rows: &[Row<'a>]) -> Vec<Row<'a>> {
    let (mut failed, passed): (Vec<_>, Vec<_>) = rows.iter().copied().partition(is_failure);
    failed.extend(passed);
    failed
}

/// One line for each of `rows`, failures first. Passing ones share a line where all of them would be too long.
pub(super) fn lines(rows: &[Row<'_>]) -> Vec<String> {
    let told: Vec<_> = failures_first(rows)
        .into_iter()
        .filter_map(|row| Some((row, row.1.map(|one| line(row.0, one))?)))
        .collect();
    let length: usize = told.iter().map(|(_, line)| line.len() + 1).sum();
    let (failed, passed): (Vec<_>, Vec<_>) = told.into_iter().partition(|(row, _)| is_failure(row));
    let mut lines: Vec<String> = failed.into_iter().map(|(_, line)| line).collect();
    if length < LINES_MAX || passed.len() < 2 {
        lines.extend(passed.into_iter().map(|(_, line)| line));
        return lines;
    }
    let used: usize = lines.iter().map(|line| line.len() + 1).sum();
    let labels = passed.iter().map(|((probe, _), _)| probe.label()).collect::<Vec<_>>().join(", ");
    let count = passed.len();
    let room = LINES_MAX.saturating_sub(used + 40);
    let labels = if labels.len() > room { format!("{}...", cut(&labels, room)) } else { labels };
    lines.push(format!("healthy: {count} targets ({labels})"));
    lines
}

/// The line of one target: the cause first, since runtimes cut at the end.
pub(super) fn line(probe: &Probe, finished: &Finished) -> String {
    let (verdict, reason) = match &finished.outcome {
        Ok(seen) => ("healthy", seen),
        Err(failure) => ("unhealthy", &failure.reason),
    };
    report::tidy(&format!("{verdict}: {reason} ({}, {} ms)", probe.label(), finished.elapsed.as_millis()))
}

/// The round as `--json` prints it: whole, with the same fields in every state (docs/check.schema.json).
pub(super) fn json(is_healthy: bool, elapsed: Duration, rows: &[Row<'_>]) -> String {
    let rows = failures_first(rows);
    object(is_healthy, elapsed, None, rows.len(), &|row, most| {
        rows.get(row).map(|(probe, finished)| entry(probe.label(), *finished, most))
    })
}

/// What the watchdog prints of `probes` as JSON, at the end of `limit`.
pub(super) fn overdue_json(limit: Duration, probes: &[Arc<Probe>]) -> String {
    let reason = format!("no verdict within {}", humantime::format_duration(limit));
    let labels: Vec<_> = probes.iter().map(|probe| probe.label()).collect();
    object(false, limit, Some(&reason), labels.len(), &|row, most| {
        let mut entry = entry(labels.get(row)?, None, most);
        entry.insert("outcome".into(), json!("timeout"));
        Some(entry)
    })
}

/// The members of a target.
type Entry = serde_json::Map<String, Value>;

/// The object, with as many of its `count` targets, and as much of their reasons, as fit.
fn object(
    is_healthy: bool,
    elapsed: Duration,
    reason: Option<&str>,
    count: usize,
    entry: &dyn Fn(usize, usize) -> Option<Entry>,
) -> String {
    let told = |shown: usize, most: usize| {
        let targets: Vec<_> = (0..shown).filter_map(|row| entry(row, most)).collect();
        json!({
            "healthy": is_healthy,
            "milliseconds": milliseconds(elapsed),
            "reason": reason,
            "targets": targets,
            "omitted": count - shown,
        })
        .to_string()
    };
    let fits = |text: &String| text.len() < JSON_MAX;
    let shorter = REASONS.into_iter().map(|most| told(count, most));
    let fewer = (0..count).rev().map(|shown| told(shown, 60));
    shorter.chain(fewer).find(fits).unwrap_or_default()
}

/// One target, with at most `most` bytes of any text.
fn entry(label: &str, finished: Option<&Finished>, most: usize) -> Entry {
    let (mut outcome, mut phase, mut reason) = ("skipped", None, None);
    if let Some(finished) = finished {
        (outcome, phase, reason) = match &finished.outcome {
            Ok(seen) => ("pass", None, Some(seen)),
            Err(failure) => {
                let outcome = match failure.cause {
                    Cause::TimedOut => "timeout",
                    Cause::Broken => "broken",
                    _ => "fail",
                };
                (outcome, Some(failure.phase.name()), Some(&failure.reason))
            }
        };
    }
    let trace = finished.map(|finished| &finished.trace);
    let text = |text: &str| cut(&report::tidy(text), most).to_owned();
    let mut entry = Entry::new();
    entry.insert("target".into(), json!(text(label)));
    entry.insert("outcome".into(), json!(outcome));
    entry.insert("phase".into(), json!(phase));
    entry.insert("reason".into(), json!(reason.map(|reason| text(reason))));
    entry.insert("status".into(), json!(trace.and_then(|trace| trace.status)));
    entry.insert("address".into(), json!(trace.and_then(|trace| trace.address.as_deref()).map(text)));
    entry.insert("milliseconds".into(), finished.map_or(Value::Null, |one| milliseconds(one.elapsed)));
    entry
}

/// At most `most` bytes of `text`.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// A length in milliseconds, to the microsecond.
fn milliseconds(length: Duration) -> Value {
    let micros = u32::try_from(length.as_micros()).unwrap_or(u32::MAX);
    json!(f64::from(micros) / 1000.0)
}
