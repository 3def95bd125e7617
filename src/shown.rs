//! Foreign text that is shown: what a server, a file or a process calls itself must not move a cursor, forge a line or turn
//! the words around.

use std::fmt::{self, Write};

/// Foreign bytes, without what a terminal or a log would obey. What is not UTF-8 becomes `?`, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(&'a [u8]);

impl<'a> Shown<'a> {
    /// `text` as it may be shown.
    pub(crate) fn new(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self(text.as_ref())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|c| f.write_char(shown(c)))?;
            if !chunk.invalid().is_empty() {
                f.write_char('?')?;
            }
        }
        Ok(())
    }
}

/// `c`, or `?` in its place.
pub(crate) fn shown(c: char) -> char {
    if is_shown(c) { c } else { '?' }
}

/// Whether `c` stands where it is shown, and only there: no control character, no line separator, no mark or override of
/// the direction of writing (<https://www.unicode.org/reports/tr9/>).
fn is_shown(c: char) -> bool {
    let deceives = matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !c.is_control() && !deceives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_obeyed_is_not_shown() {
        for (bytes, text) in [
            (&b"a\r\nb\x1b[31m\x7f"[..], "a??b?[31m?"),
            ("x\u{202e}y\u{2066}\u{200f}\u{2028}\u{85}".as_bytes(), "x?y????"),
            (b"\xff\xc3\xa4 \xe2\x82", "?\u{e4} ?"),
        ] {
            assert_eq!(Shown::new(bytes).to_string(), text, "{bytes:?}");
        }
    }
}
