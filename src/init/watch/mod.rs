//! What is watched while the main child runs: attempt after attempt, each target by itself; the verdict is told, kept and
//! served. One wait point, the loop's, is all it needs; only a probe has a thread.
//!
//! ```text
//! mod        the targets, and when which is asked
//! status     the verdict in a file
//! listener   who may ask for it, and for how long
//! answer     what they are told
//! ```

mod answer;
mod listener;
mod status;

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::health::{Health, Period, Result as AttemptResult, Tracker};
use crate::outcome::Cause;
use crate::repeat::{Repeat, Tried};
use crate::sys::signal::{ExtraFd, Interest};

use self::listener::Listener;
use self::status::StatusFile;
use super::log::Log;
use super::log_event::LogEvent;
use super::plan;

/// A watch under way.
pub(super) struct Watch<'a> {
    plan: &'a plan::Watch,
    targets: Vec<WatchedTarget>,
    /// When the main child did.
    started: Instant,
    /// Of all targets together.
    health: Health,
    stage: Stage,
    status: Option<StatusFile>,
    listener: Option<Listener>,
}

/// Whether the main child is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is, and it is asked.
    Running,
    /// It has been asked to end: what it does not answer any more means nothing.
    Stopping,
}

/// One target.
struct WatchedTarget {
    repeat: Repeat,
    tracker: Tracker,
    /// Why the last attempt failed, if it did.
    reason: Option<String>,
    passed: u64,
    failed: u64,
    /// Not counted against the app: what was lacking was ours.
    broken: u64,
    /// Of all attempts.
    took: Duration,
}

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WatchEvent {
    /// Nothing that the machine has to decide on.
    None,
    /// The first target has become unhealthy.
    Unhealthy,
}

impl<'a> Watch<'a> {
    /// Opens what is served and kept, so that what cannot be is refused before the start.
    ///
    /// # Errors
    ///
    /// When there is nowhere to listen.
    pub(super) fn open(plan: &'a plan::Watch) -> Result<Self, String> {
        let listener = plan.listen.as_ref().map(Listener::open).transpose()?;
        let status = plan.status_file.as_deref().map(StatusFile::new);
        let now = Deadline::after(Duration::ZERO);
        let targets = plan.probes.iter().map(|probe| {
            let mut repeat = Repeat::new(Arc::clone(probe), plan.attempt_timeout, now);
            // Until there is somebody to ask.
            repeat.stop();
            let tracker = Tracker::new(plan.retries);
            WatchedTarget {
                repeat,
                tracker,
                reason: None,
                passed: 0,
                failed: 0,
                broken: 0,
                took: Duration::ZERO,
            }
        });
        Ok(Self {
            plan,
            targets: targets.collect(),
            started: Instant::now(),
            health: Health::Starting,
            stage: Stage::Running,
            status,
            listener,
        })
    }

    /// From now on: the main child has been started. The first attempt comes after the first pause, as Docker has it.
    pub(super) fn start(&mut self) {
        self.started = Instant::now();
        for target in &mut self.targets {
            target.repeat.again_at(Deadline::after(pause(self.plan, Health::Starting, Duration::ZERO)));
        }
    }

    /// The main child has been asked to end, or has ended: nothing is tried any more.
    pub(super) fn stop(&mut self, log: &mut Log) {
        if self.stage == Stage::Running {
            self.stage = Stage::Stopping;
            self.targets.iter_mut().for_each(|target| target.repeat.stop());
            self.write_status(log);
        }
    }

    /// Does what is due. `reaped` is how many zombies that were nobody's have been so far.
    pub(super) fn step(&mut self, reaped: u64, log: &mut Log) -> WatchEvent {
        let before = self.health;
        let mut is_news = false;
        for target in &mut self.targets {
            let Some(tried) = target.repeat.step() else { continue };
            is_news |= target.record(self.plan, self.started, &tried, log);
            let health = target.tracker.health();
            target.repeat.again_at(Deadline::after(pause(self.plan, health, self.started.elapsed())));
        }
        self.health = worst(self.targets.iter().map(|target| target.tracker.health()));
        if is_news {
            self.write_status(log);
        }
        if let Some(mut listener) = self.listener.take() {
            listener.step(|head| answer::to(head, self, reaped));
            self.listener = Some(listener);
        }
        if self.health == Health::Unhealthy && before != Health::Unhealthy {
            return WatchEvent::Unhealthy;
        }
        WatchEvent::None
    }

