//! A socket that knows when it is over.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};

use crate::deadline::Deadline;
use crate::sys::reserve;

/// A connected stream socket. Every read and write is over by the deadline and then fails with
/// `ErrorKind::TimedOut`, also when the peer drips a byte at a time or never stops.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    deadline: Deadline,
    blocking: Blocking,
}

/// What a read or write does that cannot be done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocking {
    /// It waits, until the deadline.
    UntilDeadline,
    /// It fails with `ErrorKind::WouldBlock`.
    Never,
}

/// What to wait for, where reads and writes do not block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Something to read.
    Readable,
    /// Something to read, or room to write.
    ReadableOrWritable,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Socket {
    /// Takes over a connected stream socket, blocking or not.
    pub(super) fn new(fd: OwnedFd, deadline: Deadline) -> Self {
        Self { fd, deadline, blocking: Blocking::UntilDeadline }
    }

    /// Over by `deadline` from now on.
    pub(super) fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// Sends what the kernel takes at once, without waiting.
    pub(super) fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        send(self.fd.as_raw_fd(), bytes, flags).map_err(io::Error::from)
    }

    /// Tells the peer that nothing more is sent; one that is gone needs no telling.
    pub(super) fn shut_down_write(&self) {
        let _ = shutdown(self.fd.as_raw_fd(), Shutdown::Write);
    }

    /// From now on no read or write waits.
    pub(super) fn set_nonblocking(&mut self) {
        self.blocking = Blocking::Never;
    }

    /// Waits until there is something to do.
    pub(super) fn poll(&self, interest: Interest) -> io::Result<()> {
        self.wait(match interest {
            Interest::Readable => PollFlags::POLLIN,
            Interest::ReadableOrWritable => PollFlags::POLLIN | PollFlags::POLLOUT,
        })
    }

    /// Waits until the socket is ready for `flags`.
    fn wait(&self, flags: PollFlags) -> io::Result<()> {
        loop {
            if self.deadline.has_passed() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut fds = [PollFd::new(self.fd.as_fd(), flags)];
            match poll(&mut fds, PollTimeout::from(self.deadline.poll_timeout())) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Tries `transfer` without blocking, and waits for `flags` in between.
    fn transfer(
        &self,
        flags: PollFlags,
        mut transfer: impl FnMut() -> nix::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            // Also when there is always something to transfer: an endless answer must end, too.
            if self.deadline.has_passed() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if reserve::is_used() {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            match transfer() {
                Ok(amount) => return Ok(amount),
                Err(Errno::EAGAIN) if self.blocking == Blocking::UntilDeadline => self.wait(flags)?,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        self.transfer(PollFlags::POLLIN, || recv(fd, buffer, MsgFlags::MSG_DONTWAIT))
    }
}

impl Write for Socket {
    /// Never raises SIGPIPE: as PID 1 it would be forwarded to the app.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        self.transfer(PollFlags::POLLOUT, || send(fd, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
