//! `nats://`: the server introduces itself, takes CONNECT and answers PING; one that is about to leave is unhealthy.

use serde_json::{Value, json};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::login::{self, Login};
use crate::client::secret::Secret;
use crate::client::wire::{self, Line, LineReader, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port of its clients.
const PORT: u16 = 4222;

/// Longer than an introduction, which names the servers of a cluster. As a tree it takes 40 times as much at worst.
const LINE_MAX: usize = 16 * 1024;

/// More lines than come before the answer.
const LINES_MAX: usize = 32;

/// Logs in if there is somebody to log in as, and pings.
#[derive(Debug)]
pub(super) struct Nats {
    dial: Dial,
    login: Login,
    /// Whether a TLS option says that there must be TLS.
    tls_required: bool,
}

/// Reads `//[user:password@|token@]host[:port]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    if !matches!(authority.path, "" | "/") {
        return Err(format!("`{}`, which nats has no use for,", authority.path));
    }
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(PORT), Layer::Plain, &options.dial);
    let login = Login::parse(authority.userinfo, &options.login)?;
    Ok(Box::new(Nats { dial, login, tls_required: options.dial.tls.is_given() }))
}

impl Kind for Nats {
    /// Passes on PONG.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        // A user without a password is a token, as in the URLs of its own clients.
        let (user, secret) = match (self.login.user.as_deref(), self.login.password()?) {
            (Some(token), None) => (None, Some(Secret::new(token.into()))),
            login => login,
        };
        let mut stream = self.dial.connect(deadline, trace)?;
        let mut lines = LineReader::default();
        let info = introduction(&mut stream, &mut lines, secret.as_ref())?;
        if !self.tls_required && !info.is("tls_required") {
            return converse(&mut stream, &mut lines, &info, user, secret.as_ref());
        }
        if !info.is("tls_required") && !info.is("tls_available") {
            return Err(Failure::answer(Phase::Tls, "the server has no TLS, which the TLS options ask for"));
        }
        let mut stream = self.dial.secure(stream, trace)?;
        converse(&mut stream, &mut LineReader::default(), &info, user, secret.as_ref())
    }
}

/// What a server says of itself (INFO).
pub(crate) struct Info(Value);

impl Info {
    /// Takes the line apart.
    fn parse(line: &[u8]) -> Option<Self> {
        let json = line.strip_prefix(b"INFO ")?;
        serde_json::from_slice(json).ok().filter(Value::is_object).map(Self)
    }

    /// Whether `name` is true.
    fn is(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }
}

/// Reads the introduction. A server without room for us says so right after it; one that was told a password by an earlier
/// check may repeat it already here.
pub(crate) fn introduction(
    peer: &mut dyn Peer,
    lines: &mut LineReader,
    password: Option<&Secret>,
) -> Result<Info, Failure> {
    match lines.next(peer, LINE_MAX).map_err(|failure| wire::ungreeted(failure, "nats"))? {
        Line::Whole(line) => Info::parse(&line).ok_or_else(|| refusal(&line, None, password)),
        Line::Cut(line) => Err(wire::stranger("nats", &line, password)),
    }
}

/// The rest of the dialogue (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).
pub(crate) fn converse(
    peer: &mut dyn Peer,
    lines: &mut LineReader,
    info: &Info,
    user: Option<&str>,
    password: Option<&Secret>,
) -> Outcome {
    leaving(info)?;
    wire::send(peer, &connect(user, password))?;
    for _ in 0..LINES_MAX {
        let line = match lines.next(peer, LINE_MAX)? {
            Line::Whole(line) => line,
            Line::Cut(line) => return Err(wire::stranger("nats", &line, password)),
        };
        match line.as_slice() {
            b"PONG" => {
                let version = info.0.get("version").and_then(Value::as_str).unwrap_or_default();
                return Ok(format!("nats {}, PONG", wire::quote(version.as_bytes(), password)));
            }
            b"PING" => wire::send(peer, b"PONG\r\n")?,
            b"+OK" => {}
            // News: among them that the server is about to leave.
            line if line.starts_with(b"INFO ") => Info::parse(line).as_ref().map_or(Ok(()), leaving)?,
            line => return Err(refusal(line, user, password)),
        }
    }
    Err(Failure::new(Phase::Response, Cause::Protocol, "the server keeps talking and never answers PING"))
}

/// Fails when the server is in lame duck mode.
fn leaving(info: &Info) -> Result<(), Failure> {
    if info.is("ldm") {
        let reason = "nats is in lame duck mode: it takes no new clients and is about to stop";
        return Err(Failure::answer(Phase::Response, reason));
    }
    Ok(())
}

