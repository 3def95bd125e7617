//! A connection that knows when it is over.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase};

/// A connected socket. Every read and write is over by the deadline and then fails with `ErrorKind::TimedOut`, also
/// when the peer drips a byte at a time or never stops.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: OwnedFd,
    deadline: Deadline,
}

impl Stream {
    /// Takes over a connected stream socket, blocking or not.
    pub(super) fn new(socket: OwnedFd, deadline: Deadline) -> Self {
        Self { socket, deadline }
    }

    /// Waits until the socket is ready for `flags`.
    fn wait(&self, flags: PollFlags) -> io::Result<()> {
        loop {
            if self.deadline.has_passed() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut fds = [PollFd::new(self.socket.as_fd(), flags)];
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
            match transfer() {
                Ok(amount) => return Ok(amount),
                Err(Errno::EAGAIN) => self.wait(flags)?,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fd = self.socket.as_raw_fd();
        self.transfer(PollFlags::POLLIN, || recv(fd, buffer, MsgFlags::MSG_DONTWAIT))
    }
}

impl Write for Stream {
    /// Never raises SIGPIPE: as PID 1 it would be forwarded to the app.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fd = self.socket.as_raw_fd();
        self.transfer(PollFlags::POLLOUT, || send(fd, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The failure that an I/O error of a stream means in `phase`.
pub(crate) fn failure_of(error: &io::Error, phase: Phase) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut => Failure::timed_out(phase),
        io::ErrorKind::UnexpectedEof => Failure::new(
            phase,
            Cause::Closed,
            format!("the peer closed the connection while {}", phase.doing()),
        ),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Failure::new(
            phase,
            Cause::Reset,
            format!("the peer reset the connection while {}", phase.doing()),
        ),
        _ => Failure::new(phase, Cause::Reset, format!("{error} while {}", phase.doing())),
    }
}
