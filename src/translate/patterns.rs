//! What grep and `[[ ]]` look for: known texts are matched by the pattern, unknown ones only by a literal text.

use regex_lite::Regex;

use crate::compat::grep::{self, GrepArgs, GrepOutput};
use crate::regex::{self, Case, Syntax};

use super::semantics::Refusal;

/// A grep without its files.
#[derive(Debug)]
pub(super) struct Grep {
    args: GrepArgs,
    /// As it was written.
    pub(super) pattern: String,
    compiled: Regex,
}

impl Grep {
    /// Reads the words of a grep, the name of the program first.
    pub(super) fn parse(name: &str, args: &[String]) -> Result<Self, Refusal> {
        let args = grep::args(name, args.iter().map(Into::into).collect())?;
        let [pattern] = args.patterns.as_slice() else {
            return Err(Refusal::with(
                "a grep for one of several patterns",
                "sexton check --contains TEXT TARGET",
            ));
        };
        let pattern =
            super::notation::plain(pattern).ok_or_else(|| Refusal::new("grep for what a variable holds"))?;
        let compiled = regex::grep(std::slice::from_ref(&pattern), args.syntax, args.case)
            .map_err(|why| Refusal::new(format!("grep {pattern}: {why}")))?;
        Ok(Self { args, pattern, compiled })
    }

    /// `-v`
    pub(super) fn is_inverted(&self) -> bool {
        self.args.inverted
    }

    /// What it writes.
    pub(super) fn output(&self) -> GrepOutput {
        self.args.output
    }

    /// The files that it reads.
    pub(super) fn files(&self) -> &[String] {
        &self.args.files
    }

    /// An extended pattern alone.
    pub(super) fn extended(pattern: &str) -> Result<Self, Refusal> {
        Self::parse("egrep", &[super::notation::escaped(pattern)])
    }

    /// Whether `line`, which is known, is one that it looks for; `-v` aside.
    pub(super) fn is_match(&self, line: &str) -> bool {
        if self.args.whole_line || self.args.whole_word {
            let literal = self.literal_text();
            return match literal {
                Some(text) if self.args.whole_line => line == text,
                Some(text) => line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|w| w == text),
                None => false,
            };
        }
        self.compiled.is_match(line)
    }

    /// The one text that a line must have, where the pattern is no more than that.
    pub(super) fn literal(&self) -> Option<String> {
        if self.args.whole_line || self.args.whole_word {
            return None;
        }
        let text = self.literal_text()?;
        let has_case = self.args.case == Case::Insensitive && text.chars().any(char::is_alphabetic);
        (!has_case && !text.is_empty()).then_some(text)
    }

    /// The text itself, whatever is asked of the place where it stands.
    pub(super) fn literal_text(&self) -> Option<String> {
        match self.args.syntax {
            Syntax::Fixed => Some(self.pattern.clone()),
            syntax => literal(&self.pattern, syntax == Syntax::Extended),
        }
    }

    /// Whether it finds something in any line that is not empty.
    pub(super) fn matches_all(&self) -> bool {
        !self.args.inverted && matches!(self.pattern.as_str(), "." | ".*" | "" | "^" | "$" | ".+")
    }
}

/// The text that `pattern` stands for, if it has no operator.
fn literal(pattern: &str, extended: bool) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                // `\{`, `\|` and the like are operators of the basic syntax.
                c if !extended && "{}()|+?".contains(c) => return None,
                c if c.is_alphanumeric() || "<>`'".contains(c) => return None,
                c => text.push(c),
            },
            '.' | '[' | '*' | '^' | '$' => return None,
            '(' | ')' | '{' | '+' | '?' | '|' if extended => return None,
            c => text.push(c),
        }
    }
    Some(text)
}

/// The one name that `[n]ginx` or `nginx` finds in a list of processes.
pub(super) fn bracketed(pattern: &str) -> Option<String> {
    let Some((before, rest)) = pattern.split_once('[') else { return literal(pattern, true) };
    let (inside, after) = rest.split_once(']')?;
    let mut inside = inside.chars();
    let (one, None) = (inside.next()?, inside.next()) else { return None };
    literal(&format!("{before}{one}{after}"), true)
}

/// A shell's pattern: `*` and `?`.
#[derive(Debug)]
pub(super) struct Glob(Vec<char>);

impl Glob {
    /// Reads one without classes.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.contains(['[', '\\']) {
            return Err(Refusal::new(format!("the pattern {text}")));
        }
        Ok(Self(text.chars().collect()))
    }

    /// Whether `text` is such a one.
    pub(super) fn is_match(&self, text: &str) -> bool {
        fn matches(glob: &[char], text: &[char]) -> bool {
            match (glob.split_first(), text.split_first()) {
                (None, None) => true,
                (Some(('*', rest)), None) => matches(rest, text),
                (Some(('*', rest)), Some((_, left))) => matches(rest, text) || matches(glob, left),
                (Some(('?', rest)), Some((_, left))) => matches(rest, left),
                (Some((one, rest)), Some((other, left))) => one == other && matches(rest, left),
                _ => false,
            }
        }
        matches(&self.0, &text.chars().collect::<Vec<_>>())
    }
}

/// The status line that a server sends for `status`.
pub(super) fn status_line(status: u16) -> String {
    let reason = ::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    format!("HTTP/1.1 {status} {}", reason.unwrap_or("Unknown"))
}

/// The texts of a pattern that is one of several: `"status":"\(green\|yellow\)"`, or without the backslashes.
pub(super) fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let plain = pattern.replace("\\|", "|").replace("\\(", "(").replace("\\)", ")");
    let (before, rest) = plain.split_once('(').unwrap_or(("", &plain));
    let (choices, after) = rest.rsplit_once(')').unwrap_or((rest, ""));
    let is_text = |text: &&str| !text.is_empty() && !text.contains(|c| "\\.[]{}()*+?^$".contains(c));
    let choices: Vec<&str> = choices.split('|').collect();
    let all_texts = [before, after].iter().all(|text| text.is_empty() || is_text(text));
    (choices.len() > 1 && all_texts && choices.iter().all(is_text))
        .then(|| choices.iter().map(|choice| format!("{before}{choice}{after}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pattern_without_operators_is_a_text() {
        for (pattern, extended, text) in [
            ("\"status\":\"UP\"", false, Some("\"status\":\"UP\"")),
            ("a\\.b", true, Some("a.b")),
            ("a.b", false, None),
            ("a|b", false, Some("a|b")),
            ("a|b", true, None),
            ("a\\|b", false, None),
            ("^OK", false, None),
            ("{\"a\":1}", false, Some("{\"a\":1}")),
        ] {
            assert_eq!(literal(pattern, extended).as_deref(), text, "{pattern}");
        }
        assert_eq!(bracketed("[n]ginx").as_deref(), Some("nginx"));
        assert_eq!(bracketed("[nm]ginx"), None);
    }

    #[test]
    fn globs_of_statuses() {
        let glob = Glob::parse("2*").unwrap();
        assert!(glob.is_match("200") && !glob.is_match("302"));
    }

    #[test]
    fn one_of_several_texts_is_told_from_a_pattern() {
        let told = |pattern| alternatives(pattern).unwrap_or_default().join(" ");
        assert_eq!(told(r"\(green\|yellow\)"), "green yellow");
        assert_eq!(told(r#""status":"(green|yellow)""#), r#""status":"green" "status":"yellow""#);
        for pattern in ["green", "gr.en|yellow", "(a|b)+", "(a|b)*c", "|"] {
            assert_eq!(told(pattern), "", "{pattern}");
        }
    }
}
