//! One option, one row: its names, variable, default, constraints and help stand together with what it sets.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::probe::options::Group;
use crate::target::TargetText;

use super::args::Args;
use super::expand::expanded;
use super::template;

/// An option of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opt {
    /// The long name, without its dashes.
    pub(super) name: &'static str,
    /// The letter, where it has one.
    pub(super) short: Option<char>,
    /// Whether it has a value.
    pub(super) takes: OptionValue,
    /// Whether it may be given several times.
    pub(super) repeat: Repeat,
    /// The environment variable that stands in for it, in commands that read theirs.
    pub(super) variable: Option<&'static str>,
    /// The value when it is not given.
    pub(super) default: Option<&'static str>,
    /// The targets that it means something to; none where that does not matter.
    pub(super) group: Option<Group>,
    /// Options that it cannot be used with.
    pub(super) excludes: &'static [&'static str],
    /// Options of which one must be given, too.
    pub(super) needs: &'static [&'static str],
    /// What the help says.
    pub(super) help: &'static str,
    /// Applies it.
    pub(super) set: Set,
}

/// Applies an option that was given.
pub(super) type Set = fn(&mut Args, &Given) -> Result<(), String>;

/// Options that belong together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    /// Above them in the help.
    pub(super) heading: Option<&'static str>,
    /// The options.
    pub(super) options: &'static [Opt],
}

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OptionValue {
    /// It is given or not.
    Nothing,
    /// It has one, which the help calls so.
    Value(&'static str),
    /// `--name=VALUE`, or `--name` for a usual value.
    Optional {
        /// What the help calls the value.
        name: &'static str,
        /// What `--name` alone means.
        usual: &'static str,
    },
}

/// Whether an option may be given several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Once.
    Once,
    /// Any number of times.
    Many,
}

impl Opt {
    /// An option that is given or not.
    pub(super) const fn switch(name: &'static str, help: &'static str, set: Set) -> Self {
        Self {
            name,
            short: None,
            takes: OptionValue::Nothing,
            repeat: Repeat::Once,
            variable: None,
            default: None,
            group: None,
            excludes: &[],
            needs: &[],
            help,
            set,
        }
    }

    /// An option with a value, which the help calls `value`.
    pub(super) const fn value(name: &'static str, value: &'static str, help: &'static str, set: Set) -> Self {
        Self { takes: OptionValue::Value(value), ..Self::switch(name, help, set) }
    }

    /// It may be given several times.
    pub(super) const fn many(self) -> Self {
        Self { repeat: Repeat::Many, ..self }
    }

    /// It has a letter, too.
    pub(super) const fn short(self, letter: char) -> Self {
        Self { short: Some(letter), ..self }
    }

    /// A variable of the environment stands in for it.
    pub(super) const fn env(self, variable: &'static str) -> Self {
        Self { variable: Some(variable), ..self }
    }

    /// It has this value when it is not given.
    pub(super) const fn default(self, value: &'static str) -> Self {
        Self { default: Some(value), ..self }
    }

    /// It means something only to these targets.
    pub(super) const fn of(self, group: Group) -> Self {
        Self { group: Some(group), ..self }
    }

    /// It cannot be used with these.
    pub(super) const fn excludes(self, names: &'static [&'static str]) -> Self {
        Self { excludes: names, ..self }
    }

    /// It needs one of these.
    pub(super) const fn needs(self, names: &'static [&'static str]) -> Self {
        Self { needs: names, ..self }
    }

    /// Its value may be left out; it is `usual` then.
    pub(super) const fn usually(self, usual: &'static str) -> Self {
        match self.takes {
            OptionValue::Value(name) | OptionValue::Optional { name, .. } => {
                Self { takes: OptionValue::Optional { name, usual }, ..self }
            }
            OptionValue::Nothing => self,
        }
    }
}

/// Where an option was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// On the command line.
    Line,
    /// In the environment.
    Variable(&'static str),
    /// Behind the `#` of a target.
    Target,
    /// Nowhere: its default.
    Default,
}

