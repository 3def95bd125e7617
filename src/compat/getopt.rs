//! Short options as getopt(3) reads them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// One option, or the rest of the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// A letter, and its value where it takes one.
    Letter(char, Option<String>),
    /// `--name`, with what follows its `=`.
    Long(String, Option<String>),
}

/// Sorts `args` into options and the command that follows them. `valued` are the letters and long names that take a
/// value. Options end at `--` or at the first word that is none.
pub(crate) fn sort(args: Vec<OsString>, valued: &[&str]) -> Result<(Vec<Word>, Vec<OsString>), String> {
    let mut words = Vec::new();
    let mut args = args.into_iter().peekable();
    while let Some(word) = args.next_if(|word| word.as_bytes().starts_with(b"-") && word != "-") {
        if word == "--" {
            break;
        }
        let word = word.into_string().map_err(|word| format!("{} is not UTF-8", word.display()))?;
        let mut next = |name: &str| {
            args.next()
                .and_then(|value| value.into_string().ok())
                .ok_or_else(|| format!("option requires an argument -- '{name}'"))
        };
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let value = if value.is_none() && valued.contains(&name) { Some(next(name)?) } else { value };
            words.push(Word::Long(name.to_owned(), value));
            continue;
        }
        let mut letters = word.chars().skip(1);
        while let Some(letter) = letters.next() {
            if !valued.contains(&letter.to_string().as_str()) {
                words.push(Word::Letter(letter, None));
                continue;
            }
            let rest: String = letters.by_ref().collect();
            let value = if rest.is_empty() { next(&letter.to_string())? } else { rest };
            words.push(Word::Letter(letter, Some(value)));
        }
    }
    Ok((words, args.collect()))
}

/// Whether a variable is set to something other than nothing and 0.
pub(crate) fn is_on(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| !value.is_empty() && value != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> (Vec<Word>, Vec<OsString>) {
        sort(line.split_whitespace().map(OsString::from).collect(), &["e", "rewrite"]).unwrap()
    }

    #[test]
    fn letters_may_stand_together_and_values_beside_them() {
        let (found, rest) = words("-vve3 -e 4 -- sh -c x");
        let letter = |letter, value: Option<&str>| Word::Letter(letter, value.map(str::to_owned));
        assert_eq!(
            found,
            [letter('v', None), letter('v', None), letter('e', Some("3")), letter('e', Some("4"))]
        );
        assert_eq!(rest, ["sh", "-c", "x"]);
    }

    #[test]
    fn options_end_at_the_first_word_that_is_none() {
        let (found, rest) = words("--rewrite 1:2 --rewrite=3:4 sh -c x");
        let long = |value: &str| Word::Long("rewrite".into(), Some(value.into()));
        assert_eq!(
            (found, rest),
            (vec![long("1:2"), long("3:4")], vec!["sh".into(), "-c".into(), "x".into()])
        );
    }
}
