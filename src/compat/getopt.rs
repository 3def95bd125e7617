//! Command lines as `getopt_long`(3) and its relatives read them, from one table of options: letters alone and in clusters,
//! values glued on or apart, long options and what they are abbreviated to, operands after the options or among them. Go's
//! flag package and the `case` of a shell script read theirs by the same table.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::vec::IntoIter;

use crate::cli::variable_os;

/// An option that a program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    /// Its letter, where it has one.
    pub(crate) letter: Option<char>,
    /// Its long name, where it has one.
    pub(crate) long: Option<&'static str>,
    /// Whether it has a value.
    pub(crate) arity: Arity,
}

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arity {
    /// It is there or not.
    Switch,
    /// It has one.
    Value,
    /// It may have one, behind `=` only.
    Optional,
}

impl Flag {
    /// `--long`, and `-x` where there is one.
    pub(crate) const fn new(long: &'static str, letter: Option<char>, arity: Arity) -> Self {
        Self { letter, long: Some(long), arity }
    }
}

/// How a program reads its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar {
    /// The letters that have no long name, as getopt(3) has them: a `:` follows one that takes a value.
    pub(crate) letters: &'static str,
    /// Everything else that it knows.
    pub(crate) flags: &'static [Flag],
    /// How it takes long options.
    pub(crate) long: LongOptions,
    /// Where operands may stand.
    pub(crate) operands: Operands,
}

impl Grammar {
    /// The option of this letter.
    fn letter(&self, letter: char) -> Option<Flag> {
        if let Some(flag) = self.flags.iter().find(|flag| flag.letter == Some(letter)) {
            return Some(*flag);
        }
        let (_, after) = self.letters.split_once(letter).filter(|_| letter != ':')?;
        let arity = if after.starts_with(':') { Arity::Value } else { Arity::Switch };
        Some(Flag { letter: Some(letter), long: None, arity })
    }

    /// The same with `POSIXLY_CORRECT` obeyed, as the C library does: the first operand ends the options.
    pub(crate) fn as_posix_asks(self) -> Self {
        match variable_os("POSIXLY_CORRECT") {
            Some(_) => Self { operands: Operands::Last, ..self },
            None => self,
        }
    }
}

/// How a program takes long options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongOptions {
    /// Not at all: `--x` is a cluster of `-` and `x`, as getopt(3) has it.
    None,
    /// `--name value`, `--name=value`, and each beginning of a name that no other has, as `getopt_long`(3) has it.
    Gnu,
    /// `--name value`, and `--no-name` for a switch, as curl has it.
    Curl,
    /// `--name value` and `--name=value`, by whole names only, as Go's pflag has it.
    Whole,
    /// The same with one dash or two, and no letters: `-name value`, as Go's flag package has it.
    Go,
    /// A shell's `case`: `-x value`, `--name` and `--name=value`, and every other word is an operand.
    Case,
}

/// Where operands may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operands {
    /// Behind the options only: the first operand ends them.
    Last,
    /// Anywhere: options among them count until `--`, and what is after the first `--` is all operands.
    Anywhere,
}

/// An option as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// Which one.
    pub(crate) flag: Flag,
    /// Its value, if it takes one.
    pub(crate) value: Option<OsString>,
    /// False for `--no-name`.
    pub(crate) on: bool,
    /// As the user wrote it, without the value: `-x` or `--name`.
    pub(crate) shown: String,
}

/// A word of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// An option.
    Option(Given),
    /// Anything else.
    Operand(OsString),
}

