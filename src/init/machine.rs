//! What an init decides: events in, actions out. No clock and no system call is in here; the time is part of the event.

use std::time::{Duration, Instant};

use super::plan::{BeforeStopRequest, DrainPolicy, Init, JobControl, MainChild, OnUnhealthy};
use super::reaper::{End, Role};
use super::signals::{Rewrites, Signal};

/// How long the killed may take to be reaped: the kernel needs microseconds, and what is stuck in it (state D) is not worth
/// a wait.
pub(super) const REAP_LIMIT: Duration = Duration::from_millis(250);

/// How long an unhealthy main child may take to end, unless the user says otherwise.
const UNHEALTHY_KILL_AFTER: Duration = Duration::from_secs(10);

/// How long newly found leftovers may collect before they are looked for: a look is one pass over our children, and a fork
/// bomb would ask for one with each of its deaths.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A signal came, from somebody else.
    Signal(Signal),
    /// The main child was reaped.
    MainEnded(End),
    /// The queue of the dead is empty, as it always is after a wake-up for them.
    Reaped(ChildrenLeft),
    /// Its terminal, or somebody, has stopped the main child with this signal; or it runs.
    MainStopped(Option<Signal>),
    /// A watched target has become unhealthy.
    Unhealthy,
    /// A point of time that `due` named may have come.
    Time,
}

/// Whether we have children.
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
    /// Ask all that is left to end.
    SignalRemaining,
    /// The same for those who have come since.
    SignalNewcomers,
    /// Kill all that is left.
    KillRemaining,
}

/// The state of an init.
#[derive(Debug)]
pub(super) struct Machine {
    rewrites: Rewrites,
    job_control: JobControl,
    before_stop_request: BeforeStopRequest,
    stop_delay: Duration,
    kill_after: Option<Duration>,
    drain_policy: DrainPolicy,
    crew: Crew,
    role: Role,
    state: State,
    /// The terminating signals that are held back, bit n-1 for signal n, and until when.
    held: u64,
    release_at: Option<Instant>,
    /// When the main child is killed, if it has not been.
    kill_at: Option<Instant>,
    /// When everybody is: what is left after the main child has no longer than it had.
    last_call: Option<Instant>,
    /// What follows when a watched target is unhealthy.
    on_unhealthy: OnUnhealthy,
    /// The code to exit with because one was.
    unhealthy_exit: Option<u8>,
    /// Whether the main child has been asked to end.
    asked: Asked,
    /// Whether the main child is known to be stopped, and who wanted it.
    stop: Stop,
}

/// Where in its life an init is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The main child lives; or there is none, and nobody has asked us to stop.
    Running,
    /// The main child is gone, and this is its code; who is left is not known yet.
    Ended { code: u8 },
    /// What is left has been asked to end.
    Draining { code: u8, until: Instant, look_at: Option<Instant> },
    /// What is left has been killed.
    Killed { code: u8, until: Instant },
    /// All is done.
    Done { code: u8 },
}

/// Whether there is a main child at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crew {
    /// There is one.
    Main,
    /// There is none: the first terminating signal ends us.
    Nobody,
}

/// Whether the main child has been asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Not yet.
    No,
    /// By somebody, or by us.
    ToEnd,
}

/// What is known of the main child's being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// It is not, as far as we know.
    None,
    /// We were told to stop it, so that it may stay stopped.
    Asked,
    /// It is, and we have done what we can about it.
    Seen,
}

impl Machine {
    /// At the start, the main child just spawned.
    pub(super) fn new(plan: &Init, role: Role) -> Self {
        Self {
            rewrites: plan.rewrites,
            job_control: plan.job_control,
            before_stop_request: plan.before_stop_request,
            stop_delay: plan.stop_delay,
            kill_after: plan.kill_after,
            drain_policy: plan.drain_policy,
            crew: if plan.main == MainChild::None { Crew::Nobody } else { Crew::Main },
            role,
            state: State::Running,
            held: 0,
            release_at: None,
            kill_at: None,
            last_call: None,
            on_unhealthy: plan.watch.as_ref().map_or(OnUnhealthy::Report, |watch| watch.on_unhealthy),
            unhealthy_exit: None,
            asked: Asked::No,
            stop: Stop::None,
        }
    }

    /// The code to exit with, once all is done.
    pub(super) fn verdict(&self) -> Option<u8> {
        match self.state {
            State::Done { code } => Some(code),
            _ => None,
        }
    }

    /// Whether the main child's pid is still its own.
    pub(super) fn has_main(&self) -> bool {
        self.state == State::Running && self.crew == Crew::Main
    }

