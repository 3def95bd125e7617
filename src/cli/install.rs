//! `sexton install`.

use std::ffi::OsString;

use crate::command::{Document, Parsed};
use crate::exit::ExitStatus;
use crate::install::Install;

use super::line::{self, Grammar, Line, Operands, Request, Source};
use super::option::{Opt, Table};
use super::usage::Usage;

/// Its options.
const TABLE: Table = Table {
    heading: None,
    options: &[Opt::value(
        "as",
        "NAME,..",
        "Link these names to it: the copy behaves as the program whose name it is called by",
        |args, given| {
            args.names.extend(given.list()?);
            Ok(())
        },
    )
    .many()],
};

/// `sexton install`.
pub(super) const GRAMMAR: Grammar = Grammar {
    command: "install",
    usage: "sexton install PATH [--as NAME,..]",
    about: "Copies sexton to PATH, mode 755, in one step: to PATH/sexton in a directory, else to PATH",
    examples: "\
A path that ends with / is a directory, and is made where it is missing.

Examples:
  sexton install /probes
  sexton install /probes --as curl,wget,sh
  docker run --rm -v probes:/probes sexton install /probes",
    misused: ExitStatus::Unhealthy,
    sources: &[Source::shown(&TABLE)],
    assumed: &[],
};

/// Reads what follows `install`; `known` are the names that we answer to.
pub(super) fn parse(args: impl Iterator<Item = OsString>, known: &[&str]) -> Result<Parsed<Install>, Usage> {
    match line::read(&GRAMMAR, Operands::Targets, args.collect())? {
        Request::Help(text) => Ok(Parsed::Print(Document::stdout(text))),
        Request::Run(line) => build(&line, known).map(Parsed::Run).map_err(line::refuse(GRAMMAR.misused)),
    }
}

/// Turns a line into an installation.
fn build(line: &Line, known: &[&str]) -> Result<Install, String> {
    let mut names = line::apply(&GRAMMAR, &line.given)?.names;
    let path = match line.words.as_slice() {
        [path] if path.is_empty() => return Err("the path is empty (see sexton install --help)".into()),
        [path] => path.into(),
        [] => return Err("no path given (see sexton install --help)".into()),
        [_, second, ..] => {
            return Err(format!("install takes one path: `{second}` (see sexton install --help)"));
        }
    };
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let known = known.join(", ");
        return Err(format!("--as: unknown name `{unknown}`; sexton answers to {known}"));
    }
    names.sort_unstable();
    names.dedup();
    Ok(Install { path, names })
}
