//! Reading what an enemy may have written: bounded, nothing allocated on a length field's word, no recursion.
//!
//! A dialogue is a function over a [`Peer`], so that tests and fuzzers can be the peer.

use std::fmt::Write as _;
use std::io::{self, Read, Write};

use crate::net;
use crate::outcome::{Cause, Failure, Phase};
use crate::shown;

use crate::client::secret::Secret;

/// The most bytes of a peer's text that a reason repeats.
const QUOTE_MAX: usize = 160;

/// The other end of a connection, encrypted or not. Its reads and writes are over by its deadline.
pub(crate) trait Peer: Read + Write {}

impl<T: Read + Write> Peer for T {}

/// Sends all of `bytes`. A peer that refuses us closes at once, and its reason is still there to be read: a broken
/// connection is left to the next read to tell.
pub(crate) fn send(peer: &mut dyn Peer, bytes: &[u8]) -> Result<(), Failure> {
    match peer.write_all(bytes).and_then(|()| peer.flush()) {
        Err(error) if is_broken(&error) => Ok(()),
        Err(error) => Err(net::failure_of(&error, Phase::Request)),
        Ok(()) => Ok(()),
    }
}

/// Says goodbye: what becomes of `bytes` no longer matters.
pub(crate) fn bid_farewell(peer: &mut dyn Peer, bytes: &[u8]) {
    let _ = peer.write_all(bytes).and_then(|()| peer.flush());
}

/// Whether the peer has closed the connection.
fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Reads exactly `N` bytes.
pub(crate) fn array<const N: usize>(peer: &mut dyn Peer) -> Result<[u8; N], Failure> {
    let mut array = [0; N];
    peer.read_exact(&mut array).map_err(|error| net::failure_of(&error, Phase::Response))?;
    Ok(array)
}

/// Reads exactly `length` bytes, which the caller has bounded; memory is taken as they arrive.
pub(crate) fn body(peer: &mut dyn Peer, length: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    let read = peer.take(limit).read_to_end(&mut body);
    match read {
        Ok(amount) if amount == length => Ok(body),
        Ok(_) => Err(net::failure_of(&io::ErrorKind::UnexpectedEof.into(), Phase::Response)),
        Err(error) => Err(net::failure_of(&error, Phase::Response)),
    }
}

/// Lines out of a connection.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    /// What was read beyond the last line.
    pending: Vec<u8>,
}

/// A line, or what there is of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Without its `\r\n` or `\n`.
    Whole(Vec<u8>),
    /// The peer closed in the middle, or the line is longer than any that matters to us: its beginning still tells
    /// what the peer is.
    Cut(Vec<u8>),
}

impl LineReader {
    /// The next line, of at most about `max` bytes.
    pub(crate) fn next(&mut self, peer: &mut dyn Peer, max: usize) -> Result<Line, Failure> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.pending.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Line::Whole(line));
            }
            if self.pending.len() >= max {
                return Ok(Line::Cut(std::mem::take(&mut self.pending)));
            }
            let mut chunk = [0; 512];
            match peer.read(&mut chunk) {
                Ok(0) if self.pending.is_empty() => {
                    return Err(net::failure_of(&io::ErrorKind::UnexpectedEof.into(), Phase::Response));
                }
                Ok(0) => return Ok(Line::Cut(std::mem::take(&mut self.pending))),
                Ok(amount) => self.pending.extend_from_slice(chunk.get(..amount).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(net::failure_of(&error, Phase::Response)),
            }
        }
    }
}

/// Fields out of a message that was read already. Each is `None` when the message is too short for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// One byte.
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Up to the next NUL, which is skipped.
    pub(crate) fn until_nul(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }
}

/// What a peer said, as it may be shown: on one line, cut, without `secret`.
pub(crate) fn quote(text: &[u8], secret: Option<&Secret>) -> String {
    let text = String::from_utf8_lossy(text);
    let text = secret.map_or_else(|| text.to_string(), |secret| secret.mask(&text));
    let mut shown = String::new();
    for c in text.trim().chars() {
        if shown.len() + c.len_utf8() > QUOTE_MAX {
            shown.push_str("...");
            break;
        }
        shown.push(if c == char::REPLACEMENT_CHARACTER { '?' } else { shown::shown(c) });
    }
    shown
}

/// `bytes` as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The failure of a peer that speaks something else than `protocol`; `seen` is how its answer begins.
pub(crate) fn stranger(protocol: &str, seen: &[u8], secret: Option<&Secret>) -> Failure {
    let what = match seen {
        [b'H', b'T', b'T', b'P', b'/', ..] => "an HTTP server answers".to_owned(),
        [b'S', b'S', b'H', b'-', ..] => "an SSH server answers".to_owned(),
        // An alert: a TLS server that met a question in clear (RFC 8446, 6).
        [0x15, 0x03, ..] => "a TLS server answers".to_owned(),
        [] => "an empty answer came".to_owned(),
        seen if seen.iter().filter(|byte| byte.is_ascii_graphic() || **byte == b' ').count() * 2
            > seen.len() =>
        {
            format!("`{}` came", quote(seen, secret))
        }
        seen => {
            let hex: Vec<_> = seen.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("the bytes {} came", hex.join(" "))
        }
    };
    Failure::new(Phase::Response, Cause::Protocol, format!("the peer does not speak {protocol}: {what}"))
}