/// What is wrong about a word. `getopt` of the C library goes on after it, and so does the scanner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// There is no such letter.
    UnknownLetter(u8),
    /// There is no such long option; as it was written, with what follows its `=`.
    UnknownLong(String),
    /// The beginning of several; as it was written, and all of them.
    Ambiguous(String, Vec<&'static str>),
    /// The letter wants a value, and the line is over.
    LetterWithoutValue(char),
    /// The long option wants a value, and the line is over.
    LongWithoutValue(&'static str),
    /// The long option takes no value, and has one.
    UnwantedValue(&'static str),
}

impl Mistake {
    /// In the words of the GNU C library; `program` is argv's first word.
    pub(crate) fn in_glibc_words(&self, program: &OsStr) -> String {
        let program = program.display();
        match self {
            Self::UnknownLetter(letter) => {
                format!("{program}: invalid option -- '{}'", OsStr::from_bytes(&[*letter]).display())
            }
            Self::UnknownLong(written) => format!("{program}: unrecognized option '--{written}'"),
            Self::Ambiguous(written, names) => {
                let names: Vec<_> = names.iter().map(|name| format!("'--{name}'")).collect();
                let names = names.join(" ");
                format!("{program}: option '--{written}' is ambiguous; possibilities: {names}")
            }
            Self::LetterWithoutValue(letter) => {
                format!("{program}: option requires an argument -- '{letter}'")
            }
            Self::LongWithoutValue(name) => format!("{program}: option '--{name}' requires an argument"),
            Self::UnwantedValue(name) => format!("{program}: option '--{name}' doesn't allow an argument"),
        }
    }

    /// As what a command of `sh` does not offer.
    pub(crate) fn as_not_offered(&self, program: &str) -> String {
        match self {
            Self::UnknownLetter(letter) => format!("{program} -{}: not offered", char::from(*letter)),
            Self::UnknownLong(written) | Self::Ambiguous(written, _) => {
                format!("{program} --{written}: not offered")
            }
            Self::LetterWithoutValue(letter) => format!("{program} -{letter} needs a value"),
            Self::LongWithoutValue(name) => format!("{program} --{name} needs a value"),
            Self::UnwantedValue(name) => format!("{program} --{name} takes no value"),
        }
    }

    /// As netcat says it.
    pub(crate) fn in_netcats_words(&self) -> String {
        let said = self.in_glibc_words(OsStr::new("nc"));
        said.strip_prefix("nc: ").unwrap_or(&said).to_owned()
    }

    /// In the words of Go's flag package.
    pub(crate) fn in_go_words(&self) -> String {
        match self {
            Self::UnknownLong(written) | Self::Ambiguous(written, _) => {
                format!("flag provided but not defined: -{}", written.split('=').next().unwrap_or_default())
            }
            Self::LongWithoutValue(name) => format!("flag needs an argument: -{name}"),
            Self::UnwantedValue(name) => format!("invalid value for -{name}"),
            // There are no letters in Go.
            Self::UnknownLetter(_) | Self::LetterWithoutValue(_) => "bad flag syntax".into(),
        }
    }
}

/// Reads a line, word by word: whoever asks for help before something is wrong gets it.
#[derive(Debug)]
pub(crate) struct Scanner {
    grammar: Grammar,
    words: IntoIter<OsString>,
    /// The letters of a cluster that are still to come.
    cluster: Vec<u8>,
    /// Whether options are over.
    is_over: bool,
}

impl Scanner {
    /// At the beginning of `args`.
    pub(crate) fn new(grammar: Grammar, args: Vec<OsString>) -> Self {
        Self { grammar, words: args.into_iter(), cluster: Vec::new(), is_over: false }
    }

    /// Whether the options are over: `--`, or the first operand where that ends them, has been read.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// `first`, with which the options were over, and all that follows it.
    pub(crate) fn command(self, first: OsString) -> Vec<OsString> {
        std::iter::once(first).chain(self.words).collect()
    }

    /// The next letter of a cluster.
    fn letter(&mut self) -> Result<Given, Mistake> {
        let byte = self.cluster.remove(0);
        let letter = char::from(byte);
        let known = self.grammar.letter(letter).filter(|_| byte.is_ascii());
        let flag = known.ok_or(Mistake::UnknownLetter(byte))?;
        let value = match flag.arity {
            Arity::Switch | Arity::Optional => None,
            Arity::Value if self.cluster.is_empty() => {
                Some(self.words.next().ok_or(Mistake::LetterWithoutValue(letter))?)
            }
            Arity::Value => Some(OsString::from_vec(std::mem::take(&mut self.cluster))),
        };
        Ok(Given { flag, value, on: true, shown: format!("-{letter}") })
    }

    /// The long option `written`, which stands without its dashes.
    fn long(&mut self, written: &[u8]) -> Result<Given, Mistake> {
        let text = || String::from_utf8_lossy(written).into_owned();
        let (name, glued) = match written.iter().position(|byte| *byte == b'=') {
            Some(at) if self.grammar.long != LongOptions::Curl => {
                (written.get(..at).unwrap_or_default(), written.get(at + 1..))
            }
            _ => (written, None),
        };
        let (flag, on) = match self.lookup(name) {
            Found::Flag(flag) => (flag, true),
            Found::Several(names) => return Err(Mistake::Ambiguous(text(), names)),
            Found::Nothing => {
                let opposite = name.strip_prefix(b"no-").filter(|_| self.grammar.long == LongOptions::Curl);
                match opposite.map(|name| self.lookup(name)) {
                    Some(Found::Flag(flag)) if flag.arity == Arity::Switch => (flag, false),
                    _ => return Err(Mistake::UnknownLong(text())),
                }
            }
        };
        let long = flag.long.unwrap_or_default();
        let value = match (flag.arity, glued) {
            (Arity::Switch, Some(_)) => return Err(Mistake::UnwantedValue(long)),
            (Arity::Switch | Arity::Optional, None) => None,
            (Arity::Value | Arity::Optional, Some(value)) => Some(OsStr::from_bytes(value).to_owned()),
            (Arity::Value, None) => Some(self.words.next().ok_or(Mistake::LongWithoutValue(long))?),
        };
        Ok(Given { flag, value, on, shown: format!("--{}", String::from_utf8_lossy(name)) })
    }

    /// The option that `word` is in a shell's `case`, if it is one.
    fn case(&mut self, word: &[u8]) -> Option<Result<Given, Mistake>> {
        let (name, has_value) = match word.iter().position(|byte| *byte == b'=') {
            Some(at) => (word.get(..at).unwrap_or_default(), true),
            None => (word, false),
        };
        let long = name.strip_prefix(b"--").and_then(|name| match self.lookup(name) {
            Found::Flag(flag) if (flag.arity == Arity::Value) == has_value => Some(()),
            _ => None,
        });
        if long.is_some() {
            return Some(self.long(word.get(2..).unwrap_or_default()));
        }
        match word {
            [b'-', letter] if self.grammar.letter(char::from(*letter)).is_some() => {
                self.cluster = vec![*letter];
                Some(self.letter())
            }
            _ => None,
        }
    }

    /// The long option that `name` means.
    fn lookup(&self, name: &[u8]) -> Found {
        let long = |flag: &Flag| flag.long.map(str::as_bytes);
        let flags = self.grammar.flags;
        if let Some(flag) = flags.iter().find(|flag| long(flag) == Some(name)) {
            return Found::Flag(*flag);
        }
        if self.grammar.long != LongOptions::Gnu {
            return Found::Nothing;
        }
        let begun: Vec<&Flag> =
            flags.iter().filter(|flag| long(flag).is_some_and(|long| long.starts_with(name))).collect();
        match begun.as_slice() {
            [] => Found::Nothing,
            [flag] => Found::Flag(**flag),
            several => Found::Several(several.iter().filter_map(|flag| flag.long).collect()),
        }
    }
}

/// What a long name means.
enum Found {
    Flag(Flag),
    Several(Vec<&'static str>),
    Nothing,
}

impl Iterator for Scanner {
    type Item = Result<Word, Mistake>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.cluster.is_empty() {
            return Some(self.letter().map(Word::Option));
        }
        let word = self.words.next()?;
        let bytes = word.as_bytes();
        if self.is_over || !bytes.starts_with(b"-") || bytes == b"-" {
            self.is_over |= self.grammar.operands == Operands::Last;
            return Some(Ok(Word::Operand(word)));
        }
        if bytes == b"--" {
            self.is_over = true;
            return self.next();
        }
        match self.grammar.long {
            LongOptions::Case => {
                return Some(match self.case(bytes) {
                    Some(given) => given.map(Word::Option),
                    None => Ok(Word::Operand(word)),
                });
            }
            LongOptions::Go => {
                let name = bytes.strip_prefix(b"--").or(bytes.strip_prefix(b"-")).unwrap_or_default();
                return Some(self.long(name).map(Word::Option));
            }
            _ => {}
        }
        if let Some(long) = bytes.strip_prefix(b"--").filter(|_| self.grammar.long != LongOptions::None) {
            return Some(self.long(long).map(Word::Option));
        }
        self.cluster = bytes.get(1..).unwrap_or_default().to_vec();
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag::new("rewrite", Some('r'), Arity::Value),
        Flag::new("version", Some('V'), Arity::Switch),
        Flag::new("verbose", None, Arity::Switch),
        Flag::new("maybe", None, Arity::Optional),
    ];

    /// `line` as it is read: options by what they were written as, and operands.
    fn read(long: LongOptions, operands: Operands, line: &str) -> Vec<String> {
        let args = line.split(' ').map(OsString::from).collect();
        let scanner = Scanner::new(Grammar { letters: "ve:", flags: FLAGS, long, operands }, args);
        let show = |word: Result<Word, Mistake>| match word {
            Ok(Word::Option(given)) => {
                let value = given.value.map(|value| format!("={}", value.display())).unwrap_or_default();
                let on = if given.on { "" } else { "!" };
                format!("{on}{}{value}", given.shown)
            }
            Ok(Word::Operand(word)) => word.display().to_string(),
            Err(mistake) => mistake.in_glibc_words(OsStr::new("x")),
        };
        scanner.map(show).collect()
    }

    #[test]
    fn letters_may_stand_together_and_values_beside_them() {
        let words = read(LongOptions::Gnu, Operands::Last, "-vve3 -e 4 -- sh -v");
        assert_eq!(words, ["-v", "-v", "-e=3", "-e=4", "sh", "-v"]);
    }

    #[test]
    fn operands_end_the_options_or_do_not() {
        let line = "-v sh -v - -- -v --";
        assert_eq!(read(LongOptions::Gnu, Operands::Last, line), ["-v", "sh", "-v", "-", "--", "-v", "--"]);
        assert_eq!(read(LongOptions::Gnu, Operands::Anywhere, line), ["-v", "sh", "-v", "-", "-v", "--"]);
    }

    #[test]
    fn long_options_may_be_abbreviated_as_long_as_it_is_clear() {
        let gnu = |line| read(LongOptions::Gnu, Operands::Last, line);
        assert_eq!(gnu("--rew 1 --r=2 --verb --rewrite=="), ["--rew=1", "--r=2", "--verb", "--rewrite=="]);
        assert_eq!(
            gnu("--ver --verb=3 --versions=3 --rew"),
            [
                "x: option '--ver' is ambiguous; possibilities: '--version' '--verbose'",
                "x: option '--verbose' doesn't allow an argument",
                "x: unrecognized option '--versions=3'",
                "x: option '--rewrite' requires an argument",
            ]
        );
    }

    #[test]
    fn curl_abbreviates_nothing_and_switches_off() {
        let curl = |line| read(LongOptions::Curl, Operands::Anywhere, line);
        assert_eq!(curl("--no-verbose u --rewrite a=b"), ["!--no-verbose", "u", "--rewrite=a=b"]);
        let wrong = ["x: unrecognized option '--verb'", "x: unrecognized option '--no-rewrite'"];
        assert_eq!(curl("--verb --no-rewrite"), wrong);
    }

    #[test]
    fn go_takes_one_dash_or_two_and_whole_names_only() {
        let go = |line| read(LongOptions::Go, Operands::Last, line);
        assert_eq!(
            go("-rewrite 1 --rewrite=2 -verbose x -v"),
            ["--rewrite=1", "--rewrite=2", "--verbose", "x", "-v"]
        );
        assert_eq!(go("-maybe -maybe=no"), ["--maybe", "--maybe=no"]);
        assert_eq!(go("-rew --r=2"), ["x: unrecognized option '--rew'", "x: unrecognized option '--r=2'"]);
    }

    #[test]
    fn a_shells_case_knows_words_and_no_clusters() {
        let case = |line| read(LongOptions::Case, Operands::Anywhere, line);
        assert_eq!(case("-v -e 3 --rewrite=a --verbose"), ["-v", "-e=3", "--rewrite=a", "--verbose"]);
        assert_eq!(
            case("-ve --rewrite --verbose=1 -e"),
            ["-ve", "--rewrite", "--verbose=1", "x: option requires an argument -- 'e'"]
        );
    }

    #[test]
    fn without_long_options_a_dash_is_a_letter_that_is_unknown() {
        let words = read(LongOptions::None, Operands::Last, "--v -e");
        let wrong = ["x: invalid option -- '-'", "-v", "x: option requires an argument -- 'e'"];
        assert_eq!(words, wrong);
    }
}
