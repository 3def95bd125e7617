//! One line as it stands in a Dockerfile or a Compose file, and what to write instead.

use std::time::Duration;

use crate::compat::sh::lexer::{Piece, Quotes};

use super::decision::{self, Combined};
use super::notation::base;
use super::replacement::{self, Replacement};
use super::script::{self, After, Command, Link, Simple};
use super::semantics::{Limit, Refusal};
use super::state::{State, Tree};
use super::{inits, waits};

/// The form of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Arguments, started without a shell.
    Exec(Vec<String>),
    /// A line for a shell.
    Shell(String),
    /// `NONE`: there is no check.
    Disabled,
}

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A health check.
    Check,
    /// What the container starts.
    Entry,
    /// Nobody says.
    Unknown,
}

/// What stands in `HEALTHCHECK ... CMD`, `test:`, `ENTRYPOINT`, or alone.
pub(super) fn read(text: &str) -> Result<(Form, Role), Refusal> {
    let text = text.trim();
    for (prefix, role) in [
        ("ENTRYPOINT ", Role::Entry),
        ("CMD ", Role::Unknown),
        ("test:", Role::Check),
        ("command:", Role::Entry),
    ] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return Ok((form(rest)?, role));
        }
    }
    if let Some(rest) = text.strip_prefix("HEALTHCHECK ") {
        let Some((_, command)) = rest.split_once("CMD ") else { return Ok((Form::Disabled, Role::Check)) };
        return Ok((form(command)?, Role::Check));
    }
    for prefix in ["CMD-SHELL ", "entrypoint:"] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return Ok((form(rest)?, Role::Check));
        }
    }
    Ok((form(text)?, Role::Unknown))
}

/// An array, or a line for a shell.
pub(super) fn form(text: &str) -> Result<Form, Refusal> {
    let text = text.trim();
    if text.starts_with('[') && text.ends_with(']') && !text.starts_with("[ ") && !text.starts_with("[[") {
        return words(text).map(of_words);
    }
    // `[ "CMD", "curl" ]` is an array, `[ -f /x ]` a test.
    if text.starts_with("[ ")
        && let Ok(words) = words(text)
        && words.len() > 1
        && words.first().is_some_and(|word| !word.starts_with('-') && !word.contains(' '))
    {
        return Ok(of_words(words));
    }
    let unquoted = match text.chars().next() {
        // A YAML string.
        Some(quote @ ('"' | '\'')) if text.len() > 1 && text.ends_with(quote) => {
            let inner = text.get(1..text.len() - 1).unwrap_or_default();
            (!inner.contains(quote)).then(|| inner.to_owned())
        }
        _ => None,
    };
    Ok(Form::Shell(unquoted.unwrap_or_else(|| text.to_owned())))
}

/// Whether `text` can only stand in a Compose file, which puts in variables before a container exists.
pub(super) fn is_compose(text: &str) -> bool {
    let array = text.trim_start_matches("test:").trim_start();
    let first = array.strip_prefix('[').map(|items| items.trim_start().trim_start_matches(['"', '\'']));
    // No shell's line has a $$ in it.
    text.contains("$$")
        || first.is_some_and(|first| {
            ["CMD\"", "CMD'", "CMD,", "CMD-SHELL"].iter().any(|word| first.starts_with(word))
        })
}

/// The words of an array, as JSON or YAML have it.
fn words(text: &str) -> Result<Vec<String>, Refusal> {
    let parsed = serde_json::from_str::<Vec<String>>(text).ok();
    parsed
        .or_else(|| super::yaml::strings(text))
        .ok_or_else(|| Refusal::new("an array that is not one of texts"))
}

/// The form that an array has: `CMD`, `CMD-SHELL` and `NONE` are Compose's words for it.
pub(super) fn of_words(mut words: Vec<String>) -> Form {
    match words.first().map(String::as_str) {
        Some("NONE") => Form::Disabled,
        Some("CMD") => {
            words.remove(0);
            Form::Exec(words)
        }
        Some("CMD-SHELL") => Form::Shell(words.get(1).cloned().unwrap_or_default()),
        _ => Form::Exec(words),
    }
}

