//! A few numbers that a process shares with its child: no descriptor is needed for it, so that an init can start its child
//! where none is free.

use std::io;
use std::mem::size_of;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::time::timespec;

/// A number in shared memory that can be waited for.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct SharedCell(AtomicU32);

/// The numbers, all 0 at first.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Cells {
    /// Set by the parent.
    pub(crate) to_child: SharedCell,
    /// Set by the child.
    pub(crate) to_parent: SharedCell,
}

/// A page of memory that stays shared across a fork; given back when dropped.
#[derive(Debug)]
pub(crate) struct SharedPage(NonNull<Cells>);

impl SharedPage {
    /// A new page.
    /// See [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html).
    ///
    /// # Errors
    ///
    /// When there is no memory for it.
    pub(crate) fn new() -> io::Result<Self> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at a place of the kernel's choice disturbs no other.
        let page = unsafe { libc::mmap(ptr::null_mut(), size_of::<Cells>(), access, kind, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(page.cast()).map(Self).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    /// What is in it.
    pub(crate) fn cells(&self) -> &Cells {
        // SAFETY: mapped, aligned to a page and zero at first, which is a valid value of atomic numbers.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this size, and no reference into it is left.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<Cells>()) };
    }
}

impl SharedCell {
    /// What it is.
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// Changes it, and wakes who waits for that. Async-signal-safe.
    pub(crate) fn set(&self, value: u32) {
        self.0.store(value, Ordering::Release);
        // SAFETY: the number is live; nobody need be waiting.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
    }

    /// Waits until it is something else than 0, at most for `limit`; may come back early.
    /// Async-signal-safe. See [futex(2)](https://man7.org/linux/man-pages/man2/futex.2.html).
    pub(crate) fn wait(&self, limit: Duration) {
        let limit = timespec(limit);
        // SAFETY: the number and the limit are live.
        let result =
            unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAIT, 0, &raw const limit) };
        let error = io::Error::last_os_error().raw_os_error();
        if result == -1 && !matches!(error, Some(libc::EAGAIN | libc::EINTR | libc::ETIMEDOUT)) {
            // A sandbox without futexes.
            let pause = libc::timespec { tv_sec: 0, tv_nsec: 500_000 };
            // SAFETY: the length is live; what is left of it is not asked for.
            unsafe { libc::nanosleep(&raw const pause, ptr::null_mut()) };
        }
    }
}
