//! What must hold before anything runs: every command is known, and every option of it is offered.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::time::Duration;

use crate::cli::variable_os;

use super::command::{self, Command, Test};
use super::lexer::{self, Piece, RedirectTarget, Word};
use super::tree::{self, Body, Stage};
use super::{Dialect, expand};

/// The most substitutions in each other.
const SUBSTITUTIONS_MAX: usize = 16;

/// What is known about a line before it runs.
#[derive(Debug, Default)]
pub(super) struct LineFacts {
    /// The longest limit that one of its commands names.
    pub(super) named_limit: Option<Duration>,
    /// Whether one of its commands looks at files: on a file system whose server is gone that never ends.
    pub(super) touches_files: bool,
}

/// Checks `list`; an error is what is not offered.
pub(super) fn check(list: &tree::List, dialect: Dialect, depth: usize) -> Result<LineFacts, String> {
    let mut checker =
        Checker { dialect, depth, assigned: BTreeSet::new(), facts: LineFacts::default(), substitutions: 0 };
    checker.list(list)?;
    Ok(checker.facts)
}

/// A check under way.
struct Checker {
    dialect: Dialect,
    depth: usize,
    /// The variables that the line sets.
    assigned: BTreeSet<String>,
    facts: LineFacts,
    /// How many substitutions the one that is read stands in.
    substitutions: usize,
}

impl Checker {
    fn list(&mut self, list: &tree::List) -> Result<(), String> {
        for pipeline in list {
            for (index, stage) in pipeline.stages.iter().enumerate() {
                self.stage(stage, index > 0)?;
            }
        }
        Ok(())
    }

    /// One command; `piped` is whether a pipe leads into it.
    fn stage(&mut self, stage: &Stage, piped: bool) -> Result<(), String> {
        let mut has_input = piped;
        for redirection in &stage.redirections {
            has_input |= redirection.fd == 0;
            if let RedirectTarget::File(_, word) = &redirection.to {
                self.fields(word, &mut Vec::new())?;
            }
        }
        match &stage.body {
            Body::Subshell(list) | Body::Group(list) if !piped => self.list(list),
            Body::Subshell(_) | Body::Group(_) => Err("a pipe into ( or {: not offered".into()),
            Body::Simple { assignments, words } => {
                for (name, value) in assignments {
                    self.fields(value, &mut Vec::new())?;
                    self.assigned.insert(name.clone());
                }
                self.simple(words, piped, has_input)
            }
        }
    }

    fn simple(&mut self, words: &[Word], piped: bool, has_input: bool) -> Result<(), String> {
        if words.first().is_some_and(|word| word.iter().any(|piece| self.is_dynamic(piece))) {
            return Err("a command whose name is not known before the line runs".into());
        }
        if expand::has_pattern(words) {
            return Err("[[ with a pattern: not offered; write grep".into());
        }
        let fields = expand::command(words, &mut |piece| self.value(piece))?;
        if fields.is_empty() && !words.is_empty() {
            return Err("a command that is empty once its variables are replaced".into());
        }
        let parsed = command::parse(fields, self.dialect, self.depth)?;
        self.facts.named_limit = self.facts.named_limit.max(parsed.named_limit());
        self.facts.touches_files |= parsed.touches_files();
        let reads = parsed.reads_stdin();
        if piped && !reads {
            return Err("a pipe leads into grep, nc or cat, and nowhere else".into());
        }
        if matches!(parsed, Command::Grep(_) | Command::Cat) && !has_input {
            return Err("grep and cat read a pipe, and nothing else".into());
        }
        Ok(())
    }

    /// The fields of `word` as far as they are known; `0` stands for what is not.
    fn fields(&mut self, word: &Word, fields: &mut Vec<String>) -> Result<(), String> {
        expand::fields(word, fields, &mut |piece| self.value(piece))
    }

    /// The value of a piece as far as it is known.
    fn value(&mut self, piece: &Piece) -> Result<String, String> {
        match piece {
            Piece::Command(line, _) => {
                self.substitutions += 1;
                if self.substitutions > SUBSTITUTIONS_MAX {
                    return Err(format!("more than {SUBSTITUTIONS_MAX} substitutions in each other"));
                }
                self.list(&tree::parse(lexer::tokens(line)?)?)?;
                self.substitutions -= 1;
                Ok("0".into())
            }
            Piece::Variable(name, default, _) if !self.is_dynamic(piece) => {
                variable(name, default.as_deref())
            }
            _ => Ok("0".into()),
        }
    }

    /// Whether the value is known only when the line runs.
    fn is_dynamic(&self, piece: &Piece) -> bool {
        match piece {
            Piece::Text(..) => false,
            Piece::Variable(name, ..) => self.assigned.contains(name),
            Piece::Status(_) | Piece::Command(..) => true,
        }
    }
}

/// Whether the environment has a variable of that name.
pub(super) fn is_set(name: &str) -> bool {
    variable_os(OsStr::new(name)).is_some()
}

/// The value of a variable of the environment; `default` where it is unset or empty.
pub(super) fn variable(name: &str, default: Option<&str>) -> Result<String, String> {
    let value = variable_os(OsStr::new(name)).unwrap_or_default();
    let value = value.into_string().map_err(|_| format!("the value of {name} is not UTF-8"))?;
    Ok(if value.is_empty() { default.unwrap_or_default().to_owned() } else { value })
}

impl Command {
    /// The limit that the command line names.
    fn named_limit(&self) -> Option<Duration> {
        match self {
            Self::Check(check) => Some(check.timeout),
            Self::Transfers(transfers) => transfers.own_limit(),
            Self::Netcat(netcat) => netcat.own_limit(),
            // The command within has no longer than that.
            Self::Timeout(length, _) => Some(*length),
            Self::Nested(script) => script.facts.named_limit,
            Self::Exec(Some(command)) => command.named_limit(),
            _ => None,
        }
    }

    /// Whether it looks at files.
    fn touches_files(&self) -> bool {
        match self {
            Self::Transfers(transfers) => transfers.touches_files(),
            Self::Test(test) => matches!(test, Test::File(..) | Test::Not(_)),
            Self::Nested(script) => script.facts.touches_files,
            Self::Timeout(_, command) | Self::Exec(Some(command)) => command.touches_files(),
            _ => false,
        }
    }

    /// Whether it has a use for a pipe.
    fn reads_stdin(&self) -> bool {
        match self {
            Self::Grep(_) | Self::Cat => true,
            Self::Netcat(netcat) => netcat.reads_stdin(),
            Self::Timeout(_, command) | Self::Exec(Some(command)) => command.reads_stdin(),
            _ => false,
        }
    }
}
