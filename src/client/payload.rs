//! What is sent to a peer, and what must come back: `--send` and `--expect`.

use std::io::{self, Read, Write};

use crate::net::failure_of;
use crate::outcome::{Cause, Failure, Phase};

/// How much of what comes is looked at.
pub(crate) const ANSWER_MAX: usize = 64 * 1024;

/// How much of it is told in a line.
const EXCERPT: usize = 80;

/// What is said and what is to be heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    /// To be sent first. May hold a password, so it is never told.
    pub(crate) send: Option<Vec<u8>>,
    /// To be found in what comes.
    pub(crate) expect: Option<Vec<u8>>,
}

impl Payload {
    /// Sends and waits for the answer on `stream`, as far as asked for; what was seen is for the pass.
    pub(crate) fn exchange(&self, stream: &mut (impl Read + Write)) -> Result<&'static str, Failure> {
        if let Some(send) = &self.send {
            stream
                .write_all(send)
                .and_then(|()| stream.flush())
                .map_err(|error| failure_of(&error, Phase::Request))?;
        }
        let Some(expect) = &self.expect else { return Ok("accepts connections") };
        let mut came = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let amount = match stream.read(&mut piece) {
                Ok(0) => return Err(missing(expect, &came, Ending::Closed)),
                Ok(amount) => amount,
                Err(error) => return Err(missing(expect, &came, Ending::Broken(&error))),
            };
            let room = ANSWER_MAX - came.len();
            came.extend(piece.iter().take(amount.min(room)));
            // Only what the last piece may have completed is looked at again.
            let start = came.len().saturating_sub(amount + expect.len());
            if came.get(start..).is_some_and(|tail| holds(tail, expect)) {
                return Ok("answered as expected");
            }
            if came.len() == ANSWER_MAX {
                return Err(missing(expect, &came, Ending::Endless));
            }
        }
    }
}

/// Why no more came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending<'a> {
    /// The peer closed the connection.
    Closed,
    /// It came to more than is looked at.
    Endless,
    /// The deadline, a reset.
    Broken(&'a io::Error),
}

/// The failure of an answer that lacks `expect`: what came instead.
pub(crate) fn missing(expect: &[u8], came: &[u8], ending: Ending<'_>) -> Failure {
    let expect = excerpt(expect);
    let instead =
        if came.is_empty() { "nothing came".into() } else { format!("what came is {}", excerpt(came)) };
    match ending {
        Ending::Closed => Failure::new(
            Phase::Response,
            Cause::Closed,
            format!("the peer closed the connection without {expect}; {instead}"),
        ),
        Ending::Endless => Failure::answer(
            Phase::Response,
            format!("no {expect} in the first {} KiB; {instead}", ANSWER_MAX / 1024),
        ),
        Ending::Broken(error) => {
            let failure = failure_of(error, Phase::Response);
            let reason = match failure.cause {
                Cause::TimedOut => format!("timed out waiting for {expect}; {instead}"),
                _ => format!("{} for {expect}; {instead}", failure.reason),
            };
            Failure::new(Phase::Response, failure.cause, reason)
        }
    }
}

/// Whether `part` stands in `bytes`.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len().max(1)).any(|window| window == part)
}

/// `bytes` in quotes, escaped as in `--expect`, and cut.
fn excerpt(bytes: &[u8]) -> String {
    let start = bytes.get(..EXCERPT).unwrap_or(bytes);
    let more = if bytes.len() > EXCERPT { "..." } else { "" };
    format!("\"{}\"{more}", start.escape_ascii())
}

/// Reads text with the escapes `\r`, `\n`, `\t`, `\0`, `\\` and `\xNN`; any other is refused.
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let mut chars = after.chars();
        let byte = match chars.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let digits = after.get(1..3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
                chars.nth(1);
                digits
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    .ok_or("\\x without two hexadecimal digits, as in \\x0a")?
            }
            Some(c) => return Err(format!("unknown escape \\{c}; write \\\\ for a backslash")),
            None => return Err("a \\ at its end; write \\\\ for a backslash".into()),
        };
        bytes.push(byte);
        rest = chars.as_str();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_bytes() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("PING\\r\\n", b"PING\r\n"),
            ("\\0\\t\\\\x41", b"\0\t\\x41"),
            ("\\x00\\xfF\\x41b", b"\0\xffAb"),
            ("ä\\n", "ä\n".as_bytes()),
        ] {
            assert_eq!(unescape(text).as_deref(), Ok(bytes), "{text}");
        }
        for (text, reason) in [
            ("\\", "a \\ at its end"),
            ("a\\b", "unknown escape \\b"),
            ("\\ä", "unknown escape \\ä"),
            ("\\x", "\\x without two"),
            ("\\x4", "\\x without two"),
            ("\\x4g", "\\x without two"),
            ("\\x+4", "\\x without two"),
            ("\\x4ä", "\\x without two"),
            ("\\xä4", "\\x without two"),
        ] {
            let error = unescape(text).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_told_of_an_answer_is_one_short_line() {
        assert_eq!(excerpt(b"-ERR \"x\"\r\n\0\xff"), r#""-ERR \"x\"\r\n\x00\xff""#);
        assert!(excerpt(&[0; 500]).len() < 4 * EXCERPT + 6);
    }
}
