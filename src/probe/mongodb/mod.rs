//! `mongodb://`: the server answers `hello` as one that serves; with a user, it takes the login.

mod bson;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::login::{self, Login};
use crate::client::saslprep;
use crate::client::scram::{ClientFirst, Mechanism, ScramError};
use crate::client::secret::Secret;
use crate::client::wire::{self, Fields, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

use self::bson::{Document, Value, get};

/// The port that the server has when nobody says otherwise.
const PORT: u16 = 27017;

/// Longer than any answer to what we ask; a large replica set lists its members.
const MESSAGE_MAX: usize = 64 * 1024;

/// `OP_MSG`, the opcode of commands since `MongoDB` 3.6.
const OP_MSG: u32 = 2013;

/// The code of a command that the server does not know: `hello` before 4.4.2.
const COMMAND_NOT_FOUND: f64 = 59.0;

/// Says hello, and logs in if there is a user.
#[derive(Debug)]
pub(super) struct Mongodb {
    dial: Dial,
    login: Login,
    /// Where the user is kept.
    auth_source: String,
}

/// Reads `//[user:password@]host[:port][/database][?tls=true&authSource=...]`. Other parameters of a connection string
/// are the app's own, and mean nothing here.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let login = Login::parse_whole(authority.userinfo, &options.login)?;
    let (path, query) = authority.path.split_once('?').unwrap_or((authority.path, ""));
    let mut auth_source = login::decode_text(path.strip_prefix('/').unwrap_or(path), "database")?;
    let mut tls = options.dial.tls.is_given();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("tls" | "ssl", "true")) => tls = true,
            Some(("tls" | "ssl", "false")) if options.dial.tls.is_given() => {
                return Err("tls=false beside options for TLS,".into());
            }
            Some(("authSource", source)) => auth_source = login::decode_text(source, "authSource")?,
            Some(("authMechanism", mechanism)) if mechanism != Mechanism::Sha256.name() => {
                return Err(format!("authMechanism={mechanism}, where only SCRAM-SHA-256 can be,"));
            }
            Some(_) => {}
            None => return Err(format!("`?{parameter}`, which is no parameter=value,")),
        }
    }
    if auth_source.is_empty() {
        "admin".clone_into(&mut auth_source);
    }
    let layer = if tls { Layer::Tls } else { Layer::Plain };
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(PORT), layer, &options.dial);
    Ok(Box::new(Mongodb { dial, login, auth_source }))
}

impl Kind for Mongodb {
    /// Passes when the server serves as what it is, and takes the login.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let mut stream = self.dial.connect(deadline, trace)?;
        let session = Session {
            user: self.login.user.as_deref().unwrap_or_default(),
            password: password.as_ref(),
            auth_source: &self.auth_source,
            deadline,
        };
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
    /// The database that the user is kept in.
    pub(crate) auth_source: &'a str,
    /// When to stop computing.
    pub(crate) deadline: Deadline,
}

/// The dialogue (<https://github.com/mongodb/specifications/blob/master/source/mongodb-handshake/handshake.md>).
pub(crate) fn converse(peer: &mut dyn Peer, session: &Session<'_>) -> Outcome {
    let secret = session.password;
    let mut hello = command(peer, 1, Document::default().int("hello", 1).text("$db", "admin"), secret)?;
    if get(&hello, "code") == Some(Value::Number(COMMAND_NOT_FOUND)) {
        hello = command(peer, 2, Document::default().int("isMaster", 1).text("$db", "admin"), secret)?;
    }
    let role = role(&hello, secret)?;
    let Some(password) = session.password else { return Ok(role.to_owned()) };
    log_in(peer, session, password)?;
    Ok(format!("{role}, takes this login"))
}

/// What the server is, if it serves.
fn role(hello: &[u8], secret: Option<&Secret>) -> Result<&'static str, Failure> {
    accepted(hello, secret)?;
    let is = |name| get(hello, name) == Some(Value::Bool(true));
    let fails = |reason| Err(Failure::answer(Phase::Response, reason));
    if get(hello, "msg") == Some(Value::Text(b"isdbgrid")) {
        return Ok("mongos");
    }
    let in_set = get(hello, "setName").is_some();
    match () {
        () if is("isreplicaset") => {
            fails("the replica set is not initiated; run rs.initiate() on one of its members")
        }
        () if is("isWritablePrimary") || is("ismaster") => Ok(if in_set { "primary" } else { "standalone" }),
        () if is("secondary") => Ok("secondary"),
        () if is("arbiterOnly") => Ok("arbiter"),
        () if in_set => fails(
            "neither primary nor secondary: this member is starting up, recovering or rolling back; give it a start \
             period, or look at rs.status()",
        ),
        () => fails("the server says that it is neither primary nor secondary"),
    }
}

