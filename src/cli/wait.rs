//! `sexton wait`.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, FromArgMatches};

use crate::check::Require;
use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::init::plan::{MainChild, StartupWait};
use crate::probe::Probe;
use crate::report::Verbosity;
use crate::sys::process;
use crate::wait::{OnTimeout, Plan, RetryInterval, Wait, WaitFor};

use super::{Usage, init, options, targets, words};

/// The longest pause that `--backoff` comes to.
const MAX_INTERVAL: &str = "30s";

/// How to wait; the same words mean the same to `init --wait`.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch on the command line")]
pub(super) struct PaceWords {
    /// Pause between two attempts [default: 1s]
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION")]
    pub(super) interval: Option<String>,
    /// The same, where --interval is that of --watch
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", hide = true)]
    pub(super) wait_interval: Option<String>,
    /// Double the pause after each attempt
    #[arg(long)]
    pub(super) backoff: bool,
    /// Longest pause with --backoff [default: 30s]
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", requires = "backoff")]
    pub(super) max_interval: Option<String>,
    /// Passes in a row that are wanted [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) stable: Option<NonZeroU32>,
    /// One target is enough
    #[arg(long)]
    pub(super) any: bool,
    /// Wait until the targets are gone
    #[arg(long)]
    pub(super) invert: bool,
    /// Run CMD anyway when the limit has come
    #[arg(long)]
    pub(super) or_run: bool,
    /// Limit of one attempt [default: 4s]
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION")]
    pub(super) attempt_timeout: Option<String>,
    /// Print nothing
    #[arg(short, long, conflicts_with = "json")]
    pub(super) quiet: bool,
    /// Print one JSON object for each change, on stdout
    #[arg(long)]
    pub(super) json: bool,
}

/// What `wait` has beside it.
#[derive(Args, Debug)]
#[group(skip)]
struct Words {
    /// Limit of the whole wait; 0 waits for ever [default: 60s]
    #[arg(short, long, allow_hyphen_values = true, value_name = "DURATION")]
    timeout: Option<String>,
    #[command(flatten)]
    pace: PaceWords,
    /// What to wait for; see sexton check --help
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
}

/// What `wait --help` begins with.
const ABOUT: &str = "Retries targets until all of them pass; then becomes CMD";

/// The end of `wait --help`.
const EXAMPLES: &str = "\
CMD after -- takes this process over once all targets pass; as PID 1 it is run under sexton init.

Examples:
  sexton wait tcp://db:5432 http://auth:8080/health -- /app --port 80
  sexton wait --timeout 5m --backoff redis://cache
  sexton wait --invert unix:/run/old.sock

Exit codes: 0 all passed (without CMD), 124 gave up, 125 misused, 126 and 127 CMD cannot be run, 130 and 143 signalled";

/// Reads what follows `wait`.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Box<dyn Command>, Usage> {
    let mut args: Vec<OsString> = args.collect();
    // Ours end at the first `--`; what follows is CMD, byte for byte.
    let command = match args.iter().position(|word| word == "--") {
        Some(at) => {
            let command = args.split_off(at).split_off(1);
            if command.is_empty() {
                return Err(Usage::new(
                    ExitStatus::InitFailed,
                    "nothing after --; write the command to run there",
                ));
            }
            command
        }
        None => Vec::new(),
    };
    let refuse = |error: &clap::Error| Usage::from_clap("wait", ExitStatus::InitFailed, error);
    let core = Words::augment_args(
        clap::Command::new("sexton wait")
            .override_usage("sexton wait [OPTIONS] TARGET... [-- CMD ARG...]")
            .after_help(EXAMPLES)
            .no_binary_name(true),
    );
    let matches = match words::parse(core, all_words, &args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
            return Ok(Box::new(Document::stdout(error.to_string())));
        }
        Err(error) => return Err(refuse(&error)),
    };
    let words = Words::from_arg_matches(&matches.core).map_err(|error| refuse(&error))?;
    let more = matches.more.as_ref();
    let options = options::Words::from_optional(more).map_err(|error| refuse(&error))?;
    let init = more.map_or_else(|| Ok(init::Words::default()), init::Words::from_arg_matches);
    let watch = more.map_or_else(|| Ok(targets::Words::default()), targets::Words::from_arg_matches);
    let (init, watch) = (init.map_err(|error| refuse(&error))?, watch.map_err(|error| refuse(&error))?);
    build(words, options, init, watch, command).map_err(|why| Usage::new(ExitStatus::InitFailed, why))
}

