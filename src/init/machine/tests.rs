//! The machine by single cases, and by random interleavings.

use std::time::{Duration, Instant};

use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof, proptest,
};

use super::{Action, ChildrenLeft, Event, LOOK_AGAIN, Machine, Origin, State};
use crate::init::plan::{DrainPolicy, Init, MainChild, Reaction, SignalScope};
use crate::init::reaper::{End, Role};
use crate::init::signals::{Rewrites, Signal};
use crate::init::stop_budget::REAP_LIMIT;

/// Everything that one step did.
pub(super) fn step(machine: &mut Machine, now: Instant, event: Event) -> Vec<Action> {
    let mut actions = Vec::new();
    machine.step(now, event, &mut |action| actions.push(action));
    actions
}

/// A machine whose main child has just been started.
pub(super) fn started(plan: &Init, role: Role) -> Machine<'_> {
    let mut machine = Machine::new(plan, role);
    assert_eq!(step(&mut machine, Instant::now(), Event::Started), []);
    assert_eq!(machine.state, State::Running);
    machine
}

/// What a drain of that length begins with.
pub(super) fn drain(limit: u64) -> Action {
    Action::SignalRemaining { limit: ms(limit) }
}

/// A plan without options.
pub(super) fn plan() -> Init {
    Init::new(MainChild::Command(vec!["app".into()]))
}

/// A length in milliseconds.
pub(super) fn ms(amount: u64) -> Duration {
    Duration::from_millis(amount)
}

#[test]
fn without_leftovers_the_end_comes_with_the_main_childs() {
    let plan = plan();
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    assert_eq!(machine.due(), None);
    assert_eq!(step(&mut machine, now, Event::MainEnded(End::Exited(3))), []);
    assert_eq!(machine.verdict(), None, "who is left is not known yet");
    assert_eq!(step(&mut machine, now, Event::Reaped(ChildrenLeft::No)), []);
    assert_eq!(machine.verdict(), Some(3));
}

#[test]
fn leftovers_are_asked_then_killed_then_left() {
    let plan = plan();
    let mut machine = started(&plan, Role::Subreaper);
    let now = Instant::now();
    step(&mut machine, now, Event::MainEnded(End::Killed(Signal::TERM)));
    assert_eq!(step(&mut machine, now, Event::Reaped(ChildrenLeft::Yes)), [drain(5000)]);
    assert_eq!(machine.due(), Some(now + ms(5000)));
    assert_eq!(step(&mut machine, now + ms(4999), Event::Time), []);
    assert_eq!(step(&mut machine, now + ms(5000), Event::Time), [Action::KillRemaining]);
    assert_eq!(step(&mut machine, now + ms(5001), Event::Reaped(ChildrenLeft::Yes)), [Action::KillRemaining]);
    assert_eq!(machine.verdict(), None);
    step(&mut machine, now + ms(5250), Event::Time);
    assert_eq!(machine.verdict(), Some(143));
}

#[test]
fn those_forked_during_the_drain_are_asked_soon_and_not_with_each_death() {
    let plan = plan();
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    step(&mut machine, now, Event::MainEnded(End::Exited(0)));
    step(&mut machine, now, Event::Reaped(ChildrenLeft::Yes));
    for _ in 0..100 {
        assert_eq!(step(&mut machine, now, Event::Reaped(ChildrenLeft::Yes)), []);
    }
    assert_eq!(machine.due(), Some(now + LOOK_AGAIN));
    assert_eq!(step(&mut machine, now + LOOK_AGAIN, Event::Time), [Action::SignalNewcomers]);
    assert_eq!(machine.due(), Some(now + ms(5000)), "the bound has not moved");
}

