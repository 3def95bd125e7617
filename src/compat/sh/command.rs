//! The commands of a line, as data.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::check::Check;
use crate::cli::{self, Usage};
use crate::command::Parsed;
use crate::compat::getopt::{Arity, Flag, Grammar, LongOptions, Operands, Scanner, Word};
use crate::compat::grep::{self, Grep};
use crate::compat::nc::{self, Netcat};
use crate::compat::transfer::Transfers;
use crate::compat::{curl, wget};
use crate::exit::ExitStatus;

use super::{Dialect, Script};

/// What a line may run.
pub(super) const NAMES: &str = "curl, wget, nc, sexton check, test, [, grep, echo, cat, timeout, sh -c, set -e, exec, \
exit, true, false and :";

/// A command that can run.
#[derive(Debug)]
pub(super) enum Command {
    /// `true`, `false`, `:`: this code.
    Constant(u8),
    /// `exit [CODE]`: the last code where none is given.
    Exit(Option<u8>),
    /// `sexton check`
    Check(Check),
    /// curl or wget.
    Transfers(Transfers),
    /// nc.
    Netcat(Netcat),
    /// `test` or `[`.
    Test(Test),
    /// `grep`, which reads a pipe.
    Grep(Grep),
    /// `echo`, and the help or version of curl, wget or sexton: this text.
    Print(String),
    /// `cat` of a pipe.
    Cat,
    /// `timeout DURATION COMMAND`
    Timeout(Duration, Box<Self>),
    /// `sh -c LINE`
    Nested(Box<Script>),
    /// `exec COMMAND`: nothing runs after it. None where it is there for its redirections.
    Exec(Option<Box<Self>>),
    /// `set -e` and its like.
    Set(Vec<(ShellOption, bool)>),
    /// A wrong command line: the message, and the command's code for that.
    UsageError(String, ExitStatus),
}

/// What `set` and `sh -e` change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShellOption {
    /// `-e`: the first failure ends the line.
    ErrExit,
    /// `-o pipefail`: a pipeline fails when one of its commands does.
    PipeFail,
    /// `-u`: a variable that is not set ends the line.
    NoUnset,
    /// `-l`, which has nothing to read here.
    Ignored,
}

/// A condition of `test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Known when the line is read.
    Constant(bool),
    /// `! TEST`
    Not(Box<Self>),
    /// `-f PATH` and its like, by their letter.
    File(char, PathBuf),
    /// Not a number where one is needed, or words in the wrong order: what is wrong.
    Malformed(String),
}

/// The command that `words` are; an error says what is not offered.
pub(super) fn parse(words: Vec<String>, dialect: Dialect, depth: usize) -> Result<Command, String> {
    let mut words = words.into_iter();
    let Some(path) = words.next() else { return Ok(Command::Constant(0)) };
    let args: Vec<String> = words.collect();
    let name = path.rsplit('/').next().unwrap_or(&path);
    match name {
        "true" | ":" => Ok(Command::Constant(0)),
        "false" => Ok(Command::Constant(1)),
        "exit" => match args.as_slice() {
            [] => Ok(Command::Exit(None)),
            [code] => {
                let code = code.parse().map_err(|_| format!("exit {code}: not a number from 0 to 255"))?;
                Ok(Command::Exit(Some(code)))
            }
            _ => Err("exit takes one number".into()),
        },
        "curl" => no_files(read(curl::transfers(os(args)), Command::Transfers)),
        "wget" => no_files(read(wget::transfers(os(args)), Command::Transfers)),
        "nc" | "ncat" | "netcat" => Ok(read(nc::netcat(name, os(args)), Command::Netcat)),
        "sexton" if args.first().is_some_and(|word| word == "check") => {
            Ok(read(cli::parse_check(os(args).into_iter().skip(1)), Command::Check))
        }
        "grep" | "egrep" | "fgrep" => {
            grep::args(name, os(args)).and_then(|args| Grep::new(&args)).map(Command::Grep)
        }
        "echo" => echo(&args, dialect).map(Command::Print),
        "cat" if args.iter().all(|arg| arg == "-") => Ok(Command::Cat),
        "cat" => Err("cat: no file is read".into()),
        "test" => test(&args).map(Command::Test),
        "[" => match args.split_last() {
            Some((last, args)) if last == "]" => test(args).map(Command::Test),
            _ => Err("[ without ]".into()),
        },
        "[[" => match args.split_last() {
            Some((last, args)) if last == "]]" => test(args).map(Command::Test),
            _ => Err("[[ without ]]".into()),
        },
        "timeout" => timeout(args, dialect, depth),
        "exec" if args.is_empty() => Ok(Command::Exec(None)),
        "exec" => Ok(Command::Exec(Some(Box::new(parse(args, dialect, depth)?)))),
        "set" => options(&args).map(Command::Set),
        "sh" | "bash" | "ash" | "dash" => {
            let script = super::read(name, &os(args), depth + 1)?;
            Ok(Command::Nested(Box::new(script)))
        }
        "kill" | "pkill" | "killall" => {
            Err(format!("{name}: not offered; sexton init --watch stops an app that is unhealthy"))
        }
        _ => Err(format!("{name}: no such command")),
    }
}