/// All words that `wait` understands: those of probes, and those of an init, which it is as PID 1.
fn all_words(command: clap::Command) -> clap::Command {
    let init = targets::Words::augment_args(init::Words::augment_args(clap::Command::new("init")));
    // A -v of an init alone is not worth a line of this help.
    let hidden: Vec<_> = init.get_arguments().map(|arg| arg.clone().hide(true)).collect();
    options::augment(command).args(hidden).about(ABOUT)
}

/// Turns words into a wait.
fn build(
    words: Words,
    options: options::Words,
    init: init::Words,
    watch: targets::Words,
    command: Vec<OsString>,
) -> Result<Box<dyn Command>, String> {
    let timeout = limit(words.timeout.as_deref().unwrap_or("60s"), "--timeout")?;
    if command.is_empty() {
        let probes = options.into_probes(&words.targets)?;
        let (plan, on_timeout) = words.pace.plan(probes, timeout, false)?;
        return Ok(Box::new(Wait { plan, on_timeout, command }));
    }
    // Refused where it is wrong, also where it is not needed.
    let mut plan = init.into_plan(MainChild::Command(command.clone()))?;
    (plan.wait, plan.watch) =
        watch.into_plans(options, &targets::Awaited { targets: words.targets, timeout }, words.pace)?;
    if process::own_pid() == 1 {
        return Ok(Box::new(plan));
    }
    let Some(StartupWait { plan, on_timeout }) = plan.wait else { return Err("no target given".into()) };
    Ok(Box::new(Wait { plan, on_timeout, command }))
}

/// Reads a limit; 0 is none.
pub(super) fn limit(text: &str, flag: &str) -> Result<Option<Duration>, String> {
    match options::duration(text, flag) {
        Err(_) if text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) == "0" => Ok(None),
        other => other.map(Some),
    }
}

impl PaceWords {
    /// Turns words into a plan for `probes` within `timeout`. Beside `--watch`, `--interval` is not ours.
    pub(super) fn plan(
        self,
        probes: Vec<Arc<Probe>>,
        timeout: Option<Duration>,
        is_watched: bool,
    ) -> Result<(Plan, OnTimeout), String> {
        let length = |text: Option<String>, default: &str, flag: &str| {
            options::duration(text.as_deref().unwrap_or(default), flag)
        };
        let interval = if is_watched { None } else { self.interval };
        let interval = length(self.wait_interval.or(interval), "1s", "--interval")?;
        let max = length(self.max_interval, MAX_INTERVAL, "--max-interval")?;
        let retry_interval = if self.backoff {
            RetryInterval::Exponential { first: interval, max }
        } else {
            RetryInterval::Constant(interval)
        };
        let plan = Plan {
            probes,
            require: if self.any { Require::Any } else { Require::All },
            wait_for: if self.invert { WaitFor::Gone } else { WaitFor::Passing },
            stable: self.stable.unwrap_or(NonZeroU32::MIN),
            interval: retry_interval,
            attempt_timeout: length(self.attempt_timeout, "4s", "--attempt-timeout")?,
            timeout,
            verbosity: match (self.quiet, self.json) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Json,
                _ => Verbosity::Lines,
            },
        };
        Ok((plan, if self.or_run { OnTimeout::RunAnyway } else { OnTimeout::Exit }))
    }
}
