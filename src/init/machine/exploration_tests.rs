//! The machine by all sequences of events up to a length, for plans that stand for all: what must never happen does not, and
//! what must happen does.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::check::Require;
use crate::report::Verbosity;
use crate::wait::{self, Messages, OnTimeout, RetryInterval, WaitFor};

use super::{Action, ChildrenLeft, Event, Machine, Origin, UNHEALTHY_KILL_AFTER};
use crate::init::plan::{DrainPolicy, Init, MainChild, OnUnhealthy, StartupWait, Watch};
use crate::init::reaper::{End, Role};
use crate::init::signals::Signal;
use crate::init::stop_budget::{DRAIN, DRAIN_AFTER_STOP, EXIT_MARGIN};

/// So many turns in a row, whatever they are.
const DEPTH: usize = 6;

/// The code that the main child ends with, and that of one that was unhealthy.
const CODE: u8 = 3;
const UNHEALTHY: u8 = 7;

/// What the world does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Somebody sends a signal.
    Signal(Signal, Origin),
    /// The main child ends.
    MainEnds,
    /// All other processes end.
    OthersEnd,
    /// A watched target is unhealthy.
    Unhealthy,
    /// The targets of the wait are there.
    Ready,
    /// They were not in time.
    GaveUp,
    /// Time goes by: some, or up to what is due.
    Pass(Duration),
    PassToDue,
}

/// Every turn there is.
const TURNS: [Turn; 10] = [
    Turn::Signal(Signal::TERM, Origin::Process),
    Turn::Signal(Signal::INT, Origin::Kernel),
    Turn::Signal(Signal::TSTP, Origin::Process),
    Turn::MainEnds,
    Turn::OthersEnd,
    Turn::Unhealthy,
    Turn::Ready,
    Turn::GaveUp,
    Turn::Pass(Duration::from_millis(600)),
    Turn::PassToDue,
];

/// A machine, and what is true around it.
#[derive(Clone)]
struct World<'p> {
    machine: Machine<'p>,
    plan: &'p Init,
    now: Instant,
    main: Main,
    others: ChildrenLeft,
    /// When it was asked to stop from outside.
    requested: Option<Instant>,
    /// When the main child was told so.
    told: Option<Instant>,
    unhealthy: bool,
    gave_up: bool,
    /// When the main child ended, or a pause was asked to.
    ended: Option<Instant>,
    /// Somebody could not wait for the end of the drain.
    hurried: bool,
    /// The signal that ended a wait.
    interrupted: Option<Signal>,
}

/// The main child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Main {
    NotStarted,
    Lives,
    Reaped,
}

impl<'p> World<'p> {
    fn new(plan: &'p Init, role: Role) -> Self {
        let mut world = Self {
            machine: Machine::new(plan, role),
            plan,
            now: Instant::now(),
            main: Main::NotStarted,
            others: ChildrenLeft::Yes,
            requested: None,
            told: None,
            unhealthy: false,
            gave_up: false,
            ended: None,
            hurried: false,
            interrupted: None,
        };
        world.start();
        world
    }

    /// As the loop does it.
    fn start(&mut self) {
        if self.machine.is_starting() {
            self.step(Event::Started);
            self.main = Main::Lives;
        }
    }