/// SCRAM-SHA-256
/// (<https://github.com/mongodb/specifications/blob/master/source/auth/auth.md#scram-sha-256>).
fn log_in(peer: &mut dyn Peer, session: &Session<'_>, password: &Secret) -> Result<(), Failure> {
    let first = ClientFirst::begin(Mechanism::Sha256, session.user)?;
    let secret = Some(password);
    let start = Document::default()
        .int("saslStart", 1)
        .text("mechanism", Mechanism::Sha256.name())
        .bytes("payload", first.message().as_bytes())
        .document("options", Document::default().bool("skipEmptyExchange", true))
        .text("$db", session.auth_source);
    let (id, payload) = sasl_answer(&command(peer, 3, start, secret)?, secret)?;
    let (answer, proof) = first
        .answer(&payload, &saslprep::prepare(password), session.deadline)
        .map_err(ScramError::into_failure)?;
    let next = Document::default()
        .int("saslContinue", 1)
        .int("conversationId", id)
        .bytes("payload", answer.as_bytes())
        .text("$db", session.auth_source);
    let (_, payload) = sasl_answer(&command(peer, 4, next, secret)?, secret)?;
    proof.check(&payload).map_err(ScramError::into_failure)
}

/// The conversation and the payload of an answer.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a number that the server chose, repeated"
)]
fn sasl_answer(answer: &[u8], secret: Option<&Secret>) -> Result<(i32, Vec<u8>), Failure> {
    accepted(answer, secret)?;
    match (get(answer, "conversationId"), get(answer, "payload")) {
        (Some(Value::Number(id)), Some(Value::Bytes(payload))) => Ok((id as i32, payload.to_vec())),
        _ => Err(wire::stranger("mongodb", answer, secret)),
    }
}

/// Fails with what the server says when it says no.
fn accepted(answer: &[u8], secret: Option<&Secret>) -> Result<(), Failure> {
    if get(answer, "ok") == Some(Value::Number(1.0)) {
        return Ok(());
    }
    let Some(Value::Text(text)) = get(answer, "errmsg") else {
        return Err(wire::stranger("mongodb", answer, secret));
    };
    let text = wire::quote(text, secret);
    let reason = match get(answer, "code") {
        Some(Value::Number(18.0)) => "the server refuses this user or password (18)".to_owned(),
        Some(Value::Number(334.0)) => format!("the server does not take SCRAM-SHA-256 for this user: {text}"),
        Some(Value::Number(91.0)) => "the server is shutting down (91)".to_owned(),
        Some(Value::Number(code)) => format!("the server answers: {text} ({code})"),
        _ => format!("the server answers: {text}"),
    };
    Err(Failure::answer(Phase::Response, reason))
}

/// Sends a command; the document of its answer.
fn command(
    peer: &mut dyn Peer,
    id: u32,
    document: Document,
    secret: Option<&Secret>,
) -> Result<Vec<u8>, Failure> {
    // No flags, and one section, of kind 0.
    let body = [&[0; 5][..], &document.into_bytes()].concat();
    let length = u32::try_from(body.len() + 16).unwrap_or(u32::MAX);
    let header = [length, id, 0, OP_MSG].map(u32::to_le_bytes).concat();
    wire::send(peer, &[header, body].concat())?;

    let header: [u8; 16] = wire::array(peer)?;
    let stranger = || wire::stranger("mongodb", &header, secret);
    let mut fields = Fields(&header);
    let mut number = || fields.array().map(u32::from_le_bytes).ok_or_else(stranger);
    let (length, _id, to, opcode) = (number()?, number()?, number()?, number()?);
    let length = usize::try_from(length).unwrap_or(usize::MAX).checked_sub(16).ok_or_else(stranger)?;
    if opcode != OP_MSG || to != id || length > MESSAGE_MAX {
        return Err(stranger());
    }
    let body = wire::body(peer, length)?;
    let mut fields = Fields(&body);
    let _flags: [u8; 4] = fields.array().ok_or_else(stranger)?;
    if fields.u8() != Some(0) {
        return Err(Failure::new(
            Phase::Response,
            Cause::Protocol,
            "the server answers in a form of OP_MSG that is not supported",
        ));
    }
    Ok(fields.0.to_vec())
}

#[cfg(test)]
mod tests;
