//! `sh -c LINE`, as Docker runs the shell form of a HEALTHCHECK: just enough of a shell for a health check.
//!
//! A line is a list of simple commands that sexton can do itself ([`command::NAMES`]), with `||`, `&&`, `;`, `!`, `( )`,
//! `{ }`, quotes, variables, `$( )`, `$?`, redirections to /dev/null and between stdout and stderr, and pipes into `grep`,
//! `nc` and `cat`. There is no `if`, no loop and no function. No program is started, no file is written, and none is read
//! into a request; anything else is refused before anything is done. It must stay readable in ten minutes.
//!
//! [`lexer`] splits the line into tokens, [`tree`] builds the commands, [`check`] refuses what is not offered,
//! [`command`] reads the arguments of each command, [`run`] runs the line, and [`builtins`] what it is made of.

mod builtins;
mod check;
mod command;
mod expand;
pub(crate) mod lexer;
mod run;
mod tree;

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::Usage;
use crate::command::Command;
use crate::exit::ExitStatus;

use self::check::LineFacts;
use self::command::ShellOption;
use self::tree::List;
use super::limit;

/// The longest line.
const LINE_MAX: usize = 16 * 1024;

/// The most shells inside each other.
const DEPTH_MAX: usize = 8;

/// Whose habits, where shells differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// `sh`, `ash` and `dash`.
    Posix,
    /// `bash`.
    Bash,
}

/// A line whose every command is known.
#[derive(Debug)]
struct Script {
    /// The name that messages begin with.
    name: String,
    dialect: Dialect,
    options: Vec<(ShellOption, bool)>,
    list: List,
    facts: LineFacts,
    /// The limit of the line where no command names a longer one.
    default_limit: Duration,
    /// How many shells this one is in.
    depth: usize,
}

/// Reads argv under the name `sh` or `ash`.
#[expect(clippy::needless_pass_by_value, reason = "the signature of every personality")]
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    boxed("sh", &args)
}

/// Reads argv under the name `bash`.
#[expect(clippy::needless_pass_by_value, reason = "the signature of every personality")]
pub(super) fn parse_bash(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    boxed("bash", &args)
}

fn boxed(name: &str, args: &[OsString]) -> Result<Box<dyn Command>, Usage> {
    match read(name, args, 0) {
        Ok(script) => Ok(Box::new(script)),
        Err(why) => {
            let message = format!("{name}: {why} (this is sexton, not a shell; it runs {})", command::NAMES);
            Err(Usage::bare(ExitStatus::Unhealthy, message))
        }
    }
}

/// Reads `[OPTION]... -c LINE`. What follows the line would be `$0` and so on, which are not offered.
fn read(name: &str, args: &[OsString], depth: usize) -> Result<Script, String> {
    if depth > DEPTH_MAX {
        return Err(format!("more than {DEPTH_MAX} shells in each other"));
    }
    let words = args.iter().map(|arg| arg.to_str().ok_or_else(|| "the line is not UTF-8".to_owned()));
    let words = words.collect::<Result<Vec<_>, _>>()?;
    let (mut has_line, mut options) = (false, Vec::new());
    let mut rest = words.as_slice();
    while let Some((first, after)) = rest.split_first().filter(|(first, _)| first.starts_with('-')) {
        rest = after;
        match *first {
            "--login" | "--norc" | "--noprofile" | "--posix" => continue,
            "--" => break,
            _ => {}
        }
        has_line |= first.contains('c');
        let letters = first.replace('c', "");
        let takes_value = letters.ends_with('o');
        let value = after.first().filter(|_| takes_value);
        let given: Vec<String> =
            [letters].into_iter().chain(value.map(|value| (*value).to_owned())).collect();
        if given.first().is_some_and(|letters| letters.len() > 1) {
            options.extend(command::options(&given)?);
        }
        rest = rest.get(usize::from(value.is_some())..).unwrap_or_default();
    }
    let line = match rest.first() {
        Some(line) if has_line => *line,
        _ => return Err("only sh -c LINE is offered".into()),
    };
    if line.len() > LINE_MAX {
        return Err(format!("a line of more than {} KiB", LINE_MAX / 1024));
    }
    let list = tree::parse(lexer::tokens(line)?)?;
    let dialect = if name == "bash" { Dialect::Bash } else { Dialect::Posix };
    let facts = check::check(&list, dialect, depth)?;
    let name = name.to_owned();
    Ok(Script { name, dialect, options, list, facts, default_limit: limit()?, depth })
}

#[cfg(test)]
mod tests {
    use super::lexer::{Piece, Quotes, Token};
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in r#"[a-z$|&;!<>(){}\[\]='"\\ \n`#:0-9/-]{0,60}"#) {
            let _ = read("sh", &["-c".into(), line.into()], 0);
        }

        #[test]
        fn what_is_quoted_is_one_word(text in "[^']{0,40}") {
            let tokens = lexer::tokens(&format!("'{text}'")).unwrap();
            assert_eq!(tokens, [Token::Word(vec![Piece::Text(text, Quotes::Some)])]);
        }
    }
}
