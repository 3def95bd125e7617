//! A task that has our memory and is a process of its own: it may hang in the kernel for ever, and neither exit nor exec
//! of ours waits for it, as both do for every thread of the process (a file system whose server is gone answers nobody).

use std::ffi::{c_int, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use super::errno::cerr;
use super::process::{Pid, own_pid};

/// How far below our own frames the task's stack begins; what lies between belongs to the C library's `clone`.
const GAP: usize = 16 * 1024;

/// Whose descriptors a task uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descriptors {
    /// A copy of ours.
    Copied,
    /// Ours.
    Shared,
}

/// The process that tasks work for; 0 before there was one. A task has our memory, and so sees it, too.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The process that this task works for, or this process; none as long as there was no task.
pub(crate) fn owner() -> Option<Pid> {
    Some(OWNER.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
}

/// Runs `work` in a new task while the calling thread sleeps, and says which it was once it has ended; it is then yet to be
/// [reaped](reap). The task has the thread's stack and thread-local data, as after vfork(2), its own signal handlers and its
/// own working directory, and is killed when this thread ends. No SIGCHLD comes of it, and no wait for children sees it.
///
/// See [clone(2)](https://man7.org/linux/man-pages/man2/clone.2.html).
///
/// # Errors
///
/// When there is no process for it, or a sandbox forbids it; then nothing was run.
pub(crate) fn run<F: FnMut()>(descriptors: Descriptors, work: &mut F) -> io::Result<Pid> {
    let files = match descriptors {
        Descriptors::Copied => 0,
        Descriptors::Shared => libc::CLONE_FILES,
    };
    // A task that starts one works for the same process.
    let _ = OWNER.compare_exchange(0, own_pid(), Ordering::Relaxed, Ordering::Relaxed);
    let mut marker = 0_u8;
    let below = ptr::from_mut(&mut marker).wrapping_sub(GAP);
    let stack = below.wrapping_sub(below.addr() % 16);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | files;
    // SAFETY: this thread sleeps in the call until the task has ended, so that its stack below `stack`, its thread-local
    // data and `work` have one user at a time; `entry` is told the type that `work` has.
    cerr(unsafe { libc::clone(entry::<F>, stack.cast(), flags, ptr::from_mut(work).cast::<c_void>()) })
}

/// Where a task begins; it never returns.
extern "C" fn entry<F: FnMut()>(work: *mut c_void) -> c_int {
    // SAFETY: a number; where this is refused the task lives until its work is done.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: `run` has passed this pointer, and its thread does not go on before we end.
    let work = unsafe { &mut *work.cast::<F>() };
    work();
    // SAFETY: ends this task alone; destructors and buffers are the other's.
    unsafe { libc::_exit(0) }
}

/// Forgets a task that has ended. See [wait(2)](https://man7.org/linux/man-pages/man2/wait.2.html), `__WCLONE`.
pub(crate) fn reap(task: Pid) {
    // SAFETY: the status is not asked for. ECHILD, for one that has been reaped, is no harm.
    unsafe { libc::waitpid(task, ptr::null_mut(), libc::__WCLONE) };
}

/// Kills a task that has not been reaped.
pub(crate) fn kill(task: Pid) {
    // SAFETY: takes numbers; until it is reaped its own is nobody else's.
    unsafe { libc::kill(task, libc::SIGKILL) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_a_process_of_its_own_that_has_our_memory() {
        let mut seen = 0;
        let mut work = || seen = own_pid();
        let task = run(Descriptors::Copied, &mut work).expect("there is a process for it");
        reap(task);
        assert_eq!(seen, task);
        assert_ne!(seen, own_pid());
    }

    #[test]
    fn work_that_allocates_and_uses_thread_local_data_leaves_both_whole() {
        thread_local! { static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) } }
        for round in 1..=100 {
            let mut text = String::new();
            let mut work = || {
                COUNT.set(COUNT.get() + 1);
                text = (0..1000).map(|number: u32| number.to_string()).collect();
            };
            reap(run(Descriptors::Copied, &mut work).expect("there is a process for it"));
            assert_eq!((COUNT.get(), text.len()), (round, 2890));
        }
    }
}
