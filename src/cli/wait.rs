//! `sexton wait`.

use std::ffi::OsString;

use crate::command::{Command, Document};
use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::init::plan::MainChild;
use crate::sys::process;
use crate::wait::Wait;

use super::line::{self, Grammar, Line, Operands, Request, Source};
use super::option::{Opt, Origin, Table};
use super::usage::Usage;
use super::{init, options, retry, targets, watch};

/// What `wait` has beside the options of every wait.
const TABLE: Table = Table {
    heading: None,
    options: &[Opt::value(
        "timeout",
        "DURATION",
        "Limit of the whole wait; 0 waits forever",
        |args, given| {
            args.retry.timeout = given.limit()?;
            Ok(())
        },
    )
    .short('t')
    .default("60s")],
};

/// `sexton wait`.
pub(super) const GRAMMAR: Grammar = Grammar {
    command: "wait",
    usage: "sexton wait [OPTIONS] TARGET... [-- CMD [ARG]...]",
    about: "Retries targets until all of them pass, then becomes CMD",
    examples: "\
The options of sexton check that are about targets (HTTP, TLS, ...) mean the same here. As PID 1
with CMD, wait is an init that waits first, and takes the options of sexton init, too.

Examples:
  sexton wait tcp://db:5432 http://auth:8080/health -- /app --port 80
  sexton wait --timeout 5m --backoff redis://cache
  sexton wait --invert unix:/run/old.sock

Exit codes: CMD's own; without CMD 0 if all passed; 124 limit reached, 125 misused, 126 CMD not executable,
127 CMD not found, 130 and 143 ended by SIGINT and SIGTERM",
    misused: ExitStatus::InitFailed,
    sources: SOURCES,
    assumed: &["wait"],
};

/// As PID 1, where the variables of an init count, too.
const AS_INIT: Grammar = Grammar { sources: SOURCES_AS_INIT, ..GRAMMAR };

/// Its options.
const SOURCES: &[Source] = &[
    Source::shown(&TABLE),
    Source::shown(&retry::ATTEMPTS),
    Source::shown(&retry::TABLE),
    Source::hidden(&options::TABLES[0]),
    Source::hidden(&options::TABLES[1]),
    Source::hidden(&options::TABLES[2]),
    Source::hidden(&options::TABLES[3]),
    Source::hidden(&options::TABLES[4]),
    Source::hidden(&options::TABLES[5]),
    Source::hidden(&init::TABLE),
    Source::hidden(&watch::TABLE),
];

/// Its options where it is an init.
const SOURCES_AS_INIT: &[Source] = &[
    Source::shown(&TABLE),
    Source::shown(&retry::ATTEMPTS).with_environment(),
    Source::shown(&retry::TABLE),
    Source::hidden(&options::TABLES[0]),
    Source::hidden(&options::TABLES[1]),
    Source::hidden(&options::TABLES[2]),
    Source::hidden(&options::TABLES[3]),
    Source::hidden(&options::TABLES[4]),
    Source::hidden(&options::TABLES[5]),
    Source::hidden(&init::TABLE).with_environment(),
    Source::hidden(&watch::TABLE).with_environment(),
];

/// Reads what follows `wait`.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Box<dyn Command>, Usage> {
    let args: Vec<OsString> = args.collect();
    let is_init = process::own_pid() == 1 && args.iter().any(|word| word == "--");
    let grammar = if is_init { &AS_INIT } else { &GRAMMAR };
    match line::read(grammar, Operands::TargetsAndCommand, args)? {
        Request::Help(text) => Ok(Box::new(Document::stdout(text))),
        Request::Run(line) => build(grammar, line, is_init).map_err(line::refuse(GRAMMAR.misused)),
    }
}

/// Turns a line into a wait, or into an init that waits first.
fn build(grammar: &Grammar, line: Line, is_init: bool) -> Result<Box<dyn Command>, String> {
    if line.words.is_empty() {
        return Err("no target; write for example sexton wait tcp://db:5432 -- /app".into());
    }
    if line.command.as_ref().is_some_and(Vec::is_empty) {
        return Err("nothing after --; write the command to run there".into());
    }
    if !is_init {
        refuse_options_of_an_init(&line)?;
    }
    let mut args = line::apply(grammar, &line.given)?;
    let all = [line.words.as_slice(), &args.watch.targets].concat();
    let mut probes = targets::into_probes(&all, &mut args, &line.given)?;
    let watched = probes.split_off(line.words.len());
    let wait = retry::plan(&args, probes);
    let unhealthy_exit = line.given("unhealthy-exit");
    let watch = watch::plan(&args, watched, unhealthy_exit)?;
    let command = line.command.unwrap_or_default();
    if !is_init {
        return Ok(Box::new(Wait {
            plan: wait.plan,
            on_timeout: wait.on_timeout,
            command,
            bare_script: BareScript::Refuse,
        }));
    }
    let mut plan = args.init;
    plan.main = MainChild::Command(command);
    (plan.wait, plan.watch) = (Some(wait), watch);
    Ok(Box::new(plan))
}

/// Refuses what only an init can do, where this is none.
fn refuse_options_of_an_init(line: &Line) -> Result<(), String> {
    let is_of_an_init =
        |name: &str| init::TABLE.options.iter().chain(watch::TABLE.options).any(|option| option.name == name);
    let mut given = line.given.iter().filter(|one| one.origin == Origin::Line);
    match given.find(|one| is_of_an_init(one.option.name)) {
        Some(one) => {
            Err(format!("{one} is an option of an init; write sexton init --wait TARGET {one} ... -- CMD"))
        }
        None => Ok(()),
    }
}
