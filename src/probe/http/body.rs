//! The body of a response, read as far as its conditions need it.

use crate::expect::{self, Condition, Content, Extent, SIZE_MAX};
use crate::outcome::{Cause, Failure, Phase};

use crate::http::Response;

/// Reads the body of `response`, and looks whether all `conditions` hold.
pub(super) fn check(response: &mut Response, conditions: &[Condition]) -> Result<(), Failure> {
    let body = read(response, conditions)?;
    expect::check(&body, conditions).map_err(|why| Failure::answer(Phase::Body, why))
}

/// The last `amount` bytes of `bytes`, and what may be the beginning of `text` before them.
fn fresh_with<'a>(bytes: &'a [u8], amount: usize, text: &str) -> &'a [u8] {
    bytes.get(bytes.len().saturating_sub(amount + text.len())..).unwrap_or_default()
}

/// Reads to the end, to the limit, or until every condition is known to hold: a body may have no end.
fn read(response: &mut Response, conditions: &[Condition]) -> Result<Content, Failure> {
    let mut content = Content { what: "body", bytes: Vec::new(), extent: Extent::Whole };
    let mut open: Vec<&Condition> = conditions.iter().collect();
    let mut piece = vec![0; 16 * 1024];
    loop {
        let amount = match response.read(&mut piece) {
            Ok(amount) => amount,
            Err(failure) if failure.cause == Cause::TooLarge => {
                content.extent = Extent::Limit;
                return Ok(content);
            }
            Err(failure) => return Err(failure),
        };
        if amount == 0 {
            return Ok(content);
        }
        let room = SIZE_MAX - content.bytes.len();
        let fresh = piece.get(..amount.min(room)).unwrap_or_default();
        // Doubled, but never beyond what is read at most.
        let more = content.bytes.len().min(room).max(fresh.len());
        let has_room = content.bytes.capacity() - content.bytes.len() >= fresh.len();
        if !has_room && content.bytes.try_reserve_exact(more).is_err() {
            return Err(Failure::new(Phase::Body, Cause::Broken, "out of memory while reading the body"));
        }
        content.bytes.extend_from_slice(fresh);
        if amount > room {
            content.extent = Extent::Limit;
            return Ok(content);
        }
        // Only what the last piece may have completed is looked at again.
        open.retain(|condition| match condition {
            Condition::Contains(text) => !expect::contains(fresh_with(&content.bytes, amount, text), text),
            Condition::ContainsNot(_) | Condition::Json(..) => true,
        });
        if open.is_empty() {
            content.extent = Extent::Enough;
            return Ok(content);
        }
    }
}
