//! `sh -c LINE`, as Docker runs the shell form of a HEALTHCHECK: so little of a shell that it needs none.
//!
//! Simple commands among those that sexton can do itself, `||`, `&&`, `;`, `!`, quotes, variables, `> /dev/null`, `2>&1`,
//! and pipes into `grep`. No program is started and no file is written but /dev/null; anything else is refused before
//! anything is done. It exists only under the name `sh`, and must never become a shell.

pub(crate) mod lexer;
mod run;
mod tree;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::cli::{self, Usage, variable_os};
use crate::command::{self, Parsed};
use crate::compat::sh::run::{After, Command, Divert, Grep, Loud, Pipe, Script, Step, Test};
use crate::exit::ExitStatus;
use crate::regex::{self, Case, Syntax};

use self::lexer::{Piece, Quotes, To, Word};
use self::tree::{Link, Simple};
use super::{curl, limit, wget};

/// The longest line.
const LINE_MAX: usize = 16 * 1024;

/// Its commands.
const COMMANDS: &str = "curl, wget, sexton check, nc -z, test, [, exit, true, false, : and | grep";

/// Reads its argv.
#[expect(clippy::needless_pass_by_value, reason = "what every personality takes")]
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn command::Command>, Usage> {
    read(&args).map(|script| -> Box<dyn command::Command> { Box::new(script) }).map_err(|why| {
        Usage::bare(
            ExitStatus::Unhealthy,
            format!("sh: {why}; this is sexton, no shell: it knows {COMMANDS}"),
        )
    })
}

/// Turns a line into a script whose every command is known.
fn read(args: &[OsString]) -> Result<Script, String> {
    let line = match args {
        [flag, line, ..] if flag == "-c" => line.to_str().ok_or("the line is not UTF-8")?,
        _ => return Err("only sh -c LINE is offered".into()),
    };
    if line.len() > LINE_MAX {
        return Err(format!("a line of more than {} KiB", LINE_MAX / 1024));
    }
    let links = tree::tree(lexer::tokens(line)?)?;
    let pipes = links.iter().map(pipe).collect::<Result<Vec<_>, _>>()?;
    Ok(Script { pipes, timeout: limit()? })
}

/// A pipe that can be run.
fn pipe(link: &Link) -> Result<Pipe, String> {
    let mut steps = Vec::new();
    for (index, command) in link.commands.iter().enumerate() {
        let step = step(command)?;
        if index > 0 && !matches!(step.command, Command::Grep(_)) {
            return Err("a pipe leads into grep, and nowhere else".into());
        }
        if index == 0 && matches!(step.command, Command::Grep(_)) {
            return Err("grep reads a pipe, and nothing else".into());
        }
        steps.push(step);
    }
    let after = match link.after {
        tree::After::Anything => After::Anything,
        tree::After::Success => After::Success,
        tree::After::Failure => After::Failure,
    };
    Ok(Pipe { after, negated: link.negated, steps })
}

/// A command that can be run.
fn step(simple: &Simple) -> Result<Step, String> {
    let mut words = Vec::new();
    for word in &simple.words {
        expand(word, &mut words)?;
    }
    let mut words = words.into_iter();
    let name = words.next().ok_or("a command that is empty once its variables are replaced")?;
    let command = command(&name, words.collect())?;
    let diverts = simple.redirects.iter().map(|(fd, to)| match to {
        To::Fd(other) => Divert { fd: *fd, to: Some(*other) },
        To::Nowhere | To::File(..) => Divert { fd: *fd, to: None },
    });
    Ok(Step { command, diverts: diverts.collect() })
}

/// Adds the words that `word` is once its variables are replaced: what was not in quotes is split at blanks.
fn expand(word: &Word, words: &mut Vec<String>) -> Result<(), String> {
    let mut open: Option<String> = None;
    for piece in word {
        let (name, default, quotes) = match piece {
            Piece::Text(text, _) => {
                open.get_or_insert_default().push_str(text);
                continue;
            }
            Piece::Variable(name, default, quotes) => (name, default, *quotes),
            Piece::Status(_) => return Err("`$?`: no such parameter here".into()),
            Piece::Command(..) => return Err("`$(`: there is no command substitution here".into()),
        };
        let value = variable_os(OsStr::new(name)).unwrap_or_default();
        let value = value.into_string().map_err(|_| format!("the value of {name} is not UTF-8"))?;
        let value = if value.is_empty() { default.clone().unwrap_or_default() } else { value };
        if quotes == Quotes::Some {
            open.get_or_insert_default().push_str(&value);
            continue;
        }
        for (index, field) in value.split([' ', '\t', '\n']).enumerate() {
            if index > 0 {
                words.extend(open.take());
            }
            if !field.is_empty() {
                open.get_or_insert_default().push_str(field);
            }
        }
    }
    words.extend(open);
    Ok(())
}

