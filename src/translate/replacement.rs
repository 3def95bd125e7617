//! What to write instead: the words of a command line of ours, and the differences that matter.

use std::time::Duration;

use super::decision::Combined;
use super::notation::Interpolations;
use super::semantics::{Check, Flag, Limit, Refusal};

/// Where sexton is in an image, as everywhere in our documentation.
const SEXTON: &str = "/sexton";

/// The limit of `sexton check` without `--timeout`.
const DEFAULT_LIMIT: Duration = Duration::from_secs(4);

/// A command line of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    /// The program first; in our notation.
    pub(super) words: Vec<String>,
    /// The differences, one line each.
    pub(super) notes: Vec<String>,
}

impl Replacement {
    /// `command` with these words.
    pub(super) fn new(command: &str, words: Vec<String>, notes: Vec<String>) -> Self {
        let mut all = vec![SEXTON.to_owned(), command.to_owned()];
        all.extend(words);
        Self { words: all, notes }
    }

    /// The words as they are outside of a Compose file.
    pub(super) fn restored(&self, put_in: &Interpolations) -> Vec<String> {
        self.words.iter().map(|word| put_in.restore(word)).collect()
    }
}

/// `words` as a JSON array on one line, with a blank after each comma.
pub(super) fn json(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("[{}]", words.join(", "))
}

/// The same as YAML reads it: in double quotes, since JSON is YAML.
pub(super) fn quoted(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

/// `word` as an item of a YAML list, without quotes where it needs none.
pub(super) fn yaml(word: &str) -> String {
    let is_plain = !word.is_empty()
        && word.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '-'))
        && !word.starts_with("- ")
        && word != "-"
        && !word.contains(": ")
        && !word.ends_with(':')
        && !word.contains(" #")
        && !word.ends_with(' ')
        && word.chars().all(|c| c.is_ascii_graphic() && !"{}[],&*!|>'\"%@`#".contains(c) || c == ' ')
        && !matches!(
            word.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        );
    if is_plain { word.to_owned() } else { quoted(word) }
}

/// A YAML list, an item a line, as Compose reads it.
pub(super) fn yaml_list(words: &[String], put_in: &Interpolations) -> String {
    let items: Vec<_> = words.iter().map(|word| format!("- {}", yaml(&put_in.write(word)))).collect();
    items.join("\n") + "\n"
}

/// What belongs to one kind of target, and so means nothing to others.
fn class(target: &str) -> &str {
    match target.split(':').next().unwrap_or_default() {
        "http" | "https" => "http",
        "tcp" | "unix" | "udp" => "socket",
        other => other,
    }
}

/// The options that all of `checks` can have together.
fn flags(checks: &[Check]) -> Result<Vec<Flag>, Refusal> {
    let mut flags: Vec<Flag> = Vec::new();
    let checks: Vec<Check> = checks.iter().map(with_status).collect();
    for (index, check) in checks.iter().enumerate() {
        let same_class =
            checks.iter().take(index).filter(|other| class(&other.target) == class(&check.target));
        let clashes = checks.iter().any(|other| {
            class(&other.target) != class(&check.target)
                && other.flags.iter().any(|flag| check.flags.iter().any(|own| own.0 == flag.0 && own != flag))
        });
        if clashes || same_class.into_iter().any(|other| other.flags != check.flags) {
            return Err(Refusal::with(
                "its checks differ in their options",
                "sexton check with the options of each after its target: \
                 http://HOST/#status=401 http://HOST/other#contains=UP",
            ));
        }
        flags.extend(check.flags.iter().filter(|flag| !flags.contains(flag)).cloned().collect::<Vec<_>>());
    }
    Ok(flags)
}

/// The same with its statuses among its options, and without what means nothing to its target.
fn with_status(check: &Check) -> Check {
    let mut check = check.clone();
    let is_encrypted =
        !check.target.starts_with("http:") || check.flags.iter().any(|flag| flag.0 == "--follow");
    check.flags.retain(|flag| {
        is_encrypted || !matches!(flag.0, "--insecure" | "--cacert" | "--cert" | "--key" | "--server-name")
    });
    check.flags.extend(check.statuses.take().and_then(|statuses| statuses.flag()));
    check
}