/// An option that was given. It displays as the user wrote it: `--timeout`, `SEXTON_TIMEOUT`, `#timeout`.
#[derive(Debug)]
pub(crate) struct Given {
    /// Which one.
    pub(super) option: &'static Opt,
    /// Where.
    pub(super) origin: Origin,
    /// As it was written; empty for a switch.
    value: String,
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin {
            Origin::Line | Origin::Default => write!(f, "--{}", self.option.name),
            Origin::Variable(name) => f.write_str(name),
            Origin::Target => write!(f, "#{}", self.option.name),
        }
    }
}

impl Given {
    /// `option` with `value`, as it stands in `origin`.
    pub(super) fn new(option: &'static Opt, origin: Origin, value: impl Into<String>) -> Self {
        Self { option, origin, value: value.into() }
    }

    /// Applies it.
    pub(super) fn apply(&self, args: &mut Args) -> Result<(), String> {
        (self.option.set)(args, self)
    }

    /// Refused, because of `why`.
    pub(super) fn refuse(&self, why: impl fmt::Display) -> String {
        format!("{self}: {why}")
    }

    /// The value as it was written.
    pub(super) fn raw(&self) -> &str {
        &self.value
    }

    /// The value with its variables replaced. A target's options have that behind them.
    pub(super) fn text(&self) -> Result<String, String> {
        match self.origin {
            Origin::Target => Ok(self.value.clone()),
            _ => expanded(&self.value),
        }
    }

    /// The same, where there must be something.
    pub(super) fn some_text(&self) -> Result<String, String> {
        match self.text()? {
            text if text.is_empty() => Err(self.refuse("the value is empty")),
            text => Ok(text),
        }
    }

    /// A URL that is not a target, but has its parts.
    pub(super) fn target(&self) -> Result<TargetText, String> {
        template::read(self.raw(), |_| true).map(|template| template.target).map_err(|why| self.refuse(why))
    }

    /// A length of time; 0 is one.
    pub(super) fn duration(&self) -> Result<Duration, String> {
        read_duration(&self.text()?).map_err(|why| self.refuse(why))
    }

    /// A length of time that is more than 0.
    pub(super) fn positive_duration(&self) -> Result<Duration, String> {
        match self.duration()? {
            Duration::ZERO => Err(self.refuse("must be more than 0")),
            length => Ok(length),
        }
    }

    /// A limit; 0 is none.
    pub(super) fn limit(&self) -> Result<Option<Duration>, String> {
        self.duration().map(|length| if length.is_zero() { None } else { Some(length) })
    }

    /// A number from 1 on.
    pub(super) fn count(&self) -> Result<NonZeroU32, String> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| self.refuse(format_args!("invalid number `{text}`; write a number from 1 on")))
    }

    /// A path, made absolute now: the working directory may be another one when it is opened.
    pub(super) fn path(&self) -> Result<PathBuf, String> {
        self.absolute(&self.some_text()?)
    }

    /// `path`, made absolute.
    pub(super) fn absolute(&self, path: &str) -> Result<PathBuf, String> {
        if Path::new(path).is_absolute() {
            return Ok(path.into());
        }
        std::path::absolute(path).map_err(|_| {
            self.refuse(format_args!(
                "`{path}` is relative, and the working directory is gone; write an absolute path"
            ))
        })
    }

    /// The parts of a list with commas.
    pub(super) fn list(&self) -> Result<Vec<String>, String> {
        Ok(self.text()?.split(',').map(|part| part.trim().to_owned()).collect())
    }
}

/// Reads a length of time; an error is half a sentence that shows it.
pub(super) fn read_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|_| {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let remedy = if is_number && text.len() < 10 {
            format!("did you mean {text}s?")
        } else {
            "write for example 500ms, 4s or 1m30s".to_owned()
        };
        format!("invalid duration `{text}`; {remedy}")
    })
}
