//! `sexton init`: what a PID 1 does, in order.
//!
//! ```text
//! plan         what is asked for: plain data, made by cli and compat
//! launch       the start of the main child
//! child        laid out, forked, exec'd
//! terminal     whose foreground it is
//! reaper       who reaps, and how a process has ended
//! machine      what is decided: events in, actions out, no clock and no system call
//! stop_budget  how long a stop may take
//! event_loop   waits, has the machine decide
//! effects      what is done then
//! drain        the processes that the main child leaves behind
//! notify       what a service manager is told
//! watch        what is watched while the main child runs
//! log_event    what is worth a line
//! log          the line; dialect: those of other inits
//! ```
//!
//! # Policies
//!
//! * Every signal is sent on by its number, real-time ones, TSTP, TTIN, TTOU and faults that a user sends among them. Not
//!   SIGCHLD, and none that we raised ourselves. A fault of our own is forced by the kernel and ends us.
//! * A stop that came through us, or by SIGSTOP, is left alone. One that the terminal made (^Z) is passed to the shell above us,
//!   and where there is none the main child goes on at once.
//! * A request to end (TERM, INT, QUIT, HUP) wakes a stopped main child, so that it can act on it.
//! * Only TERM and INT are terminating for `--kill-after` and `--stop-delay`: QUIT makes a JVM print its threads.
//! * When we are killed ourselves and are not PID 1, the tree below us lives on as orphans of the next reaper;
//!   `--parent-death` gives the main child a signal then. The death of a PID 1 takes its namespace with it.
//! * As PID 1 everybody in the namespace is asked to end at the drain, but only our own children are waited for.

mod child;
mod dialect;
mod drain;
mod effects;
mod event_loop;
mod explain;
mod launch;
mod log;
mod log_event;
mod machine;
mod name;
mod notify;
pub(crate) mod plan;
mod reaper;
pub(crate) mod signals;
mod spawn_error;
mod stop_budget;
mod target_event;
mod terminal;
mod watch;

use std::os::fd::RawFd;
use std::panic::{self, AssertUnwindSafe};

use crate::command::Command;
use crate::exec;
use crate::exit::ExitStatus;
use crate::report::{self, Stream};
use crate::sys::fds;
use crate::sys::process;
use crate::sys::signal::{self, Disposition, SigSet, Source};
use crate::sys::stdio;

#[cfg(any(fuzzing, test))]
pub(crate) use self::watch::read_request;

use self::child::Inherited;
use self::drain::Remaining;
use self::effects::Effects;
use self::event_loop::{Supervisor, Verdict};
use self::launch::{Launch, report_fatal};
use self::log::{Log, Stderr};
use self::log_event::LogEvent;
use self::notify::Notifier;
use self::plan::{Init, LogFormat, MainChild, ParentDeath, Subreaper};
use self::signals::Signal;
use self::terminal::Terminal;
use self::watch::Watch;

/// What an init would do, to be printed.
#[derive(Debug)]
pub(crate) struct Explain(pub(crate) Init);

impl Command for Explain {
    fn run(self: Box<Self>) -> ExitStatus {
        report::document(Stream::Stdout, &explain::explain(&self.0));
        ExitStatus::Healthy
    }
}

impl Command for Init {
    /// A panic is our failure, and is told apart from anything that the main child may say.
    fn run(self: Box<Self>) -> ExitStatus {
        panic::catch_unwind(AssertUnwindSafe(|| run(&self))).unwrap_or(ExitStatus::InitFailed)
    }
}

/// Runs the main child to its end, and what it leaves behind to theirs.
fn run(plan: &Init) -> ExitStatus {
    let inherited = block_signals();
    let mut log = open_log(plan);
    for warning in &plan.warnings {
        log.record(LogEvent::Warning { text: warning });
    }
    let role = become_reaper(plan, &mut log);
    let orphaned = follow_parent(plan, &inherited, &mut log);
    let given = note_given(plan);
    let source = Source::open();
    let watch = match open_watch(plan, &mut log) {
        Ok(watch) => watch,
        Err(status) => return status,
    };
    let notifier = open_notifier(plan, &mut log);
    let launch = Launch { plan, inherited, given };
    let effects = Effects {
        plan,
        child: None,
        terminal: Terminal::none(),
        remaining: Remaining::new(role),
        log,
        asked_at: None,
        culprit: None,
    };
    let mut supervisor = Supervisor::new(role, source, launch, effects, watch, notifier);
    let verdict = supervisor.run(orphaned);
    finish(supervisor.into_effects(), verdict)
}

/// First of all: from here on no signal is lost. SIGCHLD that we were given as ignored would have the kernel reap for us, and
/// nobody would learn the main child's code.
fn block_signals() -> Inherited {
    // Before anything else: if it ends from here on, that is noticed.
    let parent = process::parent_pid();
    let mask = signal::set_mask(SigSet::FULL).unwrap_or(SigSet::EMPTY);
    // With a terminal we want to know of stops.
    let chld = signal::set_disposition(Signal::CHLD.number(), &Disposition::default_with(0)).ok();
    Inherited { mask, chld, parent }
}

