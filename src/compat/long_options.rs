//! Command lines of programs whose options have long names, as text: what [`super::getopt`] finds, in one go.

use std::ffi::OsString;

use super::getopt::{Grammar, Mistake, Operands, Scanner, Word};

pub(crate) use super::getopt::{Arity, Flag, LongOptions};

/// Something that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParsedArg {
    /// No option.
    Operand(String),
    /// A switch.
    Switch {
        /// Its long name.
        name: &'static str,
        /// Off where it was given as its opposite.
        on: bool,
    },
    /// An option with a value.
    Value {
        /// Its long name.
        name: &'static str,
        /// As it was written.
        shown: String,
        /// The value.
        value: String,
    },
}

/// Sorts `args` by the options in `flags`; what is not known is named.
pub(crate) fn parse(
    flags: &'static [Flag],
    long: LongOptions,
    args: Vec<OsString>,
) -> Result<Vec<ParsedArg>, String> {
    let text = |word: OsString| word.into_string().map_err(|word| format!("{} is not UTF-8", word.display()));
    let mut found = Vec::new();
    for word in Scanner::new(Grammar { letters: "", flags, long, operands: Operands::Anywhere }, args) {
        found.push(match word.map_err(|mistake| in_curls_words(&mistake))? {
            Word::Operand(word) => ParsedArg::Operand(text(word)?),
            Word::Option(given) => {
                let name = given.flag.long.unwrap_or_default();
                match given.value {
                    Some(value) => ParsedArg::Value { name, shown: given.shown, value: text(value)? },
                    None => ParsedArg::Switch { name, on: given.on },
                }
            }
        });
    }
    Ok(found)
}

/// What is wrong, in curl's words.
fn in_curls_words(mistake: &Mistake) -> String {
    match mistake {
        Mistake::UnknownLetter(letter) => format!("option -{}: is unknown", char::from(*letter)),
        Mistake::UnknownLong(written) | Mistake::Ambiguous(written, _) => {
            format!("option --{}: is unknown", written.split('=').next().unwrap_or_default())
        }
        Mistake::LetterWithoutValue(letter) => format!("option -{letter}: requires parameter"),
        Mistake::LongWithoutValue(name) => format!("option --{name}: requires parameter"),
        Mistake::UnwantedValue(name) => format!("option --{name}: takes no parameter"),
    }
}
