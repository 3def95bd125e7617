//! `grep [OPTION]... PATTERN`, as a command of `sh` that reads a pipe (grep(1p), and GNU's options).

use std::ffi::OsString;

use regex_lite::Regex;

use crate::deadline::Deadline;
use crate::regex::{self, Case, Syntax};
use crate::report;
use crate::sys::stdio;

use super::getopt::{Arity, Flag, Grammar, LongOptions, Operands, Scanner, Word};
use super::{PIPE_MAX, RunResult};

/// The options that are known.
const FLAGS: &[Flag] = &[
    Flag::new("quiet", Some('q'), Arity::Switch),
    Flag::new("silent", None, Arity::Switch),
    Flag::new("ignore-case", Some('i'), Arity::Switch),
    Flag::new("fixed-strings", Some('F'), Arity::Switch),
    Flag::new("extended-regexp", Some('E'), Arity::Switch),
    Flag::new("basic-regexp", Some('G'), Arity::Switch),
    Flag::new("only-matching", Some('o'), Arity::Switch),
    Flag::new("invert-match", Some('v'), Arity::Switch),
    Flag::new("count", Some('c'), Arity::Switch),
    Flag::new("line-regexp", Some('x'), Arity::Switch),
    Flag::new("word-regexp", Some('w'), Arity::Switch),
    Flag::new("line-number", Some('n'), Arity::Switch),
    Flag::new("regexp", Some('e'), Arity::Value),
    Flag::new("max-count", Some('m'), Arity::Value),
    Flag::new("no-messages", Some('s'), Arity::Switch),
    Flag::new("text", Some('a'), Arity::Switch),
    Flag::new("no-filename", Some('h'), Arity::Switch),
    Flag::new("line-buffered", None, Arity::Switch),
    Flag::new("color", None, Arity::Optional),
];

/// What a search writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrepOutput {
    /// `-q`: nothing.
    Nothing,
    /// The lines that are selected.
    Lines,
    /// `-o`: the matches.
    Matches,
    /// `-c`: how many lines are selected.
    Count,
}

/// A command line.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct GrepArgs {
    /// `-E`, `-F`, `-G`
    pub(crate) syntax: Syntax,
    /// `-i`
    pub(crate) case: Case,
    /// `-v`
    pub(crate) inverted: bool,
    /// `-x`
    pub(crate) whole_line: bool,
    /// `-w`
    pub(crate) whole_word: bool,
    /// `-n`
    numbered: bool,
    /// `-m`
    most: usize,
    /// `-q`, `-o`, `-c`
    pub(crate) output: GrepOutput,
    /// `-e`, or the first operand; at least one.
    pub(crate) patterns: Vec<String>,
    /// What it reads; `-` is stdin.
    pub(crate) files: Vec<String>,
}

/// Sorts the arguments of `name`, which is `grep`, `egrep` or `fgrep`.
pub(crate) fn args(name: &str, args: Vec<OsString>) -> Result<GrepArgs, String> {
    let mut given = GrepArgs {
        syntax: match name {
            "egrep" => Syntax::Extended,
            "fgrep" => Syntax::Fixed,
            _ => Syntax::Basic,
        },
        case: Case::Sensitive,
        inverted: false,
        whole_line: false,
        whole_word: false,
        numbered: false,
        most: usize::MAX,
        output: GrepOutput::Lines,
        patterns: Vec::new(),
        files: Vec::new(),
    };
    let grammar =
        Grammar { letters: "y", flags: FLAGS, long: LongOptions::Gnu, operands: Operands::Anywhere };
    for word in Scanner::new(grammar, args) {
        let option = match word.map_err(|mistake| mistake.as_not_offered("grep"))? {
            Word::Operand(word) => {
                given.files.push(word.to_string_lossy().into_owned());
                continue;
            }
            Word::Option(option) => option,
        };
        let value = option.value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        match (option.flag.letter, option.flag.long) {
            (Some('q'), _) | (_, Some("silent")) => given.output = GrepOutput::Nothing,
            (Some('o'), _) if given.output == GrepOutput::Lines => given.output = GrepOutput::Matches,
            (Some('c'), _) if given.output != GrepOutput::Nothing => given.output = GrepOutput::Count,
            (Some('v'), _) => given.inverted = true,
            (Some('x'), _) => given.whole_line = true,
            (Some('w'), _) => given.whole_word = true,
            (Some('n'), _) => given.numbered = true,
            (Some('i' | 'y'), _) => given.case = Case::Insensitive,
            (Some('E'), _) => given.syntax = Syntax::Extended,
            (Some('F'), _) => given.syntax = Syntax::Fixed,
            (Some('G'), _) => given.syntax = Syntax::Basic,
            (Some('e'), _) => given.patterns.push(value),
            (Some('m'), _) => {
                given.most = value.parse().map_err(|_| format!("grep -m {value}: not a number"))?;
            }
            (_, Some("color")) if value != "never" => return Err("grep --color: not offered".into()),
            _ => {}
        }
    }
    if given.patterns.is_empty() {
        if given.files.is_empty() {
            return Err("grep: no pattern".into());
        }
        given.patterns.push(given.files.remove(0));
    }
    Ok(given)
}

