//! `postgres://`, `postgresql://`: the server answers a startup packet and accepts connections; with a password, it
//! takes the login.

mod complaint;
mod message;

use md5::{Digest, Md5};

use crate::deadline::Deadline;
use crate::net::Stream;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use self::complaint::Complaint;
use self::message::{Message, next_message};
use crate::client::dial::{Confidentiality, Dial, TlsMode};
use crate::client::login;
use crate::client::login::Login;
use crate::client::parameters::{Parameters, unused_step};
use crate::client::saslprep;
use crate::client::scram;
use crate::client::scram::{Mechanism, Proof, ScramError};
use crate::client::secret::Secret;
use crate::client::wire;
use crate::client::wire::{Fields, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port that PostgreSQL has when nobody says otherwise.
const PORT: u16 = 5432;

/// The user that every cluster has, unless it was made with another.
const USER: &str = "postgres";

/// More messages than a server sends before it is ready: parameters, notices, keys.
const MESSAGES_MAX: u32 = 500;

/// Connects as a user to a database.
#[derive(Debug)]
pub(super) struct Postgres {
    dial: Dial,
    login: Login,
    database: Option<String>,
    tls: TlsMode,
    /// Parameters that are not for us.
    unused: Vec<String>,
}

/// What a connection string may say by a parameter, too, and what must stand in the target itself.
const OF_THE_TARGET: [&str; 6] = ["host", "hostaddr", "port", "user", "password", "dbname"];

/// Reads `//[user[:password]@]host[:port][/database][?sslmode=...]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let login = Login::parse(authority.userinfo, &options.login)?;
    let (path, query) = authority.path.split_once('?').unwrap_or((authority.path, ""));
    let database = login::decode_text(path.strip_prefix('/').unwrap_or(path), "database")?;
    let mut parameters = Parameters::parse(query)?;
    if let Some(name) = OF_THE_TARGET.iter().find(|name| parameters.take(name).is_some()) {
        return Err(format!("{name}= as a parameter; write postgres://user@host:port/database,"));
    }
    let tls = TlsMode::decide("sslmode", parameters.take("sslmode").as_deref(), &options.dial)?;
    let dial = Dial::upgradable(authority.host, authority.port.unwrap_or(PORT), tls, &options.dial);
    if dial.is_local() && tls.is_required() {
        return Err("TLS, which PostgreSQL does not speak on a unix socket,".into());
    }
    let database = (!database.is_empty()).then_some(database);
    Ok(Box::new(Postgres { dial, login, database, tls, unused: parameters.unused() }))
}

impl Kind for Postgres {
    /// Passes when the server asks who we are, and with a password when it believes it.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let user = self.login.user.as_deref().unwrap_or(USER);
        let session = |confidentiality| Session {
            user,
            database: self.database.as_deref().unwrap_or(user),
            password: password.as_ref(),
            confidentiality,
            deadline,
        };
        if !self.unused.is_empty() {
            trace.step(|| unused_step(&self.unused));
        }
        let mut stream = self.dial.connect(deadline, trace)?;
        if self.dial.is_local() {
            return converse(&mut stream, &session(Confidentiality::Local)).map_err(Refusal::into_failure);
        }
        if self.tls == TlsMode::Disable {
            return converse(&mut stream, &session(Confidentiality::None)).map_err(Refusal::into_failure);
        }
        // As libpq's prefer does: asked for in clear first, a server that wants TLS would log a failure at each check.
        let refused = match self.encrypt(stream, trace) {
            Ok(Encrypted::Yes(mut stream)) => {
                let confidentiality =
                    if self.tls.is_required() { Confidentiality::Tls } else { Confidentiality::None };
                match converse(&mut stream, &session(confidentiality)) {
                    Err(Refusal::OtherLayer(failure)) if !self.tls.is_required() => failure,
                    outcome => return outcome.map_err(Refusal::into_failure),
                }
            }
            Ok(Encrypted::NotOffered(_)) if self.tls.is_required() => {
                let reason = "the server has no TLS (ssl = off), which sslmode or a TLS option asks for";
                return Err(Failure::answer(Phase::Tls, reason));
            }
            Ok(Encrypted::NotOffered(mut stream)) => {
                return converse(&mut stream, &session(Confidentiality::None)).map_err(Refusal::into_failure);
            }
            Err(failure) if self.tls.is_required() || failure.phase != Phase::Tls => return Err(failure),
            Err(failure) => failure,
        };
        trace.step(|| format!("{refused}; trying again in clear"));
        let mut stream = self.dial.connect(deadline, trace)?;
        converse(&mut stream, &session(Confidentiality::None)).map_err(|refusal| match refusal {
            // In clear it would not have us either, for want of TLS: what it said over TLS is the reason.
            Refusal::OtherLayer(_) => refused,
            Refusal::Final(failure) => failure,
        })
    }
}

