//! The body of a response: where it ends, and its bytes (RFC 9112, 6 and 7).

use std::io::{self, Read};

use crate::deadline::Deadline;
use crate::http::head::Head;
use crate::http::header;
use crate::net::Stream;
use crate::outcome::{Cause, Failure, Phase};

/// How much is read at a time: enough for nearly every head.
pub(super) const PIECE: usize = 4 * 1024;

/// The longest line between two chunks: a size, and extensions that nobody uses.
const CHUNK_LINE_MAX: usize = 4 * 1024;

/// A connection, and what was read of it and not taken yet.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: Stream,
    buffer: Vec<u8>,
    /// How many bytes of `buffer` are taken.
    taken: usize,
    /// How many bytes came.
    pub(super) received: u64,
}

impl Incoming {
    /// Nothing read yet.
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, buffer: Vec::new(), taken: 0, received: 0 }
    }

    /// What was read and not taken.
    pub(super) fn unread(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    /// Takes `amount` bytes of what was read.
    pub(super) fn take(&mut self, amount: usize) -> Vec<u8> {
        let taken = self.unread().get(..amount).unwrap_or_default().to_vec();
        self.skip(amount);
        taken
    }

    /// Takes `amount` bytes of what was read, and forgets them.
    fn skip(&mut self, amount: usize) {
        self.taken = (self.taken + amount).min(self.buffer.len());
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        }
    }

    /// Reads more; 0 at the end.
    pub(super) fn fill(&mut self) -> io::Result<usize> {
        // At opt-level "z" a vector would be cleared byte by byte.
        let mut piece = [0; PIECE];
        let amount = self.receive(&mut piece)?;
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.try_reserve(amount).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.buffer.extend_from_slice(piece.get(..amount).unwrap_or_default());
        Ok(amount)
    }

    /// Takes up to a buffer of bytes; 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut unread = self.unread();
        if unread.is_empty() {
            return self.receive(buffer);
        }
        let amount = unread.read(buffer)?;
        self.skip(amount);
        Ok(amount)
    }

    /// Reads from the connection. TLS that was not closed as it should be is at its end all the same.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(error),
            Ok(amount) => {
                self.received += u64::try_from(amount).unwrap_or(0);
                Ok(amount)
            }
        }
    }

    /// Takes a line, without its end; nothing at the end of the connection.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut seen = 0;
        loop {
            let unread = self.unread();
            if let Some(at) = memchr::memchr(b'\n', unread.get(seen..).unwrap_or_default()) {
                let mut line = self.take(seen + at + 1);
                line.truncate(line.trim_ascii_end().len());
                return Ok(Some(line));
            }
            seen = unread.len();
            if seen > CHUNK_LINE_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
    }

    /// The connection.
    pub(super) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Reads are over by `deadline` from now on.
    pub(super) fn set_deadline(&mut self, deadline: Deadline) {
        self.stream.set_deadline(deadline);
    }
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many more bytes.
    Length(u64),
    /// After its last chunk.
    Chunked(Chunk),
    /// With the connection.
    UntilClose,
}

/// What comes next of a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// The line with its size.
    Size,
    /// So many more bytes of it.
    Data(u64),
    /// The end of the line after it.
    LineEnd,
    /// Trailer fields.
    Trailers,
    /// Nothing.
    Done,
}

/// Why a body cannot be read on.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The connection ended before the body.
    Closed,
    /// The stream failed.
    Io(io::Error),
    /// A chunk that is none.
    Chunk(String),
}

impl From<io::Error> for BodyError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidData {
            return Self::Chunk("a line without an end".into());
        }
        Self::Io(error)
    }
}

impl Framing {
    /// Where the body of a response ends that may have one.
    pub(super) fn of(head: &Head) -> Result<Self, Failure> {
        let mut codings = head.all(header::TRANSFER_ENCODING).flat_map(|value| value.split(|&b| b == b','));
        if let Some(last) = codings.by_ref().last() {
            let is_chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
            return Ok(if is_chunked { Self::Chunked(Chunk::Size) } else { Self::UntilClose });
        }
        let mut length = None;
        for value in head.all(header::CONTENT_LENGTH).flat_map(|value| value.split(|&b| b == b',')) {
            let value = value.trim_ascii();
            let digits = std::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
            let number: Option<u64> = digits.and_then(|digits| digits.parse().ok());
            if number.is_none() || length.is_some_and(|length| Some(length) != number) {
                let shown = value.get(..32).unwrap_or(value).escape_ascii();
                let reason = format!("the Content-Length of the response is no length: `{shown}`");
                return Err(Failure::new(Phase::Response, Cause::Protocol, reason));
            }
            length = number;
        }
        Ok(length.map_or(Self::UntilClose, Self::Length))
    }

    /// Whether the head says where the body ends.
    pub(super) fn has_length(self) -> bool {
        matches!(self, Self::Length(_))
    }

    /// Takes some of the body; 0 at its end.
    pub(super) fn read(&mut self, incoming: &mut Incoming, buffer: &mut [u8]) -> Result<usize, BodyError> {
        match self {
            Self::UntilClose => Ok(incoming.read(buffer)?),
            Self::Length(left) => some_of(left, incoming, buffer),
            Self::Chunked(chunk) => chunk.read(incoming, buffer),
        }
    }
}

/// Takes at most `left` bytes, and counts them off.
fn some_of(left: &mut u64, incoming: &mut Incoming, buffer: &mut [u8]) -> Result<usize, BodyError> {
    if *left == 0 {
        return Ok(0);
    }
    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    match incoming.read(buffer.get_mut(..most).unwrap_or_default())? {
        0 => Err(BodyError::Closed),
        amount => {
            *left -= u64::try_from(amount).unwrap_or(0).min(*left);
            Ok(amount)
        }
    }
}

impl Chunk {
    /// Takes some of the body; 0 at its end. Lines may end with a bare line feed, as everybody reads them.
    fn read(&mut self, incoming: &mut Incoming, buffer: &mut [u8]) -> Result<usize, BodyError> {
        loop {
            match self {
                Self::Done => return Ok(0),
                Self::Data(0) => *self = Self::LineEnd,
                Self::Data(left) => return some_of(left, incoming, buffer),
                Self::Size => match incoming.line()?.ok_or(BodyError::Closed).and_then(|line| size(&line))? {
                    0 => *self = Self::Trailers,
                    size => *self = Self::Data(size),
                },
                Self::LineEnd => match incoming.line()?.ok_or(BodyError::Closed)? {
                    line if line.is_empty() => *self = Self::Size,
                    line => return Err(malformed(&line)),
                },
                Self::Trailers => {
                    if incoming.line()?.ok_or(BodyError::Closed)?.is_empty() {
                        *self = Self::Done;
                    }
                }
            }
        }
    }
}

/// The size that stands on the first line of a chunk, before its extensions.
fn size(line: &[u8]) -> Result<u64, BodyError> {
    let digits = line.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    let text = std::str::from_utf8(digits).ok().filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
    text.and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or_else(|| malformed(line))
}

/// A line that cannot stand between chunks.
fn malformed(line: &[u8]) -> BodyError {
    let shown = line.get(..32).unwrap_or(line).escape_ascii();
    BodyError::Chunk(format!("`{shown}`"))
}
