//! The messages of Kafka's protocol (<https://kafka.apache.org/protocol>), in the versions before its compact encoding.

use crate::client::secret::Secret;
use crate::client::wire::{self, Fields, Peer};
use crate::outcome::Failure;

/// Longer than any answer to what we ask, in a cluster of hundreds of brokers.
const ANSWER_MAX: usize = 64 * 1024;

/// Asks for the cluster.
pub(super) const METADATA: i16 = 3;
/// Names the mechanism of a login.
pub(super) const SASL_HANDSHAKE: i16 = 17;
/// Asks what the broker speaks.
pub(super) const API_VERSIONS: i16 = 18;
/// Carries a login.
pub(super) const SASL_AUTHENTICATE: i16 = 36;

/// Sends a request of `version`; the body of its answer.
pub(super) fn ask(
    peer: &mut dyn Peer,
    api: i16,
    version: i16,
    body: &[u8],
    secret: Option<&Secret>,
) -> Result<Vec<u8>, Failure> {
    // The kind of request is number enough: each is sent once, or the answers are alike.
    let id = i32::from(api).to_be_bytes();
    let request = [&api.to_be_bytes()[..], &version.to_be_bytes(), &id, &text("sexton"), body].concat();
    let length = u32::try_from(request.len()).unwrap_or(u32::MAX).to_be_bytes();
    wire::send(peer, &[&length[..], &request].concat())?;

    let header: [u8; 8] = wire::array(peer)?;
    let [a, b, c, d, answered @ ..] = header;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    match length.checked_sub(4) {
        Some(length) if answered == id && length <= ANSWER_MAX => wire::body(peer, length),
        _ => Err(wire::stranger("kafka", &header, secret)),
    }
}

/// A text after its length.
pub(super) fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// Bytes after their length.
pub(super) fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

/// The next 16-bit number.
pub(super) fn int16(fields: &mut Fields<'_>) -> Option<i16> {
    fields.array().map(i16::from_be_bytes)
}

/// The next 32-bit number.
pub(super) fn int32(fields: &mut Fields<'_>) -> Option<i32> {
    fields.array().map(i32::from_be_bytes)
}

/// The next text; empty where there is none.
pub(super) fn nullable<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    match usize::try_from(int16(fields)?) {
        Ok(length) => fields.take(length),
        Err(_) => Some(b""),
    }
}

/// The next bytes after their length.
pub(super) fn counted<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(int32(fields)?).ok()?;
    fields.take(length)
}

/// The versions of `api` in an answer to [`API_VERSIONS`], version 0.
pub(super) fn versions(answer: &[u8], api: i16) -> Option<(i16, i16)> {
    let mut fields = Fields(answer);
    let _error = int16(&mut fields)?;
    for _ in 0..int32(&mut fields)? {
        let (key, least, most) = (int16(&mut fields)?, int16(&mut fields)?, int16(&mut fields)?);
        if key == api {
            return Some((least, most));
        }
    }
    None
}

/// The cluster as an answer to [`METADATA`], version 1 to 8, has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// How many brokers there are.
    pub(super) brokers: i32,
    /// Which one controls it; negative when there is none.
    pub(super) controller: i32,
}

impl Cluster {
    /// Takes an answer apart.
    pub(super) fn parse(answer: &[u8], version: i16) -> Option<Self> {
        let mut fields = Fields(answer);
        if version >= 3 {
            let _throttle_time = int32(&mut fields)?;
        }
        let brokers = int32(&mut fields)?;
        for _ in 0..brokers {
            let (_node, _host, _port) = (int32(&mut fields)?, nullable(&mut fields)?, int32(&mut fields)?);
            let _rack = nullable(&mut fields)?;
        }
        if version >= 2 {
            let _cluster_id = nullable(&mut fields)?;
        }
        Some(Self { brokers, controller: int32(&mut fields)? })
    }
}

/// The body of [`METADATA`]: no topic, and none made by asking.
pub(super) fn metadata(version: i16) -> Vec<u8> {
    let flags: usize = match version {
        ..4 => 0,
        4..8 => 1,
        8.. => 3,
    };
    [&[0; 4][..], &vec![0; flags]].concat()
}
