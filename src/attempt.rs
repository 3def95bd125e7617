//! One probe, tried once: here, or on a thread of its own that can be polled for. Over by its deadline either way.

use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};
use crate::probe::Probe;

/// The stack of a probe's thread: a TLS handshake needs about 40 KiB of it, unoptimised code four times that.
const STACK: usize = 512 * 1024;

/// How long after the deadline a probe on a thread may take to say that it came, on a busy machine too: its own words
/// are better than ours. Less than the watchdog's.
const GRACE: Duration = Duration::from_millis(25);

/// What came of an attempt, and what it met on its way.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Passed or failed.
    pub(crate) outcome: Outcome,
    /// The last address, status and steps.
    pub(crate) trace: Trace,
    /// From its start to its end.
    pub(crate) elapsed: Duration,
}

/// Whether the steps of an attempt are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Only the outcome matters.
    Verdict,
    /// For `--verbose`.
    Steps,
}

/// Tries `probe` on this thread.
pub(crate) fn run(probe: &Probe, deadline: Deadline, detail: Detail) -> Finished {
    let started = Instant::now();
    let steps = match detail {
        Detail::Verdict => None,
        Detail::Steps => Some(Vec::new()),
    };
    let mut trace = Trace { steps, ..Trace::default() };
    let outcome = guarded(|| probe.run(deadline, &mut trace));
    Finished { outcome, trace, elapsed: started.elapsed() }
}

/// A panic is an outcome: it is ours, and no reason to end a process that has others to look after.
fn guarded(probe: impl FnOnce() -> Outcome) -> Outcome {
    panic::catch_unwind(AssertUnwindSafe(probe))
        .unwrap_or_else(|_| Err(broken("the probe panicked; please report it")))
}

/// One probe on a thread of its own.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Readable once the thread is done.
    done: Arc<EventFd>,
    /// Holds what came of it then.
    result: Receiver<Finished>,
    started: Instant,
}

impl Attempt {
    /// Starts to try `probe`.
    ///
    /// # Errors
    ///
    /// When there is no thread or file descriptor left for it.
    pub(crate) fn start(probe: &Arc<Probe>, deadline: Deadline, detail: Detail) -> Result<Self, Failure> {
        let probe = Arc::clone(probe);
        Self::spawn(move || run(&probe, deadline, detail))
    }

    /// Starts `work` on a thread.
    fn spawn(work: impl FnOnce() -> Finished + Send + 'static) -> Result<Self, Failure> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let done = EventFd::from_flags(flags)
            .map(Arc::new)
            .map_err(|errno| broken(&format!("no file descriptor for a probe: {}", errno.desc())))?;
        let (sender, result) = mpsc::sync_channel(1);
        let bell = Arc::clone(&done);
        let ring = move || {
            // Neither can fail while the attempt is waited for, and nobody cares once it is not.
            let _ = sender.send(work());
            let _ = bell.write(1);
        };
        thread::Builder::new()
            .name("probe".into())
            .stack_size(STACK)
            .spawn(ring)
            .map_err(|error| broken(&format!("no thread for a probe: {error}")))?;
        Ok(Self { done, result, started: Instant::now() })
    }

    /// What came of it, once it is done.
    pub(crate) fn finished(&self) -> Option<Finished> {
        self.result.try_recv().ok()
    }

    /// What stands for the answer of a thread that is not done by its deadline.
    pub(crate) fn overdue(&self) -> Finished {
        let outcome = Err(Failure::new(Phase::Response, Cause::TimedOut, "timed out"));
        Finished { outcome, trace: Trace::default(), elapsed: self.started.elapsed() }
    }
}

impl AsFd for Attempt {
    /// Readable once the attempt is done.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.done.as_fd()
    }
}

/// Waits until one of the `attempts` that are left is done, or `deadline` has passed with a little patience.
pub(crate) fn wait_for_any(attempts: &[Option<Attempt>], deadline: Deadline) {
    let mut fds: Vec<_> =
        attempts.iter().flatten().map(|attempt| PollFd::new(attempt.as_fd(), PollFlags::POLLIN)).collect();
    let last = overdue_at(deadline);
    while poll(&mut fds, PollTimeout::from(last.poll_timeout())) == Err(Errno::EINTR) {}
}

/// When an attempt that is bound by `deadline` has had its time, the patience included.
pub(crate) fn overdue_at(deadline: Deadline) -> Deadline {
    deadline.plus(GRACE)
}

/// Whether that time has come.
pub(crate) fn is_overdue(deadline: Deadline) -> bool {
    overdue_at(deadline).has_passed()
}

/// We are broken ourselves.
fn broken(why: &str) -> Failure {
    Failure::new(Phase::Local, Cause::Broken, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_on_the_thread_of_a_probe_is_a_failed_attempt_and_rings_the_bell() {
        let work = || {
            let outcome = guarded(|| panic!("as a broken probe does"));
            Finished { outcome, trace: Trace::default(), elapsed: Duration::ZERO }
        };
        let attempts = [Some(Attempt::spawn(work).unwrap())];
        wait_for_any(&attempts, Deadline::after(Duration::from_secs(10)));
        let finished = attempts[0].as_ref().unwrap().finished().expect("the bell came with the result");
        assert_eq!(finished.outcome.unwrap_err().cause, Cause::Broken);
    }
}
