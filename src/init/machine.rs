//! What an init decides: events in, actions out. No clock and no system call is in here; the time is part of the event.
//!
//! ```text
//! Waiting -> Starting -> Running -> Ended -> Draining -> Killed -> Done
//! ```
//!
//! The stages that a plan has no use for are left out. docs/init.md has the timeline of a stop.

use std::time::{Duration, Instant};

use super::plan::{BeforeStopRequest, DrainPolicy, Init, JobControl, MainChild, ParentDeath, Reaction};
use super::reaper::{End, Role};
use super::signals::Signal;
use super::stop_budget::{DRAIN, EXIT_MARGIN, REAP_LIMIT, drain_after_stop, later};

/// How long an unhealthy main child may take to end, unless the user says otherwise.
const UNHEALTHY_KILL_AFTER: Duration = Duration::from_secs(10);

/// How long newly found processes may collect before they are looked for: a look is one pass over our children, and a fork
/// bomb would ask for one with each of its deaths.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A signal came, from somebody else.
    Signal(Signal, Origin),
    /// The targets that the start waits for are there, or the plan goes on without them.
    Ready,
    /// They were not there in time.
    GaveUp,
    /// The main child was started; or there is none to start.
    Started,
    /// The main child was reaped.
    MainEnded(End),
    /// The queue of the dead is empty, as it always is after a wake-up for them.
    Reaped(ChildrenLeft),
    /// Its terminal, or somebody, has stopped the main child with this signal; or it runs.
    MainStopped(Option<Signal>),
    /// A watched target is unhealthy, and this follows.
    Unhealthy(Reaction),
    /// A point of time that `due` named may have come.
    Time,
}

/// Who sent a signal (`si_code` of siginfo).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A process.
    Process,
    /// The kernel: a key was pressed on our terminal.
    Kernel,
}

/// Whether there are processes left to reap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChildrenLeft {
    /// At least one.
    Yes,
    /// None at all.
    No,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send `signal` to the main child, or its group as the plan has it, since `received` came.
    Send { received: Signal, signal: Signal },
    /// Nothing: the plan drops it.
    Drop(Signal),
    /// Nothing yet: it is held back.
    Hold(Signal),
    /// Nothing: there is no main child that could get it.
    Ignore(Signal),
    /// Wake the main child up if it is stopped: it is to act on a stop request.
    ContinueIfStopped,
    /// The main child's time is up: SIGKILL.
    KillMain,
    /// The terminal has stopped the main child: have our shell take over, or go on.
    FollowStop(Signal),
    /// Somebody has continued us: give the terminal to the main child again, if it is ours.
    FollowContinue,
    /// Stop ourselves.
    StopSelf,
    /// Send this to the main child's group, which it has left.
    SignalGroup(Signal),
    /// Ask all remaining processes to end; they have this long.
    SignalRemaining { limit: Duration },
    /// The same for those who have come since.
    SignalNewcomers,
    /// Kill all remaining processes.
    KillRemaining,
}

/// The state of an init.
#[derive(Clone, Debug)]
pub(super) struct Machine<'p> {
    plan: &'p Init,
    role: Role,
    state: State,
    /// When the first request to stop came from outside: the runtime's clock runs since then.
    stop_requested: Option<Instant>,
    /// When the main child was told to end, by whoever: the clock of `--kill-after` runs since then.
    stop_sent: Option<Instant>,
    /// The terminating signals that are held back, bit n-1 for signal n.
    held: u64,
    /// The code to exit with because a watched target was unhealthy.
    unhealthy_exit: Option<u8>,
    /// Whether the main child is known to be stopped, and who wanted it.
    stop: StopState,
}

/// Where in its life an init is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The targets of `--wait` are not there yet.
    Waiting,
    /// The main child is to be started now.
    Starting,
    /// The main child lives; or there is none, and nobody has asked us to stop.
    Running,
    /// The main child was killed, and has not been reaped yet.
    MainKilled,
    /// The main child is gone, and this is its code; who is left is not known yet.
    Ended { code: u8 },
    /// The remaining processes have been asked to end.
    Draining { code: u8, until: Instant, look_at: Option<Instant> },
    /// They have been killed.
    Killed { code: u8, until: Instant },
    /// All is done.
    Done { code: u8 },
}

/// What is known of the main child's being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopState {
    /// It runs, as far as we know.
    Running,
    /// We were told to stop it, so that it may stay stopped.
    Requested,
    /// It is stopped, and we have done what we can about it.
    Handled,
}

