//! Patterns: regular expressions of the kind that grep reads, matched in linear time.
//!
//! | Written | Matches |
//! |---|---|
//! | `.` | any character |
//! | `[a-z_]`, `[^0-9]`, `[[:space:]]` | one of a set, or one that is not; `\` escapes in it, too |
//! | `\d`, `\w`, `\s`, `\D`, `\W`, `\S` | a digit, a character of a word, white space; not such a one |
//! | `^`, `$` | the begin and the end of the text |
//! | `\b`, `\B`, `\<`, `\>` | an edge of a word, no edge, its begin, its end |
//! | `x*`, `x+`, `x?`, `x{2}`, `x{2,}`, `x{2,5}` | repetition; `x*?` and its like are the same here |
//! | `x\|y`, `(x)`, `(?:x)` | one or the other; a group |
//! | `\n`, `\t`, `\r` | that control character |
//! | `\.` | that character itself |
//! | `(?i)` at the begin | letters in either case |
//!
//! This is [`Syntax::Extended`]; in [`Syntax::Basic`] it is `\(`, `\)`, `\{`, `\}`, `\|`, `\+` and `\?` that mean
//! something, and the bare ones are themselves. Words, digits, white space and case are those of ASCII. What takes more
//! than linear time (backreferences, looking around) and what is not known is refused, and never taken literally.
//!
//! A match looks at each character once and at each state of the pattern once for it (Thompson's simulation), so a
//! pattern of at most [`SIZE_MAX`] states cannot be made to hang by what it is matched against.

mod program;
mod syntax;

use self::program::Program;
use self::syntax::Parser;

/// The most characters of a pattern.
const LENGTH_MAX: usize = 1024;

/// The most groups in groups.
const DEPTH_MAX: usize = 32;

/// The most states of a pattern, its repetitions written out.
const SIZE_MAX: usize = 4096;

/// A pattern that can be matched.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Program);

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// As for grep and sed.
    Basic,
    /// As for grep -E and awk.
    Extended,
}

/// Whether `a` is `A`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// It is not.
    Sensitive,
    /// It is.
    Insensitive,
}

impl Pattern {
    /// Reads a pattern; an error is a sentence without a subject: what stands in it that cannot be read.
    pub(crate) fn parse(text: &str, syntax: Syntax, case: Case) -> Result<Self, String> {
        if text.chars().count() > LENGTH_MAX {
            return Err(format!("more than {LENGTH_MAX} characters"));
        }
        let (text, case) = match (syntax, text.strip_prefix("(?i)")) {
            (Syntax::Extended, Some(rest)) => (rest, Case::Insensitive),
            _ => (text, case),
        };
        let node = Parser::new(text, syntax).parse()?;
        Ok(Self(Program::build(&node, case)?))
    }

