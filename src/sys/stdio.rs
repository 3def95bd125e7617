//! The three standard descriptors.

use std::fs::{File, OpenOptions};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd};
use std::ptr;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

/// Opens something harmless at each of 0-2 that is closed, so that no socket of ours lands there and gets our report.
/// A check needs it; an init must not do it, since its child inherits the same ones closed.
pub(crate) fn reopen_closed() {
    // The kernel gives out the lowest free number: once one above 2 comes back, all three are taken.
    while let Ok(nothing) = nothing() {
        let fd = nothing.into_raw_fd();
        if fd > 2 {
            // SAFETY: `fd` was just taken out of a File and nobody else has it.
            drop(unsafe { File::from_raw_fd(fd) });
            return;
        }
    }
}

/// /dev/null; where there is no /dev, the root folder: neither can be written to with any effect.
fn nothing() -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/null").or_else(|_| File::open("/"))
}

/// write(2) that never raises SIGPIPE: a reader that is gone is EPIPE and nothing else, whatever the disposition and
/// mask that we inherited. Those stay as they are, and a SIGPIPE that somebody sent stays pending.
///
/// # Errors
///
/// Those of [write(2)](https://man7.org/linux/man-pages/man2/write.2.html).
pub(crate) fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    let mut mask = SigSet::empty();
    let mut pipe = SigSet::empty();
    pipe.add(Signal::SIGPIPE);
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&pipe), Some(&mut mask))?;
    let result = nix::unistd::write(fd, bytes);
    if result == Err(Errno::EPIPE) {
        take(&pipe);
    }
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&mask), None)?;
    result
}

/// Takes a pending signal of `set` away from this thread, if there is one. What the kernel raised for a write is
/// pending for the thread, and taken before what somebody sent to the process (sigtimedwait(2), signal(7)).
fn take(set: &SigSet) {
    let mut now = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: all-zero bytes are a valid `timespec`: no waiting.
    let now = unsafe { now.assume_init_mut() };
    // SAFETY: `set` and `now` are initialised; the details are not asked for.
    unsafe { libc::sigtimedwait(set.as_ref(), ptr::null_mut(), now) };
}