impl Form {
    /// Its commands.
    pub(super) fn links(&self) -> Result<Vec<Link>, Refusal> {
        match self {
            Self::Shell(line) => Ok(script::parse(line)?),
            Self::Disabled => Err(Refusal::new("the check is switched off")),
            Self::Exec(words) => {
                let words = words.iter().map(|word| vec![Piece::Text(word.clone(), Quotes::Some)]).collect();
                let simple = Simple { words, ..Simple::default() };
                Ok(vec![Link {
                    after: After::Anything,
                    negated: false,
                    commands: vec![Command::Simple(simple)],
                }])
            }
        }
    }

    /// The program that it starts first, if that can be seen.
    pub(super) fn program(&self) -> Option<String> {
        match self {
            Self::Exec(words) => words.first().cloned(),
            Self::Shell(line) => {
                let links = script::parse(line).ok()?;
                let Some(Command::Simple(simple)) = links.first()?.commands.first() else { return None };
                let mut words = simple.words.iter().filter_map(script::literal);
                words.find(|word| word != "exec")
            }
            Self::Disabled => None,
        }
    }

    /// Whether it is ours already.
    pub(super) fn is_ours(&self) -> bool {
        self.program().is_some_and(|program| base(&program) == "sexton")
    }
}

/// What to write instead of `form`.
pub(super) fn replacement(
    form: &Form,
    role: Role,
    runtime: Option<Duration>,
) -> Result<Replacement, Refusal> {
    if form.is_ours() {
        return Err(Refusal::new("it is sexton's already"));
    }
    if role == Role::Entry {
        return entry(form, true).unwrap_or_else(|| {
            Err(Refusal::with("nothing is known of what it starts", "sexton init -- CMD, in front of it"))
        });
    }
    if role == Role::Unknown
        && let Some(found) = entry(form, false)
    {
        return found;
    }
    let tree: Tree = decision::tree_of(&form.links()?, &State::new())?;
    replacement::check(decision::combined(&tree)?, runtime)
}

/// What to write instead of an entry point; nothing where nothing is known of it. One that is not started `alone`, but
/// behind that of its image, is given no init.
pub(super) fn entry(form: &Form, alone: bool) -> Option<Result<Replacement, Refusal>> {
    let links = form.links().ok()?;
    let words = entry_words(form, &links).filter(|words| !is_question(words));
    if let Some(found) = words.as_deref().and_then(|words| inits::replacement(words, alone)) {
        return Some(found);
    }
    waits::replacement(&links)
}

/// The limit that a check sets itself, if it can be read and sets one.
pub(super) fn limit(form: &Form) -> Option<Duration> {
    match limits(form)?.into_iter().max() {
        Some(Limit::Length(length)) => Some(length),
        _ => None,
    }
}

/// Whether a check can be read, and so its limit.
pub(super) fn limit_is_known(form: &Form) -> bool {
    limits(form).is_some_and(|limits| limits.iter().all(|limit| !matches!(limit, Limit::Variable(_))))
}

/// The limits of all checks in `form`.
fn limits(form: &Form) -> Option<Vec<Limit>> {
    let tree = decision::tree_of(&form.links().ok()?, &State::new()).ok()?;
    match decision::combined(&tree).ok()? {
        Combined::All(checks) | Combined::Any(checks) => {
            Some(checks.into_iter().map(|check| check.limit).collect())
        }
    }
}

/// The words of an entry point, where it is one simple command.
fn entry_words(form: &Form, links: &[Link]) -> Option<Vec<String>> {
    if let Form::Exec(words) = form {
        let is_script = words.iter().any(|word| word == "-c") && words.len() == 3;
        return (!is_script).then(|| words.clone());
    }
    let [Link { negated: false, commands, .. }] = links else { return None };
    let [Command::Simple(simple)] = commands.as_slice() else { return None };
    if !simple.assignments.is_empty() || !simple.redirections.is_empty() {
        return None;
    }
    let mut words: Vec<String> = simple.words.iter().map(script::literal).collect::<Option<_>>()?;
    if words.first().is_some_and(|word| word == "exec") {
        words.remove(0);
    }
    Some(words)
}

/// Whether a program that could be an entry point asks something here.
fn is_question(words: &[String]) -> bool {
    words.iter().any(|word| matches!(word.as_str(), "-c" | "-e" | "--eval" | "-r"))
}