    /// Whether it matches anywhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `text` in extended syntax.
    fn extended(text: &str) -> Pattern {
        Pattern::parse(text, Syntax::Extended, Case::Sensitive).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn extended_patterns_match_what_grep_does() {
        for (pattern, matching, others) in [
            ("", &["", "a"][..], &[][..]),
            ("abc", &["abc", "xabcx"], &["", "ab", "acb"]),
            ("a.c", &["abc", "a\nc", "aäc"], &["ac"]),
            ("^abc$", &["abc"], &["abcd", "xabc", "abc\n"]),
            ("a*", &["", "b", "aaa"], &[]),
            ("^a+$", &["a", "aaa"], &["", "ab"]),
            ("^ab?$", &["a", "ab"], &["abb", "b"]),
            ("^(ab|cd)+$", &["ab", "abcdab"], &["", "abc"]),
            ("^(?:a|)b$", &["ab", "b"], &["aab"]),
            ("^a{2}$", &["aa"], &["a", "aaa"]),
            ("^a{2,}$", &["aa", "aaaaa"], &["a"]),
            ("^a{0,2}$", &["", "a", "aa"], &["aaa"]),
            ("^(a*)*$", &["", "aaaa"], &["b"]),
            ("^(a?){3}a{3}$", &["aaa", "aaaaaa"], &["aa", "aaaaaaa"]),
            ("a|b|", &["", "c"], &[]),
            ("[abc]", &["xbx"], &["xyz"]),
            ("^[^abc]$", &["x", "\n"], &["a", "xx"]),
            ("^[]a]+$", &["]a]"], &["b"]),
            ("^[a-]+$", &["a-"], &["b"]),
            ("^[-a]+$", &["a-"], &["b"]),
            (r"^[\w.-]+$", &["a.b-c_9"], &["a b"]),
            (r"^[\]\\]+$", &[r"]\"], &["a"]),
            ("^[[:alpha:][:digit:]]+$", &["aZ9"], &["_"]),
            (r"^\d+\s\w+$", &["42 x_1"], &["42x", "a b"]),
            (r"^\D\S\W$", &["ab "], &["1b ", "a  ", "abc"]),
            (r"\bjava\b", &["java -jar", "a java"], &["javac", "_java"]),
            (r"\Bava\b", &["java"], &["ava"]),
            (r"\<ja", &["x java"], &["xja"]),
            (r"va\>", &["java x"], &["vax"]),
            (r"a\.b", &["a.b"], &["axb"]),
            (r"\(\{\[\*\^\$\|\\\/", &[r"({[*^$|\/"], &[]),
            (r"^\n\t\r$", &["\n\t\r"], &["ntr"]),
            ("a{x", &["a{x"], &["aax"]),
            ("{\"a\"}", &["{\"a\"}"], &["a"]),
            ("^a*?b+?c??$", &["b", "aabbc"], &["a"]),
            ("(?i)JaVa", &["java", "JAVA"], &["jäva"]),
            ("(?i)^[a-f]+$", &["aF"], &["g"]),
            ("^[^(?i)]$", &["a"], &["i"]),
            ("(^a|b$)", &["ax", "xb"], &["xa", "bx"]),
            ("x^", &[], &["x", "x^"]),
        ] {
            let compiled = extended(pattern);
            for text in matching {
                assert!(compiled.is_match(text), "{pattern} must match {text:?}");
            }
            for text in others {
                assert!(!compiled.is_match(text), "{pattern} must not match {text:?}");
            }
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
            (r"\(*a\)", &["*a"], &["a"]),
            ("a^b$c", &["a^b$c"], &["abc"]),
            (r"\(^a$\)", &["a"], &["ba", "ab"]),
            ("\"status\":\"UP\"", &["{\"status\":\"UP\"}"], &["{}"]),
            ("(?i)a", &["(?i)a"], &["A"]),
        ] {
            let compiled = Pattern::parse(pattern, Syntax::Basic, Case::Sensitive).expect(pattern);
            for text in matching {
                assert!(compiled.is_match(text), "{pattern} must match {text:?}");
            }
            for text in others {
                assert!(!compiled.is_match(text), "{pattern} must not match {text:?}");
            }
        }
        let loud = Pattern::parse("healthy", Syntax::Basic, Case::Insensitive).unwrap();
        assert!(loud.is_match("HEALTHY") && !loud.is_match("health"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_reason() {
        for (pattern, reason) in [
            ("(a", "a ( without its )"),
            ("a)", "a ) without its ("),
            ("*a", "nothing before it"),
            ("a|+", "nothing before it"),
            ("(?)", "`(?)`"),
            ("^*", "nothing before it"),
            ("a**", "two repetitions in a row"),
            ("a{2}{3}", "two repetitions in a row"),
            ("a{2", "a { without its }"),
            ("a{2,1}", "more than its end"),
            ("a{1001}", "more than 1000"),
            ("a{99999999999999999999}", "more than 1000"),
            ("a{2,x}", "a { without its }"),
            ("[a", "a [ without its ]"),
            ("[]", "a [ without its ]"),
            ("[b-a]", "ends before it begins"),
            ("[[:alpha:]-z]", "a class at the end of a range"),
            ("[a-\\d]", "a class at the end of a range"),
            ("[[:word:]]", "unknown class `word`"),
            ("[[.a.]]", "a collating element"),
            ("[\\D]", "unknown escape `\\D` in brackets"),
            ("a\\", "a \\ at its end"),
            ("\\1", "a backreference"),
            ("(a)\\1", "a backreference"),
            ("\\k", "unknown escape `\\k`"),
            ("(?=a)", "`(?=`"),
            ("(?<n>a)", "`(?<`"),
            ("a(?i)b", "`(?i`"),
            ("(((((a{100}){100}){100}){100}){100}){100}", "more than 4096 states"),
            ("(((((){1000}){1000}){1000}){1000}){1000}", "more than 4096 states"),
        ] {
            let error = Pattern::parse(pattern, Syntax::Extended, Case::Sensitive).unwrap_err();
            assert!(error.contains(reason), "{pattern}: {error}");
        }
        let deep = format!("{}a{}", "(".repeat(400), ")".repeat(400));
        let error = Pattern::parse(&deep, Syntax::Extended, Case::Sensitive).unwrap_err();
        assert!(error.contains("groups in more than 32 groups"), "{error}");
        assert!(Pattern::parse(&"a".repeat(1025), Syntax::Extended, Case::Sensitive).is_err());
        assert!(Pattern::parse(&"a".repeat(1024), Syntax::Extended, Case::Sensitive).is_ok());
    }

    #[test]
    fn no_text_makes_a_pattern_hang() {
        // Each of these takes a backtracking matcher longer than anybody waits.
        let text = "a".repeat(20_000);
        for pattern in ["^(a+)+$", "^(a|a)*b", "^(a|aa)+$", "(a*)*(a*)*(a*)*b", "^(.*)*x", "(a?){100}a{100}b"]
        {
            let wanted = pattern.ends_with('$');
            assert_eq!(extended(pattern).is_match(&text), wanted, "{pattern}");
        }
    }

    /// Patterns that both read in the same way, `regex-lite` being the other.
    fn pattern() -> impl Strategy<Value = String> {
        let atom = prop_oneof![
            Just("a"),
            Just("b"),
            Just("ä"),
            Just("."),
            Just("[ab]"),
            Just("[^a]"),
            Just("[a-c_]"),
            Just(r"\d"),
            Just(r"\w"),
            Just(r"\S"),
            Just("^"),
            Just("$"),
            Just(r"\b"),
            Just(r"\B"),
            Just(""),
        ]
        .prop_map(str::to_owned);
        atom.prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}|{b})")),
                (inner, prop_oneof!["\\*", "\\+", "\\?", "\\{2\\}", "\\{1,3\\}", "\\{0,\\}", "\\*\\?"])
                    .prop_map(|(a, repeat)| format!("({a}){}", repeat.replace('\\', ""))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_another_matcher(pattern in pattern(), text in "[ab_ä1 \n]{0,12}") {
            let other = regex_lite::Regex::new(&format!("(?s){pattern}")).unwrap();
            prop_assert_eq!(extended(&pattern).is_match(&text), other.is_match(&text), "{}", pattern);
        }

        #[test]
        fn reads_or_refuses_any_text(pattern in r"[ab(){}|*+?.^$\\\[\]:0-9,=<-]{0,24}", text in "[ab]{0,8}") {
            for syntax in [Syntax::Basic, Syntax::Extended] {
                if let Ok(pattern) = Pattern::parse(&pattern, syntax, Case::Insensitive) {
                    let _ = pattern.is_match(&text);
                }
            }
        }
    }
}
