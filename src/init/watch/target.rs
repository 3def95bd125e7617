//! One watched target: its health, what is counted of it, and what the log tells.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::deadline::Deadline;
use crate::health::{Health, Period, Result as AttemptResult, Tracker};
use crate::init::log::Log;
use crate::init::log_event::LogEvent;
use crate::init::plan::{self, Reaction};
use crate::init::signals::Signal;
use crate::init::target_event::{TargetChange, TargetEvent};
use crate::outcome::{Cause, Failure, Phase};
use crate::probe::Probe;
use crate::repeat::{Repeat, Tried};
use crate::system::clock;

/// How soon a target that stays unhealthy is told of again; then twice as late each time, up to the longest.
const REMINDER: Duration = Duration::from_secs(60);
const REMINDER_MAX: Duration = Duration::from_secs(3600);

/// The upper bounds of the histogram's buckets, in seconds: from a local socket to the longest usual limit.
pub(super) const BUCKETS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];

/// One target.
pub(super) struct WatchedTarget {
    pub(super) repeat: Repeat,
    pub(super) tracker: Tracker,
    /// Why the last attempt failed, if it did.
    pub(super) reason: Option<String>,
    /// When its health became what it is.
    pub(super) since: SystemTime,
    /// When its last attempt ended.
    pub(super) checked_at: Option<SystemTime>,
    pub(super) counts: Counts,
    failing: Option<Failing>,
    /// How often it has been reacted to since it was healthy.
    reactions: u32,
}

/// What /metrics tells.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// Not counted against the app: what was lacking was ours.
    pub(super) broken: u64,
    pub(super) became_healthy: u64,
    pub(super) became_unhealthy: u64,
    /// Attempts by how long they took, one for each bucket; a longer one is in none.
    pub(super) buckets: [u64; BUCKETS.len()],
    /// Of all attempts.
    pub(super) took: Duration,
}

/// Attempts that fail for one reason, one after the other.
struct Failing {
    /// What makes two reasons the same: the words may hold a number that moves on.
    kind: (Phase, Cause),
    /// Since it failed at all.
    since: Instant,
    attempts: u64,
    /// When it is worth another line, and after how long the one after that.
    remind_at: Instant,
    reminder: Duration,
}

impl WatchedTarget {
    /// One that is not asked yet.
    pub(super) fn new(probe: &Arc<Probe>, timeout: Duration, retries: NonZeroU32) -> Self {
        let mut repeat = Repeat::new(Arc::clone(probe), timeout, Deadline::after(Duration::ZERO));
        // Until there is somebody to ask.
        repeat.stop();
        Self {
            repeat,
            tracker: Tracker::new(retries),
            reason: None,
            since: clock::now(),
            checked_at: None,
            counts: Counts::default(),
            failing: None,
            reactions: 0,
        }
    }

    /// Its name, or its text as it may be shown.
    pub(super) fn name(&self) -> &str {
        self.repeat.probe().label()
    }

    /// Tells of a want that keeps it from being asked.
    pub(super) fn tell_want(&self, failure: &Failure, log: &mut Log) {
        let change = TargetChange::Inconclusive { reason: &failure.reason };
        log.record(LogEvent::Target(TargetEvent { target: self.name(), change }));
    }

    /// Takes in what an attempt came to, and says what follows. `stop_signal` is what the main child gets in SIGTERM's place.
    pub(super) fn record(
        &mut self,
        plan: &plan::Watch,
        started: Instant,
        tried: &Tried,
        stop_signal: Signal,
        log: &mut Log,
    ) -> Option<Reaction> {
        let age = tried.began.saturating_duration_since(started);
        let period = if age < plan.start_period { Period::Start } else { Period::Running };
        self.checked_at = Some(clock::now());
        match &tried.finished.outcome {
            Ok(_) => {
                self.count(tried.finished.elapsed);
                self.pass(period, log);
                None
            }
            Err(failure) if failure.cause == Cause::Broken => {
                self.counts.broken += 1;
                if self.reason.as_ref() != Some(&failure.reason) {
                    self.tell_want(failure, log);
                }
                self.reason = Some(failure.reason.clone());
                self.tracker.record(AttemptResult::Inconclusive, period);
                None
            }
            Err(failure) => {
                self.count(tried.finished.elapsed);
                self.fail(plan, period, failure, stop_signal, log)
            }
        }
    }

