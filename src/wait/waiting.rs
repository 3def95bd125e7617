//! All targets of a wait, each retried until it is there; pollable, so that PID 1 can reap and obey meanwhile.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::attempt;
use crate::check::Require;
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::probe::Probe;
use crate::repeat::Repeat;

use super::display::{Display, Progress};
use super::{Plan, Stderr};
use crate::wait::retry_policy::{Streak, WaitFor};

/// A wait under way.
pub(crate) struct Waiting {
    targets: Vec<WaitTarget>,
    require: Require,
    started: Instant,
    /// Never, where it waits for ever.
    deadline: Option<Deadline>,
    display: Display,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitEnd {
    /// What was waited for is there.
    Passed,
    /// The limit came first.
    TimedOut,
}

/// One target of a wait.
struct WaitTarget {
    repeat: Repeat,
    streak: Streak,
    attempts: u32,
    /// What the last attempt came to.
    last: Option<Outcome>,
}

impl Waiting {
    /// Begins to wait.
    pub(crate) fn start(plan: &Plan) -> Self {
        let now = Deadline::after(Duration::ZERO);
        let deadline = plan.timeout.map(Deadline::after);
        let target = |probe: &Arc<Probe>| WaitTarget {
            repeat: Repeat::new(Arc::clone(probe), plan.attempt_timeout, now).until(deadline),
            streak: Streak::new(plan.wait_for, plan.stable),
            attempts: 0,
            last: None,
        };
        Self {
            targets: plan.probes.iter().map(target).collect(),
            require: plan.require,
            started: Instant::now(),
            deadline,
            display: Display::new(plan.verbosity, plan.wait_for, Stderr::look()),
        }
    }

    /// Does what is due; the end, once it has come.
    pub(crate) fn step(&mut self, plan: &Plan) -> Option<WaitEnd> {
        for (index, target) in self.targets.iter_mut().enumerate() {
            let Some(tried) = target.repeat.step() else { continue };
            let outcome = tried.finished.outcome;
            target.attempts = target.attempts.saturating_add(1);
            target.streak.record(outcome.is_ok());
            if target.streak.is_complete() {
                target.repeat.stop();
            } else {
                target.repeat.again_at(Deadline::after(plan.interval.pause(target.attempts)));
            }
            let change = if target.streak.is_complete() {
                Progress::Passed
            } else if target.streak.has_begun() {
                Progress::Stabilizing
            } else {
                Progress::Waiting
            };
            let label = target.repeat.probe().label();
            self.display.tell(index, label, change, &outcome, self.started.elapsed());
            target.last = Some(outcome);
        }
        self.display.step();
        let mut open = self.targets.iter().map(|target| target.streak.is_complete());
        let met = match self.require {
            Require::All => open.all(|open| open),
            Require::Any => open.any(|open| open),
        };
        if met {
            return Some(WaitEnd::Passed);
        }
        self.deadline.is_some_and(attempt::is_overdue).then(|| {
            self.give_up(plan.wait_for);
            WaitEnd::TimedOut
        })
    }

    /// Says for each target what was met last.
    fn give_up(&mut self, wait_for: WaitFor) {
        let unseen = match wait_for {
            WaitFor::Passing => "no answer yet",
            WaitFor::Gone => "not seen gone",
        };
        for (index, target) in
            self.targets.iter().enumerate().filter(|(_, target)| !target.streak.is_complete())
        {
            let label = target.repeat.probe().label();
            let outcome = target.last.clone().unwrap_or_else(|| Ok(unseen.into()));
            self.display.tell(index, label, Progress::GaveUp, &outcome, self.started.elapsed());
        }
    }

    /// When `step` has something to do though no descriptor says so.
    pub(crate) fn due(&self) -> Option<Deadline> {
        let targets = self.targets.iter().filter_map(|target| target.repeat.due());
        let end = self.deadline.map(attempt::overdue_at);
        targets.chain(end).chain(self.display.due()).min()
    }

    /// Readable when `step` has something to do.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.targets.iter().filter_map(|target| target.repeat.fd())
    }
}