/// Arguments as other parsers take them.
fn os(args: Vec<String>) -> Vec<OsString> {
    args.into_iter().map(OsString::from).collect()
}

/// What a parser of another folder has read.
fn read<C>(parsed: Result<Parsed<C>, Usage>, command: impl FnOnce(C) -> Command) -> Command {
    match parsed {
        Ok(Parsed::Run(run)) => command(run),
        Ok(Parsed::Print(document)) => Command::Print(document.text),
        Err(usage) => Command::UsageError(usage.message, usage.exit),
    }
}

/// Refuses a transfer that would write a file or read one into a request.
fn no_files(command: Command) -> Result<Command, String> {
    match command {
        Command::Transfers(mut transfers) => match transfers.tool.forbid_files() {
            Ok(()) => Ok(Command::Transfers(transfers)),
            Err(option) => Err(format!("{option}: no file is written, and none is read into a request")),
        },
        other => Ok(other),
    }
}

/// `set -eo pipefail` and its like.
pub(super) fn options(args: &[String]) -> Result<Vec<(ShellOption, bool)>, String> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (on, letters) = match (arg.strip_prefix('-'), arg.strip_prefix('+')) {
            (Some(letters), _) if !letters.is_empty() => (true, letters),
            (_, Some(letters)) if !letters.is_empty() => (false, letters),
            _ => return Err(format!("set {arg}: not offered")),
        };
        for letter in letters.chars() {
            found.push(match letter {
                'e' => (ShellOption::ErrExit, on),
                'o' => match args.next().map(String::as_str) {
                    Some("pipefail") => (ShellOption::PipeFail, on),
                    Some("errexit") => (ShellOption::ErrExit, on),
                    Some("nounset") => (ShellOption::NoUnset, on),
                    _ => return Err(format!("set {arg}: only pipefail, errexit and nounset are offered")),
                },
                'u' => (ShellOption::NoUnset, on),
                'l' => (ShellOption::Ignored, on),
                _ => return Err(format!("-{letter}: only -c, -e, -u, -l and -o pipefail are offered")),
            });
        }
    }
    Ok(found)
}

/// The options of `timeout`: none changes what a command without a child is. An old busybox has its duration behind `-t`.
const TIMEOUT_FLAGS: &[Flag] = &[
    Flag::new("signal", Some('s'), Arity::Value),
    Flag::new("kill-after", Some('k'), Arity::Value),
    Flag::new("foreground", None, Arity::Switch),
    Flag::new("verbose", Some('v'), Arity::Switch),
];

/// `timeout [OPTION]... DURATION COMMAND`
fn timeout(args: Vec<String>, dialect: Dialect, depth: usize) -> Result<Command, String> {
    let grammar =
        Grammar { letters: "t", flags: TIMEOUT_FLAGS, long: LongOptions::Gnu, operands: Operands::Last };
    let mut words = Vec::new();
    for word in Scanner::new(grammar, os(args)) {
        if let Word::Operand(word) = word.map_err(|mistake| mistake.as_not_offered("timeout"))? {
            words.push(word.to_string_lossy().into_owned());
        }
    }
    if words.is_empty() {
        return Err("timeout: no duration".into());
    }
    let text = words.remove(0);
    let units = [("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)];
    let (number, unit) = units
        .iter()
        .find_map(|(letter, unit)| Some((text.strip_suffix(letter)?, *unit)))
        .unwrap_or((text.as_str(), 1.0));
    let length =
        number.parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number * unit).ok());
    let length = length.ok_or_else(|| format!("timeout {text}: invalid duration"))?;
    let command = parse(words, dialect, depth)?;
    // 0 is no limit there.
    Ok(if length.is_zero() { command } else { Command::Timeout(length, Box::new(command)) })
}

