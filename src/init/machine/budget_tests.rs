//! The timeline of a stop at its edges.

use std::time::{Duration, Instant};

use super::tests::{drain, ms, plan, started, step};
use super::{Action, ChildrenLeft, Event, Machine, Origin, State};
use crate::init::plan::{DrainPolicy, Init, MainChild};
use crate::init::reaper::{End, Role};
use crate::init::signals::Signal;
use crate::init::stop_budget::{DRAIN, DRAIN_AFTER_STOP};

/// When the remaining processes of `machine` are killed, `ended` after `now` when the main child does, and `asked` after `now`
/// when somebody wants it to stop.
fn killed_at(machine: &mut Machine<'_>, now: Instant, asked: Option<u64>, ended: u64) -> Duration {
    if let Some(asked) = asked {
        step(machine, now + ms(asked), Event::Signal(Signal::TERM, Origin::Process));
    }
    step(machine, now + ms(ended), Event::Time);
    step(machine, now + ms(ended), Event::MainEnded(End::Exited(5)));
    let actions = step(machine, now + ms(ended), Event::Reaped(ChildrenLeft::Yes));
    let State::Draining { until, .. } = machine.state else {
        assert_eq!(actions, [Action::KillRemaining]);
        return ms(ended);
    };
    until - now
}

#[test]
fn one_budget_runs_from_the_first_request_from_outside() {
    let now = Instant::now();
    let base = plan();
    let budget = Init { stop_timeout: Some(ms(8000)), ..plan() };
    let explicit = Init { drain_policy: DrainPolicy::Limit(ms(3000)), ..plan() };
    let both = Init { drain_policy: DrainPolicy::Limit(ms(30_000)), stop_timeout: Some(ms(8000)), ..plan() };
    for (plan, asked, ended, killed) in [
        // Without a request there is nobody who waits.
        (&base, None, 50, 50 + 5000),
        (&budget, None, 50, 50 + 5000),
        // docker stop -t 3, and Docker's own 10 s.
        (&base, Some(0), 0, 2000),
        (&base, Some(0), 6000, 8000),
        (&base, Some(0), 9000, 9500),
        (&base, Some(0), 9700, 9700),
        (&base, Some(0), 12_000, 14_000),
        (&base, Some(0), 29_400, 29_500),
        // A budget that is known is used up, but for what it takes to exit.
        (&budget, Some(0), 0, 5000),
        (&budget, Some(0), 6000, 7500),
        (&budget, Some(0), 7600, 7600),
        (&budget, Some(1000), 6000, 8500),
        // What the user says of the drain holds, within the budget.
        (&explicit, Some(0), 0, 3000),
        (&explicit, Some(0), 9000, 12_000),
        (&both, Some(0), 100, 7500),
    ] {
        let mut machine = started(plan, Role::Pid1);
        let at = killed_at(&mut machine, now, asked, ended);
        assert_eq!(at, ms(killed), "asked {asked:?}, ended {ended}: {plan:?}");
    }
    assert_eq!((DRAIN, DRAIN_AFTER_STOP), (ms(5000), ms(2000)), "docs/init.md names them");
}

#[test]
fn a_second_request_ends_the_drain_at_once_and_a_first_one_shortens_it() {
    let now = Instant::now();
    let plan = plan();
    for signal in [Signal::TERM, Signal::INT] {
        let mut machine = started(&plan, Role::Pid1);
        killed_at(&mut machine, now, Some(0), 100);
        let request = Event::Signal(signal, Origin::Process);
        assert_eq!(step(&mut machine, now + ms(150), request), [Action::KillRemaining]);
        let mut machine = started(&plan, Role::Pid1);
        killed_at(&mut machine, now, None, 100);
        assert_eq!(step(&mut machine, now + ms(150), request), []);
        assert_eq!(machine.due(), Some(now + ms(2150)));
        assert_eq!(step(&mut machine, now + ms(160), request), [Action::KillRemaining]);
        assert_eq!(step(&mut machine, now + ms(170), request), [Action::Ignore(signal)]);
        step(&mut machine, now + ms(171), Event::Reaped(ChildrenLeft::No));
        assert_eq!(machine.verdict(), Some(5));
    }
    // The first ^C went to the main child, which had the terminal.
    let mut machine = started(&plan, Role::Pid1);
    killed_at(&mut machine, now, None, 100);
    let key = Event::Signal(Signal::INT, Origin::Kernel);
    assert_eq!(step(&mut machine, now + ms(150), key), [Action::KillRemaining]);
}

#[test]
fn a_pause_asks_its_namespace_and_waits_for_it() {
    let plan = Init::new(MainChild::None);
    let mut machine = started(&plan, Role::Pid1);
    let now = Instant::now();
    step(&mut machine, now, Event::Signal(Signal::TERM, Origin::Process));
    assert_eq!(step(&mut machine, now, Event::Reaped(ChildrenLeft::Yes)), [drain(5000)]);
    assert_eq!(machine.due(), Some(now + ms(10)), "others reap there: it has to look by itself");
    step(&mut machine, now + ms(3000), Event::Reaped(ChildrenLeft::No));
    assert_eq!(machine.verdict(), Some(0));
}
