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
use crate::sys::random;

use super::Plan;
use super::display::{Display, Progress, Row, Summary};
use super::retry_policy::{Streak, WaitFor};

/// How old a pass may be when the last target passes: an older one is asked once more, as all are to pass at the same time.
const FRESH: Duration = Duration::from_secs(1);

/// A wait under way.
pub(crate) struct Waiting {
    targets: Vec<WaitTarget>,
    require: Require,
    started: Instant,
    /// Never, where it waits for ever.
    deadline: Option<Deadline>,
    confirmation: Confirmation,
    display: Display,
}

/// Whether those that passed long ago are asked once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirmation {
    /// Not all have passed yet.
    NotYet,
    /// They are.
    UnderWay,
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
    /// Why the last one failed that did.
    last_failure: Option<String>,
    /// When the last one that came to what is waited for ended.
    met_at: Option<Instant>,
    /// Whether it is asked again though it has passed.
    is_confirmed: bool,
}

impl Waiting {
    /// Begins to wait.
    pub(crate) fn start(plan: &Plan) -> Self {
        let now = Deadline::after(Duration::ZERO);
        let deadline = plan.timeout.map(Deadline::after);
        let target = |probe: &Arc<Probe>| WaitTarget {
            repeat: Repeat::new(Arc::clone(probe), plan.attempt_timeout, now).until(deadline),
            streak: Streak::new(plan.stable),
            attempts: 0,
            last: None,
            last_failure: None,
            met_at: None,
            is_confirmed: true,
        };
        let mut display = Display::new(plan);
        display.start();
        Self {
            targets: plan.probes.iter().map(target).collect(),
            require: plan.require,
            started: Instant::now(),
            deadline,
            confirmation: Confirmation::NotYet,
            display,
        }
    }

    /// Does what is due; the end, once it has come.
    pub(crate) fn step(&mut self, plan: &Plan) -> Option<WaitEnd> {
        for index in 0..self.targets.len() {
            self.step_target(index, plan);
        }
        self.display.step();
        let is_complete = |target: &WaitTarget| target.streak.is_complete() && target.is_confirmed;
        let is_over = match self.require {
            Require::All => self.targets.iter().all(is_complete) && self.are_fresh(),
            Require::Any => self.targets.iter().any(is_complete),
        };
        if is_over {
            self.display.end(WaitEnd::Passed, &self.summary());
            return Some(WaitEnd::Passed);
        }
        self.deadline.is_some_and(attempt::is_overdue).then(|| {
            self.give_up(plan);
            self.display.end(WaitEnd::TimedOut, &self.summary());
            WaitEnd::TimedOut
        })
    }

    /// Takes in what an attempt came to, and says when the next one begins.
    fn step_target(&mut self, index: usize, plan: &Plan) {
        let Some(target) = self.targets.get_mut(index) else { return };
        let Some(tried) = target.repeat.step() else { return };
        let outcome = tried.finished.outcome;
        target.attempts = target.attempts.saturating_add(1);
        let is_met = plan.wait_for.is_met_by(&outcome);
        target.streak.record(is_met);
        target.is_confirmed = true;
        if is_met {
            target.met_at = Some(Instant::now());
        } else {
            target.last_failure = Some(reason(&outcome).to_owned());
            self.confirmation = Confirmation::NotYet;
        }
        if target.streak.is_complete() {
            target.repeat.stop();
        } else {
            let mut random = [0; 4];
            // Without a random number the pause is as short as it may be.
            let _ = random::fill(&mut random);
            let pause = plan.interval.pause(target.attempts, u32::from_ne_bytes(random));
            target.repeat.again_at(Deadline::after(pause));
        }
        let progress = match (target.streak.is_complete(), target.streak.length()) {
            (true, _) => Progress::Passed,
            (false, 0) => Progress::Waiting,
            (false, _) => Progress::Stabilizing,
        };
        let at = self.started.elapsed();
        let row = Row::new(target.repeat.probe().label(), progress, &outcome, at, target.attempts);
        self.display.update(index, row);
        target.last = Some(outcome);
    }

    /// Whether all have passed at the same time, or nearly so. Those that passed earlier are asked once more, all at once; who
    /// passes then passes together with the others.
    fn are_fresh(&mut self) -> bool {
        if self.confirmation == Confirmation::UnderWay {
            return true;
        }
        let mut are_fresh = true;
        for target in &mut self.targets {
            let is_old = target.met_at.is_some_and(|at| at.elapsed() > FRESH);
            // Where there is no time left for it, what was seen has to do.
            if is_old && target.repeat.again_at(Deadline::after(Duration::ZERO)) {
                target.is_confirmed = false;
                are_fresh = false;
            }
        }
        if !are_fresh {
            self.confirmation = Confirmation::UnderWay;
        }
        are_fresh
    }

    /// Says for each target what was met last.
    fn give_up(&mut self, plan: &Plan) {
        let unseen = match plan.wait_for {
            WaitFor::Passing => "no answer yet",
            WaitFor::Gone => "not seen gone",
        };
        let at = self.started.elapsed();
        for (index, target) in self.targets.iter().enumerate() {
            if target.streak.is_complete() && target.is_confirmed {
                continue;
            }
            let mut outcome = target.last.clone().unwrap_or_else(|| Ok(unseen.into()));
            let length = target.streak.length();
            if length > 0 && plan.stable.get() > 1 {
                let last = target.last_failure.as_deref().unwrap_or("none");
                outcome = Ok(format!("{length} of {} in a row; last failure: {last}", plan.stable));
            }
            let label = target.repeat.probe().label();
            self.display.update(index, Row::new(label, Progress::GaveUp, &outcome, at, target.attempts));
        }
    }

    /// A signal ends it.
    pub(crate) fn interrupt(&mut self) {
        self.display.interrupt(&self.summary());
    }

    /// The terminal has another size.
    pub(crate) fn resize(&mut self) {
        self.display.resize();
    }

    /// What there is to say at the end.
    fn summary(&self) -> Summary {
        Summary {
            length: self.started.elapsed(),
            attempts: self.targets.iter().map(|target| u64::from(target.attempts)).sum(),
            passed: self.targets.iter().filter(|target| target.streak.is_complete()).count(),
            targets: self.targets.len(),
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

/// What an attempt says of its target.
fn reason(outcome: &Outcome) -> &str {
    match outcome {
        Ok(seen) => seen,
        Err(failure) => &failure.reason,
    }
}
