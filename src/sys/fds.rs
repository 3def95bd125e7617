//! Descriptors: ours stay away from 0-2, and what we were given is the child's.

use std::ffi::{c_int, c_uint};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::errno::{cerr, cerr_long, uninterrupted};

/// The first number that is none of stdin, stdout and stderr.
const FIRST: RawFd = 3;

/// Whether `fd` is open. See [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html).
pub(crate) fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD takes a number and changes nothing.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// Moves `fd` away from 0-2: where those are closed the kernel gives them out, and what is closed has to stay closed
/// for the child, and not be written to by us.
pub(crate) fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() >= FIRST {
        return Ok(fd);
    }
    // SAFETY: the descriptor is ours and open; a copy is asked for.
    let copy = cerr(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST) })?;
    // SAFETY: the kernel has just made it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Reads once; what is interrupted is tried again some times. Async-signal-safe.
pub(crate) fn read(fd: &OwnedFd, into: &mut [u8]) -> io::Result<usize> {
    uninterrupted(|| {
        // SAFETY: the buffer is live and as long as told.
        let got = unsafe { libc::read(fd.as_raw_fd(), into.as_mut_ptr().cast(), into.len()) };
        usize::try_from(got).map_err(|_| io::Error::last_os_error())
    })
}

/// Writes to `fd` only what it takes now, whatever the other users of its open file description wait for: their
/// `O_NONBLOCK` is not ours to set. See [pwritev2(2)](https://man7.org/linux/man-pages/man2/pwritev2.2.html).
pub(crate) fn write_now(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: one iovec over live bytes, which the kernel only reads; -1 (in both halves) means "at the file's own position".
    let result = unsafe {
        libc::syscall(libc::SYS_pwritev2, fd, &raw const piece, 1, -1_i64, -1_i64, libc::RWF_NOWAIT)
    };
    match cerr_long(result) {
        // Terminals and some file systems have no such mode, old kernels and sandboxes no such call.
        Err(error) if is_refused(&error) => write_when_ready(fd, bytes),
        result => result,
    }
}

/// Whether the kernel lacks this way of writing, rather than room.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EPERM | libc::EINVAL | libc::ESPIPE)
    )
}

/// Writes when poll says that there is room; a pipe then takes up to `PIPE_BUF` bytes without waiting.
fn write_when_ready(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one live pollfd, no waiting.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    if ready != 1 || poll.revents & libc::POLLOUT == 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    // SAFETY: the buffer is live and as long as told.
    let sent = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Closes all descriptors above 2 but those in `keep`.
/// See [close_range(2)](https://man7.org/linux/man-pages/man2/close_range.2.html).
pub(crate) fn close_all_but(keep: &mut [RawFd]) {
    keep.sort_unstable();
    let mut from = FIRST;
    for &kept in keep.iter().filter(|&&fd| fd >= FIRST) {
        if kept > from && !close_range(from, kept - 1) {
            return close_listed(keep);
        }
        from = kept + 1;
    }
    if !close_range(from, RawFd::MAX) {
        close_listed(keep);
    }
}

/// The descriptors above 2 that are open now.
pub(crate) fn open_now() -> Vec<RawFd> {
    let mut open = listed();
    // Among them may be one that was open only for the listing.
    open.retain(|&fd| fd >= FIRST && is_open(fd));
    open
}

/// Closes just `fds`.
pub(crate) fn close_each(fds: &[RawFd]) {
    for &fd in fds {
        // SAFETY: a plain number that nobody in this process owns.
        unsafe { libc::close(fd) };
    }
}

/// Closes `from` to `to`, both included. False when there is no such call.
fn close_range(from: RawFd, to: RawFd) -> bool {
    let number = |fd: RawFd| c_uint::try_from(fd).unwrap_or(0);
    // SAFETY: plain numbers; whoever calls this has listed the descriptors that somebody owns.
    unsafe { libc::syscall(libc::SYS_close_range, number(from), number(to), 0) == 0 }
}

/// Gives the calling thread descriptors of its own: copies of 0-2 and `kept`, and none of the others. False where the
/// kernel cannot; then it goes on with those of the process.
/// See [close_range(2)](https://man7.org/linux/man-pages/man2/close_range.2.html), `CLOSE_RANGE_UNSHARE`.
pub(crate) fn leave_table(kept: RawFd) -> bool {
    let number = |fd: RawFd| c_uint::try_from(fd).unwrap_or(0);
    let unshare = |from: RawFd, to: RawFd| {
        // SAFETY: plain numbers; what is closed are the copies of this thread alone.
        unsafe {
            libc::syscall(libc::SYS_close_range, number(from), number(to), libc::CLOSE_RANGE_UNSHARE) == 0
        }
    };
    let below = kept <= FIRST || unshare(FIRST, kept - 1);
    below && unshare(kept.max(FIRST - 1) + 1, RawFd::MAX)
}

/// Closes all descriptors of a task that has copies of ours, but `kept`, which takes the places of 0-2, too: whoever reads
/// our stdout to its end must not wait for a task that hangs.
pub(crate) fn keep_only(kept: RawFd) {
    for standard in 0..FIRST {
        // SAFETY: takes numbers; where it fails the descriptor stays as it was.
        unsafe { libc::dup2(kept, standard) };
    }
    close_all_but(&mut [kept]);
}

/// The same one by one: as /proc lists them, else up to the limit.
fn close_listed(keep: &[RawFd]) {
    for fd in listed().into_iter().filter(|fd| *fd >= FIRST && !keep.contains(fd)) {
        // SAFETY: a plain number that nobody in this process owns; EBADF is no harm.
        unsafe { libc::close(fd) };
    }
}

/// The numbers that may be open: as /proc lists them, else up to the limit.
fn listed() -> Vec<RawFd> {
    /// How far to go when the limit is higher: closing a thousand million numbers one by one takes minutes.
    const FAR: RawFd = 65_536;
    let mut found = Vec::new();
    let each = |name: &str| {
        found.extend(name.parse::<RawFd>());
        true
    };
    match super::folder::names("/proc/self/fd", each) {
        Ok(()) => found,
        Err(_) => (FIRST..limit().min(FAR)).collect(),
    }
}

/// The soft limit of open descriptors.
fn limit() -> RawFd {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct is live.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if result == 0 { c_int::try_from(limit.rlim_cur).unwrap_or(c_int::MAX) } else { c_int::MAX }
}