    /// One turn and all that follows from it; false where it cannot come now.
    fn turn(&mut self, turn: Turn) -> bool {
        let is_pause = self.plan.main == MainChild::None;
        match turn {
            Turn::Signal(signal, origin) => {
                let is_second = self.requested.is_some() || origin == Origin::Kernel;
                if signal.is_terminating() {
                    self.hurried |= self.ended.is_some() && is_second;
                    self.requested.get_or_insert(self.now);
                    if self.main == Main::NotStarted && !self.gave_up {
                        self.interrupted.get_or_insert(signal);
                    }
                    if is_pause {
                        self.ended.get_or_insert(self.now);
                    }
                }
                self.step(Event::Signal(signal, origin));
            }
            Turn::MainEnds if self.main == Main::Lives && !is_pause => {
                self.main = Main::Reaped;
                self.ended = Some(self.now);
                self.step(Event::MainEnded(End::Exited(CODE)));
            }
            Turn::OthersEnd if self.others == ChildrenLeft::Yes => self.others = ChildrenLeft::No,
            Turn::Unhealthy if self.plan.watch.is_some() && self.main == Main::Lives => {
                let stops = |watch: &Watch| matches!(watch.on_unhealthy, OnUnhealthy::Stop { .. });
                self.unhealthy |= self.plan.watch.as_ref().is_some_and(stops) && !self.machine.is_stopping();
                if let Some(reaction) =
                    self.plan.watch.as_ref().and_then(|watch| watch.on_unhealthy.reaction(1))
                {
                    self.step(Event::Unhealthy(reaction));
                }
            }
            Turn::Ready if self.main == Main::NotStarted && !self.gave_up && self.interrupted.is_none() => {
                self.step(Event::Ready);
                self.start();
            }
            Turn::GaveUp if self.main == Main::NotStarted && self.interrupted.is_none() => {
                self.gave_up = true;
                self.step(Event::GaveUp);
            }
            Turn::Pass(length) => self.now += length,
            Turn::PassToDue => match self.machine.due() {
                Some(due) => self.now = self.now.max(due),
                None => return false,
            },
            _ => return false,
        }
        let lives = self.main == Main::Lives && !is_pause;
        self.step(Event::Reaped(if lives { ChildrenLeft::Yes } else { self.others }));
        self.step(Event::Time);
        if let Some(due) = self.machine.due() {
            assert!(due > self.now, "what is due is done, or the loop would spin");
        }
        self.check_verdict();
        true
    }

    /// One event, and what may come of it.
    fn step(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.machine.step(self.now, event, &mut |action| actions.push(action));
        for action in actions {
            self.check(action);
        }
    }

    /// Whether `action` may come now.
    fn check(&mut self, action: Action) {
        match action {
            Action::Send { received, signal } => {
                assert_eq!(self.main, Main::Lives, "{action:?} to a number that may be somebody else's");
                if signal.is_terminating() {
                    self.told.get_or_insert(self.now);
                    let held = self.requested.map(|at| at + self.plan.stop_delay);
                    assert!(
                        self.unhealthy || held.is_some_and(|at| at <= self.now),
                        "{received:?} before its time"
                    );
                }
            }
            Action::ContinueIfStopped | Action::FollowStop(_) | Action::FollowContinue => {
                assert_eq!(self.main, Main::Lives, "{action:?} to a number that may be somebody else's");
            }
            Action::KillMain => {
                assert_eq!(self.main, Main::Lives, "{action:?} to a number that may be somebody else's");
                let at = self.kill_at().expect("nobody wants it killed");
                assert!(at <= self.now, "SIGKILL before its time");
            }
            Action::KillRemaining => {
                let ended = self.ended.expect("the main child has its processes to itself");
                let known = self.kill_at().into_iter().chain(self.runtime_limit()).min();
                let drained = match (self.plan.drain_policy, self.requested) {
                    (DrainPolicy::Limit(limit), _) => ended + limit,
                    (_, Some(requested)) if known.is_none() && self.plan.main != MainChild::None => {
                        // All turns are over before the first usual limit but for the last.
                        (requested.max(ended) + DRAIN_AFTER_STOP)
                            .min(requested + Duration::from_millis(9500))
                            .min(ended + DRAIN)
                    }
                    _ => ended + DRAIN,
                };
                let at = known.map_or(drained, |known| known.min(drained));
                assert!(self.hurried || at <= self.now, "SIGKILL {:?} before its time", at - self.now);
            }
            Action::SignalRemaining { .. } | Action::SignalNewcomers | Action::SignalGroup(_) => {
                assert!(self.ended.is_some(), "{action:?} while the main child lives");
            }
            Action::Drop(_) | Action::Hold(_) | Action::Ignore(_) | Action::StopSelf => {}
        }
    }

    /// When the main child has to be gone.
    fn kill_at(&self) -> Option<Instant> {
        let unhealthy = self.unhealthy.then_some(UNHEALTHY_KILL_AFTER);
        Some(self.told? + self.plan.kill_after.or(unhealthy)?)
    }

    /// When the drain has to be over for the runtime's sake.
    fn runtime_limit(&self) -> Option<Instant> {
        Some(self.requested? + self.plan.stop_timeout?.saturating_sub(EXIT_MARGIN))
    }

