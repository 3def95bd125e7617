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
use crate::client::dial::{Dial, Layer};
use crate::client::login;
use crate::client::login::Login;
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
    ssl: Ssl,
}

/// `?sslmode=`, in libpq's words; a certificate is verified in each, unless `--insecure` is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ssl {
    /// `disable`: never.
    Never,
    /// `allow` and `prefer`: when the server takes no other connection.
    OnDemand,
    /// `require` and `verify-full`: always.
    Always,
}

/// Reads `//[user[:password]@]host[:port][/database][?sslmode=...]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let login = Login::parse(authority.userinfo, &options.login)?;
    let (path, query) = authority.path.split_once('?').unwrap_or((authority.path, ""));
    let database = login::decode_text(path.strip_prefix('/').unwrap_or(path), "database")?;
    let ssl = match query {
        "" | "sslmode=allow" | "sslmode=prefer" => Ssl::OnDemand,
        "sslmode=disable" => Ssl::Never,
        "sslmode=require" | "sslmode=verify-full" => Ssl::Always,
        query => {
            return Err(format!(
                "`?{query}`, where only ?sslmode=disable, allow, prefer, require or verify-full can be,"
            ));
        }
    };
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(PORT), Layer::Plain, &options.dial);
    let database = (!database.is_empty()).then_some(database);
    Ok(Box::new(Postgres { dial, login, database, ssl }))
}

impl Kind for Postgres {
    /// Passes when the server asks who we are, and with a password when it believes it.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let user = self.login.user.as_deref().unwrap_or(USER);
        let session = |layer| Session {
            user,
            database: self.database.as_deref().unwrap_or(user),
            password: password.as_ref(),
            layer,
            deadline,
        };
        let mut stream = self.dial.connect(deadline, trace)?;
        let refused = if self.ssl == Ssl::Always {
            None
        } else {
            match converse(&mut stream, &session(Layer::Plain)) {
                Ok(seen) => return Ok(seen),
                Err(Refusal::Final(failure)) => return Err(failure),
                Err(Refusal::InClear(failure)) if self.ssl == Ssl::Never => return Err(failure),
                Err(Refusal::InClear(failure)) => {
                    trace.step(|| format!("{failure}; trying again over TLS"));
                    stream = self.dial.connect(deadline, trace)?;
                    Some(failure)
                }
            }
        };
        let mut stream = match self.encrypt(stream, trace)? {
            Encrypted::Yes(stream) => stream,
            // The first refusal was not about TLS then.
            Encrypted::NotOffered => {
                return Err(refused.unwrap_or_else(|| {
                    Failure::answer(
                        Phase::Tls,
                        "the server has no TLS (ssl = off), which sslmode=require asks for",
                    )
                }));
            }
        };
        converse(&mut stream, &session(Layer::Tls)).map_err(Refusal::into_failure)
    }
}

impl Postgres {
    /// Asks for TLS and shakes hands.
    fn encrypt(&self, mut stream: Stream, trace: &mut Trace) -> Result<Encrypted, Failure> {
        wire::send(&mut stream, &message::SSL_REQUEST)?;
        // One byte and no more: what lies behind it is TLS, or somebody else's (CVE-2021-23222).
        match wire::array(&mut stream)? {
            [b'S'] => self.dial.secure(stream, trace).map(Encrypted::Yes),
            [b'N'] => Ok(Encrypted::NotOffered),
            other => Err(wire::stranger("postgres", &other, None)),
        }
    }
}

/// What came of the wish for TLS.
enum Encrypted {
    Yes(Stream),
    NotOffered,
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
    /// Whether the connection is encrypted: in clear no password is sent as it is.
    pub(crate) layer: Layer,
    /// When to stop computing.
    pub(crate) deadline: Deadline,
}

/// A failure, and whether TLS may help.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server takes no unencrypted connection, or none at all.
    InClear(Failure),
    /// Anything else.
    Final(Failure),
}

impl Refusal {
    /// The failure itself.
    pub(crate) fn into_failure(self) -> Failure {
        let (Self::InClear(failure) | Self::Final(failure)) = self;
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
    for _ in 0..MESSAGES_MAX {
        let Message { kind, body } = next_message(peer, session.password)?;
        match kind {
            b'R' => match authenticate(&body, session, exchange)? {
                Step::Enough => {
                    // No goodbye: a server that waits for a password takes an end without a word for what it is, and
                    // complains about anything else.
                    return Ok("accepts connections".into());
                }
                Step::Reply(reply, next) => {
                    wire::send(peer, &reply)?;
                    exchange = next;
                }
                Step::Wait(next) => exchange = next,
            },
            b'E' => return Err(refusal(&body, session)),
            // Ready for a query.
            b'Z' => {
                wire::bid_farewell(peer, &message::TERMINATE);
                let login = if session.password.is_some() { " and this login" } else { "" };
                return Ok(format!("accepts connections{login}"));
            }
            // Notices, parameters, the key for cancelling, a protocol version that the server likes better.
            _ => {}
        }
    }
    Err(Failure::new(Phase::Response, Cause::Protocol, "the server talks without end and is never ready")
        .into())
}

/// How far an exchange of secrets has come.
#[derive(Debug)]
enum Exchange {
    /// Nothing was asked for, or everything is done.
    Nothing,
    /// SCRAM was begun.
    Begun(scram::First),
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
        (3, _) if session.layer == Layer::Tls => {
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
            let first = scram::First::begin(Mechanism::Sha256, "")?;
            let reply = message::sasl_initial(Mechanism::Sha256.name(), first.message().as_bytes());
            Ok(Step::Reply(reply, Exchange::Begun(first)))
        }
        (11, Exchange::Begun(first)) => {
            let (answer, proof) =
                first.answer(fields.0, password, session.deadline).map_err(ScramError::into_failure)?;
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
        "the server wants to authenticate by {name}, which this check has not; without a password in the target, \
         being asked for one is healthy"
    );
    Failure::answer(Phase::Response, reason)
}

/// The refusal that an error message means.
fn refusal(body: &[u8], session: &Session<'_>) -> Refusal {
    let Some(complaint) = Complaint::parse(body) else {
        return Refusal::Final(wire::stranger("postgres", body, session.password));
    };
    let failure = Failure::answer(Phase::Response, complaint.reason(session.password));
    if session.layer == Layer::Plain && complaint.may_be_about_tls() {
        Refusal::InClear(failure)
    } else {
        Refusal::Final(failure)
    }
}

#[cfg(test)]
mod tests;
