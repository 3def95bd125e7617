//! Lines of the services' own clients, beside their translation, against those services.

use super::states::{has, is_healthy, says_healthy, translated};
use crate::services::mysql::mariadb;
use crate::services::postgres::trusting;
use crate::services::redis::{redis, tell};
use crate::support::eventually;
use crate::support::servers::{Refusing, Server};

/// The PATH of the distribution's own programs.
const PATH: &str = "/usr/bin:/bin";

/// What a line and its translation say of the service at `port`: first the original's.
fn both(line: &str, port: u16, limit: (&str, &str)) -> (bool, bool, String) {
    let line = line.replace("{PORT}", &port.to_string());
    let (words, notes) = translated(&line).unwrap_or_else(|said| panic!("{line}: {said}"));
    let theirs = is_healthy(&line, PATH, limit.0);
    let (ours, said) = says_healthy(&words, limit.1);
    (theirs, ours, format!("{line}: {theirs}, ours {ours}: {words:?} {notes:?} {said}"))
}

/// Asserts that both agree; where `stricter`, that ours is unhealthy and that a note says so.
#[track_caller]
fn agree(line: &str, port: u16, stricter: bool) {
    let (theirs, ours, said) = both(line, port, ("30", "30s"));
    if stricter {
        assert!(theirs && !ours && said.contains("stricter"), "{said}");
    } else {
        assert_eq!(theirs, ours, "{said}");
    }
}

/// Asserts that both call what does not answer, closes or refuses unhealthy.
fn agree_when_down(lines: &[&str]) {
    let (silent, closing, refusing) = (Server::silent(), Server::closing(), Refusing::new());
    for port in [silent.port(), closing.port(), refusing.address().port()] {
        for line in lines {
            let (theirs, ours, said) = both(line, port, ("1.5", "1s"));
            assert_eq!((theirs, ours), (false, false), "{said}");
        }
    }
}

const REDIS: &[&str] = &[
    "redis-cli -p {PORT} ping",
    "redis-cli -h 127.0.0.1 -p {PORT} ping || exit 1",
    "redis-cli -h localhost -p {PORT} ping | grep PONG",
    "redis-cli -p {PORT} --raw incr ping",
    "[ \"$(redis-cli -p {PORT} ping)\" = \"PONG\" ]",
    "test \"$(redis-cli -h 127.0.0.1 -p {PORT} ping)\" = PONG || exit 1",
    "echo PING | redis-cli -p {PORT} | grep -q PONG",
    "redis-cli -u redis://127.0.0.1:{PORT} ping",
    "sh -c 'redis-cli -p {PORT} ping | grep -q PONG'",
    "timeout 6 redis-cli -p {PORT} ping",
];

#[test]
fn lines_of_redis_cli_and_their_translations_agree() {
    if !has(&[("redis-cli", "redis-tools")]) {
        return;
    }
    let Some((_peer, port)) = redis(&[]) else { return };
    for line in REDIS {
        agree(line, port, false);
    }
    let Some((_locked, locked)) = redis(&["--requirepass", "hunter2"]) else { return };
    for line in [
        "redis-cli -a hunter2 -p {PORT} ping | grep PONG",
        "redis-cli --no-auth-warning -a hunter2 -p {PORT} ping",
    ] {
        agree(line, locked, false);
    }
    agree("redis-cli -p {PORT} ping | grep PONG", locked, false);
    // redis-cli exits with 0 on any answer.
    agree("redis-cli -p {PORT} ping", locked, true);
    agree("redis-cli -a wrong -p {PORT} ping", locked, true);
    agree("redis-cli -a wrong -p {PORT} ping | grep PONG", locked, false);
    agree("redis-cli -p {PORT} info replication | grep -q role:master", port, false);
    tell(port, &["REPLICAOF 127.0.0.1 1"]);
    agree("redis-cli -p {PORT} info replication | grep role:master", port, false);
    agree_when_down(&REDIS[..4]);
}