#[test]
fn a_stop_request_wakes_the_stopped_and_starts_the_clock_once() {
    let plan = Init { kill_after: Some(ms(100)), ..plan() };
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    let term = Action::Send { received: Signal::TERM, signal: Signal::TERM };
    assert_eq!(
        step(&mut machine, now, Event::Signal(Signal::TERM, Origin::Process)),
        [term, Action::ContinueIfStopped]
    );
    assert_eq!(
        step(&mut machine, now + ms(90), Event::Signal(Signal::TERM, Origin::Process)),
        [term, Action::ContinueIfStopped]
    );
    assert_eq!(machine.due(), Some(now + ms(100)), "a second request gives no more time");
    assert_eq!(step(&mut machine, now + ms(100), Event::Time), [Action::KillMain]);
    assert_eq!(machine.due(), None);
}

#[test]
fn what_is_left_has_no_longer_than_the_main_child_had() {
    let plan = Init { kill_after: Some(ms(100)), ..plan() };
    let now = Instant::now();
    let mut machine = started(&plan, Role::Pid1);
    step(&mut machine, now, Event::Signal(Signal::TERM, Origin::Process));
    step(&mut machine, now + ms(60), Event::MainEnded(End::Exited(0)));
    assert_eq!(step(&mut machine, now + ms(60), Event::Reaped(ChildrenLeft::Yes)), [drain(40)]);
    assert_eq!(machine.due(), Some(now + ms(100)));
    assert_eq!(step(&mut machine, now + ms(100), Event::Time), [Action::KillRemaining]);

    let mut machine = started(&plan, Role::Pid1);
    step(&mut machine, now, Event::Signal(Signal::TERM, Origin::Process));
    step(&mut machine, now + ms(100), Event::Time);
    step(&mut machine, now + ms(101), Event::MainEnded(End::Killed(Signal::KILL)));
    assert_eq!(step(&mut machine, now + ms(101), Event::Reaped(ChildrenLeft::Yes)), [Action::KillRemaining]);
    assert_eq!(machine.due(), Some(now + ms(101) + REAP_LIMIT));
}

#[test]
fn a_thread_dump_starts_no_clock() {
    let plan = Init { kill_after: Some(ms(100)), ..plan() };
    let mut machine = started(&plan, Role::Pid1);
    step(&mut machine, Instant::now(), Event::Signal(Signal::QUIT, Origin::Process));
    assert_eq!(machine.due(), None);
}

#[test]
fn a_request_is_held_back_once_and_then_sent_as_rewritten() {
    let mut rewrites = Rewrites::default();
    rewrites.set(Signal::TERM, Some(Signal::QUIT));
    let plan = Init { stop_delay: ms(50), kill_after: Some(ms(100)), rewrites, ..plan() };
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    assert_eq!(
        step(&mut machine, now, Event::Signal(Signal::TERM, Origin::Process)),
        [Action::Hold(Signal::TERM)]
    );
    assert_eq!(
        step(&mut machine, now + ms(40), Event::Signal(Signal::TERM, Origin::Process)),
        [Action::Hold(Signal::TERM)]
    );
    let quit = Action::Send { received: Signal::TERM, signal: Signal::QUIT };
    assert_eq!(step(&mut machine, now + ms(50), Event::Time), [quit, Action::ContinueIfStopped]);
    assert_eq!(machine.due(), Some(now + ms(150)), "the clock runs from the sending");
}

#[test]
fn a_terminals_stop_is_met_once_and_an_asked_one_is_not() {
    let plan = plan();
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    let stopped = Event::MainStopped(Some(Signal::TSTP));
    assert_eq!(step(&mut machine, now, stopped), [Action::FollowStop(Signal::TSTP)]);
    assert_eq!(step(&mut machine, now, stopped), []);
    step(&mut machine, now, Event::MainStopped(None));
    assert_eq!(step(&mut machine, now, stopped), [Action::FollowStop(Signal::TSTP)]);
    step(&mut machine, now, Event::MainStopped(None));
    step(&mut machine, now, Event::Signal(Signal::TSTP, Origin::Process));
    assert_eq!(step(&mut machine, now, stopped), []);
    assert_eq!(step(&mut machine, now, Event::MainStopped(Some(Signal::STOP))), []);
    let cont = Action::Send { received: Signal::CONT, signal: Signal::CONT };
    assert_eq!(
        step(&mut machine, now, Event::Signal(Signal::CONT, Origin::Process)),
        [Action::FollowContinue, cont]
    );
    assert_eq!(step(&mut machine, now, stopped), [Action::FollowStop(Signal::TSTP)]);
}

