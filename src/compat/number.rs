//! Numbers as C programs read them: blanks before, a sign, digits, and the rest is somebody else's.

/// [strtol(3)](https://man7.org/linux/man-pages/man3/strtol.3.html) with base 10: the number, which stays within a `long`,
/// and what is after it. Without a digit the number is 0, and all of `text` is after it.
pub(super) fn strtol(text: &[u8]) -> (i64, &[u8]) {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let digits = text.get(start..).unwrap_or_default();
    let (is_negative, digits) = match digits.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, digits),
    };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at_checked(length).unwrap_or_default();
    if digits.is_empty() {
        return (0, text);
    }
    let step = |number: i64, digit: &u8| {
        let digit = i64::from(digit - b'0');
        number.saturating_mul(10).saturating_add(if is_negative { -digit } else { digit })
    };
    (digits.iter().fold(0, step), rest)
}

/// [atoi(3)](https://man7.org/linux/man-pages/man3/atoi.3.html): the lower half of that number.
pub(super) fn atoi(text: &[u8]) -> i32 {
    lower_half(strtol(text).0)
}

/// What a `long` is as an `int`.
pub(super) fn lower_half(number: i64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_they_are_none_any_more() {
        for (text, number, rest) in [
            ("15:2", 15, ":2"),
            (" \t\n\x0b+3x", 3, "x"),
            ("-0", 0, ""),
            ("", 0, ""),
            (" x", 0, " x"),
            ("0x3", 0, "x3"),
            ("- 3", 0, "- 3"),
            ("99999999999999999999", i64::MAX, ""),
            ("-99999999999999999999", i64::MIN, ""),
        ] {
            assert_eq!(strtol(text.as_bytes()), (number, rest.as_bytes()), "{text}");
        }
        assert_eq!(atoi(b"4294967311"), 15);
        assert_eq!(atoi(b"99999999999999999999"), -1);
    }
}
