//! `cassandra://`: the server takes STARTUP and is ready, or wants a login (CQL's native protocol, version 4).

use crate::deadline::Deadline;
use crate::outcome::{Failure, Outcome, Phase, Trace};

use crate::client::dial::Dial;
use crate::client::login::{self, Login};
use crate::client::secret::Secret;
use crate::client::wire::{self, Fields, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port of its clients.
const PORT: u16 = 9042;

/// Longer than any answer to what we ask.
const BODY_MAX: usize = 64 * 1024;

/// A frame of the server, version 4; Cassandra 2.2 and later speak it.
const RESPONSE: u8 = 0x84;

/// Opcodes (2.4 of the protocol).
const ERROR: u8 = 0x00;
const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const OPTIONS: u8 = 0x05;
const SUPPORTED: u8 = 0x06;
const AUTH_RESPONSE: u8 = 0x0f;
const AUTH_SUCCESS: u8 = 0x10;

/// Connects, and logs in if there is a user.
#[derive(Debug)]
pub(super) struct Cassandra {
    dial: Dial,
    login: Login,
}

/// Reads `//[user:password@]host[:port]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let login = Login::parse_whole(authority.userinfo, &options.login)?;
    let layer = options.dial.layer_for(authority.path)?;
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(PORT), layer, &options.dial);
    Ok(Box::new(Cassandra { dial, login }))
}

impl Kind for Cassandra {
    /// Passes when the server is ready for queries.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let mut stream = self.dial.connect(deadline, trace)?;
        converse(&mut stream, self.login.user.as_deref().unwrap_or_default(), password.as_ref())
    }
}

/// The dialogue
/// (<https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec>).
pub(crate) fn converse(peer: &mut dyn Peer, user: &str, password: Option<&Secret>) -> Outcome {
    let seen = match ask(peer, OPTIONS, &[], password)? {
        (SUPPORTED, body) => version(&body).map_or_else(
            || "speaks CQL".into(),
            |version| format!("speaks CQL {}", wire::quote(version, password)),
        ),
        (ERROR, body) => return Err(refusal(&body, password)),
        (_, body) => return Err(wire::stranger("cql", &body, password)),
    };
    // One pair: the only version of CQL that there is.
    let startup = b"\0\x01\0\x0bCQL_VERSION\0\x053.0.0";
    match (ask(peer, STARTUP, startup, password)?, password) {
        ((READY, _), Some(_)) => Ok(format!("{seen}, and asks for no login")),
        ((READY, _), None) => Ok(format!("{seen}, ready")),
        ((AUTHENTICATE, _), None) => Ok(format!("{seen}, wants a login; login not tried")),
        ((AUTHENTICATE, _), Some(password)) => {
            let token = [b"\0", user.as_bytes(), b"\0", password.expose()].concat();
            let length = u32::try_from(token.len()).unwrap_or(u32::MAX).to_be_bytes();
            match ask(peer, AUTH_RESPONSE, &[&length[..], &token].concat(), Some(password))? {
                (AUTH_SUCCESS, _) => Ok(format!("{seen} and takes this login")),
                (ERROR, body) => Err(refusal(&body, Some(password))),
                (_, body) => Err(wire::stranger("cql", &body, Some(password))),
            }
        }
        ((ERROR, body), _) => Err(refusal(&body, password)),
        ((_, body), _) => Err(wire::stranger("cql", &body, password)),
    }
}

/// Sends a frame; the opcode and the body of its answer.
fn ask(
    peer: &mut dyn Peer,
    opcode: u8,
    body: &[u8],
    password: Option<&Secret>,
) -> Result<(u8, Vec<u8>), Failure> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    wire::send(peer, &[&[4, 0, 0, 0, opcode], &length[..], body].concat())?;
    let header: [u8; 9] = wire::array(peer)?;
    let [version, _flags, _stream @ .., opcode, a, b, c, d] = header;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    // A server that does not speak version 4 answers in its own, with an error.
    let is_response = version == RESPONSE || (version & 0x80 != 0 && version & 0x7f < 10 && opcode == ERROR);
    if !is_response || length > BODY_MAX {
        return Err(wire::stranger("cql", &header, password));
    }
    Ok((opcode, wire::body(peer, length)?))
}

