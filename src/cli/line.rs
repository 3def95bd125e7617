//! A command line becomes options that were given, and words: one getopt over the tables of options.
//!
//! clap draws the help, but it does not read lines: building its arguments costs more than all else that a check does before
//! it connects, and it has no words for a value that stands in a variable.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::exit::ExitStatus;

use super::args::Args;
use super::expand;
use super::help;
use super::hints;
use super::option::{Given, Opt, OptionValue, Origin, Repeat};
use super::usage::Usage;

pub(super) use super::help::{Grammar, Source};

/// What a line holds.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The options, those of the environment behind those of the line.
    pub(super) given: Vec<Given>,
    /// The words that are none, before the command.
    pub(super) words: Vec<String>,
    /// CMD and its arguments, byte for byte; none where there is no `--` in front of one.
    pub(super) command: Option<Vec<OsString>>,
}

/// What was asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// The command.
    Run(Line),
    /// Its help.
    Help(String),
}

/// Where words that are no options may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operands {
    /// Anywhere; behind `--` all are.
    Targets,
    /// The same, and behind `--` is a command.
    TargetsAndCommand,
    /// The first one begins a command.
    Command,
}

/// Reads `args` as `grammar` has it.
pub(super) fn read(grammar: &Grammar, operands: Operands, args: Vec<OsString>) -> Result<Request, Usage> {
    let misused =
        |why: String| Usage::new(grammar.misused, format!("{why} (see sexton {} --help)", grammar.command));
    let mut line = Line::default();
    let mut args = args.into_iter();
    while let Some(word) = args.next() {
        let bytes = word.as_bytes();
        if word == "--" {
            match operands {
                Operands::Targets => {
                    for word in args.by_ref() {
                        line.words.push(utf8(word).map_err(misused)?);
                    }
                }
                Operands::TargetsAndCommand | Operands::Command => {
                    line.command = Some(args.by_ref().collect());
                }
            }
        } else if !bytes.starts_with(b"-") || bytes == b"-" {
            if operands == Operands::Command {
                line.command = Some(std::iter::once(word).chain(args.by_ref()).collect());
            } else {
                line.words.push(utf8(word).map_err(misused)?);
            }
        } else {
            let word = utf8(word).map_err(misused)?;
            if matches!(word.as_str(), "-h" | "--help") {
                return Ok(Request::Help(help::of(grammar)));
            }
            match word.strip_prefix("--") {
                Some(long) => read_long(grammar, long, &mut args, &mut line.given),
                None => read_letters(grammar, word.get(1..).unwrap_or_default(), &mut args, &mut line.given),
            }
            .map_err(misused)?;
        }
    }
    read_environment(grammar, &mut line.given).map_err(|why| Usage::new(grammar.misused, why))?;
    let given: Vec<&Given> = line.given.iter().collect();
    check_constraints(&given, grammar.assumed).map_err(misused)?;
    Ok(Request::Run(line))
}

/// What the environment gives, where another program's line is read.
pub(super) fn of_environment(grammar: &Grammar) -> Result<Line, String> {
    let mut line = Line::default();
    read_environment(grammar, &mut line.given)?;
    check_constraints(&line.given.iter().collect::<Vec<_>>(), grammar.assumed)?;
    Ok(line)
}

/// A word as text.
fn utf8(word: OsString) -> Result<String, String> {
    word.into_string().map_err(|_| "an argument is not UTF-8".into())
}

/// Reads `name`, `name=value`, or `name` and the next word.
fn read_long(
    grammar: &Grammar,
    long: &str,
    args: &mut impl Iterator<Item = OsString>,
    given: &mut Vec<Given>,
) -> Result<(), String> {
    let (name, glued) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (long, None),
    };
    let option = grammar.options().find(|option| option.name == name);
    let option = option.ok_or_else(|| hints::unknown_option(grammar, &format!("--{name}")))?;
    let value = match (option.takes, glued) {
        (OptionValue::Nothing, None) => String::new(),
        (OptionValue::Nothing, Some(_)) => return Err(format!("--{name} takes no value")),
        (OptionValue::Value(_) | OptionValue::Optional { .. }, Some(value)) => value,
        (OptionValue::Value(_), None) => next(args, option)?,
        (OptionValue::Optional { usual, .. }, None) => usual.to_owned(),
    };
    push(option, value, given)
}

