//! Regular expressions as `grep` and `process:` read them, matched in linear time.
//!
//! `regex-lite` does the matching. What it reads is the syntax of most programming languages; [`grep`] translates POSIX
//! basic and extended expressions into it, and refuses what has no translation rather than take it literally
//! (<https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap09.html>).

use std::iter::Peekable;
use std::str::Chars;

use regex_lite::{Regex, RegexBuilder};

/// The most bytes of a pattern.
const PATTERN_MAX: usize = 4096;

/// The most bytes of a compiled pattern: a thousand times what any healthcheck needs, and no burden for PID 1.
const COMPILED_MAX: usize = 1024 * 1024;

/// How a pattern of grep is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `grep`: `\(`, `\{`, `\|`, `\+` and `\?` are operators.
    Basic,
    /// `grep -E`: `(`, `{`, `|`, `+` and `?` are operators.
    Extended,
    /// `grep -F`: nothing is an operator.
    Fixed,
}

/// Whether `a` matches `A`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// It does not.
    Sensitive,
    /// It does: `grep -i`.
    Insensitive,
}

/// Compiles `pattern` in the syntax of `regex-lite`; an error is what is wrong with it.
pub(crate) fn compile(pattern: &str, case: Case) -> Result<Regex, String> {
    if pattern.len() > PATTERN_MAX {
        return Err(format!("longer than {PATTERN_MAX} bytes"));
    }
    RegexBuilder::new(pattern)
        .case_insensitive(case == Case::Insensitive)
        .dot_matches_new_line(true)
        .size_limit(COMPILED_MAX)
        .build()
        .map_err(|error| error.to_string())
}

/// Compiles `patterns` as `grep -e A -e B` does: a line matches when one of them does.
pub(crate) fn grep(patterns: &[String], syntax: Syntax, case: Case) -> Result<Regex, String> {
    let translated = patterns.iter().flat_map(|pattern| pattern.split('\n')).map(|pattern| {
        let pattern = match syntax {
            Syntax::Fixed => regex_lite::escape(pattern),
            Syntax::Basic | Syntax::Extended => Translator::new(pattern, syntax).translate()?,
        };
        Ok(format!("(?:{pattern})"))
    });
    compile(&translated.collect::<Result<Vec<_>, String>>()?.join("|"), case)
}

/// Reads a POSIX expression and writes it in the syntax of `regex-lite`.
struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    syntax: Syntax,
    written: String,
    /// Whether an operator that repeats has something before it to repeat.
    after: After,
    depth: usize,
}

/// What stands before the character that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// The start of the pattern, of a group, or of an alternative: `*` is a literal here.
    Start,
    /// Something that can be repeated.
    Atom,
    /// A repetition.
    Repetition,
}

impl<'a> Translator<'a> {
    fn new(pattern: &'a str, syntax: Syntax) -> Self {
        let rest = pattern.chars().peekable();
        Self { rest, syntax, written: String::new(), after: After::Start, depth: 0 }
    }

    /// The whole pattern.
    fn translate(mut self) -> Result<String, String> {
        while let Some(c) = self.rest.next() {
            match (c, self.syntax) {
                ('[', _) => self.bracket()?,
                ('.', _) => self.atom("."),
                ('*', _) => self.repetition("*", '*')?,
                ('^', Syntax::Extended) => self.anchor('^'),
                ('^', _) if self.after == After::Start => self.anchor('^'),
                ('$', Syntax::Extended) => self.anchor('$'),
                ('$', _) if self.ends_here() => self.anchor('$'),
                ('(' | ')' | '|' | '+' | '?' | '{', Syntax::Extended) => self.operator(c)?,
                ('\\', _) => self.escape()?,
                _ => self.literal(c),
            }
        }
        if self.depth > 0 {
            return Err("unmatched (".into());
        }
        Ok(self.written)
    }

    /// Whether a `$` of a basic expression stands at an end.
    fn ends_here(&self) -> bool {
        let rest: String = self.rest.clone().take(2).collect();
        rest.is_empty() || rest == "\\)" || rest == "\\|"
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), String> {
        match self.rest.next() {
            None => return Err("trailing backslash".into()),
            Some(c @ ('(' | ')' | '|' | '+' | '?' | '{')) if self.syntax == Syntax::Basic => {
                return self.operator(c);
            }
            Some(c @ ('w' | 'W' | 's' | 'S')) => self.atom(&format!("\\{c}")),
            Some(c @ ('b' | 'B' | '<' | '>')) => self.written.extend(['\\', c]),
            Some(c @ '1'..='9') => return Err(format!("backreference \\{c}: not supported")),
            Some(c) => self.literal(c),
        }
        Ok(())
    }

