//! The response to a request.

use std::io;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::http::body::{BodyError, Framing, Incoming, PIECE};
use crate::http::head::Head;
use crate::net;
use crate::outcome::{Cause, Failure, Phase};

/// The most of a body that is read for the sake of the server.
const DRAIN_MAX: u64 = 1024 * 1024;

/// How long a body whose end is not known may be silent before it counts as one without an end.
const SILENCE: Duration = Duration::from_millis(100);

/// How long a body without an end is read at most, however much comes.
const ENDLESS: Duration = Duration::from_secs(1);

/// The response to a request; its body is still to be read.
#[derive(Debug)]
pub(crate) struct Response {
    /// 200, 404, ...
    pub(crate) status: u16,
    /// Its header fields.
    pub(crate) head: Head,
    /// The heads as they came, interim ones (1xx) included, where they were to be kept.
    pub(crate) raw_head: Vec<u8>,
    /// How many bytes the body has, where the head says so.
    pub(crate) length: Option<u64>,
    framing: Framing,
    incoming: Incoming,
    /// How many bytes of the body were read.
    read: u64,
    deadline: Deadline,
}

/// How long the rest of a body is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// A body with a length is read to its end, and one that breaks off is a failure.
    Full,
    /// A server that says nothing for a moment is left alone: nobody needs the body.
    Brief,
}

impl Response {
    /// A response whose head was read.
    pub(super) fn new(
        head: Head,
        raw_head: Vec<u8>,
        framing: Framing,
        incoming: Incoming,
        deadline: Deadline,
    ) -> Self {
        let length = match framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked(_) | Framing::UntilClose => None,
        };
        Self { status: head.status, head, raw_head, length, framing, incoming, read: 0, deadline }
    }

    /// Whether the status line says HTTP/1.1, or else 1.0.
    #[allow(dead_code, reason = "for those who show what came, as curl does")]
    pub(crate) fn is_http11(&self) -> bool {
        self.head.is_http11
    }

    /// Reads some of the body; nothing at its end. An end that comes too early is a failure of cause `Closed`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let amount = self.framing.read(&mut self.incoming, buffer).map_err(|error| self.failure(error))?;
        self.read += u64::try_from(amount).unwrap_or(0);
        Ok(amount)
    }

    /// Reads the rest of a body that nobody judges: a connection that is closed with bytes unread is reset, and servers
    /// log that at every check.
    ///
    /// A body with a length is read to its end, by the deadline. Any other may have none (server-sent events): 100 ms of
    /// silence, a second, or half of what is left of the limit end it well. 1 MiB is enough of either.
    pub(crate) fn drain(&mut self, patience: Patience) -> Result<(), Failure> {
        let has_end = patience == Patience::Full && self.framing.has_length();
        let endless = self.deadline.at_most(ENDLESS.min(self.deadline.remaining() / 2));
        let mut piece = [0; PIECE];
        while self.read < DRAIN_MAX {
            if !has_end {
                self.incoming.set_deadline(endless.at_most(SILENCE));
            }
            match self.read(&mut piece) {
                Ok(0) => break,
                Ok(_) => {}
                Err(failure) if failure.cause == Cause::TooLarge => break,
                Err(failure) if failure.cause == Cause::TimedOut && !has_end => break,
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// The first bytes of the body, at most `most`, as far as they come at once.
    pub(crate) fn beginning(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let mut filled = 0;
        while filled < most {
            self.incoming.set_deadline(self.deadline.at_most(SILENCE));
            match self.read(bytes.get_mut(filled..).unwrap_or_default()) {
                Ok(0) | Err(_) => break,
                Ok(amount) => filled += amount,
            }
        }
        self.incoming.set_deadline(self.deadline);
        bytes.truncate(filled);
        bytes
    }

    /// How many bytes came from the peer, head included.
    pub(crate) fn received(&self) -> u64 {
        self.incoming.received
    }

    /// The failure that an error of the body is.
    fn failure(&self, error: BodyError) -> Failure {
        let read = self.read;
        let closed = |how: &str| match self.length {
            Some(length) => {
                format!("the peer {how} the connection after {read} of {length} bytes of the body")
            }
            None => format!("the peer {how} the connection in the middle of the body, after {read} bytes"),
        };
        match error {
            BodyError::Closed => Failure::new(Phase::Body, Cause::Closed, closed("closed")),
            BodyError::Chunk(what) => {
                let reason = format!("a malformed chunk after {read} bytes of the body: {what}");
                Failure::new(Phase::Body, Cause::Protocol, reason)
            }
            BodyError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                Failure::new(Phase::Body, Cause::Reset, closed("reset"))
            }
            BodyError::Io(error) => net::failure_of(&error, Phase::Body),
        }
    }
}
