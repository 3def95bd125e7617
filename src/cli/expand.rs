//! `${VAR}` in arguments: the exec form of a HEALTHCHECK has no shell that would do it.

use std::env::VarError;

use std::ffi::{OsStr, OsString};

/// `text` with its variables replaced from the environment.
pub(super) fn expanded(text: &str) -> Result<String, String> {
    expand(text, variable)
}

/// As [`expanded`], with what a variable holds put through `quote` before.
pub(super) fn expanded_in(text: &str, quote: impl Fn(&str) -> String) -> Result<String, String> {
    expand(text, |name| Ok(variable(name)?.map(|value| quote(&value))))
}

/// A variable of the environment, if it is set.
#[expect(clippy::disallowed_methods, reason = "cli is where the environment is read")]
pub(super) fn variable(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("the value of {name} in the environment is not UTF-8")),
    }
}

/// The same, as it is.
#[expect(clippy::disallowed_methods, reason = "cli is where the environment is read")]
pub(crate) fn variable_os(name: impl AsRef<OsStr>) -> Option<OsString> {
    std::env::var_os(name)
}

/// Replaces `${VAR}` and `${VAR:-default}` by the variable's value, `$$` by `$`; a lone `$` stays. A default is used
/// when the variable is unset or empty, as in sh; a variable without one must be set.
fn expand(text: &str, lookup: impl Fn(&str) -> Result<Option<String>, String>) -> Result<String, String> {
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, dollar) = rest.split_at(at);
        expanded.push_str(before);
        let after = dollar.get(1..).unwrap_or_default();
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(inner) = after.strip_prefix('{') {
            let (inner, after) = inner.split_once('}').ok_or("a ${ without its }; write $$ for a plain $")?;
            let (name, default) = match inner.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inner, None),
            };
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name {
                return Err(format!("${{{inner}}} names no variable; write $$ for a plain $"));
            }
            match (lookup(name)?, default) {
                (Some(value), None) => expanded.push_str(&value),
                (Some(value), Some(_)) if !value.is_empty() => expanded.push_str(&value),
                (_, Some(default)) => expanded.push_str(default),
                (None, None) => {
                    return Err(format!("${{{name}}} is not set; set it, or write ${{{name}:-default}}"));
                }
            }
            rest = after;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
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
            ("${NONE}", Err("${NONE} is not set")),
            ("${PORT", Err("without its }")),
            ("${}", Err("names no variable")),
            ("${1}", Err("names no variable")),
        ] {
            match (expand(text, lookup), expanded) {
                (Ok(is), Ok(wanted)) => assert_eq!(is, wanted, "{text}"),
                (Err(is), Err(wanted)) => assert!(is.contains(wanted), "{text}: {is}"),
                (is, _) => panic!("{text}: {is:?}"),
            }
        }
    }
}
