//! `mysql://`, `mariadb://`: a greeting arrives; with a user, the login goes to its end.
//!
//! Without a user the connection is closed after the greeting. The server counts that as an aborted connection:
//! `MariaDB` notes "closed normally without authentication", nothing about a login, and a server that resolves the
//! names of its clients blocks a host other than loopback after `max_connect_errors` of them in a row. Only a login
//! is quiet and resets that count: an account without any right will do.

mod ed25519;
mod packet;
mod public_key;
mod scramble;

use crate::deadline::Deadline;
use crate::net::Stream;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use self::packet::{Complaint, Greeting, Packet, next_packet};
use crate::client::dial::{Confidentiality, Dial, Layer, TlsMode};
use crate::client::login;
use crate::client::login::Login;
use crate::client::parameters::{Parameters, unused_step};
use crate::client::secret::Secret;
use crate::client::wire;
use crate::client::wire::{Fields, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port that the server has when nobody says otherwise.
const PORT: u16 = 3306;

/// Asks for the key that a password is encrypted by (`caching_sha2_password`).
const REQUEST_PUBLIC_KEY: u8 = 2;

/// More packets than a login takes.
const PACKETS_MAX: u32 = 16;

/// Reads the greeting, and logs in if there is a user.
#[derive(Debug)]
pub(super) struct Mysql {
    dial: Dial,
    login: Login,
    database: Option<String>,
    tls: TlsMode,
    /// Parameters that are not for us.
    unused: Vec<String>,
}

/// Reads `//[user[:password]@]host[:port][/database][?ssl-mode=...]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let login = Login::parse(authority.userinfo, &options.login)?;
    let (path, query) = authority.path.split_once('?').unwrap_or((authority.path, ""));
    let database = login::decode_text(path.strip_prefix('/').unwrap_or(path), "database")?;
    let mut parameters = Parameters::parse(query)?;
    let word = ["ssl-mode", "sslmode", "ssl_mode"].iter().find_map(|name| parameters.take(name));
    let tls = TlsMode::decide("ssl-mode", word.as_deref(), &options.dial)?;
    if login.user.is_none() {
        let useless = match (login.has_password(), database.is_empty(), word.is_none()) {
            (true, ..) => "a password without a user",
            (_, false, _) => "a database, which takes a user to be looked at",
            (.., false) => "an ssl-mode, which takes a user to come to that",
            _ if tls.is_required() => "options for TLS, which take a user to come to that",
            (false, true, true) => "",
        };
        if !useless.is_empty() {
            return Err(format!("{useless}; write {}://user@host,", target.scheme));
        }
    }
    let dial = Dial::upgradable(authority.host, authority.port.unwrap_or(PORT), tls, &options.dial);
    let database = (!database.is_empty()).then_some(database);
    Ok(Box::new(Mysql { dial, login, database, tls, unused: parameters.unused() }))
}

impl Kind for Mysql {
    /// Passes on a greeting, with a user on a login.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        if !self.unused.is_empty() {
            trace.step(|| unused_step(&self.unused));
        }
        let mut stream = self.dial.connect(deadline, trace)?;
        let mut greeting = greet(&mut stream, password.as_ref())?;
        // MariaDB before 11 says 5.5.5- first, for the sake of old replicas.
        let version = greeting.version.strip_prefix(b"5.5.5-").unwrap_or(&greeting.version);
        let seen = format!("greets as {}", wire::quote(version, password.as_ref()));
        let Some(user) = self.login.user.as_deref() else { return Ok(seen) };

        let session = |layer, confidentiality| Session {
            user,
            database: self.database.as_deref(),
            password: password.as_ref(),
            layer,
            confidentiality,
        };
        let taken = format!("{seen} and takes this login");
        let in_clear = if self.dial.is_local() { Confidentiality::Local } else { Confidentiality::None };
        let offers_tls = greeting.offers(packet::SSL);
        // As MySQL's own client does: accounts may want TLS, and passwords that are not in the server's cache go over it.
        if self.tls.is_required() || (offers_tls && self.tls == TlsMode::Prefer && !self.dial.is_local()) {
            match self.encrypt(stream, &greeting, trace) {
                Ok(mut stream) => {
                    return log_in(&mut stream, &greeting, &session(Layer::Tls, Confidentiality::Tls))
                        .map(|()| taken);
                }
                Err(failure) if self.tls.is_required() || failure.phase != Phase::Tls => return Err(failure),
                Err(failure) => trace.step(|| format!("{failure}; trying again in clear")),
            }
            stream = self.dial.connect(deadline, trace)?;
            greeting = greet(&mut stream, password.as_ref())?;
        }
        log_in(&mut stream, &greeting, &session(Layer::Plain, in_clear)).map(|()| taken)
    }
}

