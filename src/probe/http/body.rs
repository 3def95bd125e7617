//! The body of an answer, read as far as its conditions need it.

use crate::expect::{self, Condition, Content, Extent, SIZE_MAX, contains};
use crate::outcome::{Failure, Phase};

use crate::http::Answer;

/// Reads the body of `answer`, and looks whether all `conditions` hold.
pub(super) fn check(answer: &mut Answer, conditions: &[Condition]) -> Result<(), Failure> {
    if conditions.is_empty() {
        return Ok(());
    }
    let body = read(answer, conditions)?;
    expect::check(&body, conditions).map_err(|why| Failure::answer(Phase::Body, why))
}

/// Reads to the end, to the limit, or until all that is looked for was found: a body may have no end.
fn read(answer: &mut Answer, conditions: &[Condition]) -> Result<Content, Failure> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        let amount = answer.read(&mut piece)?;
        if amount == 0 {
            return Ok(Content { what: "body", bytes, extent: Extent::Whole });
        }
        let room = SIZE_MAX - bytes.len();
        bytes.extend(piece.iter().take(amount.min(room)));
        if amount > room {
            return Ok(Content { what: "body", bytes, extent: Extent::Limit });
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
            return Ok(Content { what: "body", bytes, extent: Extent::Enough });
        }
    }
}
