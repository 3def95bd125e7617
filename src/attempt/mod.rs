//! One probe, tried here or by a worker that can be polled. An attempt is over by its deadline either way.
//!
//! A worker is a thread. Where the probe touches files the thread only holds the place of a [task], since a system call on
//! a file system whose server is gone may never return, and neither exit nor exec would come back from a thread in it.

mod worker;

use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};
use crate::probe::Probe;
use crate::sys::task::{self, Descriptors};
use crate::sys::{reserve, signal};

pub(crate) use self::worker::{Reuse, Worker};

/// The stack for a whole command of another program's: as a probe's, and what it reads into.
const COMMAND_STACK: usize = 2 * 1024 * 1024;

/// How long after the deadline a worker may take to report, on a busy machine too: its own reason is better than ours. Less
/// than the watchdog's.
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
    reserve::forget_use();
    let outcome = guarded(|| probe.run(deadline, &mut trace)).map_err(|failure| {
        // Whatever it was told as: what was read ended where memory did.
        if reserve::is_used() { Failure::out_of_memory(failure.phase) } else { failure }
    });
    Finished { outcome, trace, elapsed: started.elapsed() }
}

/// A panic is an outcome: it is ours, and no reason to end a process that has others to look after.
fn guarded(probe: impl FnOnce() -> Outcome) -> Outcome {
    panic::catch_unwind(AssertUnwindSafe(probe))
        .unwrap_or_else(|_| Err(broken("the probe panicked; please report it")))
}

/// Runs `work` where it may hang in the kernel while this thread stays free for the watchdog's signal. Where there is no
/// process for that, here.
pub(crate) fn run_aside<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    let (work, result) = (Mutex::new(Some(work)), Mutex::new(None));
    let once = || {
        let work = lock(&work).take();
        if let Some(work) = work {
            let value = work();
            *lock(&result) = Some(value);
        }
    };
    thread::scope(|scope| {
        let aside = || {
            // The watchdog's signal is for the thread that is free.
            let _ = signal::set_mask(signal::SigSet::FULL);
            match task::run(Descriptors::Shared, &mut || once()) {
                Ok(ended) => task::reap(ended),
                Err(_) => once(),
            }
        };
        let thread = thread::Builder::new().stack_size(COMMAND_STACK).spawn_scoped(scope, aside);
        thread.is_ok_and(|thread| thread.join().is_ok())
    });
    once();
    lock(&result).take()
}

/// A probe on a thread or task of its own.
pub(crate) type ProbeWorker = Worker<(Deadline, Detail), Finished>;

impl ProbeWorker {
    /// Takes all that attempts need.
    ///
    /// # Errors
    ///
    /// When there is no thread or file descriptor left for it.
    pub(crate) fn new(probe: &Arc<Probe>, reuse: Reuse) -> Result<Self, Failure> {
        let (may_hang, probe) = (probe.may_hang(), Arc::clone(probe));
        let killed = || {
            let outcome = Err(broken("the task of the probe was killed"));
            Finished { outcome, trace: Trace::default(), elapsed: Duration::ZERO }
        };
        Self::spawn(reuse, may_hang, move |(deadline, detail)| run(&probe, deadline, detail), killed)
    }

    /// Begins an attempt; the one before it must be finished.
    ///
    /// # Errors
    ///
    /// When the worker does not answer any more.
    pub(crate) fn start(&mut self, deadline: Deadline, detail: Detail) -> Result<(), Failure> {
        self.order((deadline, detail))
    }

    /// What stands for the result of an attempt that is not finished by its deadline.
    pub(crate) fn overdue(&self) -> Finished {
        let (phase, reason) = if self.may_hang {
            (Phase::Local, "timed out: a file system does not answer")
        } else {
            (Phase::Response, "timed out")
        };
        let outcome = Err(Failure::new(phase, Cause::TimedOut, reason));
        Finished { outcome, trace: Trace::default(), elapsed: self.started.elapsed() }
    }
}

/// What `mutex` holds; nobody panics while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until one of the `workers` that are left is finished, or `deadline` has passed with its grace.
pub(crate) fn wait_for_any(workers: &[Option<ProbeWorker>], deadline: Deadline) {
    let mut fds: Vec<_> =
        workers.iter().flatten().map(|worker| PollFd::new(worker.as_fd(), PollFlags::POLLIN)).collect();
    let last = overdue_at(deadline);
    while poll(&mut fds, PollTimeout::from(last.poll_timeout())) == Err(Errno::EINTR) {}
}

/// When an attempt that is bound by `deadline` has had its time, the grace included.
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
    use crate::sys::process;

    /// What a killed task comes to.
    fn killed() -> Finished {
        Finished { outcome: Err(broken("killed")), trace: Trace::default(), elapsed: Duration::ZERO }
    }

    /// A worker whose work panics.
    fn panicking(reuse: Reuse, may_hang: bool) -> ProbeWorker {
        let work = |_| {
            let outcome = guarded(|| panic!("as a broken probe does"));
            Finished { outcome, trace: Trace::default(), elapsed: Duration::ZERO }
        };
        Worker::spawn(reuse, may_hang, work, killed).unwrap()
    }

    #[test]
    fn a_panic_on_the_thread_of_a_probe_is_a_failed_attempt_and_rings_the_bell() {
        for (reuse, may_hang) in
            [(Reuse::Once, false), (Reuse::Once, true), (Reuse::Kept, false), (Reuse::Kept, true)]
        {
            let mut workers = [Some(panicking(reuse, may_hang))];
            for _ in 0..if reuse == Reuse::Once { 1 } else { 3 } {
                let deadline = Deadline::after(Duration::from_secs(10));
                workers[0].as_mut().unwrap().start(deadline, Detail::Verdict).unwrap();
                wait_for_any(&workers, deadline);
                let finished =
                    workers[0].as_ref().unwrap().finished().expect("the completion came with the result");
                assert_eq!(finished.outcome.unwrap_err().cause, Cause::Broken);
            }
        }
    }

    #[test]
    fn what_runs_aside_gives_its_result_back() {
        let text = String::from("kept");
        assert_eq!(run_aside(|| format!("{text}: {}", process::own_pid() > 0)), Some("kept: true".into()));
    }

    #[test]
    fn a_task_that_is_killed_is_a_broken_attempt_and_the_next_one_has_another_task() {
        let work = |_| {
            if process::own_pid() > 0 {
                task::kill(process::own_pid());
            }
            Finished { outcome: Ok(String::new()), trace: Trace::default(), elapsed: Duration::ZERO }
        };
        let mut workers = [Some(Worker::spawn(Reuse::Kept, true, work, killed).unwrap())];
        for _ in 0..2 {
            let deadline = Deadline::after(Duration::from_secs(10));
            workers[0].as_mut().unwrap().start(deadline, Detail::Verdict).unwrap();
            wait_for_any(&workers, deadline);
            let finished =
                workers[0].as_ref().unwrap().finished().expect("the completion came with the result");
            assert_eq!(finished.outcome.unwrap_err().cause, Cause::Broken);
        }
    }
}