    /// When `step` has something to do though no descriptor says so.
    pub(super) fn due(&self) -> Option<Deadline> {
        let targets = self.targets.iter().filter_map(|target| target.repeat.due());
        targets.chain(self.listener.as_ref().and_then(Listener::due)).min()
    }

    /// What may give `step` something to do.
    pub(super) fn extra_fds(&self) -> Vec<ExtraFd> {
        let attempts = self.targets.iter().filter_map(|target| target.repeat.fd());
        let attempts = attempts.map(|fd| ExtraFd { fd: fd.as_raw_fd(), interest: Interest::Readable });
        attempts.chain(self.listener.iter().flat_map(Listener::extra_fds)).collect()
    }

    /// Puts the verdict into the file.
    pub(super) fn write_status(&mut self, log: &mut Log) {
        let Some(mut status) = self.status.take() else { return };
        status.write(&answer::status(self), log);
        self.status = Some(status);
    }

    /// The one word for all targets.
    fn health_name(&self) -> &'static str {
        match (self.health, self.stage) {
            (Health::Unhealthy, _) | (_, Stage::Running) => self.health.name(),
            (_, Stage::Stopping) => "stopping",
        }
    }
}

impl Drop for Watch<'_> {
    /// A verdict does not outlive what it is about; but why the main child had to end is worth reading.
    fn drop(&mut self) {
        if let Some(status) = &self.status
            && self.health != Health::Unhealthy
        {
            status.remove();
        }
    }
}

impl WatchedTarget {
    /// Takes in what an attempt came to, and says whether that is news.
    fn record(&mut self, plan: &plan::Watch, started: Instant, tried: &Tried, log: &mut Log) -> bool {
        let age = tried.began.saturating_duration_since(started);
        let period = if age < plan.start_period { Period::Start } else { Period::Running };
        self.took += tried.finished.elapsed;
        let (came, reason) = match &tried.finished.outcome {
            Ok(_) => (AttemptResult::Passed, None),
            Err(failure) if failure.cause == Cause::Broken => {
                (AttemptResult::Inconclusive, Some(failure.reason.clone()))
            }
            Err(failure) => (AttemptResult::Failed, Some(failure.reason.clone())),
        };
        match came {
            AttemptResult::Passed => self.passed += 1,
            AttemptResult::Failed => self.failed += 1,
            AttemptResult::Inconclusive => {
                self.broken += 1;
                if self.reason != reason {
                    let (target, why) = (self.repeat.probe().label(), reason.as_deref().unwrap_or_default());
                    let text = format!("cannot check {target}: {why}; this does not count as a failure");
                    log.record(LogEvent::Warning { text: &text });
                }
            }
        }
        let is_news = reason.is_some() || self.reason.is_some();
        self.reason = reason;
        let changed = self.tracker.record(came, period);
        if let Some(health) = changed {
            let (target, reason) = (self.repeat.probe().label(), self.reason.as_deref());
            log.record(LogEvent::Health { health, target, reason, failures: self.tracker.failures() });
        }
        is_news || changed.is_some()
    }
}

/// From the end of an attempt to the next one, `age` after the start.
fn pause(plan: &plan::Watch, health: Health, age: Duration) -> Duration {
    if health == Health::Starting && age < plan.start_period { plan.start_interval } else { plan.interval }
}

/// One unhealthy target makes the whole unhealthy; one that is starting keeps it so.
fn worst(all: impl Iterator<Item = Health>) -> Health {
    all.fold(Health::Healthy, |worst, one| match (worst, one) {
        (Health::Unhealthy, _) | (_, Health::Unhealthy) => Health::Unhealthy,
        (Health::Starting, _) | (_, Health::Starting) => Health::Starting,
        _ => Health::Healthy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Healthy, Starting, Unhealthy};

    #[test]
    fn one_target_is_enough_to_be_unhealthy_and_all_are_needed_to_be_healthy() {
        for (all, one) in [
            (&[Healthy, Healthy][..], Healthy),
            (&[Healthy, Starting], Starting),
            (&[Unhealthy, Starting], Unhealthy),
            (&[Healthy, Unhealthy], Unhealthy),
        ] {
            assert_eq!(worst(all.iter().copied()), one, "{all:?}");
        }
    }
}
