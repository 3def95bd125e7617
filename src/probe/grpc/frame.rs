//! The messages of grpc.health.v1 and the five bytes before each
//! (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>, `PROTOCOL-HTTP2.md` beside it).

use prost::Message;

/// What is asked.
#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    /// Which service; empty is the server as a whole.
    #[prost(string, tag = "1")]
    service: String,
}

/// What is answered.
#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    /// See [`Serving`].
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `HealthCheckResponse.ServingStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "they are the protocol's")]
pub(super) enum Serving {
    Unknown,
    Serving,
    NotServing,
    ServiceUnknown,
    /// A number that the protocol does not have.
    Other(i32),
}

impl Serving {
    /// Its name in the protocol.
    pub(super) fn name(self) -> String {
        match self {
            Self::Unknown => "UNKNOWN".into(),
            Self::Serving => "SERVING".into(),
            Self::NotServing => "NOT_SERVING".into(),
            Self::ServiceUnknown => "SERVICE_UNKNOWN".into(),
            Self::Other(number) => format!("status {number}"),
        }
    }
}

/// A whole uncompressed message that asks for `service`.
pub(super) fn question(service: &str) -> Vec<u8> {
    let message = HealthCheckRequest { service: service.to_owned() }.encode_to_vec();
    // Not compressed; then the length, which is that of one word of a command line.
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend(message);
    frame
}

/// Reads a whole answer; an error is a sentence.
pub(super) fn answer(frame: &[u8]) -> Result<Serving, &'static str> {
    let (&compressed, rest) = frame.split_first().ok_or("no message in the answer")?;
    let (length, message) = rest.split_first_chunk::<4>().ok_or("a truncated answer")?;
    if compressed != 0 {
        return Err("a compressed answer, which was not asked for");
    }
    if usize::try_from(u32::from_be_bytes(*length)) != Ok(message.len()) {
        return Err("an answer with a wrong length");
    }
    let response =
        HealthCheckResponse::decode(message).map_err(|_| "an answer that is not a HealthCheckResponse")?;
    Ok(match response.status {
        0 => Serving::Unknown,
        1 => Serving::Serving,
        2 => Serving::NotServing,
        3 => Serving::ServiceUnknown,
        other => Serving::Other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_framed() {
        assert_eq!(question(""), [0, 0, 0, 0, 0]);
        assert_eq!(question("ab"), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
    }

    #[test]
    fn answers_are_read_and_garbage_is_refused() {
        assert_eq!(answer(&[0, 0, 0, 0, 2, 8, 1]), Ok(Serving::Serving));
        assert_eq!(answer(&[0, 0, 0, 0, 2, 8, 2]), Ok(Serving::NotServing));
        assert_eq!(answer(&[0, 0, 0, 0, 0]), Ok(Serving::Unknown));
        assert_eq!(answer(&[0, 0, 0, 0, 2, 8, 99]), Ok(Serving::Other(99)));
        for frame in [
            &[][..],
            &[0],
            &[0, 0, 0, 0],
            &[1, 0, 0, 0, 2, 8, 1],
            &[0, 0, 0, 0, 3, 8, 1],
            &[0, 0xff, 0xff, 0xff, 0xff, 8, 1],
            &[0, 0, 0, 0, 1, 8],
            &[0, 0, 0, 0, 2, 0xff, 0xff],
        ] {
            assert!(answer(frame).is_err(), "{frame:?}");
        }
    }
}
