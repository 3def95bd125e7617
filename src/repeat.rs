//! One target, attempt after attempt; never two at a time.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::attempt::{self, Attempt, Detail, Finished};
use crate::deadline::Deadline;
use crate::outcome::Trace;
use crate::probe::Probe;

/// An attempt that has less time than this says nothing about its target.
const SHORTEST: Duration = Duration::from_millis(50);

/// A target that is tried again and again.
#[derive(Debug)]
pub(crate) struct Repeat {
    probe: Arc<Probe>,
    /// The limit of each attempt.
    timeout: Duration,
    /// The limit of all of them.
    last: Option<Deadline>,
    state: State,
}

/// Where it stands.
#[derive(Debug)]
enum State {
    /// The next attempt begins then.
    Due(Deadline),
    /// An attempt is under way.
    Trying { attempt: Attempt, began: Instant, deadline: Deadline },
    /// An attempt did not end at its deadline. Its thread is waited for, so that one stuck probe does not become a
    /// thousand; then the next one begins.
    Stuck { attempt: Attempt, next: Deadline },
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
    /// Tries `probe` for the first time at `first`, each time for `timeout` at most.
    pub(crate) fn new(probe: Arc<Probe>, timeout: Duration, first: Deadline) -> Self {
        Self { probe, timeout, last: None, state: State::Due(first) }
    }

    /// No attempt lasts longer than `last`, where there is one.
    pub(crate) fn until(self, last: Option<Deadline>) -> Self {
        Self { last, ..self }
    }

    /// The target.
    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Begins what is due and collects what is done. The caller says after each result when to go on, by `again_at`
    /// or `stop`.
    pub(crate) fn step(&mut self) -> Option<Tried> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Due(at) if at.has_passed() => self.begin(),
            State::Trying { attempt, began, deadline } => {
                if let Some(finished) = attempt.finished() {
                    return Some(Tried { began, finished });
                }
                if attempt::is_overdue(deadline) {
                    let finished = attempt.overdue();
                    // `again_at` says when, as after any other result.
                    self.state = State::Stuck { attempt, next: deadline };
                    return Some(Tried { began, finished });
                }
                self.state = State::Trying { attempt, began, deadline };
                None
            }
            State::Stuck { attempt, next } => {
                let free = attempt.finished().is_some();
                self.state = if free { State::Due(next) } else { State::Stuck { attempt, next } };
                None
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Begins an attempt; one that cannot even begin is a result at once.
    fn begin(&mut self) -> Option<Tried> {
        let began = Instant::now();
        let deadline = Deadline::after(self.timeout);
        let deadline = self.last.map_or(deadline, |last| last.min(deadline));
        match Attempt::start(&self.probe, deadline, Detail::Verdict) {
            Ok(attempt) => {
                self.state = State::Trying { attempt, began, deadline };
                None
            }
            Err(failure) => {
                let elapsed = began.elapsed();
                let finished = Finished { outcome: Err(failure), trace: Trace::default(), elapsed };
                Some(Tried { began, finished })
            }
        }
    }

    /// The next attempt begins at `next`, or once a stuck one is gone; never so late that it could only time out, and
    /// hide the reason that the one before it had.
    pub(crate) fn again_at(&mut self, next: Deadline) {
        if self.last.is_some_and(|last| next.plus(SHORTEST) > last) {
            return self.stop();
        }
        self.state = match std::mem::replace(&mut self.state, State::Done) {
            State::Stuck { attempt, .. } => State::Stuck { attempt, next },
            _ => State::Due(next),
        };
    }

    /// Nothing further is tried.
    pub(crate) fn stop(&mut self) {
        self.state = State::Done;
    }

    /// When `step` has something to do though no descriptor says so.
    pub(crate) fn due(&self) -> Option<Deadline> {
        match &self.state {
            State::Due(at) => Some(*at),
            State::Trying { deadline, .. } => Some(attempt::overdue_at(*deadline)),
            State::Stuck { .. } | State::Done => None,
        }
    }

    /// Readable when an attempt is done.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.state {
            State::Trying { attempt, .. } | State::Stuck { attempt, .. } => Some(attempt.as_fd()),
            State::Due(_) | State::Done => None,
        }
    }
}
