//! `redis://`, `rediss://`, `redis+unix:`: PING is answered by PONG.

use crate::deadline::Deadline;
use crate::outcome::{Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::login;
use crate::client::login::Login;
use crate::client::parameters::Parameters;
use crate::client::secret::Secret;
use crate::client::wire;
use crate::client::wire::{Line, LineReader, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port that redis has when nobody says otherwise.
const PORT: u16 = 6379;

/// Longer than any line of an answer; what protected mode says takes a kilobyte.
const LINE_MAX: usize = 4096;

/// More than any section of INFO has.
const SECTION_MAX: usize = 16 * 1024;

/// Logs in if there is a password, selects the database if one is named, and pings.
#[derive(Debug)]
pub(super) struct Redis {
    dial: Dial,
    login: Login,
    database: Option<u32>,
    wants: Wants,
}

/// What the server must be, besides being there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    /// `?role=`.
    pub(crate) role: Option<Role>,
    /// `?replica=linked`: a replica's link to its master is up.
    pub(crate) link: bool,
    /// `?cluster=ok`: all slots are served.
    pub(crate) cluster: bool,
}

/// What a server is in a replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It takes writes.
    Master,
    /// It follows a master.
    Replica,
}

/// Reads `//[[user]:password@]host[:port][/database][?role=master&replica=linked&cluster=ok]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let port = authority.port.unwrap_or(PORT);
    let layer = if target.scheme == "rediss" { Layer::Tls } else { Layer::Plain };
    let dial = Dial::tcp(authority.host, port, layer, &options.dial);
    let (path, query) = authority.path.split_once('?').unwrap_or((authority.path, ""));
    let parameters = Parameters::parse(query)?;
    build(dial, authority.userinfo, path.strip_prefix('/').unwrap_or(path), parameters, options)
}

/// Reads `/path` or `//[[user]:password@]/path`, and `?db=N` after it.
pub(super) fn parse_unix(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let (userinfo, path) = login::unix(target)?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parameters = Parameters::parse(query)?;
    let database = parameters.take("db").unwrap_or_default();
    build(Dial::unix(path, &options.dial), userinfo, &database, parameters, options)
}

/// What both forms have in common.
fn build(
    dial: Dial,
    userinfo: Option<&str>,
    database: &str,
    mut parameters: Parameters,
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
        number => {
            Some(number.parse().map_err(|_| format!("`{number}`, which is not the number of a database,"))?)
        }
    };
    let wants = Wants::take(&mut parameters)?;
    if let Some(unknown) = parameters.unused().first() {
        return Err(format!(
            "the parameter {unknown}; known are role=master, role=replica, replica=linked, cluster=ok,"
        ));
    }
    Ok(Box::new(Redis { dial, login, database, wants }))
}

impl Wants {
    /// Takes what is wanted out of a target's parameters.
    fn take(parameters: &mut Parameters) -> Result<Self, String> {
        let role = match parameters.take("role").as_deref() {
            None => None,
            Some("master" | "primary") => Some(Role::Master),
            Some("replica" | "slave") => Some(Role::Replica),
            Some(other) => return Err(format!("role={other}, where only master or replica can be,")),
        };
        let mut is = |name: &str, wanted: &str| match parameters.take(name).as_deref() {
            None => Ok(false),
            Some(value) if value == wanted => Ok(true),
            Some(other) => Err(format!("{name}={other}, where only {name}={wanted} can be,")),
        };
        Ok(Self { role, link: is("replica", "linked")?, cluster: is("cluster", "ok")? })
    }
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
            wants: self.wants,
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
    /// Looked at after the PING.
    pub(crate) wants: Wants,
}

/// The dialogue.
pub(crate) fn converse(peer: &mut dyn Peer, question: &Question<'_>) -> Outcome {
    let mut lines = LineReader::default();
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
    let wants = question.wants;
    if wants == Wants::default() {
        return Ok("PONG".into());
    }
    let mut seen = vec!["PONG".to_owned()];
    if wants.role.is_some() || wants.link {
        let section = section(peer, &mut lines, &[b"INFO", b"replication"], question.password)?;
        seen.push(wants.judge_replication(&section)?);
    }
    if wants.cluster {
        let section = section(peer, &mut lines, &[b"CLUSTER", b"INFO"], question.password)?;
        let state = field(&section, "cluster_state").unwrap_or_default();
        if state != "ok" {
            let state = wire::quote(state.as_bytes(), question.password);
            let reason = format!("the cluster is not ok (cluster_state:{state}); some slots are not served");
            return Err(Failure::answer(Phase::Response, reason));
        }
        seen.push("cluster ok".into());
    }
    Ok(seen.join(", "))
}

