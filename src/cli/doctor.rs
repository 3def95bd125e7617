//! `sexton doctor`.

use std::ffi::OsString;

use crate::command::{Document, Parsed};
use crate::doctor::Doctor;
use crate::exit::ExitStatus;
use crate::report::Verbosity;

use super::line::{self, Grammar, Operands, Request, Source};
use super::option::{Opt, Table};
use super::usage::Usage;

/// Its options.
const TABLE: Table = Table {
    heading: None,
    options: &[Opt::switch("json", "Print one JSON object", |args, _| {
        args.verbosity = Verbosity::Json;
        Ok(())
    })],
};

/// `sexton doctor`.
pub(super) const GRAMMAR: Grammar = Grammar {
    command: "doctor",
    usage: "sexton doctor [--json]",
    about: "Says what is wrong in this container, whose fault it is, and what fixes it; exits with 1 if anything is",
    examples: "\
It looks twice, a second apart, and only reads: PID 1 and its signals, zombies and their parents, adopted
orphans, the PID cgroup, descriptors. Passwords and tokens on command lines are not shown.

Examples:
  docker exec app /sexton doctor
  kubectl exec app -- /probes/sexton doctor --json",
    misused: ExitStatus::Unhealthy,
    sources: &[Source::shown(&TABLE)],
    assumed: &[],
};

/// Reads what follows `doctor`.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed<Doctor>, Usage> {
    let line = match line::read(&GRAMMAR, Operands::Targets, args.collect())? {
        Request::Help(text) => return Ok(Parsed::Print(Document::stdout(text))),
        Request::Run(line) => line,
    };
    if let Some(word) = line.words.first() {
        let why = format!("doctor takes no argument: `{word}` (see sexton doctor --help)");
        return Err(Usage::new(GRAMMAR.misused, why));
    }
    Ok(Parsed::Run(Doctor { json: line.given("json").is_some() }))
}