/// The command `name`, with what follows it.
fn command(name: &str, args: Vec<String>) -> Result<Command, String> {
    let os = |args: Vec<String>| args.into_iter().map(OsString::from).collect::<Vec<_>>();
    match name.rsplit('/').next().unwrap_or(name) {
        "true" | ":" => Ok(Command::Known(0)),
        "false" => Ok(Command::Known(1)),
        "exit" => match args.as_slice() {
            [] => Ok(Command::Exit(None)),
            [code] => Ok(Command::Exit(Some(
                code.parse().map_err(|_| format!("exit {code}: no number from 0 to 255"))?,
            ))),
            _ => Err("exit takes one number".into()),
        },
        "curl" => Ok(invoked(curl::transfers(os(args)), Command::Transfers)),
        "wget" => Ok(invoked(wget::transfers(os(args)), Command::Transfers)),
        "sexton" if args.first().is_some_and(|word| word == "check") => {
            Ok(invoked(cli::parse_check(os(args).into_iter().skip(1)), Command::Check))
        }
        "nc" => nc(args).map(|words| invoked(cli::parse_check(os(words).into_iter()), Command::Check)),
        "grep" => grep(args).map(Command::Grep),
        "test" => test(&args).map(Command::Test),
        "[" => match args.split_last() {
            Some((last, args)) if last == "]" => test(args).map(Command::Test),
            _ => Err("[ without ]".into()),
        },
        other => Err(format!("there is no {other}")),
    }
}

/// What a command of another room does here.
fn invoked<C>(read: Result<Parsed<C>, Usage>, command: impl FnOnce(C) -> Command) -> Command {
    match read {
        Ok(Parsed::Run(run)) => command(run),
        Ok(Parsed::Print(document)) => Command::Print(document.text),
        Err(usage) => Command::Refused(usage.message, usage.exit),
    }
}

/// `nc -z [-v] [-w SECONDS] HOST PORT` as a check.
fn nc(args: Vec<String>) -> Result<Vec<String>, String> {
    let (mut scans, mut words, mut place) = (false, vec!["-q".into()], Vec::new());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let Some(letters) = arg.strip_prefix('-') else {
            place.push(arg);
            continue;
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'z' => scans = true,
                'v' | 'n' => {}
                '4' | '6' => words.push(format!("-{letter}")),
                'w' => {
                    let glued = letters.get(at + 1..).filter(|rest| !rest.is_empty()).map(str::to_owned);
                    let seconds = glued.or_else(|| args.next()).ok_or("nc -w lacks its seconds")?;
                    words.push(format!("--timeout={seconds}s"));
                    break;
                }
                _ => return Err(format!("nc -{letter}: only nc -z [-v] [-w SECONDS] HOST PORT is offered")),
            }
        }
    }
    let [host, port] = place.as_slice() else { return Err("nc -z wants a host and a port".into()) };
    if !scans {
        return Err("nc without -z: only nc -z HOST PORT is offered".into());
    }
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    words.push(format!("tcp://{host}:{port}"));
    Ok(words)
}

/// `grep [-q] [-F|-E] [-i] PATTERN`.
fn grep(args: Vec<String>) -> Result<Grep, String> {
    let (mut loud, mut syntax, mut case, mut patterns) =
        (Loud::Lines, Syntax::Basic, Case::Sensitive, Vec::new());
    let mut options = true;
    for arg in args {
        let letters = arg.strip_prefix('-').filter(|letters| options && !letters.is_empty());
        match letters {
            Some("-") => options = false,
            None => patterns.push(arg),
            Some(letters) => {
                for letter in letters.chars() {
                    match letter {
                        'q' => loud = Loud::Quiet,
                        'F' => syntax = Syntax::Fixed,
                        'E' => syntax = Syntax::Extended,
                        'i' => case = Case::Insensitive,
                        _ => return Err(format!("grep -{letter}: only -q, -F, -E and -i are offered")),
                    }
                }
            }
        }
    }
    let [pattern] = patterns.as_slice() else {
        return Err("grep takes one pattern here, and no file".into());
    };
    let sought = regex::grep(std::slice::from_ref(pattern), syntax, case)
        .map_err(|why| format!("grep {pattern}: {why}"))?;
    Ok(Grep { sought, loud })
}

/// `-e`, `-f`, `-S`, `-d`, `-s` and a path; `-z`, `-n` and a text; `A = B`, `A != B`; `!` before any.
fn test(args: &[String]) -> Result<Test, String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(Test::Known(false)),
        [a, "=" | "==", b] => Ok(Test::Known(a == b)),
        [a, "!=", b] => Ok(Test::Known(a != b)),
        ["!", ..] if words.len() > 1 => {
            test(args.get(1..).unwrap_or_default()).map(|test| Test::Not(Box::new(test)))
        }
        ["-z", text] => Ok(Test::Known(text.is_empty())),
        ["-e", path] => Ok(Test::Exists(PathBuf::from(path))),
        ["-f", path] => Ok(Test::File(PathBuf::from(path))),
        ["-d", path] => Ok(Test::Folder(PathBuf::from(path))),
        ["-s", path] => Ok(Test::Content(PathBuf::from(path))),
        ["-S", path] => Ok(Test::Socket(PathBuf::from(path))),
        ["-n", text] | [text] => Ok(Test::Known(!text.is_empty())),
        _ => Err("test knows -e, -f, -S, -d, -s, -z, -n, =, != and !".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_fail(line in r#"[a-z$|&;!<>(){}\[\]='"\\ \n`#:0-9/-]{0,60}"#) {
            let _ = read(&["-c".into(), line.into()]);
        }

        #[test]
        fn what_is_quoted_is_one_word(text in "[^']{0,40}") {
            let tokens = lexer::tokens(&format!("'{text}'")).unwrap();
            assert_eq!(tokens, [lexer::Token::Word(vec![Piece::Text(text, Quotes::Some)])]);
        }
    }
}
