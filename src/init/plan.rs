//! What an init is asked to do: plain, validated data. Every command line that means "init", ours and other tools', ends
//! in this.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use crate::exec::BareScript;
use crate::exit::ExitStatus;
use crate::probe::Probe;
use crate::wait::{self, OnTimeout};

use super::signals::{Rewrites, Signal};

/// One run of the init.
#[derive(Clone, Debug)]
pub(crate) struct Init {
    /// What the main child is.
    pub(crate) main: MainChild,
    /// Where the main child stands among groups, sessions and terminals.
    pub(crate) placement: Placement,
    /// Who gets the signals that come in.
    pub(crate) signal_scope: SignalScope,
    /// What each is sent on as.
    pub(crate) rewrites: Rewrites,
    /// What the init does with stop signals of the terminal, besides sending them on.
    pub(crate) job_control: JobControl,
    /// What goes with a request to end.
    pub(crate) before_stop_request: BeforeStopRequest,
    /// Whether orphans below are reparented to the init.
    pub(crate) subreaper: Subreaper,
    /// What the end of our own parent means.
    pub(crate) parent_death: ParentDeath,
    /// The codes that become 0.
    pub(crate) exit_zero: CodeSet,
    /// How long a terminating signal is held back.
    pub(crate) stop_delay: Duration,
    /// How long after the first terminating signal the main child is killed, and what it has left behind by then.
    pub(crate) kill_after: Option<Duration>,
    /// How long after its SIGTERM the runtime kills us, where it is known.
    pub(crate) stop_timeout: Option<Duration>,
    /// What happens to the processes that the main child leaves behind.
    pub(crate) drain_policy: DrainPolicy,
    /// What is done about a script that does not name its interpreter.
    pub(crate) bare_script: BareScript,
    /// What to say.
    pub(crate) log: LogOptions,
    /// What to exit with when there is no main child to take a code from.
    pub(crate) failures: FailureCodes,
    /// What the start waits for.
    pub(crate) wait: Option<StartupWait>,
    /// What is watched while the main child runs.
    pub(crate) watch: Option<Watch>,
    /// The service manager that hears of it.
    pub(crate) notify: Option<Notify>,
    /// What was said and is not heeded, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// A service manager that wants to hear of the main child
/// ([sd_notify(3)](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html)).
#[derive(Clone, Debug, Default)]
pub(crate) struct Notify {
    /// `NOTIFY_SOCKET`: a path, or with `@` an abstract name.
    pub(crate) socket: OsString,
    /// `WATCHDOG_USEC`: how long it may hear nothing.
    pub(crate) watchdog: Option<Duration>,
    /// What becomes of the variables.
    pub(crate) variables: NotifyVariables,
}

/// What becomes of `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NotifyVariables {
    /// They are ours: two who say READY=1 contradict each other.
    #[default]
    Taken,
    /// CMD gets them, too.
    Passed,
}

/// What the start waits for.
#[derive(Clone, Debug)]
pub(crate) struct StartupWait {
    /// The targets, and how they are asked.
    pub(crate) plan: wait::Plan,
    /// What to do when the limit has come.
    pub(crate) on_timeout: OnTimeout,
}

/// What is watched, in Docker's words (<https://docs.docker.com/reference/dockerfile/#healthcheck>).
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    /// What to ask; at least one.
    pub(crate) probes: Vec<Arc<Probe>>,
    /// From the end of an attempt to the next one.
    pub(crate) interval: Duration,
    /// The same in the start period, until the first success.
    pub(crate) start_interval: Duration,
    /// How long failures do not count, until the first success.
    pub(crate) start_period: Duration,
    /// So many failures in a row are one too many.
    pub(crate) retries: NonZeroU32,
    /// The limit of one attempt.
    pub(crate) attempt_timeout: Duration,
    /// What follows then.
    pub(crate) on_unhealthy: OnUnhealthy,
    /// Where the verdict is kept.
    pub(crate) status_file: Option<PathBuf>,
    /// Who may read it, as chmod(1) has it.
    pub(crate) status_file_mode: u32,
    /// Where it can be asked for.
    pub(crate) listen: Option<Address>,
}

