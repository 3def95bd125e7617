//! One target, attempt after attempt; never two at a time.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::attempt::{self, Detail, Finished, ProbeWorker, Reuse};
use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trace};
use crate::probe::Probe;

/// An attempt that has less time than this says nothing about its target.
const SHORTEST: Duration = Duration::from_millis(50);

/// How late an attempt may be over where the process runs at all. One that is later was frozen with it (`docker pause`), and
/// says nothing about its target.
const LATE_MAX: Duration = Duration::from_secs(1);

/// A target that is tried again and again.
#[derive(Debug)]
pub(crate) struct Repeat {
    probe: Arc<Probe>,
    /// What tries it; or why there is nothing that could, which is tried anew each time.
    worker: Result<ProbeWorker, Failure>,
    /// The limit of each attempt.
    timeout: Duration,
    /// The limit of all of them.
    last: Option<Deadline>,
    state: State,
    /// Whether the last attempt was one that says nothing, being late.
    was_late: bool,
}

/// Where it stands.
#[derive(Debug)]
enum State {
    /// The next attempt begins then.
    Due(Deadline),
    /// An attempt is under way.
    Trying { began: Instant, deadline: Deadline },
    /// An attempt did not end at its deadline. Its worker is waited for, so that one stuck probe does not become a
    /// thousand; until it is free, each time that an attempt would begin is a failure.
    Stuck { since: Instant, next: Deadline },
    /// Nothing further is tried.
    Done,
}

/// What an attempt came to.
#[derive(Debug)]
pub(crate) struct Tried {
    /// When it began.
    pub(crate) began: Instant,
    /// How it ended.
    pub(crate) finished: Finished,
}

impl Repeat {
    /// Tries `probe` for the first time at `first`, each time for `timeout` at most. All that attempts need is taken here.
    pub(crate) fn new(probe: Arc<Probe>, timeout: Duration, first: Deadline) -> Self {
        let worker = ProbeWorker::new(&probe, Reuse::Kept);
        Self { probe, worker, timeout, last: None, state: State::Due(first), was_late: false }
    }

    /// No attempt lasts longer than `last`, where there is one.
    pub(crate) fn until(self, last: Option<Deadline>) -> Self {
        Self { last, ..self }
    }

    /// The target.
    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Why there is nothing that could try it, if so.
    pub(crate) fn lacks(&self) -> Option<&Failure> {
        self.worker.as_ref().err()
    }

    /// Begins what is due and collects what is done. The caller says after each result when to go on, by `again_at`
    /// or `stop`.
    pub(crate) fn step(&mut self) -> Option<Tried> {
        match self.state {
            State::Due(at) if at.has_passed() => self.begin(),
            State::Trying { began, deadline } => {
                let Ok(worker) = &self.worker else { return None };
                if let Some(finished) = worker.finished() {
                    self.state = State::Done;
                    return Some(self.unless_late(began, finished));
                }
                if !attempt::is_overdue(deadline) {
                    return None;
                }
                let finished = worker.overdue();
                // `again_at` says when, as after any other result.
                self.state = State::Stuck { since: began, next: deadline };
                Some(self.unless_late(began, finished))
            }
            State::Stuck { since, next } => {
                if self.worker.as_ref().is_ok_and(|worker| worker.finished().is_some()) {
                    self.state = State::Due(next);
                    return self.step();
                }
                next.has_passed().then(|| stuck(since))
            }
            State::Due(_) | State::Done => None,
        }
    }

    /// What an attempt came to that is over just now. A timeout while the process was kept from running is our own trouble;
    /// twice in a row it counts, since a target can be what keeps the machine from running anything.
    fn unless_late(&mut self, began: Instant, mut finished: Finished) -> Tried {
        let is_late = began.elapsed() > self.timeout.saturating_add(LATE_MAX);
        let was_late = std::mem::replace(&mut self.was_late, is_late);
        if let Err(failure) = &mut finished.outcome
            && failure.cause == Cause::TimedOut
            && is_late
            && !was_late
        {
            let reason = format!("{}, since this process was stopped or frozen", failure.reason);
            *failure = Failure { cause: Cause::Broken, reason, ..*failure };
        }
        Tried { began, finished }
    }

    /// Begins an attempt; one that cannot even begin is a result at once.
    fn begin(&mut self) -> Option<Tried> {
        let began = Instant::now();
        let deadline = Deadline::after(self.timeout);
        let deadline = self.last.map_or(deadline, |last| last.min(deadline));
        if self.worker.is_err() {
            self.worker = ProbeWorker::new(&self.probe, Reuse::Kept);
        }
        let started = match &mut self.worker {
            Ok(worker) => worker.start(deadline, Detail::Verdict),
            Err(failure) => Err(failure.clone()),
        };
        match started {
            Ok(()) => {
                self.state = State::Trying { began, deadline };
                None
            }
            Err(failure) => {
                self.state = State::Done;
                // One that does not answer is replaced at the next attempt.
                self.worker = Err(failure.clone());
                Some(failed(began, began.elapsed(), failure))
            }
        }
    }

    /// The next attempt begins at `next`, or once a stuck one is gone; never so late that it could only time out, and
    /// hide the reason that the one before it had. False when it does not begin for that reason.
    pub(crate) fn again_at(&mut self, next: Deadline) -> bool {
        if self.last.is_some_and(|last| next.plus(SHORTEST) > last) {
            self.stop();
            return false;
        }
        self.state = match self.state {
            State::Stuck { since, .. } => State::Stuck { since, next },
            _ => State::Due(next),
        };
        true
    }

    /// Nothing further is tried.
    pub(crate) fn stop(&mut self) {
        self.state = State::Done;
    }

    /// When `step` has something to do though no descriptor says so.
    pub(crate) fn due(&self) -> Option<Deadline> {
        match &self.state {
            State::Due(at) | State::Stuck { next: at, .. } => Some(*at),
            State::Trying { deadline, .. } => Some(attempt::overdue_at(*deadline)),
            State::Done => None,
        }
    }

    /// Readable when an attempt is done.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        let worker = self.worker.as_ref().ok()?;
        matches!(self.state, State::Trying { .. } | State::Stuck { .. }).then(|| worker.as_fd())
    }
}

/// What an attempt comes to that could not begin since an earlier one hangs.
fn stuck(since: Instant) -> Tried {
    let seconds = since.elapsed().as_secs();
    let reason = format!("timed out: the attempt that began {seconds} s ago still hangs in the kernel");
    failed(Instant::now(), Duration::ZERO, Failure::new(Phase::Local, Cause::TimedOut, reason))
}

/// An attempt that failed here.
fn failed(began: Instant, elapsed: Duration, failure: Failure) -> Tried {
    Tried { began, finished: Finished { outcome: Err(failure), trace: Trace::default(), elapsed } }
}
