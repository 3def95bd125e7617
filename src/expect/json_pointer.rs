//! Values in a JSON document by their path (RFC 6901).
//!
//! No tree is built of the document: one megabyte of it can be a hundred of that. What stands beside the path is skipped.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::shown::Shown;

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
            return Err(format!("invalid JSON pointer `{text}`; did you mean /{text}?"));
        }
        let tokens = text.split('/').skip(1).map(unescaped).collect::<Option<_>>();
        let tokens = tokens.ok_or_else(|| {
            format!("`{text}` has a ~ that is neither ~0 (which means ~) nor ~1 (which means /)")
        })?;
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// As it was written.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value that this points to in `document`, as it is written there, or how far it leads. An error when the
    /// document is not JSON, wherever in it.
    pub(crate) fn find<'a>(
        &self,
        document: &'a [u8],
    ) -> Result<Result<&'a str, Missing<'a>>, serde_json::Error> {
        let mut value = serde_json::from_slice::<&RawValue>(document)?.get();
        for (depth, token) in self.tokens.iter().enumerate() {
            let mut json = serde_json::Deserializer::from_str(value);
            let step = match value.as_bytes().first() {
                Some(b'{') => json.deserialize_map(Member(token))?,
                Some(b'[') => json.deserialize_seq(Item(index(token)))?,
                _ => Step { next: None, there: FoundValue::Scalar(value) },
            };
            let Some(next) = step.next else {
                let parent = self.text.splitn(depth + 2, '/').take(depth + 1).collect::<Vec<_>>().join("/");
                return Ok(Err(Missing { parent, there: step.there }));
            };
            value = next.get();
        }
        Ok(Ok(value))
    }
}

/// One step along a pointer: the value that it leads to, and what else is there.
struct Step<'a> {
    next: Option<&'a RawValue>,
    there: FoundValue<'a>,
}

/// Looks for a member of an object; of several with one name the last counts, as in JavaScript.
struct Member<'t>(&'t str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Step<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Step<'de>, A::Error> {
        let (mut next, mut names, mut count) = (None, Vec::new(), 0_usize);
        while let Some(name) = members.next_key::<String>()? {
            if name == self.0 {
                next = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
            count += 1;
            if count <= NAMES_MAX {
                names.push(cut(&name, QUOTED_MAX));
            }
        }
        Ok(Step { next, there: FoundValue::Object { names, count } })
    }
}

/// Looks for an item of an array.
struct Item(Option<usize>);

impl<'de> Visitor<'de> for Item {
    type Value = Step<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Step<'de>, A::Error> {
        let (mut next, mut count) = (None, 0);
        loop {
            if self.0 == Some(count) {
                next = items.next_element()?;
                if next.is_none() {
                    break;
                }
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
            count += 1;
        }
        Ok(Step { next, there: FoundValue::Array(count) })
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
    there: FoundValue<'a>,
}

/// What stands where a pointer leads no further.
#[derive(Debug, PartialEq)]
enum FoundValue<'a> {
    /// An object: the first of its names, and how many it has.
    Object { names: Vec<String>, count: usize },
    /// An array of so many.
    Array(usize),
    /// Anything else, as it is written.
    Scalar(&'a str),
}

/// The most names of an object that are told.
const NAMES_MAX: usize = 8;

impl fmt::Display for Missing<'_> {
    /// What is there instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.parent.is_empty() { "the document" } else { &self.parent };
        match &self.there {
            FoundValue::Object { count: 0, .. } => write!(f, "{place} is an empty object"),
            FoundValue::Object { names, count } => {
                let more = if *count > NAMES_MAX { ", ..." } else { "" };
                write!(f, "{place} has {}{more}", names.join(", "))
            }
            FoundValue::Array(count) => write!(f, "{place} is an array of {count}"),
            FoundValue::Scalar(value) => write!(f, "{place} is {}", quoted(value)),
        }
    }
}

/// The most bytes of a text that are told.
const QUOTED_MAX: usize = 60;

/// The beginning of `text` on one line, as a sentence has it.
pub(crate) fn quoted(text: &str) -> String {
    let mut line = cut(text, 4 * QUOTED_MAX);
    if line.contains(char::is_control) {
        line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    format!("`{}`", Shown::new(&cut(&line, QUOTED_MAX)))
}

/// `text`, cut to at most `most` bytes.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}

/// Whether `value`, as it is written in the document, is what a user wrote as `wanted`: a string by its text, a number by
/// its value and not by the nearest that a double has, anything else by its structure.
pub(crate) fn matches(value: &str, wanted: &str) -> bool {
    match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(value).is_ok_and(|text| text == wanted),
        Some(b'-' | b'0'..=b'9') => match (Decimal::read(value), Decimal::read(wanted)) {
            (Some(value), Some(wanted)) => value == wanted,
            _ => value == wanted,
        },
        Some(b'{' | b'[') => same_structure(value, wanted),
        _ => value == wanted,
    }
}

/// How much longer than what is wanted an equal value can be written: `\u0041` for `A`.
const ESCAPE_FACTOR: usize = 6;

/// Whether two objects or arrays are equal. A document cannot make us build more than the user has written.
fn same_structure(value: &str, wanted: &str) -> bool {
    let Ok(wanted_value) = serde_json::from_str::<Value>(wanted) else { return false };
    let most = wanted.len().saturating_mul(ESCAPE_FACTOR);
    let (mut compact, mut in_string, mut escaped) = (String::new(), false, false);
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
        if in_string || !c.is_ascii_whitespace() {
            compact.push(c);
        }
        if compact.len() > most {
            return false;
        }
    }
    serde_json::from_str::<Value>(&compact).is_ok_and(|value| value == wanted_value)
}

/// A number of JSON: its digits without zeros at either end, times ten to the power of `exponent`.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a number (RFC 8259, 6); nothing when `text` is none, or its exponent is absurd.
    fn read(text: &str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if whole.is_empty() || !(whole.bytes().chain(fraction.bytes())).all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let exponent = i64::from(exponent) - i64::try_from(fraction.len()).ok()? + zeros;
        let digits = digits.trim_start_matches('0');
        let is_zero = digits.is_empty();
        Some(Self {
            is_negative: is_negative && !is_zero,
            digits: digits.to_owned(),
            exponent: if is_zero { 0 } else { exponent },
        })
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
        let document =
            br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,
            "deep":{"er":{"x":null}}}"#;
        let found = JsonPointer::parse(pointer)?.find(document).unwrap();
        found.map(str::to_owned).map_err(|missing| missing.to_string())
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
            ("/a~1b/z", "/a~1b is `1`"),
        ] {
            assert_eq!(found(pointer), Err(told.to_owned()), "{pointer}");
        }
        assert!(found("/nope").unwrap_err().starts_with("the document has "));
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for (pointer, why) in [("foo", "did you mean /foo?"), ("/~", "neither ~0"), ("/~2", "neither ~0")] {
            assert!(found(pointer).unwrap_err().contains(why), "{pointer}");
        }
    }

    #[test]
    fn strings_compare_as_text_and_the_rest_by_value() {
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
            (r#"{ "a" : [ 1, "x y" ] }"#, r#"{"a":[1,"x y"]}"#, true),
            (r#"{"a":[1,2]}"#, r#"{"a":[1]}"#, false),
            ("9007199254740993", "9007199254740993", true),
            ("9007199254740993", "9007199254740992", false),
            ("1.50e3", "1500", true),
            ("-0", "0", true),
            ("1e2147483647", "1", false),
            ("1", "1.", false),
        ] {
            assert_eq!(matches(is, wanted), same, "{is} {wanted}");
        }
    }
}
