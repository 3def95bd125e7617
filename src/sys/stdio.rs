//! The three standard descriptors.

use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
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
            // SAFETY: `fd` was just taken out of its owner and nobody else has it.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
            return;
        }
    }
}

/// Whether `fd` is open.
pub(crate) fn is_open(fd: RawFd) -> bool {
    // SAFETY: fcntl takes any number, and looks whether it is a descriptor.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    flags >= 0
}

/// /dev/null; where there is no /dev, the root folder: neither can be written to with any effect.
fn nothing() -> std::io::Result<OwnedFd> {
    super::open::open("/dev/null", libc::O_RDWR).or_else(|_| super::open::open("/", 0))
}

/// A descriptor that leads elsewhere; put back when dropped.
#[derive(Debug)]
pub(crate) struct Diverted {
    fd: RawFd,
    before: OwnedFd,
}

/// Lets `fd` lead where `to` leads.
///
/// # Errors
///
/// Those of [dup2(2)](https://man7.org/linux/man-pages/man2/dup.2.html).
pub(crate) fn divert(fd: RawFd, to: RawFd) -> std::io::Result<Diverted> {
    // SAFETY: fcntl takes any number, and looks whether it is a descriptor.
    let before = Errno::result(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: `before` was just made, and nobody else has it.
    let before = unsafe { OwnedFd::from_raw_fd(before) };
    // SAFETY: as above; what `fd` was is kept in `before`.
    Errno::result(unsafe { libc::dup2(to, fd) })?;
    Ok(Diverted { fd, before })
}

impl Drop for Diverted {
    fn drop(&mut self) {
        // SAFETY: dup2 of two open descriptors; should it fail, `fd` stays diverted and nothing else happens.
        unsafe { libc::dup2(self.before.as_raw_fd(), self.fd) };
    }
}

/// What stdin holds up to its end, at most `most` bytes; nothing is kept back for a later read.
///
/// # Errors
///
/// Those of [read(2)](https://man7.org/linux/man-pages/man2/read.2.html).
pub(crate) fn read_stdin(most: u64) -> std::io::Result<Vec<u8>> {
    let stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut bytes = Vec::new();
    stdin.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file in memory alone, which takes `size` bytes and refuses more.
///
/// # Errors
///
/// Those of [memfd_create(2)](https://man7.org/linux/man-pages/man2/memfd_create.2.html).
pub(crate) fn scratch(size: u64) -> std::io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a string that ends with NUL.
    let fd = Errno::result(unsafe { libc::memfd_create(c"pipe".as_ptr(), flags) })?;
    // SAFETY: `fd` was just made, and nobody else has it.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(size)?;
    // SAFETY: the descriptor is open, and the seal is a number.
    Errno::result(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, libc::F_SEAL_GROW) })?;
    Ok(file)
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
