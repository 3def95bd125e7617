//! What the options of a line have set: plain data, before it becomes a command.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::check::Require;
use crate::init::plan::{Address, Init, MainChild};
use crate::init::signals::Signal;
use crate::probe::options::Options;
use crate::report::Verbosity;

/// All that options can say. A command reads the parts that its tables set.
#[derive(Debug)]
pub(super) struct Args {
    /// About the probes.
    pub(super) probe: Options,
    /// How many targets must pass.
    pub(super) require: Require,
    /// What is printed.
    pub(super) verbosity: Verbosity,
    /// The limit of a round of checks.
    pub(super) timeout: Duration,
    /// About a wait.
    pub(super) retry: RetryArgs,
    /// About a watch.
    pub(super) watch: WatchArgs,
    /// About the init; its main child is set last.
    pub(super) init: Init,
    /// The names of an installed copy.
    pub(super) names: Vec<String>,
    /// Whether `--explain` or `--pause` stands in for running the command.
    pub(super) init_mode: InitMode,
}

/// How a wait retries.
#[derive(Debug)]
pub(super) struct RetryArgs {
    /// The limit of the whole wait; none waits forever.
    pub(super) timeout: Option<Duration>,
    /// `--interval`, which is the watch's where there is one.
    pub(super) interval: Option<Duration>,
    /// `--wait-interval`.
    pub(super) wait_interval: Option<Duration>,
    /// Whether the pause doubles.
    pub(super) backoff: bool,
    /// The longest pause with `backoff`.
    pub(super) max_interval: Duration,
    /// Passes in a row.
    pub(super) stable: NonZeroU32,
    /// Wait until the targets are gone.
    pub(super) invert: bool,
    /// Run CMD when the limit has come.
    pub(super) or_run: bool,
    /// The limit of one attempt.
    pub(super) attempt_timeout: Duration,
    /// The targets of an init's `--wait`.
    pub(super) targets: Vec<String>,
}

/// How an init watches.
#[derive(Debug)]
pub(super) struct WatchArgs {
    /// What is watched.
    pub(super) targets: Vec<String>,
    /// Failures in a row that mean unhealthy.
    pub(super) retries: NonZeroU32,
    /// How long failures are ignored.
    pub(super) start_period: Duration,
    /// The pause in that time.
    pub(super) start_interval: Duration,
    /// What follows an unhealthy target.
    pub(super) reaction: Reaction,
    /// The exit code after it.
    pub(super) unhealthy_exit: u8,
    /// Where the verdict is kept.
    pub(super) status_file: Option<PathBuf>,
    /// Who may read it.
    pub(super) status_file_mode: u32,
    /// Where it is served.
    pub(super) listen: Option<Address>,
}

/// What follows an unhealthy target, before the exit code is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// CMD is stopped.
    Stop,
    /// CMD gets a signal.
    Signal(Signal),
    /// CMD gets a signal so many times, and is stopped then.
    SignalThenStop(Signal, NonZeroU32),
    /// A line is printed.
    Report,
}

/// What an init does with its command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InitMode {
    /// There is none: `--pause`.
    pub(super) pause: bool,
    /// Print the plan: `--explain`.
    pub(super) explain: bool,
}

impl Default for Args {
    /// Before any option and any default is applied.
    fn default() -> Self {
        Self {
            probe: Options::default(),
            require: Require::All,
            verbosity: Verbosity::Lines,
            timeout: Duration::ZERO,
            retry: RetryArgs {
                timeout: None,
                interval: None,
                wait_interval: None,
                backoff: false,
                max_interval: Duration::ZERO,
                stable: NonZeroU32::MIN,
                invert: false,
                or_run: false,
                attempt_timeout: Duration::ZERO,
                targets: Vec::new(),
            },
            watch: WatchArgs {
                targets: Vec::new(),
                retries: NonZeroU32::MIN,
                start_period: Duration::ZERO,
                start_interval: Duration::ZERO,
                reaction: Reaction::Stop,
                unhealthy_exit: 1,
                status_file: None,
                status_file_mode: 0o600,
                listen: None,
            },
            names: Vec::new(),
            init: Init::new(MainChild::None),
            init_mode: InitMode::default(),
        }
    }
}
