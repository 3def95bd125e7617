//! `ldap://`, `ldaps://`: the server takes a simple bind (RFC 4511, 4.2), anonymous unless the target names a user.

use crate::deadline::Deadline;
use crate::outcome::{Failure, Outcome, Phase, Trace};

use crate::client::ber::{INTEGER, OCTETS, SEQUENCE, element, take};
use crate::client::dial::{Dial, Layer};
use crate::client::login::{self, Login};
use crate::client::secret::Secret;
use crate::client::wire::{self, Fields, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The server's port.
const PORT: u16 = 389;

/// The same with TLS from the first byte.
const PORT_TLS: u16 = 636;

/// Longer than any answer to a bind.
const MESSAGE_MAX: usize = 16 * 1024;

/// The tag of an ENUMERATED.
const ENUMERATED: u8 = 0x0a;
/// The tag of a bind request.
const BIND_REQUEST: u8 = 0x60;
/// The tag of its answer.
const BIND_RESPONSE: u8 = 0x61;
/// The tag of a password in a bind request.
const SIMPLE: u8 = 0x80;

/// Says goodbye: message 2, an unbind request.
const UNBIND: [u8; 7] = [SEQUENCE, 5, INTEGER, 1, 2, 0x42, 0];

/// Binds and leaves.
#[derive(Debug)]
pub(super) struct Ldap {
    dial: Dial,
    login: Login,
}

/// Reads `//[dn[:password]@]host[:port]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let login = Login::parse(authority.userinfo, &options.login)?;
    if !matches!(authority.path, "" | "/") {
        return Err(format!("`{}`, which this check has no use for,", authority.path));
    }
    let is_tls = target.scheme == "ldaps" || options.dial.tls.is_given();
    if login.user.is_some() != login.has_password() {
        return Err(
            "a user without a password, or the other way round; write ldaps://DN:password@host,".into()
        );
    }
    if login.has_password() && !is_tls && options.dial.unix_socket.is_none() {
        return Err("a password, which would go out in clear; write ldaps://,".into());
    }
    let layer = if is_tls { Layer::Tls } else { Layer::Plain };
    let port = authority.port.unwrap_or(if is_tls { PORT_TLS } else { PORT });
    Ok(Box::new(Ldap { dial: Dial::tcp(authority.host, port, layer, &options.dial), login }))
}

impl Kind for Ldap {
    /// Passes when the bind succeeds.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let mut stream = self.dial.connect(deadline, trace)?;
        converse(&mut stream, self.login.user.as_deref(), password.as_ref())
    }
}

/// The dialogue (<https://www.rfc-editor.org/rfc/rfc4511#section-4.2>).
pub(crate) fn converse(peer: &mut dyn Peer, user: Option<&str>, password: Option<&Secret>) -> Outcome {
    wire::send(peer, &bind(user.unwrap_or_default(), password))?;
    let message = next_message(peer, password)?;
    let Some((code, said)) = result(&message) else {
        return Err(wire::stranger("ldap", &message, password));
    };
    let said = wire::quote(said, password);
    let why = match code {
        0 => {
            wire::bid_farewell(peer, &UNBIND);
            let login = if user.is_some() { " and this login" } else { "" };
            return Ok(format!("takes a bind{login}"));
        }
        8 | 13 => "the server wants TLS first; write ldaps://".to_owned(),
        48 if user.is_none() => {
            "the server takes no anonymous bind; write ldaps://DN:password@host".to_owned()
        }
        49 => "the server refuses this user or password (49)".to_owned(),
        51 => "the server is busy (51)".to_owned(),
        52 => "the server is there, but its directory is unavailable (52)".to_owned(),
        53 => "the server is unwilling to take the bind (53)".to_owned(),
        other => format!("the server refuses the bind ({other})"),
    };
    let reason = if said.is_empty() { why } else { format!("{why}: {said}") };
    Err(Failure::answer(Phase::Response, reason))
}

/// Message 1: a bind, version 3.
fn bind(user: &str, password: Option<&Secret>) -> Vec<u8> {
    let password = password.map(Secret::expose).unwrap_or_default();
    let request =
        [element(INTEGER, &[3]), element(OCTETS, user.as_bytes()), element(SIMPLE, password)].concat();
    element(SEQUENCE, &[element(INTEGER, &[1]), element(BIND_REQUEST, &request)].concat())
}

/// What is in the sequence that the server sends.
fn next_message(peer: &mut dyn Peer, password: Option<&Secret>) -> Result<Vec<u8>, Failure> {
    let start: [u8; 2] = wire::array(peer)?;
    let length = match start {
        [SEQUENCE, length @ 0..=0x7f] => usize::from(length),
        [SEQUENCE, form @ 0x81..=0x84] => {
            let bytes = wire::body(peer, usize::from(form & 0x7f))?;
            bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
        other => return Err(wire::stranger_so_far("ldap", &other, peer, password)),
    };
    if length > MESSAGE_MAX {
        return Err(wire::stranger("ldap", &start, password));
    }
    wire::body(peer, length)
}

/// The code and the words of a bind response.
fn result(message: &[u8]) -> Option<(u32, &[u8])> {
    let mut message = Fields(message);
    take(&mut message, INTEGER)?;
    let mut response = Fields(take(&mut message, BIND_RESPONSE)?);
    let code = take(&mut response, ENUMERATED)?;
    let code =
        code.iter().try_fold(0_u32, |code, byte| code.checked_mul(256)?.checked_add(u32::from(*byte)))?;
    take(&mut response, OCTETS)?;
    Some((code, take(&mut response, OCTETS)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    /// A bind response.
    fn response(code: u8, said: &[u8]) -> Vec<u8> {
        let body = [element(ENUMERATED, &[code]), element(OCTETS, b""), element(OCTETS, said)].concat();
        element(SEQUENCE, &[element(INTEGER, &[1]), element(BIND_RESPONSE, &body)].concat())
    }

    fn answer(says: &[u8], user: Option<&str>) -> Result<String, String> {
        converse(&mut Script::new(says, 3), user, None).map_err(|failure| failure.reason)
    }

    #[test]
    fn the_result_code_decides() {
        assert_eq!(answer(&response(0, b""), None), Ok("takes a bind".into()));
        assert_eq!(answer(&response(0, b""), Some("cn=a")), Ok("takes a bind and this login".into()));
        // The long form of lengths, as Active Directory has it.
        let long = b"\x30\x84\0\0\0\x10\x02\x01\x01\x61\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0";
        assert_eq!(answer(long, None), Ok("takes a bind".into()));
        for (code, reason) in [
            (13, "wants TLS first"),
            (48, "no anonymous bind; write ldaps://"),
            (49, "refuses this user or password"),
            (51, "is busy"),
            (52, "its directory is unavailable"),
            (99, "refuses the bind (99): why"),
        ] {
            let error = answer(&response(code, b"why"), None).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn an_anonymous_bind_is_as_the_standard_has_it() {
        assert_eq!(bind("", None), b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0");
        let mut peer = Script::new(&response(0, b""), 100);
        converse(&mut peer, None, None).unwrap();
        assert!(peer.heard.ends_with(&UNBIND));
    }

    #[test]
    fn garbage_and_cut_answers_are_failures() {
        for says in garbage() {
            assert!(answer(&says, None).is_err(), "{says:?}");
        }
        let whole = response(0, b"said");
        for end in 0..whole.len() {
            assert!(answer(&whole[..end], None).is_err(), "{end}");
        }
        assert!(answer(b"\x30\x84\xff\xff\xff\xff", None).is_err());
    }
}