/// Reads letters that stand together, of which the last may have a value, glued on or as the next word.
fn read_letters(
    grammar: &Grammar,
    letters: &str,
    args: &mut impl Iterator<Item = OsString>,
    given: &mut Vec<Given>,
) -> Result<(), String> {
    let mut chars = letters.chars();
    while let Some(letter) = chars.next() {
        let option = grammar.options().find(|option| option.short == Some(letter));
        let option = option.ok_or_else(|| hints::unknown_option(grammar, &format!("-{letter}")))?;
        if option.takes == OptionValue::Nothing {
            push(option, String::new(), given)?;
            continue;
        }
        let value = match chars.as_str() {
            "" => next(args, option)?,
            glued => glued.strip_prefix('=').unwrap_or(glued).to_owned(),
        };
        return push(option, value, given);
    }
    Ok(())
}

/// The word behind an option, whatever it begins with.
fn next(args: &mut impl Iterator<Item = OsString>, option: &Opt) -> Result<String, String> {
    args.next().map_or_else(|| Err(format!("--{} needs a value", option.name)), utf8)
}

/// Adds an option of the line.
fn push(option: &'static Opt, value: String, given: &mut Vec<Given>) -> Result<(), String> {
    if option.repeat == Repeat::Once && given.iter().any(|one| one.option.name == option.name) {
        return Err(format!("--{} is given twice", option.name));
    }
    given.push(Given::new(option, Origin::Line, value));
    Ok(())
}

/// Adds the options that the environment gives and the line does not. An empty variable is unset.
fn read_environment(grammar: &Grammar, given: &mut Vec<Given>) -> Result<(), String> {
    for option in grammar
        .sources
        .iter()
        .filter(|source| source.reads_environment)
        .flat_map(|source| source.table.options)
    {
        let Some(name) = option.variable else { continue };
        if given.iter().any(|one| one.option.name == option.name) {
            continue;
        }
        let Some(value) = expand::variable(name)?.filter(|value| !value.is_empty()) else { continue };
        let one = Given::new(option, Origin::Variable(name), value);
        if option.takes != OptionValue::Nothing || is_on(&one)? {
            given.push(one);
        }
    }
    Ok(())
}

/// Whether the variable of a switch turns it on.
fn is_on(given: &Given) -> Result<bool, String> {
    match given.raw().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        other => Err(given.refuse(format_args!("invalid value `{other}`; write 1 or 0"))),
    }
}

/// Refuses options that cannot stand together, or not alone. `assumed` are options that the command stands in for.
pub(super) fn check_constraints(given: &[&Given], assumed: &[&str]) -> Result<(), String> {
    let find = |name: &str| given.iter().find(|one| one.option.name == name);
    for one in given {
        if let Some(other) = one.option.excludes.iter().find_map(|name| find(name)) {
            return Err(format!("{one} cannot be used with {other}"));
        }
        let needs = one.option.needs;
        if !needs.is_empty() && !needs.iter().any(|name| assumed.contains(name) || find(name).is_some()) {
            let needs: Vec<_> = needs.iter().map(|name| format!("--{name}")).collect();
            return Err(format!("{one} needs {}", needs.join(" or ")));
        }
    }
    Ok(())
}

/// Applies what was given, and the defaults of what was not.
pub(super) fn apply(grammar: &Grammar, given: &[Given]) -> Result<Args, String> {
    let mut args = defaults(grammar, given)?;
    given.iter().try_for_each(|one| one.apply(&mut args))?;
    Ok(args)
}

/// The defaults of what was not `given`.
pub(super) fn defaults(grammar: &Grammar, given: &[Given]) -> Result<Args, String> {
    let mut args = Args::default();
    for option in grammar.options() {
        if let Some(default) = option.default
            && !given.iter().any(|one| one.option.name == option.name)
        {
            Given::new(option, Origin::Default, default).apply(&mut args)?;
        }
    }
    Ok(args)
}

impl Line {
    /// The option `name`, if it was given.
    pub(super) fn given(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|one| one.option.name == name)
    }
}

/// Misused with `exit`, as the grammar has it.
pub(super) fn refuse(exit: ExitStatus) -> impl Fn(String) -> Usage {
    move |why| Usage::new(exit, why)
}
