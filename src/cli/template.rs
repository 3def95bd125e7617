//! A target as it is written on a line: `[name=]scheme:rest[#options]`, with `${VAR}` in it.
//!
//! A separator is only one where the user wrote it: what a variable holds never becomes a name, an option or, inside
//! userinfo, a delimiter.

use std::ops::Range;

use percent_encoding::utf8_percent_encode;

use crate::target::{Form, RESERVED, TargetText, scheme_of};

use super::expand::{Piece, pieces};

/// A target, taken apart as far as that needs no scheme.
#[derive(Debug)]
pub(super) struct Template {
    /// What the user calls it.
    pub(super) name: Option<String>,
    /// What to check.
    pub(super) target: TargetText,
    /// Its own options: names, and values with their variables replaced and their `%XX` decoded.
    pub(super) options: Vec<(String, Option<String>)>,
}

/// Reads `text`; `is_option` knows the options that a target can have.
pub(super) fn read(text: &str, is_option: impl Fn(&str) -> bool) -> Result<Template, String> {
    let text = Expanded::new(text)?;
    let (name, start) = match text.name() {
        Some(end) => (text.get(0..end).to_owned(), end + 1),
        None => (String::new(), 0),
    };
    let end = text.fragment(start, is_option)?;
    let target = TargetText::new(text.with_literal_userinfo(start..end.unwrap_or(text.len())));
    let options = match end {
        None => Vec::new(),
        Some(at) => text.options(at + 1..text.len()).map_err(|why| format!("{target}: {why}"))?,
    };
    Ok(Template { name: Some(name).filter(|name| !name.is_empty()), target, options })
}

/// A text whose variables are replaced, and where their values stand in it.
struct Expanded {
    text: String,
    values: Vec<Range<usize>>,
}

impl Expanded {
    /// Replaces the variables of `text`.
    fn new(text: &str) -> Result<Self, String> {
        let mut expanded = Self { text: String::with_capacity(text.len()), values: Vec::new() };
        for piece in pieces(text)? {
            let start = expanded.text.len();
            let is_literal = matches!(piece, Piece::Literal(_));
            expanded.text.push_str(&piece.into_text());
            if !is_literal {
                expanded.values.push(start..expanded.text.len());
            }
        }
        Ok(expanded)
    }

    /// Its length in bytes.
    fn len(&self) -> usize {
        self.text.len()
    }

    /// The part at `range`.
    fn get(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// Whether the user wrote the byte at `at`.
    fn is_literal(&self, at: usize) -> bool {
        !self.values.iter().any(|range| range.contains(&at))
    }

    /// The first byte in `range` that the user wrote and that is one of `wanted`.
    fn find(&self, range: Range<usize>, wanted: &[char]) -> Option<usize> {
        let start = range.start;
        let mut found = self.get(range).match_indices(wanted).map(|(at, _)| start + at);
        found.find(|&at| self.is_literal(at))
    }

    /// The same, from the end.
    fn rfind(&self, range: Range<usize>, wanted: char) -> Option<usize> {
        let start = range.start;
        let mut found = self.get(range).rmatch_indices(wanted).map(|(at, _)| start + at);
        found.find(|&at| self.is_literal(at))
    }

    /// Where the `=` behind a name stands.
    fn name(&self) -> Option<usize> {
        let end = self.find(0..self.len(), &['=', ':', '/'])?;
        let is_name = self.get(end..end + 1) == "="
            && end > 0
            && self.values.iter().all(|value| value.start > end)
            && self.get(0..end).chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        is_name.then_some(end)
    }

    /// Where the authority of the target at `start` stands, if it has one.
    fn authority(&self, start: usize) -> Option<Range<usize>> {
        let from = match scheme_of(self.get(start..self.len())) {
            Some((name, rest)) if Form::of(name) != Form::Local && rest.starts_with("//") => {
                start + name.len() + ":".len() + "//".len()
            }
            _ => return None,
        };
        Some(from..self.find(from..self.len(), &['/', '?', '#']).unwrap_or(self.len()))
    }

    /// Where the `#` stands that begins the options of the target at `start`.
    fn fragment(&self, start: usize, is_option: impl Fn(&str) -> bool) -> Result<Option<usize>, String> {
        let Some(at) = self.find(start..self.len(), &['#']) else { return Ok(None) };
        let behind = self.get(at + 1..self.len());
        if let Some(authority) = self.authority(start) {
            if authority.end == at && behind.contains('@') {
                return Err("a raw `#` in the user or password of a target; write %23".into());
            }
            return Ok(Some(at));
        }
        // In a path or a pattern a # may be anything, so that the last one must look like options.
        let at = self.rfind(start..self.len(), '#').unwrap_or(at);
        let behind = self.get(at + 1..self.len());
        let first = behind.split(['=', '&']).next().unwrap_or_default();
        let is_word = !first.is_empty() && first.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let is_one = is_word && (behind.contains('=') || is_option(first));
        Ok(is_one.then_some(at))
    }

    /// The target at `range`, with what variables hold inside its userinfo %-encoded: there it is literal.
    fn with_literal_userinfo(&self, range: Range<usize>) -> String {
        let userinfo = self
            .authority(range.start)
            .and_then(|authority| self.rfind(authority.clone(), '@').map(|at| authority.start..at))
            .unwrap_or_default();
        // `${LOGIN}@` may hold a user and a password; behind a user it is a password.
        let is_login = self.values.contains(&userinfo);
        let mut colons = usize::from(is_login);
        let mut encoded = String::with_capacity(range.len());
        for (at, c) in self.get(range.clone()).char_indices() {
            let at = range.start + at;
            if !userinfo.contains(&at) || self.is_literal(at) {
                encoded.push(c);
            } else if c == ':' && colons > 0 {
                colons -= 1;
                encoded.push(c);
            } else {
                encoded.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), RESERVED));
            }
        }
        encoded
    }

    /// The options at `range`.
    fn options(&self, range: Range<usize>) -> Result<Vec<(String, Option<String>)>, String> {
        const FORM: &str = "write for example #status=200,401&contains=UP";
        let mut options = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let end = self.find(start..range.end, &['&']).unwrap_or(range.end);
            let equals = self.find(start..end, &['=']);
            let name = self.get(start..equals.unwrap_or(end));
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            // It may be the rest of a password that holds a `#`, so that it is not shown.
            if !is_name {
                return Err(format!("invalid options after the `#`; {FORM}"));
            }
            let value = equals.map(|at| self.decoded(at + 1..end)).transpose()?;
            options.push((name.to_owned(), value));
            start = end + 1;
        }
        Ok(options)
    }

    /// The value of an option at `range`, with `%XX` decoded where the user wrote it.
    fn decoded(&self, range: Range<usize>) -> Result<String, String> {
        let mut bytes = Vec::with_capacity(range.len());
        let mut at = range.start;
        while at < range.end {
            let escape = self.get(at..at + 3).strip_prefix('%').filter(|_| self.is_literal(at));
            let digits =
                escape.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()) && at + 3 <= range.end);
            if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                bytes.push(byte);
                at += 3;
            } else {
                bytes.extend(self.text.as_bytes().get(at));
                at += 1;
            }
        }
        String::from_utf8(bytes).map_err(|_| "an option whose value is not UTF-8".into())
    }
}
