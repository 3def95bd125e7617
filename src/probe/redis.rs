//! `redis://`, `rediss://`, `redis+unix:`: PING is answered by PONG.

use crate::deadline::Deadline;
use crate::outcome::{Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::login;
use crate::client::login::Login;
use crate::client::secret::Secret;
use crate::client::wire;
use crate::client::wire::{Line, Lines, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port that redis has when nobody says otherwise.
const PORT: u16 = 6379;

/// Longer than any answer to what we ask.
const LINE_MAX: usize = 512;

/// Logs in if there is a password, selects the database if one is named, and pings.
#[derive(Debug)]
pub(super) struct Redis {
    dial: Dial,
    login: Login,
    database: Option<u32>,
}

/// Reads `//[[user]:password@]host[:port][/database]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let port = authority.port.unwrap_or(PORT);
    let layer = if target.scheme == "rediss" { Layer::Tls } else { Layer::Plain };
    let dial = Dial::tcp(authority.host, port, layer, &options.dial);
    build(dial, authority.userinfo, authority.path.strip_prefix('/').unwrap_or(authority.path), options)
}

/// Reads `/path` or `//[[user]:password@]/path`, and `?db=N` behind it.
pub(super) fn parse_unix(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let (userinfo, path) = login::unix(target)?;
    let (path, database) = match path.split_once('?') {
        None => (path, ""),
        Some((path, query)) => (
            path,
            query.strip_prefix("db=").ok_or("a query other than ?db=NUMBER, which redis has no use for,")?,
        ),
    };
    build(Dial::unix(path, &options.dial), userinfo, database, options)
}

/// What both forms have in common.
fn build(
    dial: Dial,
    userinfo: Option<&str>,
    database: &str,
    options: &Options,
) -> Result<Box<dyn Kind>, String> {
    let login = Login::parse(userinfo, &options.login)?;
    if login.user.is_some() && !login.has_password() {
        return Err(
            "a user without a password; write user:password@ or :password@, or give --password-file,".into(),
        );
    }
    let database = match database {
        "" => None,
        number => Some(number.parse().map_err(|_| format!("`{number}`, which is no number of a database,"))?),
    };
    Ok(Box::new(Redis { dial, login, database }))
}

impl Kind for Redis {
    /// Passes on PONG.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let mut stream = self.dial.connect(deadline, trace)?;
        let question = Question {
            user: self.login.user.as_deref(),
            password: password.as_ref(),
            database: self.database,
        };
        converse(&mut stream, &question)
    }
}

/// What to ask.
#[derive(Debug, Default)]
pub(crate) struct Question<'a> {
    /// An ACL user (redis 6 and later); without one, the default user.
    pub(crate) user: Option<&'a str>,
    /// Sent when there is one.
    pub(crate) password: Option<&'a Secret>,
    /// Selected when there is one.
    pub(crate) database: Option<u32>,
}

/// The dialogue.
pub(crate) fn converse(peer: &mut dyn Peer, question: &Question<'_>) -> Outcome {
    let mut lines = Lines::default();
    let mut ask = |words: &[&[u8]], wanted: &[u8]| {
        wire::send(peer, &command(words))?;
        match lines.next(peer, LINE_MAX)? {
            Line::Whole(line) => match line.split_first() {
                Some((b'+', text)) if text == wanted => Ok(()),
                Some((b'-', text)) => Err(refusal(text, question.password)),
                _ => Err(wire::stranger("redis", &line, question.password)),
            },
            Line::Cut(start) => Err(wire::stranger("redis", &start, question.password)),
        }
    };
    match (question.user, question.password.map(Secret::expose)) {
        (Some(user), Some(password)) => ask(&[b"AUTH", user.as_bytes(), password], b"OK")?,
        (None, Some(password)) => ask(&[b"AUTH", password], b"OK")?,
        (_, None) => {}
    }
    if let Some(database) = question.database {
        ask(&[b"SELECT", database.to_string().as_bytes()], b"OK")?;
    }
    ask(&[b"PING"], b"PONG")?;
    Ok("PONG".into())
}