/// CONNECT and PING. A secret without a user is a token.
fn connect(user: Option<&str>, secret: Option<&Secret>) -> Vec<u8> {
    let secret = secret.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
    let (password, token) = if user.is_some() { (secret, None) } else { (None, secret) };
    let mut options = json!({
        "verbose": false, "pedantic": false, "name": "sexton", "lang": "rust", "protocol": 1,
        "version": env!("CARGO_PKG_VERSION"), "user": user, "pass": password, "auth_token": token,
    });
    if let Some(options) = options.as_object_mut() {
        options.retain(|_, value| !value.is_null());
    }
    format!("CONNECT {options}\r\nPING\r\n").into_bytes()
}

/// What a line means that is neither news nor the answer.
fn refusal(line: &[u8], user: Option<&str>, password: Option<&Secret>) -> Failure {
    let Some(error) = line.strip_prefix(b"-ERR ") else { return wire::stranger("nats", line, password) };
    let error = wire::quote(error, password).trim_matches('\'').to_owned();
    let is = |start: &str| error.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
    let reason = if is("authorization violation") || is("authentication") {
        match (user, password) {
            (None, None) => {
                "nats wants a login; write nats://user:password@host or nats://token@host".to_owned()
            }
            _ => "nats refuses this login (Authorization Violation)".to_owned(),
        }
    } else if is("maximum connections exceeded") {
        "nats has no connection left (maximum connections exceeded); raise max_connections".to_owned()
    } else if is("secure connection - tls required") {
        "nats wants TLS; give --cacert or another TLS option".to_owned()
    } else {
        format!("nats answers `{error}`")
    };
    Failure::answer(Phase::Response, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    const INFO: &str = "INFO {\"server_id\":\"N\",\"version\":\"2.9.10\",\"max_payload\":1048576}\r\n";

    fn answer(says: &str, user: Option<&str>, password: Option<&Secret>) -> (Result<String, String>, String) {
        let (mut peer, mut lines) = (Script::new(says.as_bytes(), 1000), LineReader::default());
        let outcome = introduction(&mut peer, &mut lines, password)
            .and_then(|info| converse(&mut peer, &mut lines, &info, user, password));
        (outcome.map_err(|failure| failure.reason), String::from_utf8(peer.heard).unwrap())
    }

    #[test]
    fn only_pong_is_healthy() {
        let (outcome, heard) = answer(&format!("{INFO}+OK\r\nPING\r\nPONG\r\n"), None, None);
        assert_eq!(outcome, Ok("nats 2.9.10, PONG".into()));
        assert!(heard.starts_with("CONNECT {") && heard.ends_with("}\r\nPING\r\nPONG\r\n"), "{heard}");
        assert!(!heard.contains("auth_token") && !heard.contains("user"), "{heard}");
        for (says, reason) in [
            ("-ERR 'Authorization Violation'\r\n", "nats wants a login"),
            ("-ERR 'maximum connections exceeded'\r\n", "raise max_connections"),
            ("-ERR 'Secure Connection - TLS Required'\r\n", "nats wants TLS"),
            ("-ERR 'odd'\r\n", "nats answers `odd`"),
            ("INFO {\"ldm\":true}\r\n", "lame duck mode"),
            ("what\r\n", "does not speak nats"),
        ] {
            let error = answer(&format!("{INFO}{says}"), None, None).0.unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(answer("INFO {\"ldm\":true}\r\nPONG\r\n", None, None).0.unwrap_err().contains("lame duck"));
        assert!(
            answer("-ERR 'maximum connections exceeded'\r\n", None, None).0.unwrap_err().contains("raise")
        );
    }

    #[test]
    fn a_user_a_token_and_their_secrets() {
        let secret = Secret::new(b"hunter2".to_vec());
        let pong = format!("{INFO}PONG\r\n");
        assert!(answer(&pong, Some("u"), Some(&secret)).1.contains("\"pass\":\"hunter2\""));
        assert!(answer(&pong, None, Some(&secret)).1.contains("\"auth_token\":\"hunter2\""));
        let refused = format!("{INFO}-ERR 'Authorization Violation'\r\n");
        assert!(answer(&refused, Some("u"), Some(&secret)).0.unwrap_err().contains("refuses this login"));
        for repeated in
            [format!("{INFO}-ERR 'hunter2'\r\n"), "-ERR 'hunter2'\r\n".into(), "hunter2\r\n".into()]
        {
            assert!(!answer(&repeated, Some("u"), Some(&secret)).0.unwrap_err().contains("hunter2"));
        }
    }

    #[test]
    fn garbage_and_endless_answers_are_failures() {
        for says in garbage() {
            let mut peer = Script::new(&says, 9);
            assert!(introduction(&mut peer, &mut LineReader::default(), None).is_err(), "{says:?}");
        }
        assert!(
            answer(&format!("{INFO}{}", "+OK\r\n".repeat(10_000)), None, None)
                .0
                .unwrap_err()
                .contains("keeps talking")
        );
        assert!(answer(&format!("INFO {{\"a\":\"{}", "x".repeat(100_000)), None, None).0.is_err());
    }
}
