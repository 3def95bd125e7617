//! Command lines as C programs read them: clusters of short options, values glued on or apart, options after words.

use std::ffi::OsString;

/// An option that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag {
    long: &'static str,
    short: Option<char>,
    arity: Arity,
}

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arity {
    /// It is or is not.
    Switch,
    /// It has one.
    Value,
}

/// Whose habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `--flag value`, and `--no-flag` for the opposite of a switch.
    Curl,
    /// `--flag value`, `--flag=value`, and the beginning of a flag where it is the only one (`getopt_long`(3)).
    Gnu,
}

/// Something that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ParsedArg {
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

impl Flag {
    /// `--long`, and `-short` where there is one.
    pub(super) const fn new(long: &'static str, short: Option<char>, arity: Arity) -> Self {
        Self { long, short, arity }
    }
}

/// Sorts `args` by the options in `flags`; what is not known is named.
pub(super) fn parse(flags: &[Flag], syntax: Syntax, args: Vec<OsString>) -> Result<Vec<ParsedArg>, String> {
    let mut found = Vec::new();
    let mut args = args
        .into_iter()
        .map(|word| word.into_string().map_err(|word| format!("{} is not UTF-8", word.display())));
    while let Some(word) = args.next() {
        let word = word?;
        if word == "--" {
            for word in args {
                found.push(ParsedArg::Operand(word?));
            }
            break;
        }
        let mut next =
            |shown: &str| args.next().unwrap_or_else(|| Err(format!("option {shown}: requires parameter")));
        if let Some(long) = word.strip_prefix("--") {
            let (name, glued) = match (syntax, long.split_once('=')) {
                (Syntax::Gnu, Some((name, value))) => (name, Some(value.to_owned())),
                _ => (long, None),
            };
            let shown = format!("--{name}");
            let unknown = || format!("option {shown}: is unknown");
            if let Some(flag) = lookup(flags, syntax, name) {
                found.push(match (flag.arity, glued) {
                    (Arity::Switch, None) => ParsedArg::Switch { name: flag.long, on: true },
                    (Arity::Switch, Some(_)) => return Err(format!("option {shown}: arity no parameter")),
                    (Arity::Value, Some(value)) => ParsedArg::Value { name: flag.long, shown, value },
                    (Arity::Value, None) => {
                        let value = next(&shown)?;
                        ParsedArg::Value { name: flag.long, shown, value }
                    }
                });
            } else {
                let opposite = name.strip_prefix("no-").filter(|_| syntax == Syntax::Curl);
                let flag = opposite.and_then(|name| lookup(flags, syntax, name)).ok_or_else(unknown)?;
                if flag.arity == Arity::Value {
                    return Err(unknown());
                }
                found.push(ParsedArg::Switch { name: flag.long, on: false });
            }
            continue;
        }
        let Some(cluster) = word.strip_prefix('-').filter(|cluster| !cluster.is_empty()) else {
            found.push(ParsedArg::Operand(word));
            continue;
        };
        let mut letters = cluster.chars();
        while let Some(letter) = letters.next() {
            let shown = format!("-{letter}");
            let flag = flags.iter().find(|flag| flag.short == Some(letter));
            let flag = flag.ok_or_else(|| format!("option {shown}: is unknown"))?;
            if flag.arity == Arity::Switch {
                found.push(ParsedArg::Switch { name: flag.long, on: true });
                continue;
            }
            let value = match letters.as_str() {
                "" => next(&shown)?,
                glued => glued.to_owned(),
            };
            found.push(ParsedArg::Value { name: flag.long, shown, value });
            break;
        }
    }
    Ok(found)
}

/// The option that `name` means.
fn lookup<'a>(flags: &'a [Flag], syntax: Syntax, name: &str) -> Option<&'a Flag> {
    let exact = flags.iter().find(|flag| flag.long == name);
    if exact.is_some() || syntax == Syntax::Curl {
        return exact;
    }
    let mut beginning = flags.iter().filter(|flag| flag.long.starts_with(name));
    beginning.next().filter(|_| beginning.next().is_none())
}
