//! Values in a JSON document by their path (RFC 6901).

use std::fmt;

use serde_json::Value;

/// A JSON pointer. A built one is well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPointer {
    /// As it was written.
    text: String,
    /// The names and indices, unescaped.
    tokens: Vec<String>,
}

impl JsonPointer {
    /// Reads `/name/0/other`, with `~1` for a `/` and `~0` for a `~` in a name; the empty one is the whole document.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && !text.starts_with('/') {
            return Err(format!("`{text}` is no JSON pointer; they begin with a slash, as in /{text}"));
        }
        let tokens = text.split('/').skip(1).map(unescaped).collect::<Option<_>>();
        let tokens = tokens.ok_or_else(|| {
            format!("`{text}` has a ~ that is neither ~0 (which means ~) nor ~1 (which means /)")
        })?;
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// As it was written.
    #[cfg(fuzzing)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value that this points to in `document`, or how far it leads.
    pub(crate) fn find<'a>(&self, document: &'a Value) -> Result<&'a Value, Missing<'a>> {
        let mut value = document;
        for (depth, token) in self.tokens.iter().enumerate() {
            let next = match value {
                Value::Object(members) => members.get(token),
                Value::Array(items) => index(token).and_then(|index| items.get(index)),
                _ => None,
            };
            let Some(next) = next else {
                let parent = self.text.splitn(depth + 2, '/').take(depth + 1).collect::<Vec<_>>().join("/");
                return Err(Missing { parent, value });
            };
            value = next;
        }
        Ok(value)
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "the document" } else { &self.text })
    }
}

/// Where a pointer leads no further.
#[derive(Debug, PartialEq)]
pub(crate) struct Missing<'a> {
    /// The pointer up to there; empty for the document.
    parent: String,
    /// What is there.
    value: &'a Value,
}

/// The most names of an object that are told.
const NAMES_MAX: usize = 8;

impl fmt::Display for Missing<'_> {
    /// What is there instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.parent.is_empty() { "the document" } else { &self.parent };
        match self.value {
            Value::Object(members) if members.is_empty() => write!(f, "{place} is an empty object"),
            Value::Object(members) => {
                let names: Vec<_> = members.keys().take(NAMES_MAX).map(String::as_str).collect();
                let more = if members.len() > NAMES_MAX { ", ..." } else { "" };
                write!(f, "{place} has {}{more}", names.join(", "))
            }
            Value::Array(items) => write!(f, "{place} is an array of {}", items.len()),
            other => write!(f, "{place} is {}", shown(other)),
        }
    }
}

/// The most bytes of a value that are told.
const VALUE_MAX: usize = 60;

/// `value` on a line, cut.
pub(crate) fn shown(value: &Value) -> String {
    cut(&value.to_string(), VALUE_MAX)
}

/// `text`, cut to at most `most` bytes.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}

/// Whether `value` is what a user wrote as `wanted`: a string by its text, anything else by its value.
pub(crate) fn matches(value: &Value, wanted: &str) -> bool {
    match (value, serde_json::from_str::<Value>(wanted)) {
        (Value::String(text), _) => text == wanted,
        (Value::Number(one), Ok(Value::Number(other))) => one == &other || one.as_f64() == other.as_f64(),
        (value, Ok(wanted)) => *value == wanted,
        (_, Err(_)) => false,
    }
}

/// `token` with its escapes undone; nothing when one is broken.
fn unescaped(token: &str) -> Option<String> {
    let mut text = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// `token` as an index: digits, without a leading zero.
fn index(token: &str) -> Option<usize> {
    let sound = token == "0" || (!token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit()));
    sound.then(|| token.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pointer: &str) -> Result<String, String> {
        // The document of RFC 6901, 5, and a little more.
        let document: Value = serde_json::from_str(
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,
                "deep":{"er":{"x":null}}}"#,
        )
        .unwrap();
        let pointer = JsonPointer::parse(pointer)?;
        pointer.find(&document).map(ToString::to_string).map_err(|missing| missing.to_string())
    }

    #[test]
    fn the_examples_of_the_rfc_are_found() {
        for (pointer, value) in [
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
            ("/deep/er/x", "null"),
        ] {
            assert_eq!(found(pointer).as_deref(), Ok(value), "{pointer}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        for (pointer, told) in [
            ("/foo/2", "/foo is an array of 2"),
            ("/foo/00", "/foo is an array of 2"),
            ("/foo/+1", "/foo is an array of 2"),
            ("/foo/-", "/foo is an array of 2"),
            ("/foo/", "/foo is an array of 2"),
            ("/deep/er/y", "/deep/er has x"),
            ("/deep/nothing/y", "/deep has er"),
            ("/a~1b/z", "/a~1b is 1"),
        ] {
            assert_eq!(found(pointer), Err(told.to_owned()), "{pointer}");
        }
        assert!(found("/nope").unwrap_err().starts_with("the document has "));
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for (pointer, why) in [("foo", "begin with a slash"), ("/~", "neither ~0"), ("/~2", "neither ~0")] {
            assert!(found(pointer).unwrap_err().contains(why), "{pointer}");
        }
    }

    #[test]
    fn strings_compare_as_text_and_the_rest_by_value() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (is, wanted, same) in [
            (r#""UP""#, "UP", true),
            (r#""UP""#, "\"UP\"", false),
            (r#""1""#, "1", true),
            ("1", "1", true),
            ("1", "1.0", true),
            ("1.5", "1.5", true),
            ("1", "2", false),
            ("true", "true", true),
            ("true", "True", false),
            ("null", "null", true),
            ("null", "", false),
            (r#"{"a":[1]}"#, r#"{ "a": [ 1 ] }"#, true),
        ] {
            assert_eq!(matches(&value(is), wanted), same, "{is} {wanted}");
        }
    }
}