impl<'p> Machine<'p> {
    /// At the start.
    pub(super) fn new(plan: &'p Init, role: Role) -> Self {
        let state = if plan.wait.is_some() { State::Waiting } else { State::Starting };
        Self {
            plan,
            role,
            state,
            stop_requested: None,
            stop_sent: None,
            held: 0,
            unhealthy_exit: None,
            stop: StopState::Running,
        }
    }

    /// The code to exit with, once all is done.
    pub(super) fn verdict(&self) -> Option<u8> {
        match self.state {
            State::Done { code } => Some(code),
            _ => None,
        }
    }

    /// Whether the main child is to be started now.
    pub(super) fn is_starting(&self) -> bool {
        self.state == State::Starting
    }

    /// Whether the main child has been started and has not ended; or there is none, and we pause.
    pub(super) fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Whether the main child's pid is still its own.
    pub(super) fn has_main(&self) -> bool {
        matches!(self.state, State::Running | State::MainKilled) && !self.is_pause()
    }

    /// Whether the main child has been asked to end, or has.
    pub(super) fn is_stopping(&self) -> bool {
        let is_before_the_end = matches!(self.state, State::Waiting | State::Starting | State::Running);
        self.stop_requested.or(self.stop_sent).is_some() || !is_before_the_end
    }

    /// Whether the verdict is that of a watched target, and not the main child's.
    pub(super) fn is_unhealthy(&self) -> bool {
        self.unhealthy_exit.is_some()
    }

