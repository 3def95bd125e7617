//! `mongodb://`, `kafka://` and `cassandra://` against servers of our own that the real clients of Python accept: Debian
//! has no package of these servers.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::postgres::encoded;
use crate::support::{Run, sexton};

/// The servers, and the real clients.
pub(crate) const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/services/scripted.py");

/// A server, ended with the value.
pub(crate) struct Server {
    child: Child,
    kind: &'static str,
    /// Its port.
    pub(crate) port: String,
}

impl Server {
    /// A server of `kind` in `state`.
    pub(crate) fn start(kind: &'static str, state: &str) -> Self {
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "python3", SCRIPT, "serve", kind, state])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv is part of util-linux");
        let mut port = String::new();
        BufReader::new(child.stdout.as_mut().expect("it is piped")).read_line(&mut port).expect("it is read");
        Self { child, kind, port: port.trim().to_owned() }
    }

    /// A check of it, as `login`.
    fn check(&self, login: &str, rest: &str) -> Run {
        sexton(["check", &format!("{}://{login}127.0.0.1:{}{rest}", self.kind, self.port)])
    }

    /// Whether the real client accepts it, or is not installed.
    pub(crate) fn is_accepted(&self, login: &[&str]) -> bool {
        let mut client = Command::new("python3");
        client.args([SCRIPT, "ask", self.kind, &self.port]).args(login);
        let said = client.stdin(Stdio::null()).output().expect("python3 starts");
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        if err.contains("ModuleNotFoundError") {
            let sentence =
                "skipped: no client (pip install pymongo aiokafka cassandra-driver pymysql cryptography)";
            let required = std::env::var_os("SEXTON_TEST_PEERS").is_some_and(|value| value == "required");
            assert!(!required, "{sentence}: {err}");
            let _ = writeln!(std::io::stderr(), "{sentence}");
            return true;
        }
        out.contains("accepted")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_real_clients_accept_what_we_are_tested_against() {
    assert!(Server::start("mysql", "login").is_accepted(&["u", "hunter2"]));
    for (kind, state) in [("mongodb", "primary"), ("kafka", "up"), ("cassandra", "up")] {
        let server = Server::start(kind, state);
        assert!(server.is_accepted(&[]), "{kind}");
        let server = Server::start(kind, "login");
        assert!(server.is_accepted(&["u", "hunter2"]), "{kind} with its login");
    }
}

#[test]
fn mongodb_is_healthy_as_what_it_is_once_it_serves() {
    for (state, code, line) in [
        ("standalone", 0, "healthy: standalone (mongodb://"),
        ("primary", 0, "healthy: primary (mongodb://"),
        ("starting", 1, "unhealthy: neither primary nor secondary: this member is starting up"),
        ("uninitiated", 1, "unhealthy: the replica set is not initiated; run rs.initiate()"),
    ] {
        Server::start("mongodb", state).check("", "/shop?replicaSet=rs0&retryWrites=true").said(code, line);
    }
    let server = Server::start("mongodb", "login");
    server
        .check("u:hunter2@", "/?authSource=admin")
        .said(0, "healthy: standalone, takes this login (mongodb://***@");
    server
        .check("u:hunter3@", "")
        .said(1, "unhealthy: the server refuses this user or password (18) (mongodb://***@");
    server.check("", "?tls=true").said(1, "unhealthy: ");
}

#[test]
fn kafka_is_healthy_with_a_controller() {
    Server::start("kafka", "up").check("", "").said(0, "healthy: 1 broker, controller 1 (kafka://");
    let starting = Server::start("kafka", "starting");
    starting.check("", "").said(1, "unhealthy: the cluster has no controller yet; give it a start period");
    let server = Server::start("kafka", "login");
    server.check("u:hunter2@", "").said(0, "healthy: 1 broker, controller 1, takes this login (kafka://***@");
    server.check("u:hunter3@", "").said(1, "unhealthy: the broker refuses this user or password (58)");
    let nobody = server.check("", "");
    assert!(
        nobody.said(1, "unhealthy: the peer closed").contains("kafka://user:password@host"),
        "{nobody:?}"
    );
}

#[test]
fn a_password_is_prepared_for_mongodb_and_kafka_takes_it_as_it_is() {
    let typed = "p\u{a0}w²";
    let login = format!("u:{}@", encoded(typed));
    for (kind, state, same) in [
        ("mongodb", "login:p w2", true),
        ("mongodb", "login:p\u{a0}w²", false),
        ("kafka", "scram:p\u{a0}w²", true),
        ("kafka", "scram:p w2", false),
    ] {
        let server = Server::start(kind, state);
        let mechanism = if kind == "kafka" { &["u", typed, "SCRAM-SHA-256"][..] } else { &["u", typed] };
        assert_eq!(server.is_accepted(mechanism), same, "{kind} {state:?}");
        assert_eq!(server.check(&login, "").code, Some(i32::from(!same)), "{kind} {state:?}");
    }
}

#[test]
fn cassandra_is_healthy_when_it_takes_queries_or_a_login() {
    Server::start("cassandra", "up").check("", "").said(0, "healthy: speaks CQL 3.4.6, ready (cassandra://");
    let starting = Server::start("cassandra", "starting");
    starting.check("", "").said(1, "unhealthy: the server is bootstrapping; give it a start period");
    let server = Server::start("cassandra", "login");
    server.check("", "").said(0, "healthy: speaks CQL 3.4.6, wants a login; login not tried (cassandra://");
    server
        .check("u:hunter2@", "")
        .said(0, "healthy: speaks CQL 3.4.6 and takes this login (cassandra://***@");
    server.check("u:hunter3@", "").said(1, "unhealthy: the server refuses this login: ");
}

#[test]
fn a_fresh_mysql_takes_a_password_that_is_in_no_cache_yet_also_in_clear() {
    let server = Server::start("mysql", "login");
    server.check("u:hunter2@", "").said(0, "healthy: greets as 8.0.36 and takes this login (mysql://***@");
    server.check("u:hunter3@", "").said(1, "unhealthy: access denied for this user and password (1045)");
}

#[test]
fn one_protocol_is_not_taken_for_another() {
    let kinds = ["mongodb", "kafka", "cassandra"];
    for kind in kinds {
        let server = Server::start(kind, if kind == "mongodb" { "standalone" } else { "up" });
        for other in kinds
            .into_iter()
            .chain(["nats", "mqtt", "smtp", "ldap", "zookeeper"])
            .filter(|other| *other != kind)
        {
            let run = sexton(["check", "-t", "400ms", &format!("{other}://127.0.0.1:{}", server.port)]);
            run.said(1, "unhealthy: ");
        }
    }
}
