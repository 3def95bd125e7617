//! jq's filters, as far as they ask for one member and its value.

use super::notation;
use super::semantics::{Check, Exit, Output, Refusal, Semantics, Statuses};

/// What a filter asks.
#[derive(Debug, PartialEq, Eq)]
struct Filter {
    /// The place, as a JSON pointer.
    pointer: String,
    /// The value that it must have, if the filter compares.
    value: Option<String>,
}

/// What jq makes of `from`.
pub(super) fn apply(from: Semantics, args: &[String]) -> Result<Semantics, Refusal> {
    let Output::Body(statuses) = from.output else {
        return Err(Refusal::new("jq reads what is not a response's body"));
    };
    let mut by_value = false;
    let mut filters = Vec::new();
    for arg in args {
        match arg.strip_prefix("--") {
            Some("exit-status") => by_value = true,
            Some("raw-output" | "compact-output" | "monochrome-output") => {}
            Some(_) => return Err(Refusal::new(format!("jq {arg} is not known here"))),
            None => match arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                Some(letters) if letters.chars().all(|c| "ercMj".contains(c)) => {
                    by_value |= letters.contains('e');
                }
                Some(_) => return Err(Refusal::new(format!("jq {arg} is not known here"))),
                None => filters.push(arg),
            },
        }
    }
    let [filter] = filters.as_slice() else { return Err(Refusal::new("jq without one filter")) };
    let text =
        notation::plain(filter).ok_or_else(|| Refusal::new("jq with a filter that a variable holds"))?;
    let filter = parse(&text).ok_or_else(|| {
        Refusal::with(
            format!("the jq filter `{text}` asks for more than the value of one member"),
            format!("sexton check --json-path /NAME=VALUE {}", from.check.target),
        )
    })?;
    let Filter { pointer, value } = filter;
    if let Some(value) = value {
        Ok(compared(from.check, &statuses, &pointer, &value, by_value))
    } else {
        let exit = if by_value {
            Exit::Other(Refusal::with(
                format!("jq -e takes any value for health that is neither null nor false at {pointer}"),
                format!("sexton check --json-path {pointer}=true {}", from.check.target),
            ))
        } else {
            Exit::Other(Refusal::with(
                "jq without -e exits with 0 whatever the value is",
                format!("sexton check --json-path {pointer}=VALUE {}", from.check.target),
            ))
        };
        Ok(Semantics { check: from.check, exit, output: Output::Json(statuses, pointer) })
    }
}

/// A filter that compares.
fn compared(check: Check, statuses: &Statuses, pointer: &str, value: &str, by_value: bool) -> Semantics {
    let check = check.flag("--json-path", format!("{pointer}={}", notation::escaped(value)));
    let means = Exit::Http(statuses.clone());
    let check = if by_value {
        check.note("verdict gets stricter: up to 1.6, jq -e takes an empty answer for success")
    } else {
        check
    };
    let exit = if by_value {
        means.clone()
    } else {
        Exit::Other(Refusal::with(
            "jq without -e exits with 0 whatever the value is",
            format!("sexton check --json-path {pointer}={value} {}", check.target),
        ))
    };
    Semantics { check, exit, output: Output::Says("true".into(), means) }
}

/// Reads `.a.b`, `.a == "x"`, `.a | . == "x"`, `select(.a == "x")`.
fn parse(text: &str) -> Option<Filter> {
    let text = text.trim();
    let text = match text.strip_prefix("select(") {
        Some(inner) => inner.strip_suffix(')')?.trim(),
        None => text,
    };
    let (path, value) = match text.split_once("==") {
        Some((path, value)) => (path.trim(), Some(value.trim())),
        None => (text, None),
    };
    let path = path.strip_suffix('.').map_or(path, |before| before.trim_end().trim_end_matches('|').trim());
    let value = match value {
        None => None,
        Some(value) => {
            let parsed: serde_json::Value = serde_json::from_str(value).ok()?;
            Some(match parsed {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(_) | serde_json::Value::Bool(_) | serde_json::Value::Null => {
                    value.to_owned()
                }
                _ => return None,
            })
        }
    };
    Some(Filter { pointer: pointer(path)?, value })
}

/// `.a."b".c[0]` as a JSON pointer.
fn pointer(path: &str) -> Option<String> {
    let mut rest = path.trim();
    let mut pointer = String::new();
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix('[').or_else(|| rest.strip_prefix(".[")) {
            let (inside, after) = after.split_once(']')?;
            let inside = inside.trim();
            let is_index = !inside.is_empty() && inside.chars().all(|c| c.is_ascii_digit());
            name = if is_index { inside.to_owned() } else { serde_json::from_str(inside).ok()? };
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            if after.starts_with('"') {
                let end = after.get(1..)?.find('"')? + 2;
                name = serde_json::from_str(after.get(..end)?).ok()?;
                rest = after.get(end..)?;
            } else {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let word = after.get(..end)?;
                let is_name = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
                name = is_name.then(|| word.to_owned())?;
                rest = after.get(end..)?;
            }
        }
        // `=` ends a pointer on our command line.
        if name.contains('=') {
            return None;
        }
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
    (!pointer.is_empty()).then_some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_ask_for_one_member() {
        for (text, pointer, value) in [
            (".status", "/status", None),
            (".status == \"UP\"", "/status", Some("UP")),
            (".a.\"b c\"[0].d==true", "/a/b c/0/d", Some("true")),
            ("select(.n == 5)", "/n", Some("5")),
            (".s | . == \"x\"", "/s", Some("x")),
            (".[\"a/b\"]", "/a~1b", None),
        ] {
            let wanted = Filter { pointer: pointer.into(), value: value.map(str::to_owned) };
            assert_eq!(parse(text), Some(wanted), "{text}");
        }
        for text in [".", ".a | length", ".a[]", ".a > 3", "any(.x)", ".a == .b", ".a and .b"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
