//! What the body of an answer or a file must have.

use crate::expect::json_pointer::{JsonPointer, matches, quoted};

/// The most that is read: nothing that a healthcheck looks at comes near it, and it is the memory of an init.
pub(crate) const SIZE_MAX: usize = 1024 * 1024;

/// How much of a content or a text is told in a line.
const EXCERPT: usize = 60;

/// One thing that it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// This text, anywhere.
    Contains(String),
    /// This text, nowhere.
    ContainsNot(String),
    /// A value at this place of a JSON document, and which one, if that matters.
    Json(JsonPointer, Option<String>),
}

/// As much of it as was read.
pub(crate) struct Content {
    /// What it is, as a person says it after `the`.
    pub(crate) what: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) extent: Extent,
}

/// Whether something was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// As much as was needed.
    Enough,
    /// As much as is allowed.
    Limit,
}

/// Looks whether all `conditions` hold; an error is a sentence on the first that does not.
pub(crate) fn check(content: &Content, conditions: &[Condition]) -> Result<(), String> {
    conditions.iter().try_for_each(|condition| holds(condition, content))
}

/// Whether `condition` holds; if not, what is there instead.
fn holds(condition: &Condition, content: &Content) -> Result<(), String> {
    let what = content.what;
    let is_cut = content.extent == Extent::Limit;
    match condition {
        Condition::Contains(text) if !contains(&content.bytes, text) => {
            let text = quoted(text);
            Err(if is_cut {
                format!("no {text} in the first 1 MiB of the {what}, and more is not read")
            } else {
                format!("no {text} in the {what}, which is {}", excerpt(&content.bytes))
            })
        }
        Condition::ContainsNot(text) if contains(&content.bytes, text) => {
            Err(format!("{} is in the {what}", quoted(text)))
        }
        Condition::ContainsNot(text) if is_cut => {
            Err(format!("the {what} is larger than 1 MiB, so {} may be in the rest", quoted(text)))
        }
        Condition::Contains(_) | Condition::ContainsNot(_) => Ok(()),
        Condition::Json(..) if is_cut => {
            Err(format!("the {what} is larger than 1 MiB, too large for --json-path"))
        }
        Condition::Json(pointer, wanted) => {
            // A byte order mark, which editors of one system put there.
            let text = content.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content.bytes);
            let found = pointer.find(text).map_err(|error| {
                format!("the {what} is not JSON ({error}) but {}", excerpt(&content.bytes))
            })?;
            match (found, wanted) {
                (Ok(_), None) => Ok(()),
                (Ok(value), Some(wanted)) if matches(value, wanted) => Ok(()),
                (Ok(value), Some(wanted)) => {
                    let (value, wanted) = (quoted(value), quoted(wanted));
                    // Both are cut.
                    let other = if value == wanted { "another value that begins like " } else { "" };
                    Err(format!("{pointer} is {other}{value}, wanted {wanted}"))
                }
                (Err(missing), _) => Err(format!("no {pointer} in the {what}: {missing}")),
            }
        }
    }
}

/// Whether `text` stands in `bytes`.
pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

/// The beginning of a content, or what it is.
fn excerpt(bytes: &[u8]) -> String {
    match bytes {
        [] => "empty".into(),
        [0x1f, 0x8b, ..] => "compressed (gzip), which nobody asked for".into(),
        _ => {
            let start = bytes.get(..4 * EXCERPT).unwrap_or(bytes);
            quoted(&String::from_utf8_lossy(start))
        }
    }
}
