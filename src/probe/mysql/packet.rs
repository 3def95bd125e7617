//! The packets of `MySQL`'s protocol 10
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html>).

use crate::outcome::Failure;

use super::Session;
use crate::client::dial::Layer;
use crate::client::secret::Secret;
use crate::client::wire;
use crate::client::wire::{Fields, Peer};

/// Longer than any packet of a login.
const PACKET_MAX: usize = 64 * 1024;

/// What we can, as a set of capabilities: long passwords, protocol 4.1, its authentication, plugins.
const CAPABILITIES: u32 = 0x1 | 0x200 | 0x8000 | 0x8_0000;
/// A database is named.
const WITH_DATABASE: u32 = 0x8;
/// TLS.
pub(super) const SSL: u32 = 0x800;

/// utf8mb4, which every server since 5.5 knows.
const CHARSET: u8 = 45;

/// A packet as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// Its number; the answer has the next one.
    pub(super) sequence: u8,
    /// What it says.
    pub(super) body: Vec<u8>,
}

/// Reads a packet.
pub(super) fn next_packet(peer: &mut dyn Peer, secret: Option<&Secret>) -> Result<Packet, Failure> {
    let header: [u8; 4] = wire::array(peer)?;
    let [a, b, c, sequence] = header;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(usize::MAX);
    if length == 0 || length > PACKET_MAX {
        return Err(wire::stranger_so_far("mysql", &header, peer, secret));
    }
    Ok(Packet { sequence, body: wire::body(peer, length)? })
}

/// `body` as a packet.
pub(super) fn framed(sequence: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    [&[a, b, c, sequence], body].concat()
}

/// What a server says first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// The number of its packet.
    pub(super) sequence: u8,
    /// The server's version, for people.
    pub(super) version: Vec<u8>,
    /// What passwords are scrambled with; 20 bytes, from an honest server.
    pub(super) salt: Vec<u8>,
    /// The plugin that the server would like best.
    pub(super) plugin: Vec<u8>,
    capabilities: u32,
}

impl Greeting {
    /// Takes a greeting apart; `None` for anything else.
    pub(super) fn parse(packet: &Packet) -> Option<Self> {
        let mut fields = Fields(&packet.body);
        if fields.u8()? != 10 {
            return None;
        }
        let version = fields.until_nul()?.to_vec();
        let _thread: [u8; 4] = fields.array()?;
        let mut salt = fields.take(8)?.to_vec();
        let _filler = fields.u8()?;
        let [low, lower] = fields.array()?;
        let _charset_and_status: [u8; 3] = fields.array()?;
        let [high, higher] = fields.array()?;
        let capabilities = u32::from_le_bytes([low, lower, high, higher]);
        let length = usize::from(fields.u8()?);
        let _reserved: [u8; 10] = fields.array()?;
        let rest = fields.take(length.saturating_sub(8).max(13))?;
        salt.extend_from_slice(rest.strip_suffix(b"\0").unwrap_or(rest));
        // An old server ends the name where the packet ends.
        let plugin = fields.0.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
        Some(Self { sequence: packet.sequence, version, salt, plugin, capabilities })
    }

    /// Whether the server can `capability`.
    pub(super) fn offers(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }
}

/// Asks for TLS. What is asked for here counts, not only what stands in the login after it: a database that is not
/// announced is not looked at.
pub(super) fn ssl_request(sequence: u8, database: Option<&str>) -> Vec<u8> {
    let database = if database.is_some() { WITH_DATABASE } else { 0 };
    framed(sequence, &who(CAPABILITIES | SSL | database))
}

/// Says who we are.
pub(super) fn handshake_response(
    sequence: u8,
    greeting: &Greeting,
    session: &Session<'_>,
    answer: &[u8],
    plugin: &[u8],
) -> Vec<u8> {
    let mut capabilities = CAPABILITIES;
    if session.layer == Layer::Tls {
        capabilities |= SSL & greeting.capabilities;
    }
    if session.database.is_some() {
        capabilities |= WITH_DATABASE;
    }
    let mut body = who(capabilities);
    body.extend_from_slice(session.user.as_bytes());
    body.push(0);
    // At most 32 bytes: a digest. A longer answer, a password over TLS, waits until the server asks again.
    let length = u8::try_from(answer.len()).unwrap_or(0);
    body.push(length);
    body.extend_from_slice(answer.get(..usize::from(length)).unwrap_or_default());
    if let Some(database) = session.database {
        body.extend_from_slice(database.as_bytes());
        body.push(0);
    }
    body.extend_from_slice(plugin);
    body.push(0);
    framed(sequence, &body)
}

/// What a wish for TLS and a login begin with.
fn who(capabilities: u32) -> Vec<u8> {
    let mut body = capabilities.to_le_bytes().to_vec();
    body.extend_from_slice(&0x00ff_ffff_u32.to_le_bytes());
    body.push(CHARSET);
    body.extend_from_slice(&[0; 23]);
    body
}

/// An error packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint<'a> {
    code: u16,
    message: &'a [u8],
}

/// What errors mean (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
const MEANINGS: &[(u16, &str)] = &[
    (1040, "too many connections (1040); raise max_connections, or find who holds the connections"),
    (1203, "this user has too many connections (1203); see max_user_connections"),
    (1226, "this user has used up what the server grants it per hour (1226)"),
    (
        1129,
        "the server has blocked this host after too many aborted connections (1129); FLUSH HOSTS lets it in again, and \
         a target with a user does not count as aborted",
    ),
    (1130, "the server lets nobody in from this host (1130); see the hosts of its accounts"),
    (
        1045,
        "access denied for this user and password (1045); an account that needs TLS takes ?ssl-mode=required",
    ),
    (1698, "access denied for this user (1698): the account takes no password over the network"),
    (1044, "access denied for this user to this database (1044)"),
    (1049, "no such database (1049); correct the target's path"),
    (1053, "the server is shutting down (1053)"),
    (1820, "the password of this user has expired (1820)"),
    (1862, "the password of this user has expired (1862)"),
    (3118, "the account of this user is locked (3118)"),
    (4151, "the account of this user is locked (4151)"),
    (3159, "the server takes logins only over TLS (3159); add ?ssl-mode=required"),
];

impl<'a> Complaint<'a> {
    /// Takes an error packet apart; `None` for anything else.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        if fields.u8()? != 0xff {
            return None;
        }
        let code = u16::from_le_bytes(fields.array()?);
        // `#` and an SQLSTATE, which the first packet of a connection lacks.
        let message = match fields.0 {
            [b'#', _, _, _, _, _, message @ ..] | message => message,
        };
        Some(Self { code, message })
    }

    /// The sentence for it.
    pub(super) fn reason(&self, secret: Option<&Secret>) -> String {
        match MEANINGS.iter().find(|(code, _)| *code == self.code) {
            Some((_, meaning)) => (*meaning).to_owned(),
            None => format!("the server answers: {} ({})", wire::quote(self.message, secret), self.code),
        }
    }
}
