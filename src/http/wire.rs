//! A stream of ours as ureq reads and writes it.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::deadline::Deadline;
use crate::net;
use crate::net::Stream;
use crate::outcome::{Failure, Phase};

use crate::http::buffers::Growing;
use crate::http::exchange::head_too_large;

/// What has gone over a wire so far. Shared between the wire, which ureq owns, and us.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Counts>>);

/// The numbers of a [`Tally`].
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Bytes that came from the peer.
    pub(crate) received: u64,
    /// Whether the head of the answer has been read.
    pub(crate) stage: Stage,
    /// Reading is over by this point from now on, instead of the stream's own deadline.
    pub(crate) hurry: Option<Deadline>,
    /// The bytes that came, as long as the head has not been read; only where somebody wants them.
    pub(crate) heard: Option<Vec<u8>>,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its head is awaited.
    #[default]
    Head,
    /// Its body is read.
    Body,
}

impl Tally {
    /// The numbers; a panic in between leaves them as good as they were.
    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The phase of a failure that happens now.
    pub(crate) fn phase(&self) -> Phase {
        match self.counts().stage {
            Stage::Head => Phase::Response,
            Stage::Body => Phase::Body,
        }
    }
}

/// Hands out the connection that stands already.
pub(crate) struct Dialled {
    wire: Mutex<Option<Wire>>,
}

impl Dialled {
    /// Speaks over `stream` and counts in `tally`. `longest` bytes is the longest line that will be sent; `prefix` goes before
    /// the path of the request line.
    pub(crate) fn new(stream: Stream, tally: Tally, longest: usize, prefix: Option<String>) -> Self {
        let buffers = Growing::new(longest);
        let wire = Wire { stream, buffers, tally, prefix, tls: false };
        Self { wire: Mutex::new(Some(wire)) }
    }
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialled")
    }
}

impl Connector for Dialled {
    type Out = Wire;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Wire>, ureq::Error> {
        let wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(wire.map(|wire| Wire { tls: details.needs_tls(), ..wire }))
    }
}

/// The stream keeps the deadline, so ureq's own timeouts are not used.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    buffers: Growing,
    tally: Tally,
    prefix: Option<String>,
    /// What ureq wants to hear: whoever dialled has seen to it.
    tls: bool,
}

impl Wire {
    /// Sends `bytes`, with the prefix put where a path begins (RFC 9112, 3.2.2).
    fn send(stream: &mut Stream, prefix: Option<String>, bytes: &[u8]) -> io::Result<()> {
        let Some(prefix) = prefix else { return stream.write_all(bytes) };
        let path = bytes.iter().position(|&byte| byte == b' ').map_or(0, |space| space + 1);
        let (method, rest) = bytes.split_at_checked(path).unwrap_or((bytes, &[]));
        stream.write_all(&[method, prefix.as_bytes(), rest].concat())
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let output = self.buffers.output();
        let bytes = output.get(..amount).unwrap_or(output);
        match Self::send(&mut self.stream, self.prefix.take(), bytes) {
            // A peer that has answered already may stop to listen: its answer counts.
            Err(error) if is_closed(&error) => Ok(()),
            sent => sent.map_err(|error| setback(&error, Phase::Request)),
        }
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let buffer = self.buffers.input_append_buf();
        if buffer.is_empty() {
            return Err(ureq::Error::Other(Box::new(Setback(head_too_large()))));
        }
        if let Some(deadline) = self.tally.counts().hurry {
            self.stream.set_deadline(deadline);
        }
        let amount = match self.stream.read(buffer) {
            Ok(amount) => amount,
            // TLS was not closed as it should be; an end is an end.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(setback(&error, self.tally.phase())),
        };
        let mut counts = self.tally.counts();
        counts.received += u64::try_from(amount).unwrap_or(0);
        if let (Stage::Head, Some(heard)) = (counts.stage, &mut counts.heard) {
            heard.extend(buffer.iter().take(amount));
        }
        drop(counts);
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.tls
    }
}

/// Whether a write failed because the peer does not listen any more.
fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Stands where ureq wants a resolver: the connection stands before ureq is asked.
#[derive(Debug)]
pub(crate) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// One of our failures on its way through ureq.
#[derive(Debug)]
pub(crate) struct Setback(pub(crate) Failure);

impl fmt::Display for Setback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Setback {}

/// An I/O error of ours, packed for the way through ureq.
fn setback(error: &io::Error, phase: Phase) -> ureq::Error {
    ureq::Error::Other(Box::new(Setback(net::failure_of(error, phase))))
}
