//! Work on a thread or task of its own, which can be polled for and is kept for the next order.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::deadline::Deadline;
use crate::outcome::Failure;
use crate::sys::process::{self, Pid};
use crate::sys::task::{self, Descriptors};
use crate::sys::{fds, memory, signal};

use super::{broken, lock};

/// The stack of a worker: a TLS handshake needs about 40 KiB of it, unoptimised code four times that.
const STACK: usize = 512 * 1024;

/// What std allocates for a new thread besides, by the C library alone; where it cannot, it ends the process.
const START: usize = 256 * 1024;

/// How long a task may take to end once it is told to or killed. One that has not ended by then hangs in the kernel; a check
/// is over its limit already.
const TASK_END: Duration = Duration::from_millis(50);
const TASK_END_OF_CHECK: Duration = Duration::from_millis(10);

/// How often a worker is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// For one attempt.
    Once,
    /// Again and again: it has descriptors of its own, so that nobody else can take them.
    Kept,
}

/// Work on a thread or task of its own: `O` is what it is ordered to do, `R` what comes of it.
#[derive(Debug)]
pub(crate) struct Worker<O, R> {
    shared: Arc<Shared<O, R>>,
    /// Readable once an attempt is finished.
    completion: Arc<EventFd>,
    /// Whether it is a task.
    pub(super) may_hang: bool,
    reuse: Reuse,
    /// When it was last ordered something.
    pub(super) started: Instant,
}

/// What a worker and its owner share.
#[derive(Debug)]
struct Shared<O, R> {
    state: Mutex<State<O, R>>,
    /// The state has changed, for the worker and for who waits for its end.
    changed: Condvar,
}

/// Where a worker stands.
#[derive(Debug)]
struct State<O, R> {
    step: Step<O, R>,
    /// Whether it is to end when it can.
    is_dismissed: bool,
    /// The task, as long as it is not reaped.
    task: Option<Pid>,
    /// How far its thread is.
    stage: Stage,
}

/// How far the thread of a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has not taken its descriptors yet.
    Beginning,
    /// It serves.
    Serving,
    /// It has ended, its task with it.
    Over,
}

/// What a worker does.
#[derive(Debug)]
enum Step<O, R> {
    /// It waits.
    Idle,
    /// It is to try this.
    Ordered(O),
    /// It tries.
    Trying,
    /// It has.
    Finished(R),
}

impl<O: Send + 'static, R: Send + 'static> Worker<O, R> {
    /// Starts a worker for `work` on files, to be ordered again and again.
    ///
    /// # Errors
    ///
    /// When there is no thread or file descriptor left for it.
    pub(crate) fn on_files(
        work: impl Fn(O) -> R + Send + 'static,
        killed: fn() -> R,
    ) -> Result<Self, Failure> {
        Self::spawn(Reuse::Kept, true, work, killed)
    }

    /// Starts a worker that does `work` when it is ordered to; `killed` is what comes of it where its task is killed.
    pub(super) fn spawn(
        reuse: Reuse,
        may_hang: bool,
        work: impl Fn(O) -> R + Send + 'static,
        killed: fn() -> R,
    ) -> Result<Self, Failure> {
        if !memory::has_room(STACK + START) {
            return Err(broken("no memory for a thread of a probe"));
        }
        let completion = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map(Arc::new)
            .map_err(|errno| broken(&format!("no file descriptor for a probe: {}", errno.desc())))?;
        let state = State { step: Step::Idle, is_dismissed: false, task: None, stage: Stage::Beginning };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let (theirs, their_completion) = (Arc::clone(&shared), Arc::clone(&completion));
        let serve = move || {
            let completion = if reuse == Reuse::Kept && !may_hang {
                Completion::own(their_completion)
            } else {
                Completion::Shared(their_completion)
            };
            theirs.set_stage(Stage::Serving);
            if may_hang {
                theirs.serve_in_task(reuse, &completion, &work, killed);
            } else {
                theirs.serve(reuse, &completion, &work);
            }
            theirs.set_stage(Stage::Over);
        };
        thread::Builder::new()
            .name("probe".into())
            .stack_size(STACK)
            .spawn(serve)
            .map_err(|error| broken(&format!("no thread for a probe: {error}")))?;
        if reuse == Reuse::Kept {
            // Until it has its own descriptors, ours must stay.
            let beginning = |state: &mut State<O, R>| state.stage == Stage::Beginning;
            drop(shared.changed.wait_while(lock(&shared.state), beginning));
        }
        Ok(Self { shared, completion, may_hang, reuse, started: Instant::now() })
    }

    /// Orders something; what was ordered before must be finished.
    ///
    /// # Errors
    ///
    /// When the worker does not answer any more.
    pub(crate) fn order(&mut self, order: O) -> Result<(), Failure> {
        let Some(mut state) = self.shared.try_lock() else {
            return Err(broken("the thread of the probe was killed"));
        };
        self.started = Instant::now();
        state.step = Step::Ordered(order);
        // First: it would wake up only to wait for this.
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// What came of it, once it is finished.
    pub(crate) fn finished(&self) -> Option<R> {
        let mut state = self.shared.try_lock()?;
        match std::mem::replace(&mut state.step, Step::Idle) {
            Step::Finished(finished) => {
                // Nothing is there to be read where the completion has not rung yet.
                let _ = self.completion.read();
                Some(finished)
            }
            other => {
                state.step = other;
                None
            }
        }
    }
}

impl<O, R> AsFd for Worker<O, R> {
    /// Readable once the attempt is finished.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.completion.as_fd()
    }
}