impl Wants {
    /// What the section `replication` says, if that is what is wanted.
    fn judge_replication(self, section: &str) -> Result<String, Failure> {
        let fails = |reason: String| Err(Failure::answer(Phase::Response, reason));
        let link = field(section, "master_link_status");
        match (field(section, "role"), self.role) {
            (Some("master"), Some(Role::Replica)) => {
                fails("this is a master, where a replica is wanted".into())
            }
            (Some("slave"), Some(Role::Master)) => {
                fails("this is a replica, where a master is wanted".into())
            }
            (Some("slave"), _) if self.link && link != Some("up") => fails(
                "this replica has no link to its master (master_link_status:down); look at the master".into(),
            ),
            (Some("master"), _) => Ok("master".into()),
            (Some("slave"), _) => Ok(if link == Some("up") { "replica, linked" } else { "replica" }.into()),
            // It has no such section.
            _ => fails(
                "this is a Sentinel, which watches masters and serves no data; leave role and replica out"
                    .into(),
            ),
        }
    }
}

/// The value of `name` in a section of INFO.
fn field<'a>(section: &'a str, name: &str) -> Option<&'a str> {
    section.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The answer to a command that is one long text.
fn section(
    peer: &mut dyn Peer,
    lines: &mut LineReader,
    words: &[&[u8]],
    secret: Option<&Secret>,
) -> Result<String, Failure> {
    wire::send(peer, &command(words))?;
    let mut next = || match lines.next(peer, LINE_MAX)? {
        Line::Whole(line) => Ok(line),
        Line::Cut(start) => Err(wire::stranger("redis", &start, secret)),
    };
    let head = next()?;
    let length = match head.split_first() {
        Some((b'$', length)) => {
            std::str::from_utf8(length).ok().and_then(|length| length.parse::<usize>().ok())
        }
        Some((b'-', text)) => return Err(refusal(text, secret)),
        _ => None,
    };
    let length = length.filter(|length| *length <= SECTION_MAX);
    let length = length.ok_or_else(|| wire::stranger("redis", &head, secret))?;
    let mut text = Vec::new();
    // The end of its last line is that of the answer.
    while text.len() < length + 2 {
        text.extend(next()?);
        text.extend_from_slice(b"\r\n");
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
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
        let question =
            Question { user: Some("u"), password: Some(&secret), database: Some(3), ..Question::default() };
        let mut peer = Script::new(b"+OK\r\n+OK\r\n+PONG\r\n", 4);
        assert!(converse(&mut peer, &question).is_ok());
        assert_eq!(
            String::from_utf8(peer.heard).unwrap(),
            "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$4\r\np\r\nw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n"
        );
    }

    #[test]
    fn a_role_a_link_and_a_cluster_are_looked_at_where_they_are_wanted() {
        let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len());
        let replication = |text: &str, wants: Wants| {
            let question = Question { wants, ..Question::default() };
            let says = format!("+PONG\r\n{}", bulk(text));
            converse(&mut Script::new(says.as_bytes(), 7), &question).map_err(|failure| failure.reason)
        };
        let role = |role| Wants { role: Some(role), ..Wants::default() };
        let link = Wants { link: true, ..Wants::default() };
        let cluster = Wants { cluster: true, ..Wants::default() };
        let master = "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";
        let replica = "# Replication\r\nrole:slave\r\nmaster_link_status:up\r\n";
        let alone = "# Replication\r\nrole:slave\r\nmaster_link_status:down\r\n";
        assert_eq!(replication(master, role(Role::Master)), Ok("PONG, master".into()));
        assert_eq!(replication(replica, role(Role::Replica)), Ok("PONG, replica, linked".into()));
        assert_eq!(replication(replica, link), Ok("PONG, replica, linked".into()));
        assert!(replication(replica, role(Role::Master)).unwrap_err().contains("where a master is wanted"));
        assert!(replication(master, role(Role::Replica)).unwrap_err().contains("where a replica is wanted"));
        assert!(replication(alone, link).unwrap_err().contains("no link to its master"));
        assert!(replication("", role(Role::Master)).unwrap_err().contains("a Sentinel"));
        assert_eq!(replication("cluster_state:ok\r\n", cluster), Ok("PONG, cluster ok".into()));
        assert!(replication("cluster_state:fail\r\n", cluster).unwrap_err().contains("cluster_state:fail"));
        let secret = Secret::new(b"hunter2".to_vec());
        let question = Question { wants: cluster, password: Some(&secret), ..Question::default() };
        let says = format!("+OK\r\n+PONG\r\n{}", bulk("cluster_state:hunter2\r\n"));
        let failure = converse(&mut Script::new(says.as_bytes(), 7), &question).unwrap_err();
        assert!(failure.reason.contains("cluster_state:***"), "{failure}");
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
