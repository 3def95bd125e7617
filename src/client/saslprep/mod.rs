//! A password as both sides of SCRAM must have it: `SASLprep` (RFC 4013), as PostgreSQL and `MongoDB` have it. Kafka
//! takes passwords as they are typed.
//!
//! The tables beside this file have the characters of Unicode 3.2, for which later versions normalize no differently:
//!
//! * `compositions.txt`: a character, and the two that compose it
//! * `compatibility.txt`: a character, and what stands for it
//! * `classes.txt`: combining characters, and where they are sorted to
//! * `raw.txt`: what makes a password stay as it was typed: prohibited and unassigned characters; CJK radicals, squared
//!   words and compatibility ideographs, Arabic presentation forms, musical and mathematical letters, whose tables would
//!   cost more than all others

use std::ops::RangeInclusive;

use crate::client::secret::Secret;

/// A composed character a line, then its two parts.
const COMPOSITIONS: &str = include_str!("compositions.txt");

/// A character a line, then what it decomposes to and is never composed of again.
const COMPATIBILITY: &str = include_str!("compatibility.txt");

/// `FIRST[-LAST] CLASS` in hexadecimal and decimal numbers.
const CLASSES: &str = include_str!("classes.txt");

/// `FIRST[-LAST]` in hexadecimal numbers.
const RAW: &str = include_str!("raw.txt");

/// The letters that are written from right to left (RFC 3454, D.1), less those that leave a password as it is.
const RIGHT_TO_LEFT: &[RangeInclusive<char>] = &[
    '\u{5be}'..='\u{5be}',
    '\u{5c0}'..='\u{5c0}',
    '\u{5c3}'..='\u{5c3}',
    '\u{5d0}'..='\u{5ea}',
    '\u{5f0}'..='\u{5f4}',
    '\u{61b}'..='\u{63a}',
    '\u{640}'..='\u{64a}',
    '\u{66d}'..='\u{66f}',
    '\u{671}'..='\u{6d5}',
    '\u{6dd}'..='\u{6dd}',
    '\u{6e5}'..='\u{6e6}',
    '\u{6fa}'..='\u{6fe}',
    '\u{700}'..='\u{710}',
    '\u{712}'..='\u{72c}',
    '\u{780}'..='\u{7a5}',
    '\u{7b1}'..='\u{7b1}',
    '\u{fb1d}'..='\u{fb1d}',
    '\u{fb1f}'..='\u{fb28}',
    '\u{fb2a}'..='\u{fb4f}',
];

/// The syllables of Korean are computed (Unicode, 3.12): the first one, the first of each kind of part, their numbers.
mod hangul {
    pub(super) const SYLLABLE: u32 = 0xac00;
    pub(super) const LEADING: u32 = 0x1100;
    pub(super) const VOWEL: u32 = 0x1161;
    /// One before the first: none is one of them.
    pub(super) const TRAILING: u32 = 0x11a7;
    pub(super) const LEADINGS: u32 = 19;
    pub(super) const VOWELS: u32 = 21;
    pub(super) const TRAILINGS: u32 = 28;
}

/// `password` as it is hashed. What is no text, or no text that may be prepared, stays as it is, as PostgreSQL has it.
pub(crate) fn prepare(password: &Secret) -> Secret {
    let text = std::str::from_utf8(password.expose()).ok().filter(|text| !text.is_ascii());
    match text.and_then(prepared) {
        Some(text) => Secret::new(text.into_bytes()),
        None => password.clone(),
    }
}

/// `text`, mapped and normalized; nothing if that is prohibited. PostgreSQL looks at the text before it is normalized,
/// and so at characters that do not come out of it.
fn prepared(text: &str) -> Option<String> {
    let text: String = text.chars().filter_map(mapped).collect();
    let is_raw = text.is_empty() || text.chars().any(|c| c.is_ascii_control() || find(RAW, c).is_some());
    (!is_raw && has_one_direction(&text)).then(|| normalized(&text))
}