    /// Counts an attempt that took so long.
    fn count(&mut self, took: Duration) {
        let counts = &mut self.counts;
        counts.took += took;
        let fits = BUCKETS.iter().position(|bound| took.as_secs_f64() <= *bound);
        if let Some(bucket) = fits.and_then(|index| counts.buckets.get_mut(index)) {
            *bucket += 1;
        }
    }

    /// An attempt has passed.
    fn pass(&mut self, period: Period, log: &mut Log) {
        self.counts.passed += 1;
        let before = self.tracker.health();
        let changed = self.tracker.record(AttemptResult::Passed, period);
        self.reason = None;
        self.reactions = 0;
        let failing = self.failing.take();
        let stretch = failing.map(|failing| (failing.attempts, failing.since.elapsed()));
        if changed.is_some() {
            self.counts.became_healthy += 1;
            self.since = clock::now();
        }
        let change = match (before, stretch) {
            (Health::Unhealthy, stretch) => {
                let (attempts, length) = stretch.unwrap_or_default();
                TargetChange::Recovered { attempts, length }
            }
            (Health::Starting, _) => TargetChange::Healthy,
            (Health::Healthy, Some((attempts, length))) => TargetChange::Passed { attempts, length },
            (Health::Healthy, None) => return,
        };
        log.record(LogEvent::Target(TargetEvent { target: self.name(), change }));
    }

    /// An attempt has failed.
    fn fail(
        &mut self,
        plan: &plan::Watch,
        period: Period,
        failure: &Failure,
        stop_signal: Signal,
        log: &mut Log,
    ) -> Option<Reaction> {
        self.counts.failed += 1;
        let changed = self.tracker.record(AttemptResult::Failed, period);
        if changed.is_some() {
            self.counts.became_unhealthy += 1;
            self.since = clock::now();
        }
        self.reason = Some(failure.reason.clone());
        let is_new = self.note_failing(failure);
        let (failures, retries) = (self.tracker.failures(), plan.retries.get());
        let is_unhealthy = self.tracker.health() == Health::Unhealthy;
        let reaction = if is_unhealthy && failures.is_multiple_of(retries) {
            self.reactions = self.reactions.saturating_add(1);
            plan.on_unhealthy.reaction(self.reactions)
        } else {
            None
        };
        let reason = failure.reason.as_str();
        let change = if changed.is_some() || reaction.is_some() {
            let signal = match reaction {
                Some(Reaction::Signal(signal)) => Some(signal),
                Some(Reaction::Stop { .. }) => Some(stop_signal),
                None => None,
            };
            TargetChange::Unhealthy { reason, failures, signal }
        } else if let (true, Some((attempts, length))) = (is_unhealthy, self.reminder()) {
            TargetChange::Unchanged { reason, attempts, length }
        } else if is_new && !is_unhealthy {
            TargetChange::Failed { reason, failures, retries }
        } else {
            return None;
        };
        log.record(LogEvent::Target(TargetEvent { target: self.name(), change }));
        reaction
    }

    /// Counts a failure among those before it, and says whether it is of another kind than the last.
    fn note_failing(&mut self, failure: &Failure) -> bool {
        let kind = (failure.phase, failure.cause);
        let now = Instant::now();
        if let Some(failing) = &mut self.failing {
            failing.attempts += 1;
            return std::mem::replace(&mut failing.kind, kind) != kind;
        }
        let remind_at = now + REMINDER;
        self.failing = Some(Failing { kind, since: now, attempts: 1, remind_at, reminder: REMINDER });
        true
    }

    /// How many attempts have failed for how long, when it is time to tell that again.
    fn reminder(&mut self) -> Option<(u64, Duration)> {
        let failing = self.failing.as_mut()?;
        let now = Instant::now();
        if now < failing.remind_at {
            return None;
        }
        failing.reminder = (failing.reminder * 2).min(REMINDER_MAX);
        failing.remind_at = now + failing.reminder;
        Some((failing.attempts, failing.since.elapsed()))
    }
}
