//! What is watched while the main child runs: attempt after attempt, each target by itself; the verdict is told, kept and
//! served. One wait point, the loop's, is all it needs; only a probe has a thread.
//!
//! ```text
//! mod        the targets, and when which is asked
//! target     one of them: its health, its counts, its lines in the log
//! status     the verdict in a file
//! socket     where it can be asked for
//! listener   who may ask, and for how long
//! answer     what they are told
//! metrics    the same as numbers
//! ```

mod answer;
mod listener;
mod metrics;
mod socket;
mod status;
mod target;

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime};

use crate::deadline::Deadline;
use crate::health::Health;
use crate::sys::signal::{ExtraFd, Interest};
use crate::system::clock;

#[cfg(any(fuzzing, test))]
pub(crate) use self::answer::read_request;
use self::listener::Listener;
use self::status::StatusFile;
use self::target::WatchedTarget;
use super::log::Log;
use super::log_event::LogEvent;
use super::plan::{self, Address, Init, Reaction};
use super::signals::Signal;

/// A watch under way.
pub(super) struct Watch<'a> {
    plan: &'a plan::Watch,
    targets: Vec<WatchedTarget>,
    /// When the main child did.
    started: Instant,
    /// Of all targets together, and since when.
    health: Health,
    since: SystemTime,
    stage: Stage,
    /// What the main child gets where it is to stop.
    stop_signal: Signal,
    /// Which target the main child was stopped for.
    culprit: Option<usize>,
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

impl<'a> Watch<'a> {
    /// Opens what is served and kept and takes what attempts need, so that what cannot be is told before the start.
    ///
    /// # Errors
    ///
    /// When there is nowhere to listen, or to keep the status.
    pub(super) fn open(init: &Init, plan: &'a plan::Watch, log: &mut Log) -> Result<Self, String> {
        let listener = plan.listen.as_ref().map(Listener::open).transpose()?;
        let open = |path: &std::path::PathBuf| StatusFile::open(path, plan.status_file_mode);
        let status = plan.status_file.as_ref().map(open).transpose()?;
        let new = |probe| WatchedTarget::new(probe, plan.attempt_timeout, plan.retries);
        let watch = Self {
            plan,
            targets: plan.probes.iter().map(new).collect(),
            started: Instant::now(),
            health: Health::Starting,
            since: clock::now(),
            stage: Stage::Running,
            // What the app is told in SIGTERM's place ends it. A SIGTERM that is dropped has to, here.
            stop_signal: init.rewrites.get(Signal::TERM).unwrap_or(Signal::TERM),
            culprit: None,
            status,
            listener,
        };
        watch.tell_opened(log);
        Ok(watch)
    }

    /// Tells what is not as everybody knows it: a port that was found free, a target that cannot be asked.
    fn tell_opened(&self, log: &mut Log) {
        let port = self.listener.as_ref().and_then(Listener::address);
        if let (Some(Address::Tcp(asked)), Some(address)) = (&self.plan.listen, port)
            && asked.port() == 0
        {
            let text = format!("listening on {address}");
            log.record(LogEvent::Warning { text: &text });
        }
        for target in &self.targets {
            if let Some(failure) = target.repeat.lacks() {
                target.tell_want(failure, log);
            }
        }
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

    /// Does what is due, and says what the main child gets for it. `reaped` is how many zombies that were nobody's have been so
    /// far.
    pub(super) fn step(&mut self, reaped: u64, log: &mut Log) -> Option<Reaction> {
        let mut reaction = None;
        let mut was_tried = false;
        for (index, target) in self.targets.iter_mut().enumerate() {
            let Some(tried) = target.repeat.step() else { continue };
            was_tried = true;
            let follows = target.record(self.plan, self.started, &tried, self.stop_signal, log);
            let health = target.tracker.health();
            target.repeat.again_at(Deadline::after(pause(self.plan, health, self.started.elapsed())));
            if let Some(Reaction::Stop { .. }) = follows {
                self.culprit.get_or_insert(index);
                reaction = follows;
            }
            reaction = reaction.or(follows);
        }
        let health = worst(self.targets.iter().map(|target| target.tracker.health()));
        if health != self.health {
            self.health = health;
            self.since = clock::now();
        }
        if was_tried {
            self.write_status(log);
        } else if let Some(status) = &mut self.status {
            status.step(log);
        }
        if let Some(mut listener) = self.listener.take() {
            listener.step(|head| answer::to(head, self, reaped));
            self.listener = Some(listener);
        }
        reaction
    }

    /// Whether all targets are healthy.
    pub(super) fn is_healthy(&self) -> bool {
        self.health == Health::Healthy
    }

    /// When `step` has something to do though no descriptor says so.
    pub(super) fn due(&self) -> Option<Deadline> {
        let targets = self.targets.iter().filter_map(|target| target.repeat.due());
        let status = self.status.as_ref().and_then(StatusFile::due);
        targets.chain(self.listener.as_ref().and_then(Listener::due)).chain(status).min()
    }

    /// What may give `step` something to do.
    pub(super) fn extra_fds(&self) -> Vec<ExtraFd> {
        let attempts = self.targets.iter().filter_map(|target| target.repeat.fd());
        let files = attempts.chain(self.status.as_ref().and_then(StatusFile::fd));
        let files = files.map(|fd| ExtraFd { fd: fd.as_raw_fd(), interest: Interest::Readable });
        files.chain(self.listener.iter().flat_map(Listener::extra_fds)).collect()
    }

    /// Puts the verdict into the file.
    pub(super) fn write_status(&mut self, log: &mut Log) {
        let Some(mut status) = self.status.take() else { return };
        status.write(answer::status(self), log);
        self.status = Some(status);
    }

    /// The target that the main child was stopped for.
    pub(super) fn culprit(&self) -> Option<&str> {
        self.culprit.and_then(|index| self.targets.get(index)).map(WatchedTarget::name)
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
        if let Some(status) = self.status.take() {
            status.close(self.health == Health::Unhealthy);
        }
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
