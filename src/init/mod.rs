//! `sexton init`: what a PID 1 does, in order.
//!
//! ```text
//! plan       what is asked for: plain data, made by cli and compat
//! child      the main child: laid out, forked, exec'd
//! terminal   whose foreground it is
//! before     what the start waits for
//! reaper     who reaps, and how a process has ended
//! machine    what is decided: events in, actions out, no clock and no system call
//! event_loop what is done: wait, decide, act
//! drain      what is left when the main child is gone
//! watch      what is watched while the main child runs
//! log        what is said about it
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
mod event_loop;
mod explain;
mod failure;
mod log;
mod machine;
mod name;
pub(crate) mod plan;
mod reaper;
mod search;
pub(crate) mod signals;
mod startup_wait;
mod terminal;
mod watch;

use std::os::fd::RawFd;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use crate::command::Command;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::report::{self, Stream};
use crate::sys::fds;
use crate::sys::memory;
use crate::sys::process::{self, Pid};
use crate::sys::signal::{self, Disposition, SigSet, Source};
use crate::sys::stdio;

use self::child::{Child, CloseFds, Inherited};
use self::drain::Leftovers;
use self::event_loop::{Effects, Verdict};
use self::log::{Log, LogEvent, Stderr};
use self::plan::{Init, LogFormat, MainChild, ParentDeath, Placement, Subreaper, Verbosity};
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
    let role = become_reaper(plan, &mut log);
    let orphaned = follow_parent(plan, &inherited, &mut log);
    let given = note_given(plan);
    let mut source = Source::open();
    let mut watch = match open_watch(plan, &mut log) {
        Ok(watch) => watch,
        Err(status) => return status,
    };
    let reaped = match startup_wait::wait(plan, &mut source, watch.as_mut(), orphaned, &mut log) {
        Ok(reaped) => reaped,
        Err(status) => return status,
    };
    let mut terminal = find_terminal(plan);
    let child = match start(plan, &inherited, &terminal, &source, given.as_deref(), &mut log) {
        Ok(child) => child,
        Err(status) => return status,
    };
    memory::release_startup_pages();
    if let Some(watch) = &mut watch {
        watch.start();
    }
    let leftovers = Leftovers::new(role, child.as_ref().map(|child| child.pid));
    let mut effects =
        Effects { plan, child: child.as_ref(), terminal: &mut terminal, leftovers, log: &mut log, reaped };
    let code = event_loop::run(plan, role, &mut source, &mut effects, &mut watch, orphaned);
    terminal.give_back();
    let status = verdict(plan, child.as_ref(), code);
    log.record(LogEvent::Exit { code: u8::try_from(status.code()).unwrap_or(u8::MAX) });
    status
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
        let text = format!("cannot become a subreaper ({}): orphans go to PID 1", failure::errno(&why));
        log.record(LogEvent::Warning { text: &text });
    }
    if plan.subreaper == Subreaper::Never && role == reaper::Role::Plain {
        log.record(LogEvent::NoReaper);
    }
    role
}

/// Has the kernel tell us of our parent's end. If that has come before, the signal it would have sent is given back.
fn follow_parent(plan: &Init, inherited: &Inherited, log: &mut Log) -> Option<Signal> {
    let (ParentDeath::Signal(signal) | ParentDeath::Chain(signal)) = plan.parent_death else { return None };
    if let Err(why) = process::signal_at_parents_death(signal.number()) {
        let text = format!("cannot follow the parent's death: {}", failure::errno(&why));
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
    if plan.wait.is_none() && plan.watch.is_none() {
        return None;
    }
    let given = fds::open_now();
    stdio::reopen_closed();
    Some(given)
}

/// What is served about what is watched, before anything is started.
fn open_watch<'a>(plan: &'a Init, log: &mut Log) -> Result<Option<Watch<'a>>, ExitStatus> {
    match plan.watch.as_ref().map(Watch::open).transpose() {
        Ok(mut watch) => {
            if let Some(watch) = &mut watch {
                watch.write_status(log);
            }
            Ok(watch)
        }
        Err(why) => {
            report_fatal(plan, "", process::own_pid(), &why);
            Err(plan.failures.init)
        }
    }
}

/// The controlling terminal; of no interest to a main child that does not get a group of its own in our session.
fn find_terminal(plan: &Init) -> Terminal {
    if plan.placement == Placement::Group && plan.main != MainChild::None {
        Terminal::find()
    } else {
        Terminal::none()
    }
}

/// Starts the main child. The last step that can end us early.
fn start(
    plan: &Init,
    inherited: &Inherited,
    terminal: &Terminal,
    source: &Source,
    given: Option<&[RawFd]>,
    log: &mut Log,
) -> Result<Option<Child>, ExitStatus> {
    let MainChild::Command(command) = &plan.main else {
        let _ = process::change_directory(c"/");
        fds::close_each(given.unwrap_or_default());
        log.record(LogEvent::Paused);
        return Ok(None);
    };
    let ours: Vec<_> = [source.raw_fd(), terminal.raw_fd()].into_iter().flatten().collect();
    let program = command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
    let closing = given.map_or(CloseFds::AllBut(&ours), CloseFds::Only);
    match child::spawn(plan, command, inherited, terminal, closing) {
        Ok(child) => {
            log.record(LogEvent::Started { pid: child.pid, program: &program });
            Ok(Some(child))
        }
        Err(failure) => {
            report_fatal(plan, &program, process::own_pid(), &failure::start(&program, &failure));
            Err(plan.failures.init)
        }
    }
}

/// What the main child's code means to our parent.
fn verdict(plan: &Init, child: Option<&Child>, verdict: Verdict) -> ExitStatus {
    if let (MainChild::Command(command), Some(error)) = (&plan.main, child.and_then(Child::exec_error)) {
        let program = command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
        let pid = child.map_or(0, |child| child.pid);
        let why = match plan.log.format {
            LogFormat::Text | LogFormat::Json => failure::exec(&program, &error),
            LogFormat::Tini(_) | LogFormat::DumbInit(_) | LogFormat::Catatonit => {
                failure::errno(&error).desc().to_owned()
            }
        };
        report_fatal(plan, &program, pid, &why);
        // By another program's name the child's own code counts as any other.
        if let LogFormat::Text | LogFormat::Json = plan.log.format {
            return plan.failures.of_exec(failure::errno(&error));
        }
    }
    match verdict {
        Verdict::Main(code) if plan.exit_zero.contains(code) => ExitStatus::Code(0),
        Verdict::Main(code) | Verdict::Unhealthy(code) => ExitStatus::Code(code),
    }
}

/// Says what ends us, `pid` being who met it. Unlike the log this waits for a slow reader, but not for long.
fn report_fatal(plan: &Init, program: &str, pid: Pid, why: &str) {
    /// A reader that has not come by then does not come.
    const PATIENCE: Duration = Duration::from_millis(200);
    if plan.log.verbosity >= Verbosity::Error {
        let (line, whole) = match plan.log.format {
            LogFormat::Text | LogFormat::Json => {
                (log::fatal_line(plan.log.format, why), plan.log.format == LogFormat::Json)
            }
            other => (dialect::cannot_start(other, program, pid, why).unwrap_or_default(), false),
        };
        let deadline = Deadline::after(PATIENCE);
        if whole {
            report::record(Stream::Stderr, &line, deadline);
        } else {
            report::line(Stream::Stderr, &line, deadline);
        }
    }
}