    /// The next point of time at which there is something to decide; none as long as nothing is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Running => [self.release_at(), self.kill_at()].into_iter().flatten().min(),
            State::Draining { until, look_at, .. } => Some(look_at.map_or(until, |at| at.min(until))),
            State::Killed { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Takes in what has happened at `now` and passes what is to be done to `emit`, in this order.
    pub(super) fn step(&mut self, now: Instant, event: Event, emit: &mut impl FnMut(Action)) {
        match event {
            Event::Signal(signal, origin) => self.signal(now, signal, origin, emit),
            Event::Ready => self.pass(State::Waiting, State::Starting),
            Event::GaveUp => self.pass(State::Waiting, State::Done { code: GAVE_UP }),
            Event::Started => self.pass(State::Starting, State::Running),
            Event::MainEnded(end) => self.main_ended(end),
            Event::Reaped(children_left) => self.reaped(now, children_left, emit),
            Event::MainStopped(by) => self.main_stopped(by, emit),
            Event::Unhealthy(reaction) => self.unhealthy(now, reaction, emit),
            Event::Time => self.time(now, emit),
        }
    }

    /// From one state to the next; an event that comes late changes nothing.
    fn pass(&mut self, from: State, to: State) {
        if self.state == from {
            self.state = to;
        }
    }

    /// Whether there is no main child by plan.
    fn is_pause(&self) -> bool {
        self.plan.main == MainChild::None
    }

    /// When what is held back is sent: `--stop-delay` runs once, from the first request.
    fn release_at(&self) -> Option<Instant> {
        let requested = self.stop_requested.filter(|_| self.held != 0)?;
        Some(later(requested, self.plan.stop_delay))
    }

    /// When the main child is killed, and every other process if it is still there.
    fn kill_at(&self) -> Option<Instant> {
        let unhealthy = self.unhealthy_exit.map(|_| UNHEALTHY_KILL_AFTER);
        Some(later(self.stop_sent?, self.plan.kill_after.or(unhealthy)?))
    }

    /// When the drain has to be over for our exit to reach the runtime before its own SIGKILL, where that is known.
    fn runtime_limit(&self) -> Option<Instant> {
        let budget = self.plan.stop_timeout?.saturating_sub(EXIT_MARGIN);
        Some(later(self.stop_requested?, budget))
    }

    /// A signal is dropped, held back or sent on.
    fn signal(&mut self, now: Instant, received: Signal, origin: Origin, emit: &mut impl FnMut(Action)) {
        match self.state {
            _ if received == Signal::CHLD => {}
            State::Waiting | State::Starting if ends_wait(self.plan, received) => {
                self.state = State::Done { code: received.exit_code() };
            }
            State::Running if self.is_pause() && received.is_terminating() => {
                self.stop_requested = Some(now);
                self.state = State::Ended { code: 0 };
            }
            State::Running | State::MainKilled if !self.is_pause() => self.forward(now, received, emit),
            State::Draining { .. } if received.is_terminating() => self.hurry(now, origin, emit),
            _ => emit(Action::Ignore(received)),
        }
    }

    /// A signal for a main child that is there.
    fn forward(&mut self, now: Instant, received: Signal, emit: &mut impl FnMut(Action)) {
        let Some(signal) = self.plan.rewrites.get(received) else {
            emit(Action::Drop(received));
            return self.stop_self(received, emit);
        };
        if received.is_terminating() || signal.is_terminating() {
            let requested = *self.stop_requested.get_or_insert(now);
            if now < later(requested, self.plan.stop_delay) {
                self.held |= received.bit();
                return emit(Action::Hold(received));
            }
        }
        self.send(now, received, signal, emit);
    }

    /// Sends `signal` on, with what belongs to it.
    fn send(&mut self, now: Instant, received: Signal, signal: Signal, emit: &mut impl FnMut(Action)) {
        if signal == Signal::CONT {
            self.stop = StopState::Running;
            emit(Action::FollowContinue);
        }
        emit(Action::Send { received, signal });
        if signal.is_stop_request() {
            if self.plan.before_stop_request != BeforeStopRequest::Nothing {
                emit(Action::ContinueIfStopped);
            }
            self.stop = StopState::Running;
        }
        self.stop_self(received, emit);
        if signal.is_job_control() || signal == Signal::STOP {
            self.stop = StopState::Requested;
        }
        if received.is_terminating() || signal.is_terminating() {
            self.stop_sent.get_or_insert(now);
        }
    }

    /// Stops us beside the main child, if the plan says so; what that one has got does not matter.
    fn stop_self(&self, received: Signal, emit: &mut impl FnMut(Action)) {
        if received.is_job_control() && self.plan.job_control == JobControl::StopSelf {
            emit(Action::StopSelf);
        }
    }

    /// A request to stop while the remaining processes are ending. The first one starts the runtime's clock; a second one, or a
    /// key on our terminal, is somebody who does not want to wait.
    fn hurry(&mut self, now: Instant, origin: Origin, emit: &mut impl FnMut(Action)) {
        let is_second = self.stop_requested.is_some() || origin == Origin::Kernel;
        self.stop_requested.get_or_insert(now);
        let wanted = if is_second { now } else { self.drain_end(now) };
        if let State::Draining { until, .. } = &mut self.state {
            *until = wanted.min(*until);
        }
        self.time(now, emit);
    }

    /// A target is not as it should be. Of a main child that is ending anyway nothing else was to be expected.
    fn unhealthy(&mut self, now: Instant, reaction: Reaction, emit: &mut impl FnMut(Action)) {
        if self.is_stopping() || self.state != State::Running {
            return;
        }
        match reaction {
            Reaction::Signal(_) if self.is_pause() => {}
            Reaction::Signal(signal) => self.send(now, signal, signal, emit),
            Reaction::Stop { exit } if self.is_pause() => self.state = State::Ended { code: exit },
            Reaction::Stop { exit } => {
                self.unhealthy_exit = Some(exit);
                // What the app is told in SIGTERM's place ends it. A SIGTERM that is dropped has to, here.
                let signal = self.plan.rewrites.get(Signal::TERM).unwrap_or(Signal::TERM);
                self.send(now, Signal::TERM, signal, emit);
            }
        }
    }

    /// From here on nothing goes to the main child's pid: it may be somebody else's by now.
    fn main_ended(&mut self, end: End) {
        if matches!(self.state, State::Running | State::MainKilled) {
            self.state = State::Ended { code: self.unhealthy_exit.unwrap_or(end.code()) };
            self.held = 0;
        }
    }

    /// Who is left decides, once the main child is gone.
    fn reaped(&mut self, now: Instant, children_left: ChildrenLeft, emit: &mut impl FnMut(Action)) {
        match (self.state, children_left) {
            (State::Ended { code }, _) => self.start_drain(now, code, children_left, emit),
            (State::Draining { code, .. } | State::Killed { code, .. }, ChildrenLeft::No) => {
                self.state = State::Done { code };
            }
            (State::Draining { code, until, look_at }, ChildrenLeft::Yes) => {
                let look_at = look_at.or(Some(later(now, LOOK_AGAIN)));
                self.state = State::Draining { code, until, look_at };
            }
            // Its children are ours now.
            (State::Killed { .. }, ChildrenLeft::Yes) => emit(Action::KillRemaining),
            _ => {}
        }
    }

    /// The main child is gone: what it leaves behind is asked to end.
    fn start_drain(
        &mut self,
        now: Instant,
        code: u8,
        children_left: ChildrenLeft,
        emit: &mut impl FnMut(Action),
    ) {
        let until = self.drain_end(now);
        let limit = until.saturating_duration_since(now);
        self.state = match self.plan.drain_policy {
            DrainPolicy::SignalGroup(signal) => {
                emit(Action::SignalGroup(signal));
                State::Done { code }
            }
            DrainPolicy::Leave | DrainPolicy::Limit(Duration::ZERO) => State::Done { code },
            // Only the group can be found, and nobody tells us when it is gone: asking is all.
            _ if self.role == Role::Plain => {
                emit(Action::SignalRemaining { limit });
                State::Done { code }
            }
            _ if children_left == ChildrenLeft::No => State::Done { code },
            _ if limit.is_zero() => {
                emit(Action::KillRemaining);
                State::Killed { code, until: later(now, REAP_LIMIT) }
            }
            _ => {
                emit(Action::SignalRemaining { limit });
                // Others reap what a pause waits for: no SIGCHLD says that it is gone.
                let look_at = self.is_pause().then(|| later(now, LOOK_AGAIN));
                State::Draining { code, until, look_at }
            }
        };
    }

    /// When a drain that begins now ends.
    fn drain_end(&self, now: Instant) -> Instant {
        let known = [self.kill_at(), self.runtime_limit()].into_iter().flatten().min();
        let limit = match (self.plan.drain_policy, self.stop_requested) {
            (DrainPolicy::Limit(limit), _) => limit,
            (_, Some(requested)) if known.is_none() && !self.is_pause() => {
                drain_after_stop(now.saturating_duration_since(requested))
            }
            _ => DRAIN,
        };
        let end = later(now, limit);
        known.map_or(end, |known| known.min(end)).max(now)
    }

    /// A stop that was asked for is left alone. One by the terminal is not: nobody may be there who could end it.
    fn main_stopped(&mut self, by: Option<Signal>, emit: &mut impl FnMut(Action)) {
        if self.state != State::Running || self.plan.job_control != JobControl::Follow {
            return;
        }
        match (by, self.stop) {
            (None, StopState::Handled) => self.stop = StopState::Running,
            (Some(signal), StopState::Running) if signal.is_job_control() => {
                self.stop = StopState::Handled;
                emit(Action::FollowStop(signal));
            }
            _ => {}
        }
    }

    /// What is due is done.
    fn time(&mut self, now: Instant, emit: &mut impl FnMut(Action)) {
        match self.state {
            State::Running => {
                if self.release_at().is_some_and(|at| at <= now) {
                    self.release(now, emit);
                }
                if self.kill_at().is_some_and(|at| at <= now) {
                    self.state = State::MainKilled;
                    emit(Action::KillMain);
                }
            }
            State::Draining { code, until, .. } if until <= now => {
                emit(Action::KillRemaining);
                self.state = State::Killed { code, until: later(now, REAP_LIMIT) };
            }
            State::Draining { code, until, look_at: Some(at) } if at <= now => {
                // What others start while they shut down is part of that: only our own leftovers are asked again.
                if !self.is_pause() {
                    emit(Action::SignalNewcomers);
                }
                self.state = State::Draining { code, until, look_at: None };
            }
            State::Killed { code, until } if until <= now => self.state = State::Done { code },
            _ => {}
        }
    }

    /// Sends the signals on that were held back.
    fn release(&mut self, now: Instant, emit: &mut impl FnMut(Action)) {
        let held = std::mem::take(&mut self.held);
        for received in (1..=64).filter_map(Signal::new).filter(|&signal| held & signal.bit() != 0) {
            if let Some(signal) = self.plan.rewrites.get(received) {
                self.send(now, received, signal, emit);
            }
        }
    }
}

/// The code of a wait whose limit has come, as coreutils' `timeout` says it.
const GAVE_UP: u8 = 124;

/// Whether `signal` ends a wait. There is nobody yet to whom a request to end could be sent on, and a parent that is gone
/// wants nothing started.
fn ends_wait(plan: &Init, signal: Signal) -> bool {
    plan.wait.is_some()
        && match plan.parent_death {
            ParentDeath::Signal(death) | ParentDeath::Chain(death) => {
                signal.is_stop_request() || signal == death
            }
            ParentDeath::Ignored => signal.is_stop_request(),
        }
}

#[cfg(test)]
mod budget_tests;
#[cfg(test)]
mod exploration_tests;
#[cfg(test)]
mod tests;
