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
                // Its host may be a name, which is looked up in files.
                self.facts.touches_files = true;
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
        let facts = parsed.facts();
        self.facts.named_limit = self.facts.named_limit.max(facts.named_limit);
        self.facts.touches_files |= facts.touches_files;
        if piped && !facts.reads_stdin {
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

/// What is known about a command before it runs.
#[derive(Default)]
struct CommandFacts {
    /// The limit that its command line names.
    named_limit: Option<Duration>,
    /// Whether it looks at files.
    touches_files: bool,
    /// Whether it has a use for a pipe.
    reads_stdin: bool,
}

impl Command {
    /// What is known about it.
    fn facts(&self) -> CommandFacts {
        let none = CommandFacts::default();
        match self {
            Self::Check(check) => CommandFacts { named_limit: Some(check.timeout), ..none },
            Self::Transfers(transfers) => CommandFacts {
                named_limit: transfers.own_limit(),
                touches_files: transfers.touches_files(),
                ..none
            },
            Self::Netcat(netcat) => CommandFacts {
                named_limit: netcat.own_limit(),
                touches_files: netcat.touches_files(),
                reads_stdin: netcat.reads_stdin(),
            },
            Self::Grep(_) | Self::Cat => CommandFacts { reads_stdin: true, ..none },
            Self::Test(Test::File(..) | Test::Not(_)) => CommandFacts { touches_files: true, ..none },
            Self::Nested(script) => CommandFacts {
                named_limit: script.facts.named_limit,
                touches_files: script.facts.touches_files,
                ..none
            },
            // The command within has no longer than that.
            Self::Timeout(length, command) => CommandFacts { named_limit: Some(*length), ..command.facts() },
            Self::Exec(Some(command)) => command.facts(),
            _ => none,
        }
    }
}
