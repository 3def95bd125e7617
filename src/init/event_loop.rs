//! The loop: waits for signals and due times, has the machine decide, and does what it says. One thread, one place that
//! waits; no wake-up while nothing happens, and nothing is allocated until the main child is gone.

use std::time::Instant;

use nix::errno::Errno;

use crate::deadline::Deadline;
use crate::sys::process::{self, Pid, Reaped};
use crate::sys::signal::{self, SignalInfo, Source};

use super::child::Child;
use super::drain::Leftovers;
use super::failure::errno;
use super::log::{Log, LogEvent};
use super::machine::{Action, ChildrenLeft, Event, Machine};
use super::name;
use super::plan::{DrainPolicy, Init, Placement, SignalScope};
use super::reaper::{End, Role};
use super::signals::Signal;
use super::terminal::Terminal;
use super::watch::{Watch, WatchEvent};

/// Everything that the loop acts on.
pub(super) struct Effects<'a> {
    pub(super) plan: &'a Init,
    pub(super) child: Option<&'a Child>,
    pub(super) terminal: &'a mut Terminal,
    pub(super) leftovers: Leftovers,
    pub(super) log: &'a mut Log,
    /// How many orphans have been reaped.
    pub(super) reaped: u64,
}

/// Runs until the machine has its verdict. `first` are signals that have come before there was a loop.
pub(super) fn run(
    plan: &Init,
    role: Role,
    source: &mut Source,
    effects: &mut Effects<'_>,
    watch: &mut Option<Watch<'_>>,
    first: Option<Signal>,
) -> Verdict {
    let mut machine = Machine::new(plan, role);
    if let Some(signal) = first {
        machine.step(Instant::now(), Event::Signal(signal), &mut |action| effects.apply(action));
    }
    // Children that we had before, or that died before the loop began, are looked for once: their SIGCHLD may be gone.
    let mut reap_next = Reap::Now;
    loop {
        if reap_next == Reap::Now {
            reap(&mut machine, effects);
        }
        if let Some(code) = machine.verdict() {
            return if machine.is_unhealthy() { Verdict::Unhealthy(code) } else { Verdict::Main(code) };
        }
        if let Some(watch) = watch
            && step_watch(&mut machine, effects, watch) == WatchEvent::Unhealthy
            && effects.child.is_none()
        {
            reap_next = Reap::Now;
            continue;
        }
        let decision = machine.due().map(|due| due.saturating_duration_since(Instant::now()));
        let attempt = watch.as_ref().and_then(Watch::due).map(Deadline::remaining);
        let limit = [decision, attempt].into_iter().flatten().min();
        let extra_fds = watch.as_ref().map(Watch::extra_fds).unwrap_or_default();
        reap_next = Reap::No;
        source.wait(limit, &extra_fds, |info| {
            if info.number == Signal::CHLD.number() {
                reap_next = Reap::Now;
            } else if let Some(signal) = Signal::new(info.number).filter(|_| !is_own(info)) {
                machine.step(Instant::now(), Event::Signal(signal), &mut |action| effects.apply(action));
            }
        });
        if machine.due().is_some() {
            machine.step(Instant::now(), Event::Time, &mut |action| effects.apply(action));
        }
        // Without a main child a signal alone can be the end of it.
        if effects.child.is_none() {
            reap_next = Reap::Now;
        }
    }
}

/// What a run has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The main child's code.
    Main(u8),
    /// The code for a main child that was unhealthy.
    Unhealthy(u8),
}

/// Has the watch do what is due, and the machine decide on what came of it.
fn step_watch(machine: &mut Machine, effects: &mut Effects<'_>, watch: &mut Watch<'_>) -> WatchEvent {
    if machine.is_stopping() {
        watch.stop(effects.log);
    }
    let turn = watch.step(effects.reaped, effects.log);
    if turn == WatchEvent::Unhealthy {
        machine.step(Instant::now(), Event::Unhealthy, &mut |action| effects.apply(action));
    }
    turn
}

/// Whether a wake-up was about the dead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reap {
    Now,
    No,
}

/// Whether we have raised this signal ourselves: a SIGPIPE of our own log line has our pid as its sender, and sending it on
/// would end the app when the log's reader goes.
pub(super) fn is_own(info: SignalInfo) -> bool {
    info.code <= 0 && info.sender == process::own_pid()
}

