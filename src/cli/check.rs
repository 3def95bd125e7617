//! `sexton check`.

use std::ffi::OsString;

use crate::check::{Check, Require};
use crate::command::{Document, Parsed};
use crate::exit::ExitStatus;
use crate::report::Verbosity;

use super::line::{self, Grammar, Line, Operands, Request, Source};
use super::option::{Opt, Table};
use super::usage::Usage;
use super::{options, targets};

/// What every check has.
const TABLE: Table = Table {
    heading: None,
    options: &[
        // Docker's own default is 30 s, but most Compose files set 5 s: ours is under it, so that our reason is recorded
        // and not the runtime's kill.
        Opt::value("timeout", "DURATION", "Limit of the whole run", |args, given| {
            args.timeout = given.positive_duration()?;
            Ok(())
        })
        .short('t')
        .env("SEXTON_TIMEOUT")
        .default("4s"),
        Opt::switch("any", "One passing target is enough", |args, _| {
            args.require = Require::Any;
            Ok(())
        }),
        Opt::switch("quiet", "Print nothing", |args, _| {
            args.verbosity = Verbosity::Quiet;
            Ok(())
        })
        .short('q')
        .excludes(&["verbose", "json"]),
        Opt::switch("verbose", "Print every step", |args, _| {
            args.verbosity = Verbosity::Steps;
            Ok(())
        })
        .short('v')
        .excludes(&["json"]),
        Opt::switch("json", "Print one JSON object instead of one line per target", |args, _| {
            args.verbosity = Verbosity::Json;
            Ok(())
        }),
    ],
};

/// `sexton check`.
pub(super) const GRAMMAR: Grammar = Grammar {
    command: "check",
    usage: "sexton check [OPTIONS] TARGET...",
    about: "One round of checks: exits with 0 if all targets pass, else with 1",
    examples: "\
Examples:
  sexton check http://127.0.0.1:8080/health
  sexton check --timeout 2s --status 200-299,401 http://localhost:${PORT:-8080}/
  HEALTHCHECK --interval=10s --timeout=5s CMD [\"/sexton\", \"check\", \"http://127.0.0.1:8080/health\"]

sexton help targets lists what can be checked.",
    misused: ExitStatus::Unhealthy,
    sources: &[
        Source::shown(&TABLE).with_environment(),
        Source::shown(&options::TABLES[0]),
        Source::shown(&options::TABLES[1]),
        Source::shown(&options::TABLES[2]),
        Source::shown(&options::TABLES[3]),
        Source::shown(&options::TABLES[4]),
        Source::shown(&options::TABLES[5]),
    ],
    assumed: &[],
};

/// Reads what follows `check`.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed<Check>, Usage> {
    Ok(match line::read(&GRAMMAR, Operands::Targets, args.collect())? {
        Request::Help(text) => Parsed::Print(Document::stdout(text)),
        Request::Run(line) => Parsed::Run(build(&line).map_err(line::refuse(GRAMMAR.misused))?),
    })
}

/// Turns a line into a check.
fn build(line: &Line) -> Result<Check, String> {
    if line.words.is_empty() {
        return Err("no target; write for example sexton check http://127.0.0.1:8080/".into());
    }
    let mut args = line::apply(&GRAMMAR, &line.given)?;
    let probes = targets::into_probes(&line.words, &mut args, &line.given)?;
    Ok(Check { probes, require: args.require, timeout: args.timeout, verbosity: args.verbosity })
}
