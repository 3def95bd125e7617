//! `${VAR}` in arguments: the exec form of a HEALTHCHECK has no shell that would do it.

use std::env::VarError;
use std::ffi::{OsStr, OsString};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it was written.
    Literal(String),
    /// The default of a variable, as it was written.
    Default(String),
    /// What a variable holds.
    Value(String),
}

impl Piece {
    /// What it holds, wherever it comes from.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Literal(text) | Self::Default(text) | Self::Value(text) => text,
        }
    }
}

/// `text` with its variables replaced from the environment.
pub(super) fn expanded(text: &str) -> Result<String, String> {
    expanded_in(text, str::to_owned)
}

/// As [`expanded`], with what a variable holds put through `quote` before.
pub(super) fn expanded_in(text: &str, quote: impl Fn(&str) -> String) -> Result<String, String> {
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    let pieces = pieces(text)?.into_iter().map(|piece| match piece {
        Piece::Literal(text) | Piece::Default(text) => text,
        Piece::Value(value) => quote(&value),
    });
    Ok(pieces.collect())
}

/// `text` in pieces, its variables replaced from the environment.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    split(text, &variable)
}

/// A variable of the environment, if it is set.
#[expect(clippy::disallowed_methods, reason = "cli is where the environment is read")]
pub(super) fn variable(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is not UTF-8")),
    }
}

/// The same, as it is.
#[expect(clippy::disallowed_methods, reason = "cli is where the environment is read")]
pub(crate) fn variable_os(name: impl AsRef<OsStr>) -> Option<OsString> {
    std::env::var_os(name)
}

/// The names of all variables that begin with `prefix`, in order.
#[expect(clippy::disallowed_methods, reason = "cli is where the environment is read")]
pub(super) fn names_with(prefix: &str) -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_unstable();
    names
}

/// Where a variable's value comes from.
type Lookup<'a> = &'a dyn Fn(&str) -> Result<Option<String>, String>;

/// How deep defaults may stand in defaults: enough for any real line, and no stack to overflow.
const DEPTH_MAX: usize = 8;

/// Replaces `${VAR}` and `${VAR:-default}` by the variable's value, `$$` by `$`; a lone `$` stays. A default is used
/// when the variable is unset or empty, as in sh, and may hold variables; a variable without one must be set.
fn split(text: &str, lookup: Lookup<'_>) -> Result<Vec<Piece>, String> {
    nested(text, lookup, 0)
}

/// [`split`], `depth` defaults deep.
fn nested(text: &str, lookup: Lookup<'_>, depth: usize) -> Result<Vec<Piece>, String> {
    if depth > DEPTH_MAX {
        return Err(format!("more than {DEPTH_MAX} defaults inside each other"));
    }
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        literal.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = closing(inner).ok_or("`${` without its `}`; write $$ for a plain $")?;
            let (inner, after) = (inner.get(..end).unwrap_or_default(), inner.get(end + 1..));
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            pieces.extend(value(inner, lookup, depth)?);
            rest = after.unwrap_or_default();
        } else {
            literal.push('$');
            rest = after;
        }
    }
    literal.push_str(rest);
    pieces.push(Piece::Literal(literal));
    Ok(pieces)
}

/// Where the `}` stands that ends `inner`; a default may hold whole variables.
fn closing(inner: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut before = ' ';
    for (at, c) in inner.char_indices() {
        match c {
            '{' if before == '$' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
        // `$$` is a plain $.
        before = if c == '$' && before == '$' { ' ' } else { c };
    }
    None
}

/// What `VAR` or `VAR:-default` stands for.
fn value(inner: &str, lookup: Lookup<'_>, depth: usize) -> Result<Vec<Piece>, String> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(format!("invalid variable `${{{name}}}`; write $$ for a plain $"));
    }
    match (lookup(name)?, default) {
        (Some(value), None) => Ok(vec![Piece::Value(value)]),
        (Some(value), Some(_)) if !value.is_empty() => Ok(vec![Piece::Value(value)]),
        (_, Some(default)) => {
            let pieces = nested(default, lookup, depth + 1)?.into_iter().map(|piece| match piece {
                Piece::Literal(text) => Piece::Default(text),
                other => other,
            });
            Ok(pieces.collect())
        }
        (None, None) => Err(format!("${{{name}}} is not set; set it, or write ${{{name}:-default}}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_defaults_and_dollars() {
        let lookup = |name: &str| {
            Ok(match name {
                "PORT" => Some("80".to_owned()),
                "EMPTY" => Some(String::new()),
                _ => None,
            })
        };
        for (text, expanded) in [
            ("plain", Ok("plain")),
            ("h:${PORT}/", Ok("h:80/")),
            ("${PORT:-1}${NONE:-2}${EMPTY:-3}", Ok("8023")),
            ("[${EMPTY}]", Ok("[]")),
            ("$$ $ $PORT $", Ok("$ $ $PORT $")),
            ("$${PORT}", Ok("${PORT}")),
            ("${NONE:-${PORT}}/x", Ok("80/x")),
            ("${NONE:-a${NONE:-${PORT}}b}c", Ok("a80bc")),
            ("${NONE:-$$}", Ok("$")),
            ("${NONE:-${NONE}}", Err("${NONE} is not set")),
            ("${NONE:-${PORT}", Err("without its `}`")),
            ("${NONE}", Err("${NONE} is not set")),
            ("${PORT", Err("without its `}`")),
            ("${}", Err("invalid variable")),
            ("${1}", Err("invalid variable")),
            ("${A-b}", Err("invalid variable")),
        ] {
            let is = split(text, &lookup).map(|all| all.into_iter().map(Piece::into_text).collect());
            match (is, expanded) {
                (Ok(is), Ok(wanted)) => assert_eq!(String::as_str(&is), wanted, "{text}"),
                (Err(is), Err(wanted)) => assert!(is.contains(wanted), "{text}: {is}"),
                (is, _) => panic!("{text}: {is:?}"),
            }
        }
    }
}