/// Reaps to the end of the queue, always: SIGCHLD comes once for many.
fn reap(machine: &mut Machine, effects: &mut Effects<'_>) {
    let children_left = loop {
        let name = if effects.log.tells_events() { process::peek_dead().map(name::of) } else { None };
        match process::reap(-1) {
            Reaped::Child(pid, status) => {
                let Some(end) = End::decode(status) else { continue };
                let main = effects.child.is_some_and(|child| child.pid == pid);
                let name = name.as_ref().map(name::Name::bytes).unwrap_or_default();
                effects.log.record(LogEvent::Reaped { pid, name, end, main });
                effects.reaped += u64::from(!main);
                if main {
                    machine.step(Instant::now(), Event::MainEnded(end), &mut |action| effects.apply(action));
                }
            }
            Reaped::AllLive => break ChildrenLeft::Yes,
            Reaped::NoChildren => break ChildrenLeft::No,
        }
    };
    let now = Instant::now();
    machine.step(now, Event::Reaped(children_left), &mut |action| effects.apply(action));
    let Some(child) = effects.child else { return };
    if machine.has_main() && effects.terminal.raw_fd().is_some() {
        let stop = process::peek_stopped(child.pid).and_then(Signal::new);
        machine.step(now, Event::MainStopped(stop), &mut |action| effects.apply(action));
    }
}

impl Effects<'_> {
    /// Does what the machine says. Nothing in here fails: what cannot be done is told, and the loop goes on.
    fn apply(&mut self, action: Action) {
        match action {
            Action::Send { received, signal } => self.send(received, signal),
            Action::Drop(signal) => self.log.record(LogEvent::Dropped { signal }),
            Action::Ignore(signal) => self.log.record(LogEvent::Ignored { signal }),
            Action::Hold(signal) => self.log.record(LogEvent::Held { signal, delay: self.plan.stop_delay }),
            Action::ContinueIfStopped => self.continue_if_stopped(),
            Action::KillMain => {
                self.log.record(LogEvent::Escalated { who: "the main child" });
                self.send(Signal::KILL, Signal::KILL);
            }
            Action::FollowStop(stop) => {
                if let Some(child) = self.child {
                    self.terminal.follow_stop(child.pid, stop);
                }
            }
            Action::FollowContinue => {
                if let Some(child) = self.child {
                    self.terminal.follow_continue(child.pid);
                }
            }
            Action::StopSelf => {
                self.log.record(LogEvent::Suspending);
                let _ = signal::kill(process::own_pid(), Signal::STOP.number());
            }
            Action::SignalGroup(signal) => self.leftovers.send_group(signal),
            Action::SignalRemaining => {
                if let DrainPolicy::Drain(limit) = self.plan.drain_policy {
                    self.log.record(LogEvent::Draining { limit });
                }
                self.leftovers.signal_remaining();
            }
            Action::SignalNewcomers => self.leftovers.signal_newcomers(),
            Action::KillRemaining => {
                self.log.record(LogEvent::Escalated { who: "what is left" });
                self.leftovers.kill();
            }
        }
    }

    /// Sends `signal` to the main child or its group. An app that has changed its uid answers EPERM, and that is its right.
    fn send(&mut self, received: Signal, signal: Signal) {
        let Some(child) = self.child else { return };
        let sent = match signal::kill(self.target(child.pid), signal.number()) {
            // It has left its group for another one; its pid is still its own.
            Err(why) if errno(&why) == Errno::ESRCH => signal::kill(child.pid, signal.number()),
            sent => sent,
        };
        match sent {
            Ok(()) => {
                let target = self.plan.signal_scope;
                self.log.record(LogEvent::Forwarded { received, signal, pid: child.pid, target });
            }
            Err(why) => self.log.record(LogEvent::NotForwarded { signal, why: &why }),
        }
    }

    /// The stopped cannot act on a stop request. Those who are not stopped are not bothered, as far as we can know it.
    fn continue_if_stopped(&mut self) {
        let Some(child) = self.child else { return };
        if self.plan.signal_scope == SignalScope::ProcessGroup || process::peek_stopped(child.pid).is_some() {
            let _ = signal::kill(self.target(child.pid), Signal::CONT.number());
        }
    }

    /// What kill(2) is told: the main child, or the group that it leads.
    fn target(&self, pid: Pid) -> Pid {
        match (self.plan.signal_scope, self.plan.placement) {
            (SignalScope::ProcessGroup, Placement::Group | Placement::Session) => -pid,
            _ => pid,
        }
    }
}