/// What an unhealthy main child leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnUnhealthy {
    /// It is asked to end, and we exit with this code, whatever its own is.
    Stop {
        /// What the runtime's restart policy sees.
        exit: u8,
    },
    /// It gets this signal, and again after as many further failures.
    Signal(Signal),
    /// The same so many times; then it is asked to end.
    SignalThenStop {
        /// What it gets.
        signal: Signal,
        /// How often.
        times: NonZeroU32,
        /// What the runtime's restart policy sees.
        exit: u8,
    },
    /// It is told of, and that is all.
    Report,
}

impl OnUnhealthy {
    /// What follows the `round`th time, from 1 on.
    pub(crate) fn reaction(self, round: u32) -> Option<Reaction> {
        match self {
            Self::Stop { exit } => Some(Reaction::Stop { exit }),
            Self::SignalThenStop { times, exit, .. } if round > times.get() => Some(Reaction::Stop { exit }),
            Self::Signal(signal) | Self::SignalThenStop { signal, .. } => Some(Reaction::Signal(signal)),
            Self::Report => None,
        }
    }
}

/// What the main child gets since a target is unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// This signal.
    Signal(Signal),
    /// A request to end; we exit with this code.
    Stop {
        /// What the runtime's restart policy sees.
        exit: u8,
    },
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

/// What the main child is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MainChild {
    /// This program and its arguments; at least one word.
    Command(Vec<OsString>),
    /// None: reap until a terminating signal comes, then exit with 0. A pod's first container does that.
    None,
}

/// Where the main child stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Leader of its own group, which gets the foreground of the terminal if we have it.
    Group,
    /// Leader of its own session, which gets the terminal that stdin is, if it is ours to give.
    Session,
    /// In our group, as an ordinary child.
    Inherited,
}

/// Who gets the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignalScope {
    /// The main child alone.
    MainChild,
    /// All of its group.
    ProcessGroup,
}

/// What is done about TSTP, TTIN and TTOU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobControl {
    /// They are sent on. A main child that its terminal has stopped stops us too, so that our shell takes over; where there
    /// is no such shell it goes on at once.
    Follow,
    /// They are sent on, and then we stop ourselves.
    StopSelf,
}

/// What is done about a main child that is stopped when it is asked to end, and so cannot act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeforeStopRequest {
    /// It is continued, and so is its group where that is what gets the request.
    Continue,
    /// The same, but only if the main child itself is stopped: nobody else gets a signal that was not sent.
    ContinueMain,
    /// Nothing: whoever stopped it continues it.
    Nothing,
}

/// Whether orphans are reparented to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subreaper {
    /// Unless we are PID 1, which has that by itself.
    Auto,
    /// In any case.
    Always,
    /// Only as PID 1.
    Never,
}

/// What the end of our own parent means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParentDeath {
    /// Nothing.
    Ignored,
    /// We get this signal, and send it on as any other.
    Signal(Signal),
    /// The same, and the main child gets it when we end.
    Chain(Signal),
}

/// What happens to the processes that the main child leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DrainPolicy {
    /// SIGTERM, and SIGKILL some seconds later: fewer after a stop from outside, where somebody waits for our exit.
    Default,
    /// SIGTERM, and SIGKILL this long after; 0 leaves them to the kernel.
    Limit(Duration),
    /// This signal to the main child's group, by way of the rewrites, without waiting.
    SignalGroup(Signal),
    /// Nothing: as PID 1 the kernel kills them, else they live on.
    Leave,
}

/// What to say, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogOptions {
    /// Whose words.
    pub(crate) format: LogFormat,
    /// How much.
    pub(crate) verbosity: Verbosity,
}

