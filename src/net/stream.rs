//! A connection that knows when it is over, plain or TLS.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(any(fuzzing, test))]
use std::os::unix::net::UnixStream;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trace};
use crate::system::procfs::sentence;

use super::socket::Interest;
use super::socket::Socket;
use super::{Host, tls};

/// How much a peer may send unless somebody allows more: nothing that a check reads comes near it. Protocol libraries queue
/// what a peer may repeat for ever (interim responses, pings), so that the bound has to be below them.
const RECEIVED_MAX: u64 = 256 * 1024;

/// A connection. Every read and write is over by the deadline and then fails with `ErrorKind::TimedOut`, also when the
/// peer drips a byte at a time or never stops; over TLS, too. All that is read of it is bounded.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    layer: Layer,
    /// How many more bytes are read.
    allowed: u64,
}

/// The peer sent more than is read.
#[derive(Debug)]
struct LimitExceeded;

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer sent more than is read of it")
    }
}

impl std::error::Error for LimitExceeded {}

/// What lies between us and the socket.
#[derive(Debug)]
enum Layer {
    /// Nothing.
    Plain,
    /// TLS.
    Tls(Box<tls::Session>),
}

impl Stream {
    /// Takes over a connected stream socket, blocking or not.
    pub(super) fn new(socket: OwnedFd, deadline: Deadline) -> Self {
        Self { socket: Socket::new(socket, deadline), layer: Layer::Plain, allowed: RECEIVED_MAX }
    }

    /// A connection to a peer that says `said` and then no more, and what that peer hears; `said` fits into its buffer.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn saying(said: &[u8], deadline: Deadline) -> io::Result<(Self, UnixStream)> {
        let (ours, mut theirs) = UnixStream::pair()?;
        theirs.write_all(said)?;
        Ok((Self::new(ours.into(), deadline), theirs))
    }

    /// The same connection, over by another deadline.
    pub(crate) fn until(mut self, deadline: Deadline) -> Self {
        self.socket.set_deadline(deadline);
        self
    }

    /// Over by `deadline` from now on.
    pub(crate) fn set_deadline(&mut self, deadline: Deadline) {
        self.socket.set_deadline(deadline);
    }

    /// Shakes hands in TLS with `host`, by the stream's deadline; what is read and written from then on is encrypted.
    /// Not for a stream that is encrypted already.
    pub(crate) fn secure(
        mut self,
        host: &Host,
        options: &tls::Options,
        alpn: tls::Alpn,
        trace: &mut Trace,
    ) -> Result<Self, Failure> {
        let session = tls::shake_hands(&mut self.socket, host, options, alpn, trace)?;
        self.layer = Layer::Tls(Box::new(session));
        Ok(self)
    }

    /// Reads `more` bytes of the peer, beyond what was allowed before.
    pub(crate) fn allow(&mut self, more: u64) {
        self.allowed = self.allowed.saturating_add(more);
    }

    /// Reads at most `most` bytes of the peer from now on.
    pub(crate) fn allow_only(mut self, most: u64) -> Self {
        self.allowed = most;
        self
    }

    /// Tells the peer that nothing more is sent. Not for a stream that is encrypted.
    pub(crate) fn shut_down_write(&self) {
        self.socket.shut_down_write();
    }

    /// From now on reads and writes that cannot be done at once fail with `ErrorKind::WouldBlock`.
    pub(crate) fn set_nonblocking(&mut self) {
        self.socket.set_nonblocking();
    }

    /// Waits, by the deadline, until there is something to do.
    pub(crate) fn poll(&self, interest: Interest) -> io::Result<()> {
        self.socket.poll(interest)
    }
}

impl AsFd for Stream {
    /// The socket, below any encryption.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = match &mut self.layer {
            Layer::Plain => self.socket.read(buffer),
            Layer::Tls(session) => session.read(&mut self.socket, buffer),
        }?;
        // The end of a peer that stops in time is an end.
        let left = u64::try_from(amount).ok().and_then(|amount| self.allowed.checked_sub(amount));
        self.allowed = left.ok_or_else(|| io::Error::other(LimitExceeded))?;
        Ok(amount)
    }
}

impl Write for Stream {
    /// Never raises SIGPIPE: as PID 1 it would be forwarded to the app.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.layer {
            Layer::Plain => self.socket.write(bytes),
            Layer::Tls(session) => session.write(&mut self.socket, bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.layer {
            Layer::Plain => self.socket.flush(),
            Layer::Tls(session) => session.flush(&mut self.socket),
        }
    }
}

impl Drop for Stream {
    /// Says goodbye, so that the peer does not log a truncated connection at every check.
    fn drop(&mut self) {
        if let Layer::Tls(session) = &mut self.layer {
            session.close(&self.socket);
        }
    }
}

/// The failure that an I/O error of a stream means in `phase`.
pub(crate) fn failure_of(error: &io::Error, phase: Phase) -> Failure {
    if let Some(failure) = tls::failure_of(error, phase) {
        return failure;
    }
    if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<LimitExceeded>) {
        let reason = format!("the peer sent too much while {}; no more of it is read", phase.doing());
        return Failure::new(phase, Cause::TooLarge, reason);
    }
    match error.kind() {
        io::ErrorKind::OutOfMemory => Failure::out_of_memory(phase),
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
        _ => Failure::new(phase, Cause::Reset, format!("{} while {}", sentence(error), phase.doing())),
    }
}