impl Postgres {
    /// Asks for TLS and shakes hands.
    fn encrypt(&self, mut stream: Stream, trace: &mut Trace) -> Result<Encrypted, Failure> {
        wire::send(&mut stream, &message::SSL_REQUEST)?;
        // One byte and no more: what follows it is TLS, or somebody else's (CVE-2021-23222).
        match wire::array(&mut stream)? {
            [b'S'] => self.dial.secure(stream, trace).map(Encrypted::Yes),
            [b'N'] => Ok(Encrypted::NotOffered(stream)),
            // A server that cannot even start a process for us says so in the form of protocol 2.
            [b'E'] => Err(message::old_error(&mut stream, &[], None)),
            other => Err(wire::stranger_so_far("postgres", &other, &mut stream, None)),
        }
    }
}

/// What came of the wish for TLS.
enum Encrypted {
    /// TLS.
    Yes(Stream),
    /// The connection goes on in clear.
    NotOffered(Stream),
}

/// Who connects to what.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// The role.
    pub(crate) user: &'a str,
    /// The database.
    pub(crate) database: &'a str,
    /// Without one, being asked for one is good enough.
    pub(crate) password: Option<&'a Secret>,
    /// Whether a password may be sent as it is.
    pub(crate) confidentiality: Confidentiality,
    /// When to stop computing.
    pub(crate) deadline: Deadline,
}

/// A failure, and whether TLS matters to it.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server may take a connection that has TLS if this one has not, or the other way round.
    OtherLayer(Failure),
    /// Anything else.
    Final(Failure),
}

impl Refusal {
    /// The failure itself.
    pub(crate) fn into_failure(self) -> Failure {
        let (Self::OtherLayer(failure) | Self::Final(failure)) = self;
        failure
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Final(failure)
    }
}

/// The dialogue (<https://www.postgresql.org/docs/current/protocol-flow.html>).
pub(crate) fn converse(peer: &mut dyn Peer, session: &Session<'_>) -> Result<String, Refusal> {
    wire::send(peer, &message::startup(session.user, session.database))?;
    let mut exchange = Exchange::Nothing;
    let mut asked = false;
    for _ in 0..MESSAGES_MAX {
        let Message { kind, body } = next_message(peer, session.password)?;
        match kind {
            b'R' => match authenticate(&body, session, exchange)? {
                Step::Enough => {
                    // No goodbye: a server that waits for a password takes an end without a word for what it is, and
                    // complains about anything else.
                    return Ok("accepts connections; login not tried".into());
                }
                Step::Reply(reply, next) => {
                    wire::send(peer, &reply)?;
                    exchange = next;
                }
                Step::Wait(next) => exchange = next,
            },
            b'E' if asked => return Err(no_query(&body, session).into()),
            b'E' => return Err(refusal(&body, session)),
            // Ready for a query; a pooler says so before it has looked for a server.
            b'Z' if !asked => {
                wire::send(peer, &message::EMPTY_QUERY)?;
                asked = true;
            }
            b'Z' => {
                wire::bid_farewell(peer, &message::TERMINATE);
                let login = if session.password.is_some() { " and this login" } else { "" };
                return Ok(format!("accepts connections{login}"));
            }
            // Notices, parameters, the key for cancelling, a protocol version that the server likes better.
            _ => {}
        }
    }
    Err(Failure::new(Phase::Response, Cause::Protocol, "the server keeps talking and is never ready").into())
}

/// How far an exchange of secrets has come.
#[derive(Debug)]
enum Exchange {
    /// Nothing was asked for, or everything is done.
    Nothing,
    /// SCRAM was begun.
    Begun(scram::ClientFirst),
    /// The server has yet to prove that it knows the password.
    Unproven(Proof),
}

/// What to do about an authentication message.
enum Step {
    /// We were asked for a password that we do not have: the server accepts connections.
    Enough,
    /// Send this.
    Reply(Vec<u8>, Exchange),
    /// Nothing.
    Wait(Exchange),
}