/// The words of options and targets.
pub(super) fn words(checks: &[Check]) -> Result<Vec<String>, Refusal> {
    let mut words = Vec::new();
    for Flag(name, value) in flags(checks)? {
        words.push(name.to_owned());
        words.extend(value);
    }
    words.extend(checks.iter().map(|check| check.target.clone()));
    Ok(words)
}

/// The checks without those that others hold already.
fn distinct(checks: &[Check]) -> Vec<Check> {
    let mut kept: Vec<Check> = Vec::new();
    for check in checks {
        let is_held = checks.iter().any(|other| {
            other != check
                && other.target == check.target
                && other.statuses == check.statuses
                && other.flags.len() > check.flags.len()
                && check.flags.iter().all(|flag| other.flags.contains(flag))
        });
        let is_known = kept.iter().any(|other| {
            other.target == check.target && other.flags == check.flags && other.statuses == check.statuses
        });
        if !is_held && !is_known {
            kept.push(check.clone());
        }
    }
    // What is told of the one that is left out holds of the other.
    if let Some(first) = kept.first_mut() {
        for note in checks.iter().flat_map(|check| &check.notes) {
            if !first.notes.contains(note) {
                first.notes.push(note.clone());
            }
        }
    }
    kept
}

/// The check, under a runtime that ends it after `runtime` if that is known.
pub(super) fn check(combined: Combined, runtime: Option<Duration>) -> Result<Replacement, Refusal> {
    let (checks, any) = match combined {
        Combined::All(checks) => (distinct(&checks), false),
        Combined::Any(checks) => (distinct(&checks), true),
    };
    let any = any && checks.len() > 1;
    let mut notes: Vec<String> = Vec::new();
    for note in checks.iter().flat_map(|check| &check.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    let mut all = Vec::new();
    let own = longest(&checks);
    match (timeout(&own, runtime), &own) {
        (Timeout::Given(text), _) => all.extend(["--timeout".to_owned(), text]),
        (Timeout::Default, Limit::None) if runtime.is_none() && !checks.iter().all(is_local) => {
            notes.push("a limit where there was none: 4s, or SEXTON_TIMEOUT".into());
        }
        (Timeout::Default, _) => {}
    }
    if any {
        all.push("--any".into());
        notes
            .push("both are asked at once: one that hangs no longer keeps the other from being asked".into());
    }
    all.extend(words(&checks)?);
    Ok(Replacement::new("check", all, notes))
}

/// Whether a check asks nobody who could keep it waiting.
fn is_local(check: &Check) -> bool {
    matches!(class(&check.target), "file" | "dir" | "process" | "pid")
}

/// The limit of several checks: they run side by side.
fn longest(checks: &[Check]) -> Limit {
    let mut longest = Duration::ZERO;
    for check in checks {
        match &check.limit {
            Limit::Length(length) => longest = longest.max(*length),
            other => return other.clone(),
        }
    }
    Limit::Length(longest)
}

/// What becomes of a limit.
enum Timeout {
    /// `--timeout` with this.
    Given(String),
    /// None is needed.
    Default,
}

/// The limit to write, below that of the runtime.
fn timeout(own: &Limit, runtime: Option<Duration>) -> Timeout {
    let length = match (own, runtime) {
        (Limit::Variable(text), _) => return Timeout::Given(text.clone()),
        (Limit::None, None) => return Timeout::Default,
        (Limit::None, Some(runtime)) => below(runtime),
        (Limit::Length(length), None) => *length,
        (Limit::Length(length), Some(runtime)) => (*length).min(below(runtime)),
    };
    if length == DEFAULT_LIMIT { Timeout::Default } else { Timeout::Given(duration(length)) }
}

/// A limit that ends before the runtime's, so that the reason is recorded and not the kill.
pub(super) fn below(runtime: Duration) -> Duration {
    if runtime >= Duration::from_secs(5) {
        runtime.saturating_sub(Duration::from_secs(1))
    } else {
        runtime * 4 / 5
    }
}

/// `length` as our options take it.
pub(super) fn duration(length: Duration) -> String {
    if length.subsec_millis() > 0 && length < Duration::from_secs(60) {
        return format!("{}ms", length.as_millis());
    }
    humantime::format_duration(length).to_string().replace(' ', "")
}
