//! `kafka://`: the broker says what it speaks, and knows a cluster with a controller; with a user, it takes the login.

mod message;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::login::{self, Login};
use crate::client::scram::{ClientFirst, Mechanism, ScramError};
use crate::client::secret::Secret;
use crate::client::wire::{self, Fields, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

use self::message::{API_VERSIONS, Cluster, METADATA, SASL_AUTHENTICATE, SASL_HANDSHAKE, ask};

/// The port of its clients.
const PORT: u16 = 9092;

/// The newest version of METADATA that we speak: the next one is encoded in another way.
const METADATA_MAX: i16 = 8;

/// Asks for the cluster, and logs in if there is a user.
#[derive(Debug)]
pub(super) struct Kafka {
    dial: Dial,
    login: Login,
}

/// Reads `//[user:password@]host[:port][?tls=true]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let login = Login::parse_whole(authority.userinfo, &options.login)?;
    let layer = options.dial.layer_for(authority.path)?;
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(PORT), layer, &options.dial);
    Ok(Box::new(Kafka { dial, login }))
}

impl Kind for Kafka {
    /// Passes when the broker is part of a cluster that has a controller.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let mut stream = self.dial.connect(deadline, trace)?;
        let user = self.login.user.as_deref().unwrap_or_default();
        let session = Session { user, password: password.as_ref(), layer: self.dial.layer(), deadline };
        converse(&mut stream, &session)
    }
}

/// Who logs in.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// The user.
    pub(crate) user: &'a str,
    /// Without one, nobody logs in.
    pub(crate) password: Option<&'a Secret>,
    /// Whether the connection is encrypted.
    pub(crate) layer: Layer,
    /// When to stop computing.
    pub(crate) deadline: Deadline,
}

/// The dialogue (<https://kafka.apache.org/protocol#protocol_network>).
pub(crate) fn converse(peer: &mut dyn Peer, session: &Session<'_>) -> Outcome {
    let secret = session.password;
    let stranger = |answer: &[u8]| wire::stranger("kafka", answer, secret);
    // A listener for TLS, or one that wants a login first, closes without a word.
    let offered = ask(peer, API_VERSIONS, 0, &[], secret).map_err(|failure| hinted(failure, session))?;
    let (least, most) = message::versions(&offered, METADATA).ok_or_else(|| stranger(&offered))?;
    if let Some(password) = session.password {
        log_in(peer, session, password)?;
    }
    let version = least.max(1);
    if version > most.min(METADATA_MAX) {
        let reason = format!(
            "the broker speaks versions {least} to {most} of Metadata; only 1 to {METADATA_MAX} are supported"
        );
        return Err(Failure::new(Phase::Response, Cause::Protocol, reason));
    }
    let answer = ask(peer, METADATA, version, &message::metadata(version), secret)
        .map_err(|failure| hinted(failure, session))?;
    let fails = |reason: &str| Err(Failure::answer(Phase::Response, reason));
    match Cluster::parse(&answer, version).ok_or_else(|| stranger(&answer))? {
        Cluster { controller: ..0, .. } => fails("the cluster has no controller yet; give it a start period"),
        Cluster { brokers: ..1, .. } => fails("the broker knows no cluster yet; give it a start period"),
        Cluster { brokers, controller } => {
            let brokers = if brokers == 1 { "1 broker".to_owned() } else { format!("{brokers} brokers") };
            let login = if secret.is_some() { ", takes this login" } else { "" };
            Ok(format!("{brokers}, controller {controller}{login}"))
        }
    }
}

/// What a connection that is closed at once may mean here.
fn hinted(mut failure: Failure, session: &Session<'_>) -> Failure {
    if matches!(failure.cause, Cause::Closed | Cause::Reset) {
        let hint = match (session.layer, session.password) {
            (Layer::Plain, None) => {
                "a listener for TLS (?tls=true) or for users (kafka://user:password@host)?"
            }
            (Layer::Plain, Some(_)) => "a listener for TLS (?tls=true)?",
            (Layer::Tls, None) => "a listener for users (kafka://user:password@host)?",
            (Layer::Tls, Some(_)) => return failure,
        };
        failure.reason = format!("{}; {hint}", failure.reason);
    }
    failure
}

/// Logs in by the best mechanism that the broker has
/// (<https://kafka.apache.org/protocol#sasl_handshake>).
fn log_in(peer: &mut dyn Peer, session: &Session<'_>, password: &Secret) -> Result<(), Failure> {
    let secret = Some(password);
    let shake = |peer: &mut dyn Peer, mechanism: &str| -> Result<(i16, Vec<u8>), Failure> {
        let answer = ask(peer, SASL_HANDSHAKE, 1, &message::text(mechanism), secret)?;
        let mut fields = Fields(&answer);
        let code = message::int16(&mut fields).ok_or_else(|| wire::stranger("kafka", &answer, secret))?;
        Ok((code, fields.0.to_vec()))
    };
    // The answer lists what the broker has, whether it takes this one or not; a refusal ends the connection in old
    // brokers only.
    let (mut code, offered) = shake(peer, Mechanism::Sha256.name())?;
    let mut mechanism = Mechanism::Sha256.name();
    if code != 0 {
        let offers = |name: &str| offered.windows(name.len()).any(|window| window == name.as_bytes());
        mechanism = if offers(Mechanism::Sha512.name()) { Mechanism::Sha512.name() } else { "PLAIN" };
        if !offers(mechanism) {
            let reason = match code {
                34 => "this listener takes no login; leave user and password out",
                _ => "the broker has none of SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN",
            };
            return Err(Failure::answer(Phase::Response, reason));
        }
        (code, _) = shake(peer, mechanism)?;
    }
    if code != 0 {
        return Err(Failure::answer(
            Phase::Response,
            format!("the broker refuses {mechanism} (error {code})"),
        ));
    }
    let scram = match mechanism {
        "PLAIN" => {
            let token = [b"\0", session.user.as_bytes(), b"\0", password.expose()].concat();
            return authenticate(peer, &token, password).map(|_| ());
        }
        "SCRAM-SHA-512" => Mechanism::Sha512,
        _ => Mechanism::Sha256,
    };
    let first = ClientFirst::begin(scram, session.user)?;
    let answer = authenticate(peer, first.message().as_bytes(), password)?;
    let (last, proof) =
        first.answer(&answer, password, session.deadline).map_err(ScramError::into_failure)?;
    let answer = authenticate(peer, last.as_bytes(), password)?;
    proof.check(&answer).map_err(ScramError::into_failure)
}

/// Sends a part of a login; the broker's part.
fn authenticate(peer: &mut dyn Peer, token: &[u8], password: &Secret) -> Result<Vec<u8>, Failure> {
    let secret = Some(password);
    let answer = ask(peer, SASL_AUTHENTICATE, 0, &message::bytes(token), secret)?;
    let mut fields = Fields(&answer);
    let parts = || {
        Some((message::int16(&mut fields)?, message::nullable(&mut fields)?, message::counted(&mut fields)))
    };
    match ({ parts })() {
        Some((0, _, Some(bytes))) => Ok(bytes.to_vec()),
        Some((58, ..)) => {
            Err(Failure::answer(Phase::Response, "the broker refuses this user or password (58)"))
        }
        Some((code, text, _)) if code != 0 => {
            let text = wire::quote(text, secret);
            Err(Failure::answer(Phase::Response, format!("the broker refuses the login: {text} ({code})")))
        }
        _ => Err(wire::stranger("kafka", &answer, secret)),
    }
}

#[cfg(test)]
mod tests;
