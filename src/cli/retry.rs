//! How to wait: the same options for `wait` and for `init --wait`.

use std::sync::Arc;
use std::time::Duration;

use crate::check::Require;
use crate::init::plan::StartupWait;
use crate::probe::Probe;
use crate::report::Verbosity;
use crate::wait::{Messages, OnTimeout, Plan, RetryInterval, WaitFor};

use super::args::Args;
use super::option::{Opt, Table};

/// The pause between two attempts, unless it is said.
const INTERVAL: Duration = Duration::from_secs(1);

/// How attempts follow each other, in a wait and in a watch.
pub(super) const ATTEMPTS: Table = Table {
    heading: None,
    options: &[
        Opt::value(
            "interval",
            "DURATION",
            "Pause between two attempts [default: 1s; with --watch 10s]",
            |args, given| {
                args.retry.interval = Some(given.positive_duration()?);
                Ok(())
            },
        )
        .env("SEXTON_INIT_INTERVAL")
        .needs(&["wait", "watch"]),
        Opt::value("attempt-timeout", "DURATION", "Limit of one attempt", |args, given| {
            args.retry.attempt_timeout = given.positive_duration()?;
            Ok(())
        })
        .env("SEXTON_INIT_ATTEMPT_TIMEOUT")
        .default("4s")
        .needs(&["wait", "watch"]),
    ],
};

/// The options of a wait.
pub(super) const TABLE: Table = Table {
    heading: None,
    options: &[
        Opt::value(
            "wait-interval",
            "DURATION",
            "The same for --wait beside --watch [default: 1s]",
            |args, given| {
                args.retry.wait_interval = Some(given.positive_duration()?);
                Ok(())
            },
        )
        .env("SEXTON_INIT_WAIT_INTERVAL")
        .needs(&["wait"]),
        Opt::switch("backoff", "Double the pause after each attempt", |args, _| {
            args.retry.backoff = true;
            Ok(())
        })
        .env("SEXTON_INIT_BACKOFF")
        .needs(&["wait"]),
        Opt::value("max-interval", "DURATION", "Longest pause with --backoff", |args, given| {
            args.retry.max_interval = given.positive_duration()?;
            Ok(())
        })
        .env("SEXTON_INIT_MAX_INTERVAL")
        .default("30s")
        .needs(&["backoff"]),
        Opt::value("stable", "N", "Required consecutive passes", |args, given| {
            args.retry.stable = given.count()?;
            Ok(())
        })
        .env("SEXTON_INIT_STABLE")
        .default("1")
        .needs(&["wait"]),
        Opt::switch("any", "One passing target is enough", |args, _| {
            args.require = Require::Any;
            Ok(())
        })
        .env("SEXTON_INIT_ANY")
        .needs(&["wait"]),
        Opt::switch("invert", "Wait until the targets are gone", |args, _| {
            args.retry.invert = true;
            Ok(())
        })
        .env("SEXTON_INIT_INVERT")
        .needs(&["wait"]),
        Opt::switch("or-run", "Run CMD anyway when the limit is reached", |args, _| {
            args.retry.or_run = true;
            Ok(())
        })
        .env("SEXTON_INIT_OR_RUN")
        .needs(&["wait"]),
        Opt::switch("quiet", "Print nothing while waiting", |args, _| {
            args.verbosity = Verbosity::Quiet;
            Ok(())
        })
        .short('q')
        .env("SEXTON_INIT_QUIET")
        .excludes(&["json"])
        .needs(&["wait"]),
        Opt::switch("json", "Print one JSON object per change, on stdout", |args, _| {
            args.verbosity = Verbosity::Json;
            Ok(())
        })
        .env("SEXTON_INIT_JSON")
        .needs(&["wait"]),
    ],
};

/// Turns `args` into a wait for `probes`. Beside a watch, `--interval` is the watch's.
pub(super) fn plan(args: &Args, probes: Vec<Arc<Probe>>) -> StartupWait {
    let retry = &args.retry;
    let own = if args.watch.targets.is_empty() { retry.interval } else { None };
    let first = retry.wait_interval.or(own).unwrap_or(INTERVAL);
    let plan = Plan {
        probes,
        require: args.require,
        wait_for: if retry.invert { WaitFor::Gone } else { WaitFor::Passing },
        stable: retry.stable,
        interval: if retry.backoff {
            RetryInterval::Exponential { first, max: retry.max_interval }
        } else {
            RetryInterval::Constant(first)
        },
        attempt_timeout: retry.attempt_timeout,
        timeout: retry.timeout,
        verbosity: args.verbosity,
        messages: Messages::Own,
    };
    StartupWait { plan, on_timeout: if retry.or_run { OnTimeout::RunAnyway } else { OnTimeout::Exit } }
}