/// Whose words are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Ours, a line of text for each event.
    Text,
    /// Ours, a JSON object in a line for each event.
    Json,
    /// tini's.
    Tini(ReapWarnings),
    /// dumb-init's.
    DumbInit(DumbInitMode),
    /// catatonit's.
    Catatonit,
}

/// How dumb-init came to its mode, which it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DumbInitMode {
    /// The command leads a session.
    Session,
    /// `-c`.
    SingleChild,
    /// `DUMB_INIT_SETSID=0`.
    NoSession,
}

/// What tini's `-w` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReapWarnings {
    /// A warning for each.
    On,
    /// Nothing.
    Off,
}

/// How much is said. Each level says what the ones before it say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// What ends us.
    Error,
    /// What is not as it should be.
    Warning,
    /// What happens.
    Event,
    /// What we make of it.
    Detail,
    /// Each step of ours.
    Trace,
}

/// What to exit with when there is no main child to take a code from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailureCodes {
    /// We could not do our work.
    pub(crate) init: ExitStatus,
    /// The command cannot be executed.
    pub(crate) not_executable: ExitStatus,
    /// There is no such command.
    pub(crate) not_found: ExitStatus,
    /// The kernel does not take it for any other reason.
    pub(crate) not_loadable: ExitStatus,
}

impl FailureCodes {
    /// `init` for our work, `exec` for any command that does not run.
    pub(crate) fn of_any_exec(init: ExitStatus, exec: ExitStatus) -> Self {
        Self { init, not_executable: exec, not_found: exec, not_loadable: exec }
    }

    /// What it means that a command cannot be executed. Async-signal-safe.
    pub(crate) fn of_exec(self, why: Errno) -> ExitStatus {
        match why {
            Errno::ENOENT => self.not_found,
            Errno::EACCES => self.not_executable,
            _ => self.not_loadable,
        }
    }
}

/// A set of exit codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeSet([u64; 4]);

impl CodeSet {
    /// Adds `code`.
    pub(crate) fn insert(&mut self, code: u8) {
        if let Some(word) = self.0.get_mut(usize::from(code / 64)) {
            *word |= 1 << (code % 64);
        }
    }

    /// Whether `code` is in it.
    pub(crate) fn contains(&self, code: u8) -> bool {
        self.0.get(usize::from(code / 64)).is_some_and(|word| word & (1 << (code % 64)) != 0)
    }
}

impl Init {
    /// `main` with everything else as it is without options.
    pub(crate) fn new(main: MainChild) -> Self {
        Self {
            main,
            placement: Placement::Group,
            signal_scope: SignalScope::MainChild,
            rewrites: Rewrites::default(),
            job_control: JobControl::Follow,
            before_stop_request: BeforeStopRequest::Continue,
            subreaper: Subreaper::Auto,
            parent_death: ParentDeath::Ignored,
            exit_zero: CodeSet::default(),
            stop_delay: Duration::ZERO,
            kill_after: None,
            stop_timeout: None,
            drain_policy: DrainPolicy::Default,
            bare_script: BareScript::Refuse,
            log: LogOptions { format: LogFormat::Text, verbosity: Verbosity::Warning },
            failures: FailureCodes {
                init: ExitStatus::InitFailed,
                not_executable: ExitStatus::NotExecutable,
                not_found: ExitStatus::NotFound,
                not_loadable: ExitStatus::NotExecutable,
            },
            wait: None,
            watch: None,
            notify: None,
            warnings: Vec::new(),
        }
    }

    /// Whether CMD gets the variable `name` of our environment. Ours configure us alone: a sexton below us would listen, wait
    /// and delay a second time.
    pub(crate) fn keeps_variable(&self, name: &[u8]) -> bool {
        let takes = |notify: &Notify| notify.variables == NotifyVariables::Taken;
        let is_taken = self.notify.as_ref().is_some_and(takes)
            && matches!(name, b"NOTIFY_SOCKET" | b"WATCHDOG_USEC" | b"WATCHDOG_PID");
        !is_taken && !name.starts_with(b"SEXTON_INIT_")
    }
}