impl<O, R> Drop for Worker<O, R> {
    /// A thread ends by itself. A task is ended here and reaped: who comes after us, by exec or as the reaper of our orphans,
    /// must not find it dead.
    fn drop(&mut self) {
        let Some(mut state) = self.shared.try_lock() else { return };
        state.is_dismissed = true;
        self.shared.changed.notify_all();
        if !self.may_hang {
            return;
        }
        if let (Some(task), Step::Trying) = (state.task, &state.step) {
            task::kill(task);
        }
        let limit = if self.reuse == Reuse::Kept { TASK_END } else { TASK_END_OF_CHECK };
        let still_there = |state: &mut State<O, R>| state.stage != Stage::Over;
        // A poisoned lock is one that is given back, too.
        let _ = self.shared.changed.wait_timeout_while(state, limit, still_there);
    }
}

/// What a worker says with that it has finished.
enum Completion {
    /// The owner's, in descriptors that both use.
    Shared(Arc<EventFd>),
    /// A copy in descriptors of its own.
    Own(OwnedFd),
}

impl Completion {
    /// Leaves the descriptors of the process for own ones, with a copy of `completion`; where the kernel lets it.
    fn own(completion: Arc<EventFd>) -> Self {
        if !fds::leave_table(completion.as_fd().as_raw_fd()) {
            return Self::Shared(completion);
        }
        match completion.as_fd().try_clone_to_owned() {
            Ok(copy) => Self::Own(copy),
            Err(_) => Self::Shared(completion),
        }
    }

    /// Says so.
    fn ring(&self) {
        // Either can only fail when it has rung already.
        match self {
            Self::Shared(completion) => drop(completion.write(1)),
            Self::Own(completion) => drop(nix::unistd::write(completion, &1_u64.to_ne_bytes())),
        }
    }

    /// Its number.
    fn fd(&self) -> i32 {
        match self {
            Self::Shared(completion) => completion.as_fd().as_raw_fd(),
            Self::Own(completion) => completion.as_raw_fd(),
        }
    }
}

impl<O, R> Shared<O, R> {
    /// The state, unless somebody has it: a task that was killed while it did, for one, gives it back to nobody.
    fn try_lock(&self) -> Option<MutexGuard<'_, State<O, R>>> {
        /// Those who use it do so for microseconds.
        const PATIENCE: Duration = Duration::from_millis(5);
        let until = Deadline::after(PATIENCE);
        loop {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(state)) => return Some(state.into_inner()),
                Err(TryLockError::WouldBlock) if until.has_passed() => return None,
                Err(TryLockError::WouldBlock) => thread::yield_now(),
            }
        }
    }

    /// Says how far the thread is.
    fn set_stage(&self, stage: Stage) {
        lock(&self.state).stage = stage;
        self.changed.notify_all();
    }

    /// Does what is ordered until it is dismissed.
    fn serve(&self, reuse: Reuse, completion: &Completion, work: &impl Fn(O) -> R) {
        loop {
            let idle =
                |state: &mut State<O, R>| !matches!(state.step, Step::Ordered(_)) && !state.is_dismissed;
            let state = self.changed.wait_while(lock(&self.state), idle);
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            if state.is_dismissed {
                return;
            }
            let Step::Ordered(order) = std::mem::replace(&mut state.step, Step::Trying) else { return };
            drop(state);
            let result = work(order);
            lock(&self.state).step = Step::Finished(result);
            completion.ring();
            if reuse == Reuse::Once {
                return;
            }
        }
    }

    /// Does the same in a task, and in another one should that be killed.
    fn serve_in_task(
        &self,
        reuse: Reuse,
        completion: &Completion,
        work: &impl Fn(O) -> R,
        killed: fn() -> R,
    ) {
        // Nothing that is sent to the process is meant for this thread or its task.
        let _ = signal::set_mask(signal::SigSet::FULL);
        while !lock(&self.state).is_dismissed {
            let mut serve = || {
                lock(&self.state).task = Some(process::own_pid());
                fds::keep_only(completion.fd());
                self.serve(reuse, completion, work);
            };
            let Ok(ended) = task::run(Descriptors::Copied, &mut serve) else {
                // No process is free, or a sandbox forbids it: then here, as every other probe.
                return self.serve(reuse, completion, work);
            };
            let mut state = lock(&self.state);
            state.task = None;
            task::reap(ended);
            match state.step {
                _ if state.is_dismissed => return,
                Step::Trying => {
                    state.step = Step::Finished(killed());
                    completion.ring();
                }
                _ if reuse == Reuse::Once => return,
                _ => {}
            }
        }
    }
}