impl Mysql {
    /// Asks for TLS and shakes hands.
    fn encrypt(&self, mut stream: Stream, greeting: &Greeting, trace: &mut Trace) -> Result<Stream, Failure> {
        if !greeting.offers(packet::SSL) {
            return Err(Failure::answer(
                Phase::Tls,
                "the server offers no TLS, which this login needs; give it a certificate (ssl_cert, ssl_key)",
            ));
        }
        wire::send(
            &mut stream,
            &packet::ssl_request(greeting.sequence.wrapping_add(1), self.database.as_deref()),
        )?;
        self.dial.secure(stream, trace)
    }
}

/// Who logs in to what.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// The account.
    pub(crate) user: &'a str,
    /// The database to use.
    pub(crate) database: Option<&'a str>,
    /// Without one, an empty one.
    pub(crate) password: Option<&'a Secret>,
    /// Whether the connection is encrypted.
    pub(crate) layer: Layer,
    /// Whether a password may be sent as it is.
    pub(crate) confidentiality: Confidentiality,
}

/// Reads the greeting, or the error that comes in its place. A server that was told a password by an earlier check may repeat
/// it already here.
pub(crate) fn greet(peer: &mut dyn Peer, secret: Option<&Secret>) -> Result<Greeting, Failure> {
    let packet = next_packet(peer, secret).map_err(|failure| wire::ungreeted(failure, "mysql"))?;
    if let Some(complaint) = Complaint::parse(&packet.body) {
        return Err(Failure::answer(Phase::Response, complaint.reason(secret)));
    }
    Greeting::parse(&packet).ok_or_else(|| wire::stranger("mysql", &packet.body, secret))
}

/// Logs in and says goodbye
/// (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>).
pub(crate) fn log_in(peer: &mut dyn Peer, greeting: &Greeting, session: &Session<'_>) -> Result<(), Failure> {
    // What the server would like best, if we have it; else it asks for what the account needs.
    let plugin =
        if scramble::knows(&greeting.plugin) { greeting.plugin.as_slice() } else { scramble::NATIVE };
    let answer = scramble::answer(plugin, &greeting.salt, session)?;
    let sequence = greeting.sequence.wrapping_add(if session.layer == Layer::Tls { 2 } else { 1 });
    wire::send(peer, &packet::handshake_response(sequence, greeting, session, &answer, plugin))?;

    let mut salt = greeting.salt.clone();
    for _ in 0..PACKETS_MAX {
        let Packet { sequence, body } = next_packet(peer, session.password)?;
        let mut reply = |answer: &[u8]| wire::send(peer, &packet::framed(sequence.wrapping_add(1), answer));
        let mut fields = Fields(&body);
        match (fields.u8(), fields.0) {
            (Some(0x00), _) => {
                // COM_QUIT.
                wire::bid_farewell(peer, &packet::framed(0, &[1]));
                return Ok(());
            }
            (Some(0xff), _) => return Err(refusal(&body, session)),
            // The server wants the answer of another plugin.
            (Some(0xfe), request) => {
                let mut fields = Fields(request);
                let plugin = fields.until_nul().unwrap_or(b"mysql_old_password");
                salt = fields.0.strip_suffix(b"\0").unwrap_or(fields.0).to_vec();
                reply(&scramble::answer(plugin, &salt, session)?)?;
            }
            // caching_sha2_password: the server had the password in its cache; OK follows.
            (Some(0x01), [3]) => {}
            // It has not, and wants the password itself.
            (Some(0x01), [4]) if session.confidentiality != Confidentiality::None => {
                let password = session.password.map(Secret::expose).unwrap_or_default();
                reply(&[password, b"\0"].concat())?;
            }
            // In clear it goes out encrypted by the server's key, which is asked for first.
            (Some(0x01), [4]) => reply(&[REQUEST_PUBLIC_KEY])?,
            (Some(0x01), key) if key.starts_with(b"-----BEGIN") => {
                let password = session.password.map(Secret::expose).unwrap_or_default();
                reply(&public_key::encrypt(key, password, &salt)?)?;
            }
            _ => return Err(wire::stranger("mysql", &body, session.password)),
        }
    }
    Err(Failure::new(Phase::Response, Cause::Protocol, "the server keeps asking and never takes the login"))
}

/// The failure that an error packet means.
fn refusal(body: &[u8], session: &Session<'_>) -> Failure {
    match Complaint::parse(body) {
        Some(complaint) => Failure::answer(Phase::Response, complaint.reason(session.password)),
        None => wire::stranger("mysql", body, session.password),
    }
}

#[cfg(test)]
mod tests;