    /// Whether the verdict, if there is one, is the right one.
    fn check_verdict(&self) {
        let Some(code) = self.machine.verdict() else { return };
        let wanted = match (self.interrupted, self.main) {
            (Some(signal), Main::NotStarted) => signal.exit_code(),
            (None, Main::NotStarted) => 124,
            _ if self.unhealthy => UNHEALTHY,
            (_, Main::Lives) => 0,
            (_, Main::Reaped) => CODE,
        };
        assert_eq!(code, wanted, "in {:?}", self.machine);
        assert_eq!(self.machine.due(), None);
        assert!(
            self.main != Main::Lives || self.plan.main == MainChild::None,
            "over before the main child is"
        );
    }

    /// Whether time alone ends it, once the main child is gone.
    fn must_end(mut self) {
        if self.ended.is_none() {
            return;
        }
        for _ in 0..8 {
            if self.machine.verdict().is_some() {
                return self.check_verdict();
            }
            let due = self.machine.due().expect("neither over nor anything due");
            self.now = self.now.max(due);
            self.step(Event::Time);
        }
        panic!("time does not end it: {:?}", self.machine);
    }
}

/// The turns that led to a failure.
struct ShowOnFailure<'a>(&'a [Turn]);

impl Drop for ShowOnFailure<'_> {
    fn drop(&mut self) {
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("after {:?}\n", self.0));
    }
}

/// All sequences from here on; how many there were.
fn explore(world: &World<'_>, depth: usize, path: &mut Vec<Turn>) -> usize {
    let shown = ShowOnFailure(path);
    world.clone().must_end();
    std::mem::forget(shown);
    if depth == 0 {
        return 1;
    }
    let mut count = 1;
    for turn in TURNS {
        let mut next = world.clone();
        path.push(turn);
        let shown = ShowOnFailure(path);
        let came = next.turn(turn);
        std::mem::forget(shown);
        if came {
            count += explore(&next, depth - 1, path);
        }
        path.pop();
    }
    count
}

/// Plans that stand for all.
fn plans() -> Vec<Init> {
    let seconds = Duration::from_secs;
    let plan = || Init::new(MainChild::Command(vec!["app".into()]));
    let watch = |on_unhealthy| {
        Some(Watch {
            probes: Vec::new(),
            interval: seconds(1),
            start_interval: seconds(1),
            start_period: Duration::ZERO,
            retries: NonZeroU32::MIN,
            attempt_timeout: seconds(1),
            on_unhealthy,
            status_file: None,
            status_file_mode: 0o600,
            listen: None,
        })
    };
    let wait = || {
        let plan = wait::Plan {
            probes: Vec::new(),
            require: Require::All,
            wait_for: WaitFor::Passing,
            stable: NonZeroU32::MIN,
            interval: RetryInterval::Constant(seconds(1)),
            attempt_timeout: seconds(1),
            timeout: None,
            verbosity: Verbosity::Quiet,
            messages: Messages::Own,
        };
        Some(StartupWait { plan, on_timeout: OnTimeout::Exit })
    };
    vec![
        plan(),
        Init { kill_after: Some(seconds(2)), ..plan() },
        Init { stop_timeout: Some(seconds(2)), ..plan() },
        Init { kill_after: Some(seconds(1)), stop_delay: seconds(1), ..plan() },
        Init { drain_policy: DrainPolicy::Limit(seconds(1)), ..plan() },
        Init { drain_policy: DrainPolicy::Limit(Duration::ZERO), ..plan() },
        Init { drain_policy: DrainPolicy::Leave, ..plan() },
        Init { drain_policy: DrainPolicy::SignalGroup(Signal::TERM), ..plan() },
        Init { watch: watch(OnUnhealthy::Stop { exit: UNHEALTHY }), ..plan() },
        Init { watch: watch(OnUnhealthy::Signal(Signal::HUP)), ..plan() },
        Init { wait: wait(), ..plan() },
        Init::new(MainChild::None),
    ]
}

#[test]
fn no_sequence_of_events_breaks_a_promise() {
    let mut count = 0;
    for plan in plans() {
        for role in [Role::Pid1, Role::Subreaper, Role::Plain] {
            count += explore(&World::new(&plan, role), DEPTH, &mut Vec::new());
        }
    }
    assert!(count > 1_000_000, "only {count} sequences");
}