#[test]
fn a_pause_ends_by_the_first_terminating_signal() {
    let plan = Init::new(MainChild::None);
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    assert_eq!(
        step(&mut machine, now, Event::Signal(Signal::HUP, Origin::Process)),
        [Action::Ignore(Signal::HUP)]
    );
    step(&mut machine, now, Event::Reaped(ChildrenLeft::No));
    assert_eq!(machine.verdict(), None);
    step(&mut machine, now, Event::Signal(Signal::TERM, Origin::Process));
    step(&mut machine, now, Event::Reaped(ChildrenLeft::No));
    assert_eq!(machine.verdict(), Some(0));
}

#[test]
fn without_orphans_of_our_own_leftovers_are_asked_and_not_waited_for() {
    let plan = plan();
    let mut machine = started(&plan, Role::Plain);
    let now = Instant::now();
    step(&mut machine, now, Event::MainEnded(End::Exited(1)));
    assert_eq!(step(&mut machine, now, Event::Reaped(ChildrenLeft::No)), [drain(5000)]);
    assert_eq!(machine.verdict(), Some(1));
}

#[test]
fn other_farewells() {
    let now = Instant::now();
    for (drain_policy, actions) in [
        (DrainPolicy::Leave, vec![]),
        (DrainPolicy::Limit(Duration::ZERO), vec![]),
        (DrainPolicy::SignalGroup(Signal::TERM), vec![Action::SignalGroup(Signal::TERM)]),
    ] {
        let plan = Init { drain_policy, ..plan() };
        let mut machine = started(&plan, Role::Pid1);
        step(&mut machine, now, Event::MainEnded(End::Exited(9)));
        assert_eq!(step(&mut machine, now, Event::Reaped(ChildrenLeft::Yes)), actions, "{drain_policy:?}");
        assert_eq!(machine.verdict(), Some(9));
    }
}

/// A world around the machine: what the kernel would answer.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// Somebody sends a signal.
    Signal(u8),
    /// The main child ends.
    MainEnds(u8),
    /// An orphan comes to us.
    Orphan,
    /// One of those that are left ends.
    LeftEnds,
    /// The terminal stops the main child.
    Stop(u8),
    /// Time goes by.
    Pass(u16),
}

/// Any turn.
fn turns() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => (1..=64_u8).prop_map(Turn::Signal),
        1 => any::<u8>().prop_map(Turn::MainEnds),
        2 => Just(Turn::Orphan),
        2 => Just(Turn::LeftEnds),
        1 => (19..=22_u8).prop_map(Turn::Stop),
        3 => (0..400_u16).prop_map(Turn::Pass),
    ]
}

