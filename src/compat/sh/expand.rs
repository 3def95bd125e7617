//! The words of a line become fields: variables and substitutions replaced, and split at blanks where they stood outside quotes
//! (sh(1p), "Word Expansions").

use super::lexer::{Piece, Quotes, Word};

/// Adds the fields of `word`; `value` gives the value of what is no text.
pub(super) fn fields<E>(
    word: &Word,
    fields: &mut Vec<String>,
    value: &mut impl FnMut(&Piece) -> Result<String, E>,
) -> Result<(), E> {
    let mut open: Option<String> = None;
    for piece in word {
        let quotes = match piece {
            Piece::Text(text, _) => {
                open.get_or_insert_default().push_str(text);
                continue;
            }
            Piece::Variable(_, _, quotes) | Piece::Status(quotes) | Piece::Command(_, quotes) => *quotes,
        };
        let value = value(piece)?;
        if quotes == Quotes::Some {
            open.get_or_insert_default().push_str(&value);
            continue;
        }
        for (index, field) in value.split([' ', '\t', '\n']).enumerate() {
            if index > 0 {
                fields.extend(open.take());
            }
            if !field.is_empty() {
                open.get_or_insert_default().push_str(field);
            }
        }
    }
    fields.extend(open);
    Ok(())
}

/// The fields of a command; those between `[[` and `]]` are not split.
pub(super) fn command<E>(
    words: &[Word],
    value: &mut impl FnMut(&Piece) -> Result<String, E>,
) -> Result<Vec<String>, E> {
    let mut all = Vec::new();
    for word in words {
        if is_bracket(words) {
            all.push(text(word, value)?);
        } else {
            fields(word, &mut all, value)?;
        }
    }
    Ok(all)
}

/// Whether a command is `[[ ... ]]`.
fn is_bracket(words: &[Word]) -> bool {
    matches!(words.first().map(Vec::as_slice), Some([Piece::Text(text, Quotes::None)]) if text == "[[")
}

/// Whether a command is `[[ TEXT == PATTERN ]]`, with an operator of patterns outside quotes.
pub(super) fn has_pattern(words: &[Word]) -> bool {
    let is_pattern =
        |piece: &Piece| matches!(piece, Piece::Text(text, Quotes::None) if text.contains(['*', '?', '[']));
    is_bracket(words) && words.iter().skip(1).flatten().any(is_pattern)
}

/// `word` as one text, as in an assignment.
pub(super) fn text<E>(word: &Word, value: &mut impl FnMut(&Piece) -> Result<String, E>) -> Result<String, E> {
    let mut whole = String::new();
    for piece in word {
        match piece {
            Piece::Text(text, _) => whole.push_str(text),
            other => whole.push_str(&value(other)?),
        }
    }
    Ok(whole)
}
