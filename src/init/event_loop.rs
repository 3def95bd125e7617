//! The loop: waits for signals and due times, sends on what has come, reaps. One thread, one place that waits; no wake-up
//! while nothing happens.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::sys::memory;
use crate::sys::process::{self, Reaped};
use crate::sys::signal::{BATCH, ExtraFd, Interest, SignalInfo, Source};
use crate::wait::{OnTimeout, WaitEnd, Waiting};

use super::effects::Effects;
use super::launch::Launch;
use super::log_event::LogEvent;
use super::machine::{ChildrenLeft, Event, Machine, Origin};
use super::name;
use super::notify::{Condition, Notifier};
use super::plan::{Init, MainChild};
use super::reaper::{End, Role};
use super::signals::Signal;
use super::watch::Watch;

/// An init at work.
pub(super) struct Supervisor<'p> {
    plan: &'p Init,
    machine: Machine<'p>,
    source: Source,
    launch: Launch<'p>,
    effects: Effects<'p>,
    waiting: Option<Waiting>,
    watch: Option<Watch<'p>>,
    notifier: Option<Notifier>,
    /// Whether orphans of the whole namespace come to us.
    role: Role,
    /// How many orphans have been reaped.
    reaped: u64,
}

/// What a run has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The main child's code, or that of a start that did not come.
    Main(u8),
    /// The code for a main child that was unhealthy.
    Unhealthy(u8),
    /// The main child could not be started.
    NotStarted(ExitStatus),
}

/// Why the loop goes round: decoded first, acted on after.
#[derive(Debug)]
struct Wakeup {
    signals: [Option<(Signal, Origin)>; BATCH],
    reap: Reap,
    /// Whether SIGCHLD itself came.
    child_signal: bool,
}

/// Whether a wake-up was about the dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reap {
    /// It was.
    Now,
    /// It was not.
    No,
}

impl Wakeup {
    /// Without signals.
    fn new(reap: Reap) -> Self {
        Self { signals: [None; BATCH], reap, child_signal: false }
    }

    /// Takes a signal in.
    fn add(&mut self, info: SignalInfo) {
        if info.number == Signal::CHLD.number() {
            self.reap = Reap::Now;
            self.child_signal = true;
        } else if let Some(signal) = Signal::new(info.number).filter(|_| !is_own(info)) {
            let origin = if info.code > 0 { Origin::Kernel } else { Origin::Process };
            if let Some(free) = self.signals.iter_mut().find(|place| place.is_none()) {
                *free = Some((signal, origin));
            }
        }
    }
}

/// Whether we have raised this signal ourselves: a SIGPIPE of our own log line has our pid as its sender, and sending it on
/// would end the app when the log's reader goes.
fn is_own(info: SignalInfo) -> bool {
    info.code <= 0 && info.sender == process::own_pid()
}

impl<'p> Supervisor<'p> {
    /// Before anything is started.
    pub(super) fn new(
        role: Role,
        source: Source,
        launch: Launch<'p>,
        effects: Effects<'p>,
        watch: Option<Watch<'p>>,
        notifier: Option<Notifier>,
    ) -> Self {
        let plan = effects.plan;
        let waiting = plan.wait.as_ref().map(|wait| Waiting::start(&wait.plan));
        Self {
            plan,
            machine: Machine::new(plan, role),
            source,
            launch,
            effects,
            waiting,
            watch,
            notifier,
            role,
            reaped: 0,
        }
    }

    /// Runs until there is a verdict. `first` is a signal that has come before there was a loop.
    pub(super) fn run(&mut self, first: Option<Signal>) -> Verdict {
        // Children that we had before are looked for once: their SIGCHLD may be gone.
        self.reap(&Wakeup::new(Reap::Now));
        let mut wakeup = Wakeup::new(Reap::No);
        if let (Some(signal), Some(place)) = (first, wakeup.signals.first_mut()) {
            *place = Some((signal, Origin::Kernel));
        }
        loop {
            if let Err(status) = self.start_if_ready() {
                return Verdict::NotStarted(status);
            }
            self.forward(&wakeup);
            self.reap(&wakeup);
            if let Some(verdict) = self.verdict() {
                return verdict;
            }
            self.ask_targets();
            self.notify();
            wakeup = self.wait_for_wakeup();
        }
    }

