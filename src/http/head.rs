//! The head of a response, taken apart: status line and header fields.

use std::ops::Range;

use httparse::{EMPTY_HEADER, ParserConfig, Status};

use crate::http::header::HeaderName;
use crate::outcome::{Cause, Failure, Phase};

/// The most bytes that the head of one response may have; the stream bounds all of them together.
pub(super) const HEAD_MAX: usize = 64 * 1024;

/// The status line and the header fields of a response.
#[derive(Debug)]
pub(crate) struct Head {
    /// 200, 404, ...
    pub(super) status: u16,
    /// Whether it is HTTP/1.1, or else HTTP/1.0.
    pub(super) is_http11: bool,
    bytes: Vec<u8>,
    /// Where each name and its value stand in `bytes`.
    fields: Vec<(Range<usize>, Range<usize>)>,
}

impl Head {
    /// Takes the head of a response apart, its empty line included. What servers get wrong and every client reads is read:
    /// bare line feeds, folded lines (RFC 9112, 5.2), a space before the colon.
    pub(super) fn parse(mut bytes: Vec<u8>) -> Result<Self, Failure> {
        // No line has more than one field, so that one pass with room for all of them is enough.
        let lines = memchr::memchr_iter(b'\n', &bytes).count();
        let mut fields = vec![EMPTY_HEADER; lines];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .allow_multiple_spaces_in_response_status_delimiters(true)
            .parse_response(&mut response, &bytes);
        match parsed {
            Ok(Status::Complete(_)) => {}
            Ok(Status::Partial) => return Err(not_http(&bytes)),
            Err(error) => return Err(malformed(error, &bytes)),
        }
        let (Some(status @ 100..), Some(version)) = (response.code, response.version) else {
            return Err(not_http(&bytes));
        };
        let start = bytes.as_ptr().addr();
        let range = |part: &[u8]| {
            let at = part.as_ptr().addr().saturating_sub(start);
            at..at + part.len()
        };
        let fields: Vec<_> =
            response.headers.iter().map(|field| (range(field.name.as_bytes()), range(field.value))).collect();
        for (_, value) in &fields {
            for byte in bytes.get_mut(value.clone()).unwrap_or_default() {
                // What is left of a fold.
                if matches!(*byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
        Ok(Self { status, is_http11: version == 1, bytes, fields })
    }

    /// The value of the first field `name`.
    pub(crate) fn get(&self, name: HeaderName) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The values of all fields `name`, in their order.
    pub(super) fn all(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter_map(move |(field, value)| {
            let field = self.bytes.get(field.clone())?;
            field.eq_ignore_ascii_case(name.as_str().as_bytes()).then_some(())?;
            self.bytes.get(value.clone()).map(<[u8]>::trim_ascii)
        })
    }
}

/// Where the head at the start of `bytes` ends, its empty line included; `seen` bytes are known to hold no end.
pub(super) fn end_of_head(bytes: &[u8], seen: usize) -> Option<usize> {
    let from = seen.saturating_sub(3);
    memchr::memchr_iter(b'\n', bytes.get(from..)?).find_map(|at| {
        let next = from + at + 1;
        match bytes.get(next..)? {
            [b'\n', ..] => Some(next + 1),
            [b'\r', b'\n', ..] => Some(next + 2),
            _ => None,
        }
    })
}

/// Whether `bytes` can become a status line of HTTP/1.
pub(super) fn may_be_http(bytes: &[u8]) -> bool {
    let start = b"HTTP/1.";
    bytes.iter().zip(start).all(|(byte, wanted)| byte == wanted)
}

/// A head that does not end.
pub(super) fn head_too_large() -> Failure {
    let reason = format!("the head of the response is larger than {} KiB", HEAD_MAX / 1024);
    Failure::new(Phase::Response, Cause::Protocol, reason)
}

/// The failure of a head that is HTTP and that nobody can read.
fn malformed(error: httparse::Error, bytes: &[u8]) -> Failure {
    if !bytes.starts_with(b"HTTP/1.") {
        return not_http(bytes);
    }
    let what = match error {
        httparse::Error::HeaderName | httparse::Error::NewLine | httparse::Error::Token => "a header line",
        httparse::Error::HeaderValue => "the value of a header",
        _ => "the status line",
    };
    let (_, rest) = bytes.split_at(bytes.len().min(12));
    let line = match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => offending_line(bytes).unwrap_or(rest),
        _ => bytes,
    };
    let reason = format!("{what} of the response is malformed: {}", excerpt(line));
    Failure::new(Phase::Response, Cause::Protocol, reason)
}

/// The first line of the header section that is no field.
fn offending_line(bytes: &[u8]) -> Option<&[u8]> {
    let is_field = |line: &[u8]| {
        let Some(colon) = memchr::memchr(b':', line) else { return line.trim_ascii().is_empty() };
        let (name, value) = line.split_at(colon);
        let name = std::str::from_utf8(name.trim_ascii_end()).unwrap_or_default();
        let is_clean =
            value.iter().all(|&byte| byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\r'));
        is_clean && (name.parse::<HeaderName>().is_ok() || line.starts_with(b" ") || line.starts_with(b"\t"))
    };
    bytes.split(|&byte| byte == b'\n').skip(1).find(|line| !is_field(line))
}

/// The failure of a peer that speaks something else.
pub(super) fn not_http(bytes: &[u8]) -> Failure {
    let reason = match bytes {
        // An alert, or a handshake message (RFC 8446, 5.1).
        [0x15 | 0x16, 3, ..] => "the peer speaks TLS, not plain HTTP; is it https://?".into(),
        // Length, type SETTINGS, flags, stream 0 (RFC 9113, 4.1).
        [0, _, _, 4, 0, 0, 0, 0, 0, ..] => "not HTTP/1: the peer speaks only HTTP/2".into(),
        _ => format!("not HTTP: the response begins with {}", excerpt(bytes)),
    };
    Failure::new(Phase::Response, Cause::Protocol, reason)
}

/// How much of an unreadable response is shown.
const EXCERPT: usize = 32;

/// The beginning of `bytes`, escaped.
fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..EXCERPT).unwrap_or(bytes);
    format!("`{}`", shown.escape_ascii().to_string().replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_ends_at_its_empty_line() {
        for (head, rest) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "\r\n\r\nbody"),
            ("HTTP/1.0 200 OK\nA: b\n\n", "body\r\n\r\n"),
            ("HTTP/1.1 200 OK\r\nA: b\n\r\n", ""),
        ] {
            let whole = format!("{head}{rest}");
            for seen in 0..head.len() - 1 {
                assert_eq!(end_of_head(whole.as_bytes(), seen), Some(head.len()), "{whole:?} {seen}");
            }
        }
        assert_eq!(end_of_head(b"HTTP/1.1 200 OK\r\nA: b\r\n\r", 0), None);
    }

    #[test]
    fn fields_are_found_in_any_case_and_unfolded() {
        let head = b"HTTP/1.1 200 OK\r\nA : one\r\nB: x\r\n  y\r\na: two\r\n\r\n";
        let head = Head::parse(head.to_vec()).unwrap();
        let all = |name: &str| {
            head.all(name.parse().unwrap())
                .map(|v| String::from_utf8_lossy(v).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(all("A"), ["one", "two"]);
        assert_eq!(all("b")[0].split_whitespace().collect::<Vec<_>>(), ["x", "y"]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _ = Head::parse([b"HTTP/1.1 200 OK\r\n", bytes.as_slice(), b"\r\n\r\n"].concat());
            let _ = Head::parse(bytes);
        }
    }
}