/// Any plan.
fn plans() -> impl Strategy<Value = Init> {
    let length = prop_oneof![Just(0_u64), 1..500_u64];
    let rewrites = proptest::collection::vec((1..=64_u8, 0..=64_u8), 0..5);
    (length.clone(), length.clone(), length, rewrites, 0..3_u8).prop_map(
        |(delay, kill, drain, pairs, drain_policy)| {
            let mut plan = plan();
            plan.stop_delay = ms(delay);
            plan.kill_after = (kill > 0).then(|| ms(kill));
            plan.signal_scope = SignalScope::ProcessGroup;
            plan.drain_policy = match drain_policy {
                0 => DrainPolicy::Leave,
                1 => DrainPolicy::SignalGroup(Signal::TERM),
                _ => DrainPolicy::Limit(ms(drain)),
            };
            for (from, to) in pairs {
                let from = Signal::new(from.into()).unwrap();
                // The command line refuses what would be SIGKILL.
                plan.rewrites.set(from, Signal::new(to.into()).filter(|&to| to != Signal::KILL));
            }
            plan
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_whatever_order(
        plan in plans(),
        role in prop_oneof![Just(Role::Pid1), Just(Role::Subreaper), Just(Role::Plain)],
        turns in proptest::collection::vec(turns(), 0..200),
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut machine = started(&plan, role);
        let mut left: u32 = 0;
        let mut ended: Option<(Instant, u8)> = None;
        let mut asked_to_stop: Option<Instant> = None;
        let mut turns = turns.into_iter();
        let mut verdict = None;
        loop {
            // When the turns are over the main child ends, and time alone has to bring the end.
            let turn = turns.next().unwrap_or(match (ended, machine.due()) {
                (None, _) => Turn::MainEnds(7),
                (Some(_), Some(due)) => {
                    Turn::Pass(u16::try_from((due - now).as_millis()).unwrap() + 1)
                }
                (Some(_), None) => Turn::Pass(1),
            });
            let mut events = Vec::new();
            match turn {
                Turn::Signal(number) => {
                    let signal = Signal::new(number.into()).unwrap();
                    if signal.is_terminating() || plan.rewrites.get(signal).is_some_and(Signal::is_terminating) {
                        asked_to_stop.get_or_insert(now);
                    }
                    events.push(Event::Signal(signal, Origin::Process));
                }
                Turn::MainEnds(code) if ended.is_none() => {
                    ended = Some((now, code));
                    events.push(Event::MainEnded(End::Exited(code)));
                }
                Turn::Orphan => left += 1,
                Turn::LeftEnds => left = left.saturating_sub(1),
                Turn::Stop(number) if ended.is_none() => {
                    events.push(Event::MainStopped(Signal::new(number.into())));
                }
                Turn::MainEnds(_) | Turn::Stop(_) => {}
                Turn::Pass(amount) => now += ms(amount.into()),
            }
            let has_children = left > 0 || ended.is_none();
            events.push(Event::Reaped(if has_children { ChildrenLeft::Yes } else { ChildrenLeft::No }));
            events.push(Event::Time);
            for event in events {
                let was = machine.verdict();
                for action in step(&mut machine, now, event) {
                    let to_main = matches!(
                        action,
                        Action::Send { .. } | Action::ContinueIfStopped | Action::KillMain | Action::FollowStop(_)
                            | Action::FollowContinue | Action::Hold(_)
                    );
                    prop_assert!(!(to_main && ended.is_some()), "{action:?} after the main child's end");
                    let is_nothing = matches!(action, Action::Ignore(_));
                    prop_assert!(was.is_none() || is_nothing, "{action:?} after all was done");
                    match action {
                        Action::Send { received, signal } => {
                            prop_assert_eq!(plan.rewrites.get(received), Some(signal));
                            prop_assert_ne!(received, Signal::CHLD);
                        }
                        Action::Hold(_) => prop_assert!(!plan.stop_delay.is_zero()),
                        Action::KillMain => {
                            let asked = asked_to_stop.expect("nobody has asked it to stop");
                            let limit = plan.kill_after.expect("nobody wants it killed");
                            prop_assert!(now >= asked + plan.stop_delay + limit);
                        }
                        Action::SignalRemaining { .. } | Action::SignalNewcomers | Action::KillRemaining | Action::SignalGroup(_) => {
                            prop_assert!(ended.is_some(), "{action:?} while the main child lives");
                        }
                        _ => {}
                    }
                }
                if let Some(code) = was {
                    prop_assert_eq!(machine.verdict(), Some(code), "decided twice");
                }
            }
            verdict = verdict.or(machine.verdict().map(|code| (now, code)));
            if let Some(due) = machine.due() {
                prop_assert!(due > now, "what is due is done, or the loop would spin");
            }
            if let Some((_, code)) = verdict {
                let (_, wanted) = ended.expect("no verdict before the main child's end");
                prop_assert_eq!(code, wanted);
                prop_assert_eq!(machine.due(), None);
            }
            if turns.len() == 0 && verdict.is_some() {
                break;
            }
            if let (Some((at, _)), None) = (ended, verdict) {
                let DrainPolicy::Limit(limit) = plan.drain_policy else { panic!("nobody waits") };
                // One turn of time may overshoot what is due.
                prop_assert!(now <= at + limit + REAP_LIMIT + 2 * ms(400), "the bound is hard");
            }
        }
    }
}

/// The event of a target that is unhealthy, where that is to stop the main child.
fn unhealthy(exit: u8) -> Event {
    Event::Unhealthy(Reaction::Stop { exit })
}

#[test]
fn an_unhealthy_main_child_is_asked_then_killed_and_the_code_is_ours() {
    let plan = plan();
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    let term = Action::Send { received: Signal::TERM, signal: Signal::TERM };
    assert_eq!(step(&mut machine, now, unhealthy(7)), [term, Action::ContinueIfStopped]);
    assert_eq!(machine.due(), Some(now + ms(10_000)));
    assert_eq!(step(&mut machine, now + ms(5000), unhealthy(7)), [], "once is enough");
    assert_eq!(step(&mut machine, now + ms(10_000), Event::Time), [Action::KillMain]);
    step(&mut machine, now, Event::MainEnded(End::Killed(Signal::KILL)));
    step(&mut machine, now, Event::Reaped(ChildrenLeft::No));
    assert_eq!((machine.verdict(), machine.is_unhealthy()), (Some(7), true));
}

#[test]
fn what_the_user_says_of_kill_after_and_of_rewrites_holds_for_the_unhealthy() {
    let mut rewrites = Rewrites::default();
    rewrites.set(Signal::TERM, Some(Signal::QUIT));
    let plan = Init { kill_after: Some(ms(100)), rewrites, ..plan() };
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    let quit = Action::Send { received: Signal::TERM, signal: Signal::QUIT };
    assert_eq!(step(&mut machine, now, unhealthy(1)), [quit, Action::ContinueIfStopped]);
    assert_eq!(machine.due(), Some(now + ms(100)));
}

#[test]
fn a_main_child_that_was_asked_to_end_cannot_become_unhealthy() {
    for delay in [Duration::ZERO, ms(100)] {
        let plan = Init { stop_delay: delay, ..plan() };
        let mut machine = started(&plan, Role::Pid1);
        let now = Instant::now();
        step(&mut machine, now, Event::Signal(Signal::TERM, Origin::Process));
        assert_eq!(step(&mut machine, now, unhealthy(7)), []);
        step(&mut machine, now, Event::MainEnded(End::Exited(3)));
        step(&mut machine, now, Event::Reaped(ChildrenLeft::No));
        assert_eq!((machine.verdict(), machine.is_unhealthy()), (Some(3), false));
    }
}

#[test]
fn a_signal_or_a_report_leaves_the_main_child_its_code() {
    let hup = Action::Send { received: Signal::HUP, signal: Signal::HUP };
    let (reaction, first) = (Reaction::Signal(Signal::HUP), vec![hup, Action::ContinueIfStopped]);
    let plan = plan();
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    assert_eq!(step(&mut machine, now, Event::Unhealthy(reaction)), first);
    assert_eq!(step(&mut machine, now, Event::Unhealthy(reaction)), first, "each time");
    assert_eq!(machine.due(), None);
    step(&mut machine, now, Event::MainEnded(End::Exited(3)));
    step(&mut machine, now, Event::Reaped(ChildrenLeft::No));
    assert_eq!((machine.verdict(), machine.is_unhealthy()), (Some(3), false));
}

#[test]
fn without_a_main_child_unhealthy_is_the_end() {
    let plan = Init { main: MainChild::None, ..plan() };
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    assert_eq!(step(&mut machine, now, unhealthy(7)), []);
    step(&mut machine, now, Event::Reaped(ChildrenLeft::No));
    assert_eq!(machine.verdict(), Some(7));
}