    /// What was made of it all; the terminal goes back to whom it was lent from.
    pub(super) fn into_effects(self) -> Effects<'p> {
        let mut effects = self.effects;
        effects.terminal.give_back();
        effects
    }

    /// Has the machine decide, and does what it says.
    fn step(&mut self, event: Event) {
        let effects = &mut self.effects;
        self.machine.step(Instant::now(), event, &mut |action| effects.apply(action));
    }

    /// Starts the main child, once, when its time has come.
    fn start_if_ready(&mut self) -> Result<(), ExitStatus> {
        if !self.machine.is_starting() {
            return Ok(());
        }
        self.waiting = None;
        self.launch.start(&self.source, &mut self.effects)?;
        memory::release_unused_stack();
        if let Some(watch) = &mut self.watch {
            watch.start();
        }
        self.step(Event::Started);
        Ok(())
    }

    /// Sends on what has come, and does what is due.
    fn forward(&mut self, wakeup: &Wakeup) {
        for (signal, origin) in wakeup.signals.iter().flatten() {
            self.step(Event::Signal(*signal, *origin));
        }
        if self.machine.due().is_some() {
            self.step(Event::Time);
        }
    }

    /// Reaps to the end of the queue, always: SIGCHLD comes once for many.
    fn reap(&mut self, wakeup: &Wakeup) {
        let has_signal = wakeup.child_signal || wakeup.signals.iter().any(Option::is_some);
        // Without a main child it is not only our children that we wait for.
        if wakeup.reap == Reap::No && self.plan.main != MainChild::None {
            if has_signal {
                self.effects.log.record(LogEvent::AllReaped { children_left: true });
            }
            return;
        }
        if wakeup.child_signal {
            self.effects.log.record(LogEvent::ChildSignal);
        }
        let children_left = loop {
            let name =
                if self.effects.log.tells_events() { process::peek_dead().map(name::of) } else { None };
            match process::reap(-1) {
                Reaped::Child(pid, status) => {
                    let Some(end) = End::decode(status) else { continue };
                    let main = self.effects.child.as_ref().is_some_and(|child| child.pid == pid);
                    let name = name.as_ref().map(name::Name::bytes).unwrap_or_default();
                    self.effects.log.record(LogEvent::Reaped { pid, name, end, main });
                    self.reaped += u64::from(!main);
                    if main {
                        self.step(Event::MainEnded(end));
                    }
                }
                Reaped::AllLive => break ChildrenLeft::Yes,
                Reaped::NoChildren => break ChildrenLeft::No,
            }
        };
        if has_signal {
            let children_left = children_left == ChildrenLeft::Yes;
            self.effects.log.record(LogEvent::AllReaped { children_left });
        }
        let shares_namespace = self.plan.main == MainChild::None && self.role == Role::Pid1;
        self.step(Event::Reaped(match children_left {
            // A pause holds its namespace for processes that others have started.
            ChildrenLeft::No if shares_namespace && !process::is_alone() => ChildrenLeft::Yes,
            other => other,
        }));
        self.look_for_a_stop();
    }

    /// Whether a terminal has stopped the main child.
    fn look_for_a_stop(&mut self) {
        let Some(child) = &self.effects.child else { return };
        if self.machine.has_main() && self.effects.terminal.raw_fd().is_some() {
            let stop = process::peek_stopped(child.pid).and_then(Signal::new);
            self.step(Event::MainStopped(stop));
        }
    }

    /// What it has come to, if it is over.
    fn verdict(&self) -> Option<Verdict> {
        let code = self.machine.verdict()?;
        Some(if self.machine.is_unhealthy() { Verdict::Unhealthy(code) } else { Verdict::Main(code) })
    }

    /// Has what is waited for and what is watched do what is due, and the machine decide on what came of it.
    fn ask_targets(&mut self) {
        if let (Some(waiting), Some(wait)) = (&mut self.waiting, &self.plan.wait) {
            match waiting.step(&wait.plan) {
                Some(WaitEnd::TimedOut) if wait.on_timeout == OnTimeout::Exit => self.step(Event::GaveUp),
                Some(_) => self.step(Event::Ready),
                None => {}
            }
        }
        let Some(watch) = &mut self.watch else { return };
        if self.machine.is_stopping() {
            watch.stop(&mut self.effects.log);
        }
        if let Some(reaction) = watch.step(self.reaped, &mut self.effects.log) {
            self.effects.culprit = watch.culprit().map(str::to_owned);
            self.step(Event::Unhealthy(reaction));
        }
    }

    /// Tells the service manager what is new.
    fn notify(&mut self) {
        let is_healthy = self.watch.as_ref().is_none_or(Watch::is_healthy);
        let condition = if self.machine.is_stopping() {
            Condition::Stopping
        } else if is_healthy && self.machine.is_running() {
            Condition::Ready
        } else {
            Condition::NotReady
        };
        if let Some(notifier) = &mut self.notifier {
            notifier.step(condition);
        }
    }

    /// Sleeps until a signal, a target or a point of time has something to do.
    fn wait_for_wakeup(&mut self) -> Wakeup {
        let mut fds: Vec<ExtraFd> = self.waiting.iter().flat_map(Waiting::fds).map(readable).collect();
        fds.extend(self.watch.iter().flat_map(Watch::extra_fds));
        let limit = self.limit();
        let mut wakeup = Wakeup::new(Reap::No);
        self.source.wait(limit, &fds, |info| wakeup.add(info));
        wakeup
    }

    /// How long there is nothing to do but for signals and descriptors; none is for ever.
    fn limit(&self) -> Option<Duration> {
        let is_at_once = self.machine.is_starting() || self.machine.verdict().is_some();
        let at_once = is_at_once.then_some(Duration::ZERO);
        let decision = self.machine.due().map(|due| due.saturating_duration_since(Instant::now()));
        let waiting = self.waiting.as_ref().and_then(Waiting::due);
        let watch = self.watch.as_ref().and_then(Watch::due);
        let notifier = self.notifier.as_ref().and_then(Notifier::due);
        // A deadline counts as passed from its own nanosecond on, which a timer may just miss.
        let targets = waiting.into_iter().chain(watch).chain(notifier).min();
        let targets = targets.map(|due| Deadline::remaining(due).max(Duration::from_micros(10)));
        [at_once, decision, targets].into_iter().flatten().min()
    }
}

/// As the source takes it.
fn readable(fd: BorrowedFd<'_>) -> ExtraFd {
    ExtraFd { fd: fd.as_raw_fd(), interest: Interest::Readable }
}
