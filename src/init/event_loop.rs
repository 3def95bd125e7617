//! The loop: waits for signals and due times, has the machine decide, and does what it says. One thread, one place that
//! waits; no wake-up while nothing happens, and nothing is allocated until the main child is gone.

use std::time::Instant;

use nix::errno::Errno;

use crate::deadline::Deadline;
use crate::sys::process::{self, Pid, Reaped};
use crate::sys::signal::{self, Arrived, Source};

use super::child::Child;
use super::drain::Leftovers;
use super::failure::errno;
use super::log::{Log, Note};
use super::machine::{Action, Event, Living, Machine};
use super::name;
use super::plan::{Farewell, Init, Placement, Target};
use super::reaper::{End, Role};
use super::signals::Signal;
use super::terminal::Terminal;
use super::watch::{Turn, Watch};

/// Everything that the loop acts on.
pub(super) struct Hands<'a> {
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
    hands: &mut Hands<'_>,
    watch: &mut Option<Watch<'_>>,
    first: Option<Signal>,
) -> Verdict {
    let mut machine = Machine::new(plan, role);
    if let Some(signal) = first {
        machine.step(Instant::now(), Event::Signal(signal), &mut |action| hands.act(action));
    }
    // Children that we had before, or that died before the loop began, are looked for once: their SIGCHLD may be gone.
    let mut look = Look::ForTheDead;
    loop {
        if look == Look::ForTheDead {
            reap(&mut machine, hands);
        }
        if let Some(code) = machine.verdict() {
            return if machine.is_unhealthy() { Verdict::Unhealthy(code) } else { Verdict::Main(code) };
        }
        if let Some(watch) = watch
            && step_watch(&mut machine, hands, watch) == Turn::Unhealthy
            && hands.child.is_none()
        {
            look = Look::ForTheDead;
            continue;
        }
        let decision = machine.due().map(|due| due.saturating_duration_since(Instant::now()));
        let attempt = watch.as_ref().and_then(Watch::due).map(Deadline::remaining);
        let limit = [decision, attempt].into_iter().flatten().min();
        let beside = watch.as_ref().map(Watch::beside).unwrap_or_default();
        look = Look::Away;
        source.wait(limit, &beside, |arrived| {
            if arrived.number == Signal::CHLD.number() {
                look = Look::ForTheDead;
            } else if let Some(signal) = Signal::new(arrived.number).filter(|_| !is_own(arrived)) {
                machine.step(Instant::now(), Event::Signal(signal), &mut |action| hands.act(action));
            }
        });
        if machine.due().is_some() {
            machine.step(Instant::now(), Event::Time, &mut |action| hands.act(action));
        }
        // Without a main child a signal alone can be the end of it.
        if hands.child.is_none() {
            look = Look::ForTheDead;
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
fn step_watch(machine: &mut Machine, hands: &mut Hands<'_>, watch: &mut Watch<'_>) -> Turn {
    if machine.is_stopping() {
        watch.rest(hands.log);
    }
    let turn = watch.step(hands.reaped, hands.log);
    if turn == Turn::Unhealthy {
        machine.step(Instant::now(), Event::Unhealthy, &mut |action| hands.act(action));
    }
    turn
}

/// Whether a wake-up was about the dead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    ForTheDead,
    Away,
}

/// Whether we have raised this signal ourselves: a SIGPIPE of our own log line has our pid as its sender, and sending it on
/// would end the app when the log's reader goes.
pub(super) fn is_own(arrived: Arrived) -> bool {
    arrived.code <= 0 && arrived.sender == process::own_pid()
}

/// Reaps to the end of the queue, always: SIGCHLD comes once for many.
fn reap(machine: &mut Machine, hands: &mut Hands<'_>) {
    let living = loop {
        let name = if hands.log.tells_events() { process::peek_dead().map(name::of) } else { None };
        match process::reap(-1) {
            Reaped::Child(pid, status) => {
                let Some(end) = End::decode(status) else { continue };
                let main = hands.child.is_some_and(|child| child.pid == pid);
                let name = name.as_ref().map(name::Name::bytes).unwrap_or_default();
                hands.log.say(Note::Reaped { pid, name, end, main });
                hands.reaped += u64::from(!main);
                if main {
                    machine.step(Instant::now(), Event::MainEnded(end), &mut |action| hands.act(action));
                }
            }
            Reaped::AllLive => break Living::Some,
            Reaped::NoChildren => break Living::None,
        }
    };
    let now = Instant::now();
    machine.step(now, Event::Reaped(living), &mut |action| hands.act(action));
    let Some(child) = hands.child else { return };
    if machine.has_main() && hands.terminal.raw_fd().is_some() {
        let stop = process::peek_stopped(child.pid).and_then(Signal::new);
        machine.step(now, Event::MainStopped(stop), &mut |action| hands.act(action));
    }
}

impl Hands<'_> {
    /// Does what the machine says. Nothing in here fails: what cannot be done is told, and the loop goes on.
    fn act(&mut self, action: Action) {
        match action {
            Action::Send { received, signal } => self.send(received, signal),
            Action::Drop(signal) => self.log.say(Note::Dropped { signal }),
            Action::Ignore(signal) => self.log.say(Note::Ignored { signal }),
            Action::Hold(signal) => self.log.say(Note::Held { signal, delay: self.plan.stop_delay }),
            Action::ContinueIfStopped => self.continue_if_stopped(),
            Action::KillMain => {
                self.log.say(Note::Escalated { who: "the main child" });
                self.send(Signal::KILL, Signal::KILL);
            }
            Action::Rejoin(stop) => {
                if let Some(child) = self.child {
                    self.terminal.rejoin(child.pid, stop);
                }
            }
            Action::Resume => {
                if let Some(child) = self.child {
                    self.terminal.resume(child.pid);
                }
            }
            Action::StopSelf => {
                self.log.say(Note::Suspending);
                let _ = signal::kill(process::own_pid(), Signal::STOP.number());
            }
            Action::Part(signal) => self.leftovers.send_group(signal),
            Action::Tell => {
                if let Farewell::Drain(limit) = self.plan.farewell {
                    self.log.say(Note::Draining { limit });
                }
                self.leftovers.tell();
            }
            Action::TellNew => self.leftovers.tell_new(),
            Action::KillLeft => {
                self.log.say(Note::Escalated { who: "what is left" });
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
                let target = self.plan.target;
                self.log.say(Note::Forwarded { received, signal, pid: child.pid, target });
            }
            Err(why) => self.log.say(Note::NotForwarded { signal, why: &why }),
        }
    }

    /// The stopped cannot act on a stop request. Those who are not stopped are not bothered, as far as we can know it.
    fn continue_if_stopped(&mut self) {
        let Some(child) = self.child else { return };
        if self.plan.target == Target::Group || process::peek_stopped(child.pid).is_some() {
            let _ = signal::kill(self.target(child.pid), Signal::CONT.number());
        }
    }

    /// What kill(2) is told: the main child, or the group that it leads.
    fn target(&self, pid: Pid) -> Pid {
        match (self.plan.target, self.plan.placement) {
            (Target::Group, Placement::Group | Placement::Session) => -pid,
            _ => pid,
        }
    }
}