/// A command as redis reads it (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// How an error begins, and what it means.
const REFUSALS: &[(&str, &str)] = &[
    ("LOADING", "redis is still loading its data into memory (LOADING); give it a start period"),
    ("NOAUTH", "redis wants a password (NOAUTH); write redis://:PASSWORD@host or give --password-file"),
    ("WRONGPASS", "redis refuses the user or the password (WRONGPASS)"),
    ("ERR invalid password", "redis refuses the password (ERR invalid password)"),
    ("ERR AUTH", "redis has no password set for this user; leave the password out"),
    ("ERR Client sent AUTH, but no password", "redis has no password set; leave the password out"),
    (
        "ERR wrong number of arguments for 'auth'",
        "redis knows no users (it is older than 6); leave the user out",
    ),
    (
        "ERR max number of clients",
        "redis has no connection left (max number of clients reached); raise maxclients",
    ),
    ("ERR DB index", "redis has no database of this number; see its `databases` setting"),
    ("MASTERDOWN", "this replica has no link to its master (MASTERDOWN); look at the master and replicaof"),
    (
        "NOPERM",
        "the user may not run PING (NOPERM); grant it +ping, and +select if the target names a database",
    ),
    ("MISCONF", "redis cannot save its data to disk (MISCONF); look at its log and the disk"),
    ("BUSY", "redis is busy running a script (BUSY); SCRIPT KILL ends it"),
    (
        "DENIED",
        "redis is in protected mode (DENIED); set a password, or bind it to the address of this network",
    ),
];

/// What an error means.
fn refusal(text: &[u8], secret: Option<&Secret>) -> Failure {
    let known = REFUSALS.iter().find(|(start, _)| text.starts_with(start.as_bytes()));
    let reason = match known {
        Some((_, meaning)) => (*meaning).to_owned(),
        None => format!("redis answers `{}`", wire::quote(text, secret)),
    };
    Failure::answer(Phase::Response, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    fn answer(says: &[u8], step: usize) -> Outcome {
        converse(&mut Script::new(says, step), &Question::default())
    }

    #[test]
    fn only_pong_is_healthy() {
        for step in [1, 2, 1000] {
            assert_eq!(answer(b"+PONG\r\n", step), Ok("PONG".into()));
            for bad in
                ["+OK\r\n", "PONG\r\n", "$4\r\nPONG\r\n", "-PONG\r\n", "+PONG2\r\n", ":1\r\n", "+pong\r\n"]
            {
                assert!(answer(bad.as_bytes(), step).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn errors_are_named_with_their_remedy() {
        for (start, meaning) in REFUSALS {
            let failure = answer(format!("-{start} and more\r\n").as_bytes(), 1000).unwrap_err();
            assert_eq!(failure.reason, *meaning);
        }
        assert_eq!(answer(b"-ERR odd\x1b\r\n", 9).unwrap_err().reason, "redis answers `ERR odd?`");
    }

    #[test]
    fn a_login_and_a_database_come_before_the_ping() {
        let secret = Secret::new(b"p\r\nw".to_vec());
        let question = Question { user: Some("u"), password: Some(&secret), database: Some(3) };
        let mut peer = Script::new(b"+OK\r\n+OK\r\n+PONG\r\n", 4);
        assert!(converse(&mut peer, &question).is_ok());
        assert_eq!(
            String::from_utf8(peer.heard).unwrap(),
            "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$4\r\np\r\nw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n"
        );
    }

    #[test]
    fn what_a_server_repeats_of_the_password_is_masked() {
        let secret = Secret::new(b"hunter2".to_vec());
        let question = Question { password: Some(&secret), ..Question::default() };
        for says in ["-ERR unknown command `AUTH`, with args beginning with: `hunter2`", "got hunter2?"] {
            let failure = converse(&mut Script::new(says.as_bytes(), 1000), &question).unwrap_err();
            assert!(failure.reason.contains("***") && !failure.reason.contains("hunter"), "{failure}");
        }
    }

    #[test]
    fn garbage_and_cut_answers_are_failures() {
        for says in garbage() {
            assert!(answer(&says, 7).is_err(), "{says:?}");
        }
        for end in 0..=b"+PONG\r".len() {
            assert!(answer(&b"+PONG\r\n"[..end], 1).is_err(), "{end}");
        }
    }
}