/// What a character is mapped to: spaces of any width are a space, and what nobody sees is nothing (RFC 4013, 2.1).
fn mapped(c: char) -> Option<char> {
    match c {
        // RFC 3454, C.1.2.
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        // RFC 3454, B.1.
        '\u{ad}'
        | '\u{34f}'
        | '\u{1806}'
        | '\u{180b}'..='\u{180d}'
        | '\u{200c}'
        | '\u{200d}'
        | '\u{2060}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => None,
        c => Some(c),
    }
}

/// The line of a table of numbers that `c` is of: what stands after the number.
fn find(table: &'static str, c: char) -> Option<&'static str> {
    table.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text| u32::from_str_radix(text, 16).ok();
        (number(first)?..=number(last)?).contains(&u32::from(c)).then_some(rest)
    })
}

/// What `c` is made of by a table of characters.
fn parts(table: &'static str, c: char) -> Option<&'static str> {
    table.lines().find_map(|line| line.strip_prefix(c))
}

/// `text` in normalization form KC (UAX 15).
fn normalized(text: &str) -> String {
    let mut decomposed = Vec::new();
    text.chars().for_each(|c| decompose(c, &mut decomposed));
    let mut classed: Vec<_> = decomposed.into_iter().map(|c| (class(c), c)).collect();
    for marks in classed.split_mut(|(class, _)| *class == 0) {
        marks.sort_by_key(|(class, _)| *class);
    }
    composed(&classed)
}

/// Adds what `c` is made of to `parts`.
fn decompose(c: char, into: &mut Vec<char>) {
    use hangul::{LEADING, LEADINGS, SYLLABLE, TRAILING, TRAILINGS, VOWEL, VOWELS};
    let code = u32::from(c);
    if c.is_ascii() {
        into.push(c);
    } else if let Some(wide @ ..0x5e) = code.checked_sub(0xff01) {
        into.extend(char::from_u32(0x21 + wide));
    } else if let Some(index) = code.checked_sub(SYLLABLE).filter(|at| *at < LEADINGS * VOWELS * TRAILINGS) {
        let (pair, trailing) = (index / TRAILINGS, index % TRAILINGS);
        into.extend(char::from_u32(LEADING + pair / VOWELS));
        into.extend(char::from_u32(VOWEL + pair % VOWELS));
        into.extend(char::from_u32(TRAILING + trailing).filter(|_| trailing > 0));
    } else if let Some(parts) = parts(COMPOSITIONS, c).or_else(|| parts(COMPATIBILITY, c)) {
        parts.chars().for_each(|part| decompose(part, into));
    } else {
        into.push(c);
    }
}

/// Where a combining character is sorted to; 0 for any other.
fn class(c: char) -> u8 {
    if c.is_ascii() { 0 } else { find(CLASSES, c).and_then(|class| class.parse().ok()).unwrap_or(0) }
}

/// `text`, decomposed and sorted, with each character composed with what it can be.
fn composed(text: &[(u8, char)]) -> String {
    let mut whole: Vec<char> = Vec::with_capacity(text.len());
    // The last character that is no mark, and the class of what stands between it and here.
    let mut starter: Option<usize> = None;
    let mut between: Option<u8> = None;
    for &(class, c) in text {
        let is_blocked = between.is_some_and(|between| between == 0 || between >= class);
        let base = starter.filter(|_| !is_blocked).and_then(|at| whole.get_mut(at));
        if let Some((base, one)) = base.and_then(|base| pair(*base, c).map(|one| (base, one))) {
            *base = one;
            continue;
        }
        if class == 0 {
            starter = Some(whole.len());
            between = None;
        } else {
            between = Some(class);
        }
        whole.push(c);
    }
    whole.into_iter().collect()
}

/// The one character that `first` and `second` compose.
fn pair(first: char, second: char) -> Option<char> {
    use hangul::{LEADING, LEADINGS, SYLLABLE, TRAILING, TRAILINGS, VOWEL, VOWELS};
    let (one, two) = (u32::from(first), u32::from(second));
    let within = |code: u32, start: u32, length: u32| code.checked_sub(start).filter(|at| *at < length);
    if let (Some(leading), Some(vowel)) = (within(one, LEADING, LEADINGS), within(two, VOWEL, VOWELS)) {
        return char::from_u32(SYLLABLE + (leading * VOWELS + vowel) * TRAILINGS);
    }
    if let (Some(index), Some(trailing @ 1..)) =
        (within(one, SYLLABLE, LEADINGS * VOWELS * TRAILINGS), within(two, TRAILING, TRAILINGS))
        && index % TRAILINGS == 0
    {
        return char::from_u32(one + trailing);
    }
    COMPOSITIONS.lines().find_map(|line| {
        let mut chars = line.chars();
        let whole = chars.next()?;
        (chars.next() == Some(first) && chars.next() == Some(second)).then_some(whole)
    })
}

/// Whether `text` is written in one direction (RFC 3454, 6): with a letter from right to left, it begins and ends with
/// one, and has none from left to right.
fn has_one_direction(text: &str) -> bool {
    let is_rtl = |c: char| RIGHT_TO_LEFT.iter().any(|range| range.contains(&c));
    if !text.contains(is_rtl) {
        return true;
    }
    // A mark has no direction of its own, though some are letters.
    let is_ltr = |c: char| c.is_alphabetic() && !is_rtl(c) && class(c) == 0;
    text.starts_with(is_rtl) && text.ends_with(is_rtl) && !text.contains(is_ltr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare_text(typed: &str) -> String {
        String::from_utf8(prepare(&Secret::new(typed.into())).expose().to_vec()).unwrap()
    }

    #[test]
    fn a_password_is_prepared() {
        for (typed, meant) in [
            // RFC 4013, 3.
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
            ("p\u{a0}w", "p w"),
            ("I\u{200b}X", "I X"),
            ("é/", "é/"),
            ("e\u{301}", "é"),
            // Marks in any order; one that is in the way of another.
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
            ("s\u{307}\u{323}", "\u{1e69}"),
            ("a\u{5ae}\u{300}", "à\u{5ae}"),
            ("a\u{301}\u{301}", "á\u{301}"),
            // Compositions of compositions, and those that are never composed.
            ("\u{212b}\u{1ea5}", "\u{c5}\u{1ea5}"),
            ("a\u{302}\u{301}", "\u{1ea5}"),
            ("\u{915}\u{93c}", "\u{915}\u{93c}"),
            ("\u{958}", "\u{915}\u{93c}"),
            // What keyboards have.
            ("µ²½…™ﬁ", "\u{3bc}21\u{2044}2...TMfi"),
            ("ＡＢＣ！", "ABC!"),
            ("ﾊﾟか\u{3099}", "パが"),
            ("\u{1112}\u{1161}\u{11ab}각", "한각"),
            // Letters from right to left.
            ("\u{5d0}\u{a0}\u{5d1}", "\u{5d0} \u{5d1}"),
            ("\u{648}\u{654}\u{a0}\u{5b4}\u{5d1}", "\u{624} \u{5b4}\u{5d1}"),
        ] {
            assert_eq!(prepare_text(typed), meant, "{typed:?}");
            assert_eq!(prepare_text(meant), meant, "{meant:?}");
        }
    }

    #[test]
    fn what_may_not_be_prepared_stays_as_it_was_typed() {
        for typed in [
            "\u{ad}",
            "a\u{a0}\u{7}",
            "a\u{a0}\u{e000}",
            "a\u{a0}\u{200e}",
            // Not assigned in Unicode 3.2.
            "a\u{a0}😀",
            "\u{a0}\u{221}",
            // Both directions, or no letter at an end.
            "\u{a0}\u{5d0}a",
            "\u{5d0}\u{a0}1",
            "\u{a0}\u{5d0}",
            // Not in our tables.
            "\u{a0}\u{1d400}",
        ] {
            assert_eq!(prepare_text(typed), typed, "{typed:?}");
        }
        assert_eq!(prepare(&Secret::new(b"\xff\xc2\xa0".to_vec())).expose(), b"\xff\xc2\xa0");
    }
}