/// The text that `echo` writes. Shells disagree on backslashes: bash and busybox keep them without `-e`, dash does not.
fn echo(args: &[String], dialect: Dialect) -> Result<String, String> {
    let (mut newline, mut escapes) = (true, None);
    let mut words = args;
    while let Some((option, rest)) = words.split_first() {
        match option.as_str() {
            "-n" => newline = false,
            "-e" => escapes = Some(true),
            "-ne" | "-en" => (newline, escapes) = (false, Some(true)),
            "-E" => escapes = Some(false),
            _ => break,
        }
        words = rest;
    }
    let text = words.join(" ");
    if text.contains('\\') && escapes.is_none() && dialect == Dialect::Posix {
        return Err("echo with a \\: shells disagree on its meaning; say -e".into());
    }
    let text = if escapes == Some(true) { unescaped(&text)? } else { text };
    Ok(if newline { text + "\n" } else { text })
}

/// `text` with the escapes of `echo -e` replaced.
fn unescaped(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        plain.push(match (c, c == '\\').1.then(|| rest.next()) {
            None => c,
            Some(Some('n')) => '\n',
            Some(Some('r')) => '\r',
            Some(Some('t')) => '\t',
            Some(Some('\\')) => '\\',
            Some(_) => return Err("echo -e: only \\n, \\r, \\t and \\\\ are offered".into()),
        });
    }
    Ok(plain)
}

/// A condition as `test` reads it, by the number of its words (test(1p)).
fn test(args: &[String]) -> Result<Test, String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let malformed = |why: String| Ok(Test::Malformed(why));
    match words.as_slice() {
        [] => Ok(Test::Constant(false)),
        [text] | ["-n", text] => Ok(Test::Constant(!text.is_empty())),
        ["!" | "-z", text] => Ok(Test::Constant(text.is_empty())),
        [operator, path] => match operator.strip_prefix('-').and_then(|letter| letter.parse::<char>().ok()) {
            Some(letter @ ('e' | 'f' | 'd' | 's' | 'S' | 'r' | 'w' | 'x' | 'L' | 'h' | 'p' | 'b' | 'c')) => {
                if path.contains(['*', '?']) {
                    return Err(format!("test {operator} {path}: names of files are not completed"));
                }
                Ok(Test::File(letter, PathBuf::from(path)))
            }
            Some(letter) => Err(format!("test -{letter}: not offered")),
            None => malformed(format!("{operator}: unexpected operator")),
        },
        [a, "=" | "==", b] => Ok(Test::Constant(a == b)),
        [a, "!=", b] => Ok(Test::Constant(a != b)),
        [a, operator @ ("-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge"), b] => {
            let number = |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text}: not a number"));
            let (a, b) = match (number(a), number(b)) {
                (Ok(a), Ok(b)) => (a, b),
                (Err(why), _) | (_, Err(why)) => return malformed(why),
            };
            Ok(Test::Constant(match *operator {
                "-eq" => a == b,
                "-ne" => a != b,
                "-lt" => a < b,
                "-le" => a <= b,
                "-gt" => a > b,
                _ => a >= b,
            }))
        }
        ["!", _, _] | ["!", _, _, _] => {
            test(args.get(1..).unwrap_or_default()).map(|test| Test::Not(Box::new(test)))
        }
        [_, operator, _] if !operator.starts_with('-') && !matches!(*operator, "=~" | "<" | ">") => {
            malformed(format!("{operator}: unexpected operator"))
        }
        _ if words
            .iter()
            .any(|word| matches!(*word, "-a" | "-o" | "-nt" | "-ot" | "-ef" | "=~" | "(" | "<" | ">")) =>
        {
            Err(format!("test {}: not offered; write several tests with && and ||", words.join(" ")))
        }
        _ => malformed("too many arguments".into()),
    }
}