    /// `(`, `)`, `|`, `+`, `?` or `{` where it is an operator.
    fn operator(&mut self, c: char) -> Result<(), String> {
        match c {
            '(' => {
                self.depth += 1;
                self.written.push_str("(?:");
                self.after = After::Start;
            }
            ')' if self.depth == 0 && self.syntax == Syntax::Extended => self.literal(')'),
            ')' if self.depth == 0 => return Err("unmatched )".into()),
            ')' => {
                self.depth -= 1;
                self.atom(")");
            }
            '|' => {
                self.written.push('|');
                self.after = After::Start;
            }
            '{' => return self.interval(),
            c => self.repetition(&c.to_string(), c)?,
        }
        Ok(())
    }

    /// `{n}`, `{n,}`, `{,m}` or `{n,m}`; in an extended expression any other `{` is a literal.
    fn interval(&mut self) -> Result<(), String> {
        let end = if self.syntax == Syntax::Basic { "\\}" } else { "}" };
        let rest: String = self.rest.clone().collect();
        let bounds = rest.split_once(end).map(|(bounds, _)| bounds);
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let bounds = bounds.filter(|bounds| {
            let (low, high) = bounds.split_once(',').unwrap_or((bounds, "0"));
            is_number(low) && is_number(high) && !(low.is_empty() && high.is_empty()) && !bounds.is_empty()
        });
        let Some(bounds) = bounds else {
            if self.syntax == Syntax::Basic {
                return Err("invalid content of \\{\\}".into());
            }
            self.literal('{');
            return Ok(());
        };
        for _ in bounds.chars().chain(end.chars()) {
            self.rest.next();
        }
        let low = if bounds.starts_with(',') { "0" } else { "" };
        self.repetition(&format!("{{{low}{bounds}}}"), '{')
    }

    /// A repetition of what stands before it.
    fn repetition(&mut self, operator: &str, shown: char) -> Result<(), String> {
        match self.after {
            After::Atom => {
                self.written.push_str(operator);
                self.after = After::Repetition;
            }
            After::Start if self.syntax == Syntax::Basic && shown == '*' => self.literal('*'),
            After::Start => return Err(format!("nothing before {shown} to repeat")),
            // For regex-lite the second one changes the meaning of the first.
            After::Repetition => return Err(format!("two repetitions in a row: {shown}")),
        }
        Ok(())
    }

    /// `[...]`, in which a backslash is a character like any other.
    fn bracket(&mut self) -> Result<(), String> {
        let unmatched = || "unmatched [".to_owned();
        let mut set = String::from("[");
        if self.rest.next_if_eq(&'^').is_some() {
            set.push('^');
        }
        let mut is_first = true;
        loop {
            match self.rest.next().ok_or_else(unmatched)? {
                ']' if !is_first => break,
                '[' => match self.rest.peek() {
                    Some(':') => {
                        let rest: String = self.rest.clone().collect();
                        let (class, _) = rest.split_once(":]").ok_or_else(unmatched)?;
                        for _ in class.chars().chain(":]".chars()) {
                            self.rest.next();
                        }
                        set.extend(["[", class, ":]"]);
                    }
                    Some('.' | '=') => return Err("collating elements: not supported".into()),
                    _ => set.push_str("\\["),
                },
                c @ (']' | '\\' | '&' | '~' | '^') => set.extend(['\\', c]),
                c => set.push(c),
            }
            is_first = false;
        }
        self.atom(&format!("{set}]"));
        Ok(())
    }

    fn anchor(&mut self, c: char) {
        self.written.push(c);
        // After ^ nothing can be repeated; what follows $ has nothing to do with it.
        self.after = After::Start;
    }

    fn atom(&mut self, text: &str) {
        self.written.push_str(text);
        self.after = After::Atom;
    }

