//! The messages of PostgreSQL's protocol 3.0
//! (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).

use std::io::Read;

use crate::outcome::{Failure, Phase};

use crate::client::secret::Secret;
use crate::client::wire;
use crate::client::wire::Peer;

/// Longer than any message before the first query.
const MESSAGE_MAX: usize = 64 * 1024;

/// The most bytes that are read of an error in the form of protocol 2.
const OLD_ERROR_MAX: u64 = 512;

/// Asks for TLS: a length of 8, and 1234.5679 in place of a version.
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A query without a command: answered by nothing but that the server would answer.
pub(super) const EMPTY_QUERY: [u8; 6] = [b'Q', 0, 0, 0, 5, 0];

/// Says goodbye.
pub(super) const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// A message of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// What it is.
    pub(super) kind: u8,
    /// What it says.
    pub(super) body: Vec<u8>,
}

/// Reads a message of a kind that can come before the end of an empty query.
pub(super) fn next_message(peer: &mut dyn Peer, secret: Option<&Secret>) -> Result<Message, Failure> {
    let header: [u8; 5] = wire::array(peer)?;
    let [kind, a, b, c, d] = header;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    match (kind, length.checked_sub(4)) {
        (b'R' | b'E' | b'N' | b'S' | b'K' | b'Z' | b'v' | b'I', Some(length)) if length <= MESSAGE_MAX => {
            Ok(Message { kind, body: wire::body(peer, length)? })
        }
        // What looks like a length is text.
        (b'E', _) if [a, b, c].iter().all(u8::is_ascii) && a >= b' ' => {
            Err(old_error(peer, &[a, b, c, d], secret))
        }
        _ => Err(wire::stranger_so_far("postgres", &header, peer, secret)),
    }
}

/// The failure of a server that could not even start a process for us, and says so in the form of protocol 2: an `E`
/// and a text that ends with a NUL.
pub(super) fn old_error(peer: &mut dyn Peer, start: &[u8], secret: Option<&Secret>) -> Failure {
    let mut text = start.to_vec();
    // What came until something broke is all that there is to tell.
    let _ = peer.take(OLD_ERROR_MAX).read_to_end(&mut text);
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    Failure::answer(Phase::Response, format!("the server cannot serve: {}", wire::quote(text, secret)))
}

/// The first packet: version 3.0, and who we are.
pub(super) fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    for text in ["user", user, "database", database, "application_name", "sexton"] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    counted(&body)
}

/// An answer to a request for authentication.
pub(super) fn password(content: &[u8]) -> Vec<u8> {
    [b"p", counted(content).as_slice()].concat()
}

/// The answer that begins SASL.
pub(super) fn sasl_initial(mechanism: &str, response: &[u8]) -> Vec<u8> {
    let length = u32::try_from(response.len()).unwrap_or(u32::MAX);
    password(&[mechanism.as_bytes(), b"\0", &length.to_be_bytes(), response].concat())
}

/// `body` after its length, which counts itself.
fn counted(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), body].concat()
}