/// How many bytes tell what a peer is.
const ENOUGH: usize = 8;

/// The same, of a peer whose answer was only begun to be read: a little more tells what it is.
pub(crate) fn stranger_so_far(
    protocol: &str,
    start: &[u8],
    peer: &mut dyn Peer,
    secret: Option<&Secret>,
) -> Failure {
    let mut seen = start.to_vec();
    let mut more = [0; 64];
    while seen.len() < ENOUGH
        && let Ok(amount @ 1..) = peer.read(&mut more)
    {
        seen.extend_from_slice(more.get(..amount).unwrap_or_default());
    }
    stranger(protocol, &seen, secret)
}

/// `failure` of the greeting that a server of `protocol` begins with: where none comes, something else may listen.
pub(crate) fn ungreeted(mut failure: Failure, protocol: &str) -> Failure {
    if failure.cause == Cause::TimedOut {
        let hint =
            format!("; a {protocol} server would speak first, so this may be another protocol, or TLS");
        failure.reason.push_str(&hint);
    }
    failure
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A peer that says what it has to say, and hears everything.
    #[derive(Debug, Default)]
    pub(crate) struct Script {
        /// What it says, all at once or one byte at a time.
        pub(crate) says: Vec<u8>,
        /// What it was told.
        pub(crate) heard: Vec<u8>,
        at: usize,
        /// How much it says at a time.
        step: usize,
    }

    impl Script {
        /// Says `says` in pieces of `step` bytes, then closes.
        pub(crate) fn new(says: &[u8], step: usize) -> Self {
            Self { says: says.to_vec(), step, ..Self::default() }
        }
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let left = &self.says[self.at..];
            let amount = left.len().min(buffer.len()).min(self.step);
            buffer[..amount].copy_from_slice(&left[..amount]);
            self.at += amount;
            Ok(amount)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Answers that no protocol has, for every dialogue to refuse without a panic: text, zeros, ones, counting bytes,
    /// other protocols, nothing.
    pub(crate) fn garbage() -> Vec<Vec<u8>> {
        let counting: Vec<u8> = (0..=255).collect();
        vec![
            Vec::new(),
            vec![0; 4096],
            vec![0xff; 4096],
            counting.clone(),
            counting.iter().rev().copied().collect(),
            vec![b'\n'; 300],
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec(),
            b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
            b"\x15\x03\x01\x00\x02\x02\x46".to_vec(),
            "ä\u{202e}\u{0}".repeat(200).into_bytes(),
        ]
    }

    #[test]
    fn lines_end_at_their_end_or_at_the_limit() {
        for step in [1, 3, 1000] {
            let mut peer = Script::new(b"one\r\ntwo\nthree", step);
            let mut lines = LineReader::default();
            for line in ["one", "two"] {
                assert_eq!(lines.next(&mut peer, 100).unwrap(), Line::Whole(line.into()));
            }
            assert_eq!(lines.next(&mut peer, 100).unwrap(), Line::Cut(b"three".to_vec()));
            assert_eq!(lines.next(&mut peer, 100).unwrap_err().cause, Cause::Closed);
        }
        let mut endless = Script::new(&[b'x'; 10_000], 100);
        assert!(
            matches!(LineReader::default().next(&mut endless, 64), Ok(Line::Cut(start)) if start.len() < 1000)
        );
    }

    #[test]
    fn a_length_is_not_believed() {
        let mut peer = Script::new(b"four", 2);
        assert_eq!(body(&mut peer, 1 << 40).unwrap_err().cause, Cause::Closed);
        let mut peer = Script::new(b"four", 2);
        assert_eq!(body(&mut peer, 3).unwrap(), b"fou");
    }

    #[test]
    fn fields_end_where_the_message_does() {
        let mut fields = Fields(b"\x01ab\x00cd");
        assert_eq!(fields.u8(), Some(1));
        assert_eq!(fields.until_nul(), Some(&b"ab"[..]));
        assert_eq!(fields.until_nul(), None);
        assert_eq!(fields.array::<3>(), None);
        assert_eq!(fields.take(2), Some(&b"cd"[..]));
        assert_eq!(fields.u8(), None);
    }

    #[test]
    fn a_stranger_is_named_by_how_it_begins() {
        for (seen, words) in [
            (&b"HTTP/1.1 400 Bad Request"[..], "an HTTP server answers"),
            (b"\x15\x03\x01\x00\x02", "a TLS server answers"),
            (b"", "an empty answer"),
            (b"220 mail.example ESMTP", "`220 mail.example ESMTP` came"),
            (b"\x00\x01\xfe", "the bytes 00 01 fe came"),
        ] {
            let reason = stranger("redis", seen, None).reason;
            assert!(
                reason.starts_with("the peer does not speak redis: ") && reason.contains(words),
                "{reason}"
            );
        }
        let secret = Secret::new(b"hunter2".to_vec());
        assert_eq!(quote(b"no hunter2\r\nhere\xff", Some(&secret)), "no ***??here?");
    }
}