/// The log, to a stderr that was open when we came.
fn open_log(plan: &Init) -> Log {
    let stderr = if fds::is_open(2) { Stderr::Open } else { Stderr::Closed };
    Log::new(plan.log, stderr)
}

/// Before the fork, so that no orphan is missed.
fn become_reaper(plan: &Init, log: &mut Log) -> reaper::Role {
    let (role, refused) = reaper::claim(plan.subreaper);
    if let Some(why) = refused {
        let text = format!("cannot become a subreaper ({}): orphans go to PID 1", spawn_error::errno(&why));
        log.record(LogEvent::Warning { text: &text });
    }
    match (plan.subreaper, role) {
        (Subreaper::Never, reaper::Role::Plain) => log.record(LogEvent::NoReaper),
        (Subreaper::Always, reaper::Role::Pid1 | reaper::Role::Subreaper) => log.record(LogEvent::Subreaper),
        _ => {}
    }
    role
}

/// Has the kernel tell us of our parent's end. If that has come before, the signal it would have sent is given back.
fn follow_parent(plan: &Init, inherited: &Inherited, log: &mut Log) -> Option<Signal> {
    let (ParentDeath::Signal(signal) | ParentDeath::Chain(signal)) = plan.parent_death else { return None };
    if let Err(why) = process::signal_at_parents_death(signal.number()) {
        let text = format!("cannot follow the parent's death: {}", spawn_error::errno(&why));
        log.record(LogEvent::Warning { text: &text });
    }
    if process::parent_pid() == inherited.parent {
        return None;
    }
    if signal == Signal::KILL || signal == Signal::STOP {
        let _ = signal::kill(process::own_pid(), signal.number());
    }
    Some(signal)
}

/// The descriptors that we were given, where probes will have their own beside them. For the sake of those, 0-2 are taken,
/// too; not for the main child, since they are closed on exec.
fn note_given(plan: &Init) -> Option<Vec<RawFd>> {
    if plan.wait.is_none() && plan.watch.is_none() && plan.notify.is_none() {
        return None;
    }
    let given = fds::open_now();
    stdio::reopen_closed();
    Some(given)
}

/// What is served about what is watched, before anything is started.
fn open_watch<'a>(plan: &'a Init, log: &mut Log) -> Result<Option<Watch<'a>>, ExitStatus> {
    match plan.watch.as_ref().map(|watch| Watch::open(plan, watch, log)).transpose() {
        Ok(mut watch) => {
            if let Some(watch) = &mut watch {
                watch.write_status(log);
            }
            Ok(watch)
        }
        Err(why) => {
            report_fatal(plan, log, &why);
            Err(plan.failures.init)
        }
    }
}

/// The socket of the service manager. A socket that cannot be used is no reason not to start.
fn open_notifier(plan: &Init, log: &mut Log) -> Option<Notifier> {
    let opened = Notifier::open(plan.notify.as_ref()?);
    opened.map_err(|why| log.record(LogEvent::Warning { text: &why })).ok()
}

/// Says what it has come to, and what our parent is told.
fn finish(mut effects: Effects<'_>, verdict: Verdict) -> ExitStatus {
    let plan = effects.plan;
    if let (MainChild::Command(command), Some(child)) = (&plan.main, &effects.child)
        && let Some(errno) = child.exec_error()
    {
        let program = command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
        effects.log.record(LogEvent::ExecFailed { pid: child.pid });
        let why = match plan.log.format {
            LogFormat::Text | LogFormat::Json => exec::refusal(program.as_ref().as_ref(), errno),
            format => dialect::cannot_exec(format, &program, child.pid, errno),
        };
        report_fatal(plan, &effects.log, &why);
        // By another program's name the child's own code counts as any other.
        if let LogFormat::Text | LogFormat::Json = plan.log.format {
            return tell_exit(&mut effects.log, plan.failures.of_exec(errno));
        }
    }
    tell_exit(
        &mut effects.log,
        match verdict {
            Verdict::Main(code) if plan.exit_zero.contains(code) => ExitStatus::Code(0),
            Verdict::Main(code) => ExitStatus::Code(code),
            Verdict::Unhealthy(code) => {
                let target = effects.culprit.unwrap_or_default();
                effects.log.record(LogEvent::UnhealthyExit { code, target: &target });
                return ExitStatus::Code(code);
            }
            Verdict::NotStarted(status) => return status,
        },
    )
}

/// The last line of the log.
fn tell_exit(log: &mut Log, status: ExitStatus) -> ExitStatus {
    log.record(LogEvent::Exit { code: u8::try_from(status.code()).unwrap_or(u8::MAX) });
    status
}