    fn literal(&mut self, c: char) {
        let escaped = regex_lite::escape(c.encode_utf8(&mut [0; 4]));
        self.atom(&escaped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts which of the texts `pattern` matches.
    #[track_caller]
    fn matches(syntax: Syntax, case: Case, pattern: &str, matching: &[&str], others: &[&str]) {
        let regex = grep(&[pattern.into()], syntax, case).unwrap_or_else(|why| panic!("{pattern}: {why}"));
        for text in matching {
            assert!(regex.is_match(text), "{pattern} must match {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{pattern} must not match {text:?}");
        }
    }

    #[test]
    fn extended_patterns_match_what_grep_matches() {
        for (pattern, matching, others) in [
            ("", &["", "a"][..], &[][..]),
            ("a.c", &["abc"], &["ac"]),
            ("^(ab|cd)+$", &["ab", "abcdab"], &["", "abc"]),
            ("^a{2}$", &["aa"], &["a", "aaa"]),
            ("^a{,2}b$", &["b", "aab"], &["aaab"]),
            ("^(2|3)[0-9]{2}$", &["200", "302"], &["404"]),
            ("a{x", &["a{x"], &["aax"]),
            ("{\"status\":\"UP\"}", &["{\"status\":\"UP\"}"], &["UP"]),
            ("[]a]b", &["]b"], &["b"]),
            ("[^]a]b", &["xb"], &["]b"]),
            ("^[a\\.]$", &["\\", ".", "a"], &["b"]),
            ("^[[:alpha:]_&~-]+$", &["aB_&~-"], &["1"]),
            (r"\bup\b", &["is up!"], &["upper"]),
            (r"\<up", &["is upper"], &["cup"]),
            (r"a\.b", &["a.b"], &["axb"]),
            (r"\d", &["d"], &["1"]),
            ("a)", &["a)"], &["a"]),
            ("UP|OK", &["OK"], &["DOWN"]),
        ] {
            matches(Syntax::Extended, Case::Sensitive, pattern, matching, others);
        }
    }

    #[test]
    fn basic_patterns_swap_what_is_escaped() {
        for (pattern, matching, others) in [
            ("a+b?(c|d){2}", &["a+b?(c|d){2}"][..], &["aab"][..]),
            (r"^\(ab\)*c\{2\}$", &["cc", "ababcc"], &["abc"]),
            (r"^a\+b\?$", &["aab", "a"], &["b"]),
            (r"^\(a\|b\)$", &["a", "b"], &["c"]),
            ("*a", &["*a"], &["a"]),
            ("^*a", &["*a"], &["a"]),
            ("a^b$c", &["a^b$c"], &["abc"]),
            (r"\(^a$\)", &["a"], &["ba", "ab"]),
            ("\"status\":\"UP\"", &["{\"status\":\"UP\"}"], &["{}"]),
            ("HTTP/1.1 200", &["HTTP/1.1 200 OK"], &["HTTP/1.1 500"]),
            ("a\nb", &["b"], &["c"]),
        ] {
            matches(Syntax::Basic, Case::Sensitive, pattern, matching, others);
        }
        matches(Syntax::Basic, Case::Insensitive, "healthy", &["HEALTHY"], &["health"]);
        matches(Syntax::Fixed, Case::Sensitive, "a.*", &["xa.*"], &["ab"]);
    }

    #[test]
    fn what_has_no_translation_is_refused() {
        for pattern in [
            "(a",
            "*a",
            "a**",
            "a|+",
            "a{2}{3}",
            "[a",
            "[b-a]",
            "[[.a.]]",
            "a\\",
            r"(a)\1",
            "((a{999}){999}){999}",
        ] {
            assert!(grep(&[pattern.into()], Syntax::Extended, Case::Sensitive).is_err(), "{pattern}");
        }
        assert!(grep(&["a".repeat(PATTERN_MAX)], Syntax::Basic, Case::Sensitive).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_makes_it_panic(pattern in r"[ab(){}|*+?.^$\\\[\]:0-9,=<-]{0,24}", text in "[ab]{0,8}") {
            for syntax in [Syntax::Basic, Syntax::Extended, Syntax::Fixed] {
                if let Ok(regex) = grep(std::slice::from_ref(&pattern), syntax, Case::Insensitive) {
                    let _ = regex.is_match(&text);
                }
            }
        }
    }
}
