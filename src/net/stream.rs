//! A connection that knows when it is over, plain or TLS.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trace};

use super::socket::Awaited;
use super::socket::Socket;
use super::{Host, tls};

/// A connection. Every read and write is over by the deadline and then fails with `ErrorKind::TimedOut`, also when the
/// peer drips a byte at a time or never stops; over TLS, too.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    layer: Layer,
}

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
        Self { socket: Socket::new(socket, deadline), layer: Layer::Plain }
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

    /// From now on reads and writes that cannot be done at once fail with `ErrorKind::WouldBlock`.
    pub(crate) fn never_wait(&mut self) {
        self.socket.never_wait();
    }

    /// Waits, by the deadline, until there is something to do.
    pub(crate) fn wait_for(&self, awaited: Awaited) -> io::Result<()> {
        self.socket.wait_for(awaited)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.layer {
            Layer::Plain => self.socket.read(buffer),
            Layer::Tls(session) => session.read(&mut self.socket, buffer),
        }
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