    /// The next point of time at which there is something to decide; none as long as nothing is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Running => [self.release_at, self.kill_at].into_iter().flatten().min(),
            State::Draining { until, look_at, .. } => Some(look_at.map_or(until, |at| at.min(until))),
            State::Killed { until, .. } => Some(until),
            State::Ended { .. } | State::Done { .. } => None,
        }
    }

    /// Takes in what has happened at `now` and passes what is to be done to `emit`, in this order.
    pub(super) fn step(&mut self, now: Instant, event: Event, emit: &mut impl FnMut(Action)) {
        match event {
            Event::Signal(signal) => self.signal(now, signal, emit),
            Event::MainEnded(end) => self.main_ended(end),
            Event::Reaped(children_left) => self.reaped(now, children_left, emit),
            Event::MainStopped(by) => self.main_stopped(by, emit),
            Event::Unhealthy => self.unhealthy(now, emit),
            Event::Time => self.time(now, emit),
        }
    }

    /// A signal is dropped, held back or sent on.
    fn signal(&mut self, now: Instant, received: Signal, emit: &mut impl FnMut(Action)) {
        if received == Signal::CHLD {
            return;
        }
        if self.state != State::Running {
            return emit(Action::Ignore(received));
        }
        if self.crew == Crew::Nobody {
            if !is_terminating(received) {
                return emit(Action::Ignore(received));
            }
            self.state = State::Ended { code: 0 };
            return;
        }
        let Some(signal) = self.rewrites.get(received) else { return emit(Action::Drop(received)) };
        if (is_terminating(received) || is_terminating(signal)) && !self.stop_delay.is_zero() {
            self.asked = Asked::ToEnd;
            self.held |= bit(received);
            self.release_at.get_or_insert(later(now, self.stop_delay));
            return emit(Action::Hold(received));
        }
        self.send(now, received, signal, emit);
    }

    /// Sends `signal` on, with what belongs to it.
    fn send(&mut self, now: Instant, received: Signal, signal: Signal, emit: &mut impl FnMut(Action)) {
        if signal == Signal::CONT {
            self.stop = Stop::None;
            emit(Action::FollowContinue);
        }
        emit(Action::Send { received, signal });
        if is_stop_request(signal) {
            if self.before_stop_request == BeforeStopRequest::Continue {
                emit(Action::ContinueIfStopped);
            }
            self.stop = Stop::None;
        }
        if matches!(received, Signal::TSTP | Signal::TTIN | Signal::TTOU)
            && self.job_control == JobControl::StopSelf
        {
            emit(Action::StopSelf);
        }
        if is_job_control(signal) || signal == Signal::STOP {
            self.stop = Stop::Asked;
        }
        if is_terminating(received) || is_terminating(signal) {
            self.asked = Asked::ToEnd;
            if let (Some(after), None) = (self.kill_after, self.last_call) {
                self.last_call = Some(later(now, after));
                self.kill_at = self.last_call;
            }
        }
    }

    /// A target is not as it should be. Of a main child that is ending anyway nothing else was to be expected.
    fn unhealthy(&mut self, now: Instant, emit: &mut impl FnMut(Action)) {
        if self.is_stopping() {
            return;
        }
        match (self.on_unhealthy, self.crew) {
            (OnUnhealthy::Report, _) | (OnUnhealthy::Signal(_), Crew::Nobody) => {}
            (OnUnhealthy::Signal(signal), Crew::Main) => self.send(now, signal, signal, emit),
            (OnUnhealthy::Stop { exit }, Crew::Nobody) => self.state = State::Ended { code: exit },
            (OnUnhealthy::Stop { exit }, Crew::Main) => {
                self.unhealthy_exit = Some(exit);
                self.kill_after.get_or_insert(UNHEALTHY_KILL_AFTER);
                // What the app is told in SIGTERM's place ends it. A SIGTERM that is dropped has to, here.
                let signal = self.rewrites.get(Signal::TERM).unwrap_or(Signal::TERM);
                self.send(now, Signal::TERM, signal, emit);
            }
        }
    }

    /// Whether the main child has been asked to end, or has.
    pub(super) fn is_stopping(&self) -> bool {
        self.asked == Asked::ToEnd || self.state != State::Running
    }

    /// Whether the verdict is that of a watched target, and not the main child's.
    pub(super) fn is_unhealthy(&self) -> bool {
        self.unhealthy_exit.is_some()
    }

    /// From here on nothing goes to the main child's pid: it may be somebody else's by now.
    fn main_ended(&mut self, end: End) {
        if self.state == State::Running {
            self.state = State::Ended { code: self.unhealthy_exit.unwrap_or(end.code()) };
            self.held = 0;
            self.release_at = None;
            self.kill_at = None;
        }
    }

    /// Who is left decides, once the main child is gone.
    fn reaped(&mut self, now: Instant, children_left: ChildrenLeft, emit: &mut impl FnMut(Action)) {
        match (self.state, children_left) {
            (State::Running | State::Done { .. }, _) => {}
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
        }
    }

    /// The main child is gone: takes leave of what it leaves behind.
    fn start_drain(
        &mut self,
        now: Instant,
        code: u8,
        children_left: ChildrenLeft,
        emit: &mut impl FnMut(Action),
    ) {
        self.state = match self.drain_policy {
            DrainPolicy::Signal(signal) => {
                if let Some(signal) = self.rewrites.get(signal) {
                    emit(Action::SignalGroup(signal));
                }
                State::Done { code }
            }
            DrainPolicy::Drain(limit) if self.role == Role::Plain && !limit.is_zero() => {
                // Only the group can be found, and nobody tells us when it is gone: asking is all.
                emit(Action::SignalRemaining);
                State::Done { code }
            }
            DrainPolicy::Drain(limit) if children_left == ChildrenLeft::Yes && !limit.is_zero() => {
                let until = later(now, limit).min(self.last_call.unwrap_or(later(now, limit)));
                if until <= now {
                    emit(Action::KillRemaining);
                    State::Killed { code, until: later(now, REAP_LIMIT) }
                } else {
                    emit(Action::SignalRemaining);
                    State::Draining { code, until, look_at: None }
                }
            }
            DrainPolicy::Drain(_) | DrainPolicy::Leave => State::Done { code },
        };
    }

    /// A stop that was asked for is left alone. One by the terminal is not: nobody may be there who could end it.
    fn main_stopped(&mut self, by: Option<Signal>, emit: &mut impl FnMut(Action)) {
        if self.state != State::Running || self.job_control != JobControl::Follow {
            return;
        }
        match (by, self.stop) {
            (None, Stop::Seen) => self.stop = Stop::None,
            (Some(signal), Stop::None) if is_job_control(signal) => {
                self.stop = Stop::Seen;
                emit(Action::FollowStop(signal));
            }
            _ => {}
        }
    }

    /// What is due is done.
    fn time(&mut self, now: Instant, emit: &mut impl FnMut(Action)) {
        match self.state {
            State::Running => {
                if self.release_at.is_some_and(|at| at <= now) {
                    self.release_at = None;
                    self.release(now, emit);
                }
                if self.kill_at.is_some_and(|at| at <= now) {
                    self.kill_at = None;
                    emit(Action::KillMain);
                }
            }
            State::Draining { code, until, .. } if until <= now => {
                emit(Action::KillRemaining);
                self.state = State::Killed { code, until: later(now, REAP_LIMIT) };
            }
            State::Draining { code, until, look_at: Some(at) } if at <= now => {
                emit(Action::SignalNewcomers);
                self.state = State::Draining { code, until, look_at: None };
            }
            State::Killed { code, until } if until <= now => self.state = State::Done { code },
            _ => {}
        }
    }

    /// Sends the signals on that were held back.
    fn release(&mut self, now: Instant, emit: &mut impl FnMut(Action)) {
        let held = std::mem::take(&mut self.held);
        for received in (1..=64).filter_map(Signal::new).filter(|&signal| held & bit(signal) != 0) {
            if let Some(signal) = self.rewrites.get(received) {
                self.send(now, received, signal, emit);
            }
        }
    }
}

/// The requests to end that are not used for anything else: QUIT makes a JVM print its threads, HUP has many reload.
fn is_terminating(signal: Signal) -> bool {
    matches!(signal, Signal::TERM | Signal::INT)
}

/// What a stopped process is woken up for, to act on it.
pub(super) fn is_stop_request(signal: Signal) -> bool {
    matches!(signal, Signal::TERM | Signal::INT | Signal::QUIT | Signal::HUP)
}

/// The stop signals of the terminal.
fn is_job_control(signal: Signal) -> bool {
    matches!(signal, Signal::TSTP | Signal::TTIN | Signal::TTOU)
}

/// The bit of `signal` in a set.
fn bit(signal: Signal) -> u64 {
    u32::try_from(signal.number() - 1).map_or(0, |shift| 1 << shift)
}

/// `length` after `now`; a length that no clock can hold is never reached.
fn later(now: Instant, length: Duration) -> Instant {
    /// As good as never, and no `Instant` overflows.
    const FURTHEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now + length.min(FURTHEST)
}

#[cfg(test)]
mod tests;