/// A search through the lines of a pipe.
#[derive(Debug)]
pub(super) struct Grep {
    /// Matches a line.
    regex: Regex,
    /// The pattern, for messages.
    pattern: String,
    /// `-v`: whether lines without a match are selected.
    inverted: bool,
    /// `-m`: the most lines that are selected.
    most: usize,
    /// What is written.
    output: GrepOutput,
}

impl Grep {
    /// The search that `args` ask for; an error says what is not offered.
    pub(super) fn new(args: &GrepArgs) -> Result<Self, String> {
        let GrepArgs { inverted, most, output, case, .. } = *args;
        if args.files.iter().any(|file| file != "-") {
            return Err("grep reads a pipe, and no file".into());
        }
        if args.numbered && output == GrepOutput::Lines {
            return Err("grep -n: not offered".into());
        }
        if args.whole_word && output == GrepOutput::Matches {
            return Err("grep -o with -w: not offered".into());
        }
        let pattern = args.patterns.join(" or ");
        let regex =
            regex::grep(&args.patterns, args.syntax, case).map_err(|why| format!("grep {pattern}: {why}"))?;
        let regex = match (args.whole_line, args.whole_word) {
            (true, _) => regex::compile(&format!("^(?:{})$", regex.as_str()), case)?,
            (false, true) => regex::compile(&format!(r"(?:^|\W)(?:{})(?:\W|$)", regex.as_str()), case)?,
            (false, false) => regex,
        };
        Ok(Self { regex, pattern, inverted, most, output })
    }

    /// Searches the lines of stdin: 0 when one was selected, else 1.
    pub(super) fn run(&self, deadline: Deadline) -> RunResult {
        let Ok(input) = stdio::read_stdin(PIPE_MAX) else {
            return RunResult::failed(2, "grep: stdin cannot be read");
        };
        let text = String::from_utf8_lossy(&input);
        let mut selected = 0;
        for line in text
            .split_terminator('\n')
            .filter(|line| self.regex.is_match(line) != self.inverted)
            .take(self.most)
        {
            selected += 1;
            let output = match self.output {
                GrepOutput::Nothing => break,
                GrepOutput::Count => continue,
                GrepOutput::Lines => format!("{line}\n"),
                GrepOutput::Matches if self.inverted => continue,
                GrepOutput::Matches => {
                    let found = self.regex.find_iter(line).map(|found| found.as_str());
                    found
                        .filter(|found| !found.is_empty())
                        .flat_map(|found| {
                            [
                                found, "
",
                            ]
                        })
                        .collect()
                }
            };
            if report::content(output.as_bytes(), deadline).is_err() {
                return RunResult::failed(2, "grep: stdout takes nothing");
            }
        }
        if self.output == GrepOutput::Count
            && report::content(format!("{selected}\n").as_bytes(), deadline).is_err()
        {
            return RunResult::failed(2, "grep: stdout takes nothing");
        }
        if selected > 0 {
            return RunResult::success();
        }
        let what = if self.inverted { "every line matches" } else { "no line matches" };
        RunResult::failed(1, &format!("grep: {what} {} in {} bytes", self.pattern, input.len()))
    }
}
