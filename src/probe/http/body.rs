//! What the body of an answer must have.

use serde_json::Value;

use crate::outcome::{Failure, Phase};

use super::exchange::Answer;
use super::json_pointer::{JsonPointer, cut, matches, shown};

/// The most of a body that is read: no answer to a healthcheck comes near it, and it is the memory of an init.
const BODY_MAX: usize = 1024 * 1024;

/// How much of a body or a text is told in a line.
const EXCERPT: usize = 60;

/// One thing that the body must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// This text, anywhere.
    Contains(String),
    /// This text, nowhere.
    ContainsNot(String),
    /// A value at this place of a JSON document, and which one, if that matters.
    Json(JsonPointer, Option<String>),
}

/// As much of a body as was read.
struct Body {
    bytes: Vec<u8>,
    extent: Extent,
}

/// Whether a body was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// All of it.
    Whole,
    /// As much as was needed.
    Enough,
    /// As much as is allowed.
    Limit,
}

/// Reads the body of `answer`, and looks whether all `conditions` hold.
pub(super) fn check(answer: &mut Answer, conditions: &[Condition]) -> Result<(), Failure> {
    if conditions.is_empty() {
        return Ok(());
    }
    let body = read(answer, conditions)?;
    let mut document = None;
    conditions
        .iter()
        .try_for_each(|condition| holds(condition, &body, &mut document))
        .map_err(|why| Failure::answer(Phase::Body, why))
}

/// Reads to the end, to the limit, or until all that is looked for was found: a body may have no end.
fn read(answer: &mut Answer, conditions: &[Condition]) -> Result<Body, Failure> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        let amount = answer.read(&mut piece)?;
        if amount == 0 {
            return Ok(Body { bytes, extent: Extent::Whole });
        }
        let room = BODY_MAX - bytes.len();
        bytes.extend(piece.iter().take(amount.min(room)));
        if amount > room {
            return Ok(Body { bytes, extent: Extent::Limit });
        }
        // Only what the last piece may have completed is looked at again.
        let found = |condition: &Condition| match condition {
            Condition::Contains(text) => {
                let start = bytes.len().saturating_sub(amount + text.len());
                bytes.get(start..).is_some_and(|tail| contains(tail, text))
            }
            Condition::ContainsNot(_) | Condition::Json(..) => false,
        };
        if let [only] = conditions
            && found(only)
        {
            return Ok(Body { bytes, extent: Extent::Enough });
        }
    }
}

/// Whether `condition` holds; if not, what is there instead. `document` is the body as JSON once somebody wants it.
fn holds(condition: &Condition, body: &Body, document: &mut Option<Value>) -> Result<(), String> {
    match condition {
        Condition::Contains(text) => match contains(&body.bytes, text) {
            true => Ok(()),
            false if body.extent == Extent::Limit => Err(format!(
                "no {:?} in the first 1 MiB of the body, and more is not read",
                cut(text, EXCERPT)
            )),
            false => {
                Err(format!("no {:?} in the body, which is {}", cut(text, EXCERPT), excerpt(&body.bytes)))
            }
        },
        Condition::ContainsNot(text) => match contains(&body.bytes, text) {
            true => Err(format!("{:?} is in the body", cut(text, EXCERPT))),
            false if body.extent == Extent::Limit => {
                Err(format!("the body is larger than 1 MiB, so {:?} may be in the rest", cut(text, EXCERPT)))
            }
            false => Ok(()),
        },
        Condition::Json(pointer, wanted) => {
            if body.extent == Extent::Limit {
                return Err("the body is larger than 1 MiB, too large for --json-path".into());
            }
            if document.is_none() {
                *document = Some(serde_json::from_slice(&body.bytes).map_err(|error| {
                    format!("the body is not JSON ({error}) but {}", excerpt(&body.bytes))
                })?);
            }
            json(document.as_ref().unwrap_or(&Value::Null), pointer, wanted.as_deref())
        }
    }
}

/// Whether `document` has what `pointer` and `wanted` say.
fn json(document: &Value, pointer: &JsonPointer, wanted: Option<&str>) -> Result<(), String> {
    match (pointer.find(document), wanted) {
        (Ok(_), None) => Ok(()),
        (Ok(value), Some(wanted)) if matches(value, wanted) => Ok(()),
        (Ok(value), Some(wanted)) => {
            Err(format!("{pointer} is {}, wanted {}", shown(value), cut(wanted, EXCERPT)))
        }
        (Err(missing), _) => Err(format!("no {pointer} in the body: {missing}")),
    }
}

/// Whether `text` stands in `bytes`.
fn contains(bytes: &[u8], text: &str) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The beginning of a body.
fn excerpt(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "empty".into();
    }
    let start = bytes.get(..4 * EXCERPT).unwrap_or(bytes);
    format!("{:?}", cut(&String::from_utf8_lossy(start), EXCERPT))
}
