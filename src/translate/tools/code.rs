//! Code of Python and JavaScript, in the one form that patterns are written for.

/// `code` without blanks outside of texts, which are in double quotes then; lines end with `line_end`.
pub(super) fn squeezed(code: &str, line_end: Option<char>) -> String {
    let mut out = String::with_capacity(code.len());
    let mut quote = None;
    for c in code.trim().chars() {
        match (quote, c) {
            (Some(open), c) if c == open => {
                quote = None;
                out.push('"');
            }
            (None, '"' | '\'' | '`') => {
                quote = Some(c);
                out.push('"');
            }
            (None, '\n') => out.extend(line_end),
            (None, c) if c.is_whitespace() => {}
            (_, c) => out.push(c),
        }
    }
    out
}
