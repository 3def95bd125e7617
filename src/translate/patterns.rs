//! What grep and `[[ ]]` look for: known texts are matched by the pattern, unknown ones only by a literal text.

use regex_lite::Regex;

use crate::regex::{self, Case, Syntax};

use super::semantics::Refusal;

/// A grep without its files.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Grep {
    /// As it was written.
    pub(super) pattern: String,
    /// `-v`
    pub(super) inverted: bool,
    /// `-x`
    pub(super) whole_line: bool,
    /// `-c`
    pub(super) counts: bool,
    /// `-q`
    pub(super) quiet: bool,
    /// Files, if it reads some.
    pub(super) files: Vec<String>,
    /// `-i`
    folded: bool,
    /// `-w`
    whole_word: bool,
    syntax: Syntax,
    compiled: Regex,
}

impl Grep {
    /// Reads the words of a grep, the name of the program first.
    pub(super) fn parse(name: &str, args: &[String]) -> Result<Self, Refusal> {
        let syntax = match name {
            "egrep" => Syntax::Extended,
            "fgrep" => Syntax::Fixed,
            _ => Syntax::Basic,
        };
        let mut grep = Self {
            pattern: String::new(),
            inverted: false,
            whole_line: false,
            counts: false,
            quiet: false,
            files: Vec::new(),
            folded: false,
            whole_word: false,
            syntax,
            compiled: regex::compile("", Case::Sensitive)?,
        };
        let (mut words, mut pattern, mut options) = (Vec::new(), None, true);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if !options || !arg.starts_with('-') || arg == "-" {
                words.push(arg.clone());
                continue;
            }
            match arg.as_str() {
                "--" => options = false,
                "--quiet" | "--silent" => grep.quiet = true,
                "--ignore-case" => grep.folded = true,
                "--extended-regexp" => grep.syntax = Syntax::Extended,
                "--fixed-strings" => grep.syntax = Syntax::Fixed,
                "--invert-match" => grep.inverted = true,
                "--count" => grep.counts = true,
                "--line-regexp" => grep.whole_line = true,
                long if long.starts_with("--") => {
                    return Err(Refusal::new(format!("grep {long} is not known here")));
                }
                letters => {
                    for (at, letter) in letters.char_indices().skip(1) {
                        match letter {
                            'q' => grep.quiet = true,
                            'i' | 'y' => grep.folded = true,
                            'E' => grep.syntax = Syntax::Extended,
                            'F' => grep.syntax = Syntax::Fixed,
                            'G' => grep.syntax = Syntax::Basic,
                            'v' => grep.inverted = true,
                            'c' => grep.counts = true,
                            'x' => grep.whole_line = true,
                            'w' => grep.whole_word = true,
                            's' | 'o' | 'a' | 'n' | 'h' => {}
                            'e' | 'm' => {
                                let glued = letters.get(at + 1..).filter(|rest| !rest.is_empty());
                                let value = glued.map(str::to_owned).or_else(|| args.next().cloned());
                                let value = value
                                    .ok_or_else(|| Refusal::new(format!("grep -{letter} without a value")))?;
                                if letter == 'e' {
                                    pattern = Some(value);
                                }
                                break;
                            }
                            'P' => return Err(Refusal::new("grep -P: Perl's patterns are not read here")),
                            _ => return Err(Refusal::new(format!("grep -{letter} is not known here"))),
                        }
                    }
                }
            }
        }
        let mut words = words.into_iter();
        let Some(pattern) = pattern.or_else(|| words.next()) else {
            return Err(Refusal::new("grep without a pattern"));
        };
        grep.files = words.collect();
        grep.pattern =
            super::notation::plain(&pattern).ok_or_else(|| Refusal::new("grep for what a variable holds"))?;
        let case = if grep.folded { Case::Insensitive } else { Case::Sensitive };
        grep.compiled = regex::grep(std::slice::from_ref(&grep.pattern), grep.syntax, case)
            .map_err(|why| Refusal::new(format!("grep {}: {why}", grep.pattern)))?;
        Ok(grep)
    }

    /// An extended pattern alone.
    pub(super) fn extended(pattern: &str) -> Result<Self, Refusal> {
        Self::parse("egrep", &[super::notation::escaped(pattern)])
    }

    /// Whether `line`, which is known, is one that it looks for; `-v` aside.
    pub(super) fn is_match(&self, line: &str) -> bool {
        if self.whole_line || self.whole_word {
            let literal = self.literal_text();
            return match literal {
                Some(text) if self.whole_line => line == text,
                Some(text) => line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|w| w == text),
                None => false,
            };
        }
        self.compiled.is_match(line)
    }

    /// The one text that a line must have, where the pattern is no more than that.
    pub(super) fn literal(&self) -> Option<String> {
        if self.whole_line || self.whole_word {
            return None;
        }
        let text = self.literal_text()?;
        let has_case = self.folded && text.chars().any(char::is_alphabetic);
        (!has_case && !text.is_empty()).then_some(text)
    }

    /// The text itself, whatever is asked of the place where it stands.
    pub(super) fn literal_text(&self) -> Option<String> {
        match self.syntax {
            Syntax::Fixed => Some(self.pattern.clone()),
            syntax => literal(&self.pattern, syntax == Syntax::Extended),
        }
    }

    /// Whether it finds something in any line that is not empty.
    pub(super) fn matches_all(&self) -> bool {
        !self.inverted && matches!(self.pattern.as_str(), "." | ".*" | "" | "^" | "$" | ".+")
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