/// Looks at one authentication message.
fn authenticate(body: &[u8], session: &Session<'_>, exchange: Exchange) -> Result<Step, Failure> {
    let mut fields = Fields(body);
    let odd = || wire::stranger("postgres", body, session.password);
    let request = u32::from_be_bytes(fields.array().ok_or_else(odd)?);
    if request == 0 {
        return match exchange {
            Exchange::Nothing => Ok(Step::Wait(Exchange::Nothing)),
            Exchange::Begun(_) | Exchange::Unproven(_) => Err(ScramError::Unproven.into_failure()),
        };
    }
    let Some(password) = session.password else { return Ok(Step::Enough) };
    match (request, exchange) {
        (3, _) if session.confidentiality != Confidentiality::None => {
            let reply = message::password(&[password.expose(), b"\0"].concat());
            Ok(Step::Reply(reply, Exchange::Nothing))
        }
        (3, _) => Err(Failure::answer(
            Phase::Response,
            "the server wants the password in clear, which is only sent over TLS; add ?sslmode=require",
        )),
        (5, _) => {
            let salt: [u8; 4] = fields.array().ok_or_else(odd)?;
            Ok(Step::Reply(message::password(&md5_answer(session.user, password, salt)), Exchange::Nothing))
        }
        (10, _) => {
            let offered = fields.0.split(|&byte| byte == 0);
            if !offered.into_iter().any(|mechanism| mechanism == Mechanism::Sha256.name().as_bytes()) {
                return Err(unknown_method(request));
            }
            let first = scram::ClientFirst::begin(Mechanism::Sha256, "")?;
            let reply = message::sasl_initial(Mechanism::Sha256.name(), first.message().as_bytes());
            Ok(Step::Reply(reply, Exchange::Begun(first)))
        }
        (11, Exchange::Begun(first)) => {
            let (answer, proof) = first
                .answer(fields.0, &saslprep::prepare(password), session.deadline)
                .map_err(ScramError::into_failure)?;
            Ok(Step::Reply(message::password(answer.as_bytes()), Exchange::Unproven(proof)))
        }
        (12, Exchange::Unproven(proof)) => {
            proof.check(fields.0).map_err(ScramError::into_failure)?;
            Ok(Step::Wait(Exchange::Nothing))
        }
        (11 | 12, _) => Err(odd()),
        (other, _) => Err(unknown_method(other)),
    }
}

/// The answer to a request for an MD5 password, its final NUL included.
fn md5_answer(user: &str, password: &Secret, salt: [u8; 4]) -> Vec<u8> {
    let inner = wire::hex(&Md5::digest([password.expose(), user.as_bytes()].concat()));
    let outer = wire::hex(&Md5::digest([inner.as_bytes(), &salt].concat()));
    format!("md5{outer}\0").into_bytes()
}

/// The failure of an authentication that we do not have.
fn unknown_method(request: u32) -> Failure {
    let name = match request {
        2 => "Kerberos 5".to_owned(),
        7 => "GSSAPI".to_owned(),
        9 => "SSPI".to_owned(),
        10 => "a SASL mechanism other than SCRAM-SHA-256".to_owned(),
        other => format!("method {other}"),
    };
    let reason = format!(
        "the server wants to authenticate by {name}, which is not supported; leave the password out to check \
         only that the server accepts connections"
    );
    Failure::answer(Phase::Response, reason)
}

/// The refusal that an error message means.
fn refusal(body: &[u8], session: &Session<'_>) -> Refusal {
    let Some(complaint) = Complaint::parse(body) else {
        return Refusal::Final(wire::stranger("postgres", body, session.password));
    };
    let failure = Failure::answer(Phase::Response, complaint.reason(session.password));
    if complaint.may_be_about_tls() { Refusal::OtherLayer(failure) } else { Refusal::Final(failure) }
}

/// The failure of a server that lets us in and then takes no query.
fn no_query(body: &[u8], session: &Session<'_>) -> Failure {
    match Complaint::parse(body) {
        Some(complaint) => {
            let why = complaint.reason(session.password);
            Failure::answer(Phase::Response, format!("takes the login, but no query: {why}"))
        }
        None => wire::stranger("postgres", body, session.password),
    }
}

#[cfg(test)]
mod tests;
