//! One request over a connection that stands, and its response.

use std::io::{self, Write};

use ureq::http::Method;

use crate::deadline::Deadline;
use crate::http::body::{Framing, Incoming};
use crate::http::head::{HEAD_MAX, Head, end_of_head, head_too_large, may_be_http, not_http};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::net;
use crate::net::Stream;
use crate::outcome::{Cause, Failure, Phase};

/// How much of a body may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLimit {
    /// So many bytes.
    Bytes(u64),
    /// Any number: the deadline bounds it.
    None,
}

/// Whether the heads of responses are kept as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawHead {
    /// Their bytes are not needed: status and header fields are enough.
    Dropped,
    /// Their bytes are kept, too.
    Kept,
}

/// One request and its response, over a connection of its own.
#[derive(Debug)]
pub(crate) struct Exchange {
    incoming: Incoming,
    raw_head: RawHead,
    body_limit: BodyLimit,
    deadline: Deadline,
}

/// Why there is no response.
///
/// Its cause tells how it ended: `Closed` when the peer ended the connection, `Reset` when it broke it, `Protocol` when
/// what came is not HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportError {
    /// What happened.
    pub(crate) failure: Failure,
    /// How many bytes came from the peer before.
    pub(crate) received: u64,
}

impl Exchange {
    /// Will speak over `stream`, by `deadline`.
    pub(crate) fn new(stream: Stream, raw_head: RawHead, body_limit: BodyLimit, deadline: Deadline) -> Self {
        Self { incoming: Incoming::new(stream.until(deadline)), raw_head, body_limit, deadline }
    }

    /// Sends `request` and reads the head of the response.
    pub(crate) fn send(mut self, request: &Request<'_>) -> Result<Response, TransportError> {
        let head = self.write(request).and_then(|()| self.read_head());
        let (head, raw_head) = match head {
            Ok(heads) => heads,
            Err(failure) => return Err(TransportError { failure, received: self.incoming.received }),
        };
        let has_body = request.method != Method::HEAD && !matches!(head.status, 101 | 204 | 304);
        let framing = if has_body { Framing::of(&head) } else { Ok(Framing::Length(0)) };
        let framing =
            framing.map_err(|failure| TransportError { failure, received: self.incoming.received })?;
        match self.body_limit {
            BodyLimit::Bytes(more) => self.incoming.stream().allow(more),
            BodyLimit::None => self.incoming.stream().allow(u64::MAX),
        }
        Ok(Response::new(head, raw_head, framing, self.incoming, self.deadline))
    }

    /// Sends `request`. A peer that has answered already may stop listening: its response counts.
    fn write(&mut self, request: &Request<'_>) -> Result<(), Failure> {
        let mut bytes = request.head();
        // One segment for what fits into one.
        let body = request.body.unwrap_or_default();
        let (with_head, rest) = body.split_at(body.len().min(1024));
        bytes.extend_from_slice(with_head);
        let stream = self.incoming.stream();
        match stream.write_all(&bytes).and_then(|()| stream.write_all(rest)) {
            Err(error) if is_closed(&error) => Ok(()),
            sent => sent.map_err(|error| net::failure_of(&error, Phase::Request)),
        }
    }

    /// Reads the head of the final response; the bytes of all heads beside it, where they are kept.
    fn read_head(&mut self) -> Result<(Head, Vec<u8>), Failure> {
        let mut raw = Vec::new();
        loop {
            let length = self.await_head()?;
            let bytes = self.incoming.take(length);
            if self.raw_head == RawHead::Kept {
                raw.extend_from_slice(&bytes);
            }
            let head = Head::parse(bytes)?;
            // An interim response is followed by another one, but for 101 (RFC 9110, 15.2).
            if !(100..200).contains(&head.status) || head.status == 101 {
                return Ok((head, raw));
            }
        }
    }

    /// Reads until a whole head stands in the buffer; its length.
    fn await_head(&mut self) -> Result<usize, Failure> {
        let mut seen = 0;
        loop {
            let unread = self.incoming.unread();
            if let Some(length) = end_of_head(unread, seen) {
                return Ok(length);
            }
            if !may_be_http(unread) {
                return Err(not_http(unread));
            }
            seen = unread.len();
            if seen >= HEAD_MAX {
                return Err(head_too_large());
            }
            match self.incoming.fill() {
                Ok(0) => return Err(self.closed()),
                Ok(_) => {}
                Err(error) => return Err(net::failure_of(&error, Phase::Response)),
            }
        }
    }

    /// The failure of a connection that ends before the head does.
    fn closed(&self) -> Failure {
        let reason = match self.incoming.received {
            0 => "the peer closed the connection without a response",
            _ => "the peer closed the connection in the middle of the response's head",
        };
        Failure::new(Phase::Response, Cause::Closed, reason)
    }
}

/// Whether a write failed because the peer does not listen any more.
fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