#[test]
fn lines_about_a_cluster_of_redis_and_their_translations_agree() {
    if !has(&[("redis-cli", "redis-tools")]) {
        return;
    }
    let Some((_peer, port)) = redis(&["--cluster-enabled", "yes"]) else { return };
    let line = "redis-cli -p {PORT} cluster info | grep -q cluster_state:ok";
    // Without slots the cluster is down, though each of its nodes says PONG.
    let (theirs, ours, said) = both(line, port, ("30", "30s"));
    assert_eq!((theirs, ours), (false, false), "{said}");
    tell(port, &["CLUSTER ADDSLOTSRANGE 0 16383"]);
    eventually("its slots are served", || is_healthy(&line.replace("{PORT}", &port.to_string()), PATH, "30"));
    let (theirs, ours, said) = both(line, port, ("30", "30s"));
    assert_eq!((theirs, ours), (true, true), "{said}");
}

const POSTGRES: &[&str] = &[
    "pg_isready -h 127.0.0.1 -p {PORT}",
    "pg_isready -U postgres -h 127.0.0.1 -p {PORT} || exit 1",
    "pg_isready -h localhost -p {PORT} -d nowhere -q",
    "pg_isready --host=127.0.0.1 --port={PORT} --timeout=6",
    "sh -c 'pg_isready -h 127.0.0.1 -p {PORT}'",
    "pg_isready -h 127.0.0.1 -p {PORT} | grep -q 'accepting connections'",
    "psql -h 127.0.0.1 -p {PORT} -U postgres -c 'select 1'",
    "psql -h 127.0.0.1 -p {PORT} -U postgres -d postgres -c 'SELECT 1;' > /dev/null || exit 1",
    "psql postgres://postgres@127.0.0.1:{PORT}/postgres -c 'select 1'",
    "PGPASSWORD=x psql -h 127.0.0.1 -p {PORT} -U postgres -tAc 'select 1'",
];

#[test]
fn lines_of_postgres_and_their_translations_agree() {
    if !has(&[("psql", "postgresql-client"), ("pg_isready", "postgresql-client")]) {
        return;
    }
    let Some((_peer, port)) = trusting() else { return };
    for line in POSTGRES {
        agree(line, port, false);
    }
    // It looks at neither user nor database.
    agree("pg_isready -h localhost -p {PORT} -U nobody", port, true);
    agree_when_down(&POSTGRES[..2]);
    agree_when_down(&POSTGRES[6..7]);
}

const MARIADB: &[&str] = &[
    "mysqladmin ping -h 127.0.0.1 -P {PORT}",
    "mariadb-admin ping -h127.0.0.1 -P{PORT} --silent || exit 1",
    "mysqladmin -h 127.0.0.1 --port={PORT} -u root -pwrong ping",
    "mysqladmin ping -h 127.0.0.1 -P {PORT} -u nobody || exit 1",
    "mysqladmin -u app -phunter2 -h 127.0.0.1 -P {PORT} status",
    "mysql -h 127.0.0.1 -P {PORT} -u app -phunter2 -e 'select 1'",
    "mysql -h 127.0.0.1 -P {PORT} -u app -pwrong -e 'select 1' > /dev/null || exit 1",
];

#[test]
fn lines_of_mariadb_and_their_translations_agree() {
    if !has(&[("mariadb-admin", "mariadb-client"), ("mysqladmin", "mariadb-client")]) {
        return;
    }
    let Some((_peer, port)) = mariadb("CREATE USER app@'%' IDENTIFIED BY 'hunter2';\n", &[]) else { return };
    for line in MARIADB {
        agree(line, port, false);
    }
    agree_when_down(&MARIADB[..2]);
}

#[test]
fn lines_of_cgi_fcgi_and_their_translations_agree() {
    if !has(&[("cgi-fcgi", "libfcgi-bin")]) {
        return;
    }
    let port = crate::support::peers::free_port();
    let Some(_peer) = crate::services::fcgi::php_fpm(&format!("127.0.0.1:{port}"), "ping.path = /ping")
    else {
        return;
    };
    let line =
        "SCRIPT_NAME=/ping SCRIPT_FILENAME=/ping REQUEST_METHOD=GET cgi-fcgi -bind -connect 127.0.0.1:{PORT}";
    agree(line, port, false);
    agree(&format!("{line} | grep -q pong"), port, false);
    agree(&format!("{line} || exit 1"), port, false);
    let refusing = Refusing::new();
    agree(line, refusing.address().port(), false);
}