/// The version of CQL in a SUPPORTED: a multimap of strings.
fn version(body: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(body);
    for _ in 0..u16::from_be_bytes(fields.array()?) {
        let key = string(&mut fields)?;
        for _ in 0..u16::from_be_bytes(fields.array()?) {
            let value = string(&mut fields)?;
            if key == b"CQL_VERSION" {
                return Some(value);
            }
        }
    }
    None
}

/// A string after its length.
fn string<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let length = u16::from_be_bytes(fields.array()?);
    fields.take(usize::from(length))
}

/// What an ERROR means.
fn refusal(body: &[u8], password: Option<&Secret>) -> Failure {
    let mut fields = Fields(body);
    let (Some(code), Some(text)) = (fields.array().map(u32::from_be_bytes), string(&mut fields)) else {
        return wire::stranger("cql", body, password);
    };
    let text = wire::quote(text, password);
    let reason = match code {
        0x0100 => format!("the server refuses this login: {text}"),
        0x1001 => "the server is overloaded".to_owned(),
        0x1002 => "the server is bootstrapping; give it a start period".to_owned(),
        _ => format!("the server answers: {text} ({code:#06x})"),
    };
    Failure::answer(Phase::Response, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    fn frame(opcode: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[RESPONSE, 0, 0, 0, opcode], &length[..], body].concat()
    }

    fn supported() -> Vec<u8> {
        frame(SUPPORTED, b"\0\x02\0\x0bCOMPRESSION\0\x01\0\x03lz4\0\x0bCQL_VERSION\0\x01\0\x053.4.6")
    }

    fn error(code: u32, text: &[u8]) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        frame(ERROR, &[&code.to_be_bytes()[..], &length, text].concat())
    }

    fn answer(says: &[Vec<u8>], password: Option<&Secret>) -> (Result<String, String>, Vec<u8>) {
        let mut peer = Script::new(&says.concat(), 3);
        let outcome = converse(&mut peer, "u", password).map_err(|failure| failure.reason);
        (outcome, peer.heard)
    }

    #[test]
    fn ready_and_asked_for_a_login_are_healthy() {
        let (outcome, heard) = answer(&[supported(), frame(READY, b"")], None);
        assert_eq!(outcome, Ok("speaks CQL 3.4.6, ready".into()));
        assert!(heard.starts_with(b"\x04\0\0\0\x05\0\0\0\0\x04\0\0\0\x01\0\0\0\x16\0\x01"));
        let class = frame(AUTHENTICATE, b"\0\x01A");
        assert_eq!(
            answer(&[supported(), class.clone()], None).0,
            Ok("speaks CQL 3.4.6, wants a login; login not tried".into())
        );
        let secret = Secret::new(b"hunter2".to_vec());
        let (outcome, heard) = answer(&[supported(), class.clone(), frame(AUTH_SUCCESS, b"")], Some(&secret));
        assert_eq!(outcome, Ok("speaks CQL 3.4.6 and takes this login".into()));
        assert!(heard.ends_with(b"\x0f\0\0\0\x0e\0\0\0\x0a\0u\0hunter2"), "{heard:?}");
        let wrong = answer(&[supported(), class, error(0x100, b"Bad credentials hunter2")], Some(&secret)).0;
        assert_eq!(wrong, Err("the server refuses this login: Bad credentials ***".into()));
    }

    #[test]
    fn errors_are_named() {
        for (code, reason) in
            [(0x1001, "overloaded"), (0x1002, "bootstrapping"), (0x000a, "the server answers: why (0x000a)")]
        {
            assert!(answer(&[error(code, b"why")], None).0.unwrap_err().contains(reason));
            assert!(answer(&[supported(), error(code, b"why")], None).0.unwrap_err().contains(reason));
        }
        let mut older = error(0x0a, b"Invalid or unsupported protocol version (4)");
        older[0] = 0x83;
        assert!(answer(&[older], None).0.unwrap_err().contains("unsupported protocol version"));
    }

    #[test]
    fn garbage_and_cut_answers_are_failures() {
        for says in garbage() {
            assert!(answer(std::slice::from_ref(&says), None).0.is_err(), "{says:?}");
            assert!(answer(&[supported(), says.clone()], None).0.is_err(), "{says:?}");
            let _ = answer(&[frame(SUPPORTED, &says), frame(ERROR, &says)], None);
        }
        let whole = [supported(), frame(READY, b"")].concat();
        for end in 0..whole.len() {
            assert!(answer(&[whole[..end].to_vec()], None).0.is_err(), "{end}");
        }
    }
}
