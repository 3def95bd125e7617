//! `mqtt://`, `mqtts://`: the broker accepts a connection (MQTT 3.1.1, CONNACK).

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};
use crate::sys::random;

use crate::client::dial::{Dial, Layer};
use crate::client::login::{self, Login};
use crate::client::secret::Secret;
use crate::client::wire::{self, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The broker's port.
const PORT: u16 = 1883;

/// The same with TLS from the first byte.
const PORT_TLS: u16 = 8883;

/// CONNACK (3.2): its type and flags, and its length.
const CONNACK: [u8; 2] = [0x20, 2];

/// DISCONNECT (3.14), so that the broker publishes no will and logs no lost connection.
const DISCONNECT: [u8; 2] = [0xe0, 0];

/// Connects as a client of its own.
#[derive(Debug)]
pub(super) struct Mqtt {
    dial: Dial,
    login: Login,
}

/// Reads `//[user[:password]@]host[:port]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let login = Login::parse(authority.userinfo, &options.login)?;
    if login.has_password() && login.user.is_none() {
        return Err("a password without a user; write mqtt://user:password@host,".into());
    }
    if !matches!(authority.path, "" | "/") {
        return Err(format!("`{}`, which mqtt has no use for,", authority.path));
    }
    let is_tls = target.scheme == "mqtts" || options.dial.tls.is_given();
    let layer = if is_tls { Layer::Tls } else { Layer::Plain };
    let port = authority.port.unwrap_or(if is_tls { PORT_TLS } else { PORT });
    Ok(Box::new(Mqtt { dial: Dial::tcp(authority.host, port, layer, &options.dial), login }))
}

impl Kind for Mqtt {
    /// Passes when the broker accepts us.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let mut stream = self.dial.connect(deadline, trace)?;
        // Of its own for each attempt: a broker cuts off an older client of the same name (3.1.4).
        let mut unique = [0; 4];
        let broken = |_| Failure::new(Phase::Local, Cause::Broken, "the kernel gives no random numbers");
        random::fill(&mut unique).map_err(broken)?;
        let client = format!("sexton-{}", wire::hex(&unique));
        converse(&mut stream, &client, self.login.user.as_deref(), password.as_ref())
    }
}

/// The dialogue (<https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html>).
pub(crate) fn converse(
    peer: &mut dyn Peer,
    client: &str,
    user: Option<&str>,
    password: Option<&Secret>,
) -> Outcome {
    wire::send(peer, &connect(client, user, password))?;
    let start: [u8; 2] = wire::array(peer)?;
    if start != CONNACK {
        return Err(stranger(&start, peer, password));
    }
    let [_, code] = wire::array(peer)?;
    let reason = match code {
        0 => {
            wire::bid_farewell(peer, &DISCONNECT);
            return Ok("accepts connections".into());
        }
        1 => "the broker does not speak MQTT 3.1.1".to_owned(),
        2 => "the broker refuses our client identifier; allow identifiers that begin with sexton-".to_owned(),
        3 => "the broker's MQTT service is unavailable (code 3)".to_owned(),
        4 => "the broker refuses this user or password (code 4)".to_owned(),
        5 if user.is_none() => {
            "the broker wants a login; write mqtt://user:password@host, or give --password-file".to_owned()
        }
        5 => "the broker does not let this user connect, or refuses the password (code 5)".to_owned(),
        other => format!("the broker refuses the connection (code {other})"),
    };
    Err(Failure::answer(Phase::Response, reason))
}

/// The failure of a peer that answers something else: MQTT 5 has a longer CONNACK.
fn stranger(start: &[u8], peer: &mut dyn Peer, password: Option<&Secret>) -> Failure {
    if start.first() == Some(&0x20) {
        let reason = "the broker answers in another version of MQTT than 3.1.1";
        return Failure::new(Phase::Response, Cause::Protocol, reason);
    }
    wire::stranger_so_far("mqtt", start, peer, password)
}

/// CONNECT (3.1): a clean session without a will, kept for 10 seconds.
fn connect(client: &str, user: Option<&str>, password: Option<&Secret>) -> Vec<u8> {
    let mut flags = 0b10;
    let mut payload = string(client.as_bytes());
    if let Some(user) = user {
        flags |= 0b1000_0000;
        payload.extend(string(user.as_bytes()));
    }
    if let Some(password) = password {
        flags |= 0b0100_0000;
        payload.extend(string(password.expose()));
    }
    let body = [&string(b"MQTT")[..], &[4, flags, 0, 10], &payload].concat();
    let mut packet = vec![0x10];
    let mut length = body.len();
    // Seven bits a byte, the lowest first (2.2.3).
    loop {
        let byte = u8::try_from(length % 128).unwrap_or(0);
        length /= 128;
        packet.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

/// A string after its length (1.5.3).
fn string(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), text.get(..usize::from(length)).unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    fn answer(says: &[u8], user: Option<&str>) -> Result<String, String> {
        converse(&mut Script::new(says, 1), "sexton-1", user, None).map_err(|failure| failure.reason)
    }

    #[test]
    fn the_code_of_connack_decides() {
        assert_eq!(answer(b"\x20\x02\x00\x00", None), Ok("accepts connections".into()));
        for (code, reason) in [
            (1, "does not speak MQTT 3.1.1"),
            (2, "client identifier"),
            (3, "MQTT service is unavailable (code 3)"),
            (4, "refuses this user or password (code 4)"),
            (5, "wants a login"),
            (99, "(code 99)"),
        ] {
            assert!(answer(&[0x20, 2, 0, code], None).unwrap_err().contains(reason));
        }
        assert!(
            answer(b"\x20\x02\x00\x05", Some("u")).unwrap_err().contains("does not let this user connect")
        );
        assert!(answer(b"\x20\x03\x00\x84\x00", None).unwrap_err().contains("another version"));
        assert!(
            answer(b"HTTP/1.1 400 Bad Request\r\n", None).unwrap_err().contains("an HTTP server answers")
        );
    }

    #[test]
    fn a_connect_is_as_the_standard_has_it() {
        let secret = Secret::new(b"pw".to_vec());
        let packet = connect("id", Some("u"), Some(&secret));
        assert_eq!(packet, b"\x10\x15\0\x04MQTT\x04\xc2\0\x0a\0\x02id\0\x01u\0\x02pw");
        assert_eq!(connect(&"x".repeat(200), None, None).get(..3), Some(&[0x10, 0xd4, 0x01][..]));
        let mut peer = Script::new(b"\x20\x02\x00\x00", 4);
        converse(&mut peer, "id", None, None).unwrap();
        assert!(peer.heard.ends_with(&DISCONNECT));
    }

    #[test]
    fn garbage_is_a_failure() {
        for says in garbage() {
            assert!(answer(&says, None).is_err(), "{says:?}");
        }
    }
}
