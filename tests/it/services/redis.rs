//! `redis://`, `rediss://`, `redis+unix:` against redis.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::peers::{Peer, Recipe, certificate, free_port, program};
use crate::support::temp::Folder;
use crate::support::{Sexton, eventually, sexton};

/// redis with `args` on a port of its own.
pub(crate) fn redis(args: &[&str]) -> Option<(Peer, u16)> {
    let port = free_port();
    Some((recipe(port)?.args(args).start().listening(port), port))
}

/// How to start redis on `port`, without a dump at its end.
fn recipe(port: u16) -> Option<Recipe> {
    let program = program("redis-server", "redis-server")?;
    let port = port.to_string();
    Some(Recipe::new(&program, None).args(["--bind", "127.0.0.1", "--port", &port, "--save", ""]))
}

/// Says `commands` to redis, one per line, and returns once each is answered by OK.
pub(crate) fn tell(port: u16, commands: &[&str]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("redis listens");
    for command in commands {
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("redis listens");
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).expect("redis answers");
        assert_eq!(&answer, b"+OK\r\n", "{command}");
    }
}

/// The line of a check of `target`.
fn line(target: &str) -> String {
    let run = sexton(["check", target]);
    let start = if run.code == Some(0) { "healthy: " } else { "unhealthy: " };
    let line = run.said(run.code.unwrap_or(-1), start);
    line.rsplit_once(", ").expect("a time at the end").0.to_owned()
}

#[test]
fn pong_is_healthy() {
    let Some((_peer, port)) = redis(&[]) else { return };
    assert_eq!(
        line(&format!("redis://127.0.0.1:{port}")),
        format!("healthy: PONG (redis://127.0.0.1:{port}")
    );
    assert_eq!(
        line(&format!("redis://localhost:{port}/3")),
        format!("healthy: PONG (redis://localhost:{port}/3")
    );
    assert!(
        line(&format!("redis://127.0.0.1:{port}/99"))
            .starts_with("unhealthy: redis has no database of this number")
    );
    let needless = line(&format!("redis://:p@127.0.0.1:{port}"));
    assert!(needless.starts_with("unhealthy: redis has no password set for this user"), "{needless}");
}

#[test]
fn a_password_is_asked_for_taken_and_never_shown() {
    let Some((peer, port)) = redis(&["--requirepass", "hunter2/+"]) else { return };
    let place = format!("127.0.0.1:{port}");
    assert!(
        line(&format!("redis://{place}")).starts_with("unhealthy: redis wants a password (NOAUTH); write ")
    );
    assert_eq!(line(&format!("redis://:hunter2%2F+@{place}")), format!("healthy: PONG (redis://***@{place}"));
    assert_eq!(
        line(&format!("redis://:hunter3@{place}")),
        format!("unhealthy: redis refuses the user or the password (WRONGPASS) (redis://***@{place}")
    );

    let file = peer.folder().join("password");
    fs::write(&file, "hunter2/+\nsecond line\n").unwrap();
    let file = file.to_str().unwrap();
    sexton(["check", "--password-file", file, &format!("redis://{place}")])
        .said(0, "healthy: PONG (redis://127");
    let run = Sexton::with(["check", "redis://:${PASS}@${PLACE}"])
        .env("PASS", "hunter2/+")
        .env("PLACE", &place)
        .run();
    run.said(0, "healthy: PONG (redis://***@127");

    for shown in [&["--verbose"][..], &["--json"]] {
        for target in ["redis://:hunter2%2F+@", "redis://hunter2:hunter2@", "rediss://:hunter2@"] {
            let target = format!("{target}{place}");
            let run = sexton([&["check", "-t", "1s"][..], shown, &[&target]].concat());
            assert!(!run.stdout.contains("hunter") && !run.stderr.contains("hunter"), "{run:?}");
        }
    }
}

#[test]
fn a_password_file_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    let file = folder.join("password");
    let check = || sexton(["check", "--password-file", file.to_str().unwrap(), "redis://127.0.0.1:1"]);
    check().said(1, &format!("unhealthy: --password-file {}: no such file (", file.display()));
    fs::write(&file, "\nhunter2\n").unwrap();
    check().said(1, &format!("unhealthy: --password-file {}: the first line is empty (", file.display()));
}

#[test]
fn logins_that_make_no_sense_are_refused_unseen() {
    for (target, reason) in [
        (
            "redis://:hun/ter@h",
            "redis://***@h: a /, ? or # in the user or password, which must be %-encoded there and needs no \
             encoding in --password-file",
        ),
        (
            "redis://:100%@h",
            "redis://***@h: a % in the user or password that starts no %XX; write %25 for a %",
        ),
        (
            "redis://user@h",
            "redis://***@h: a user without a password; write user:password@ or :password@, or give --password-file",
        ),
        ("redis://h/first", "redis://h/first: `first`, which is not the number of a database"),
    ] {
        sexton(["check", target]).refused(reason);
    }
    let run = sexton(["check", "--password-file", "/p", "redis://:p@h"]);
    run.refused("redis://***@h: a password, beside --password-file");
    let run = sexton(["check", "--password-file", "/p", "memcached://h"]);
    run.refused("--password-file does not apply to this target");
}

#[test]
fn users_are_known_and_what_they_may_is_told() {
    let users: Vec<_> = "--user health on >h1 +ping --user mute on >h2 +get".split(' ').collect();
    let Some((_peer, port)) = redis(&users) else {
        return;
    };
    assert!(line(&format!("redis://health:h1@127.0.0.1:{port}")).starts_with("healthy: PONG"));
    assert!(line(&format!("redis://health:h2@127.0.0.1:{port}")).contains("(WRONGPASS)"));
    assert!(
        line(&format!("redis://mute:h2@127.0.0.1:{port}"))
            .contains("may not run PING (NOPERM); grant it +ping")
    );
}

#[test]
fn a_unix_socket_is_asked_as_well() {
    let folder = Folder::new();
    let socket = folder.join("redis.sock");
    let socket = socket.to_str().unwrap();
    let Some((_peer, _)) = redis(&["--unixsocket", socket, "--requirepass", "p"]) else { return };
    assert!(line(&format!("redis+unix:{socket}")).contains("(NOAUTH)"));
    assert_eq!(
        line(&format!("redis+unix://:p@{socket}")),
        format!("healthy: PONG (redis+unix://***@{socket}")
    );
    assert!(line(&format!("redis+unix://:p@{socket}?db=2")).starts_with("healthy: PONG"));
    sexton(["check", "--unix-socket", socket, "redis://:p@localhost"])
        .said(0, "healthy: PONG (redis://***@localhost");
}

#[test]
fn rediss_verifies_the_certificate() {
    let (port, plain) = (free_port(), free_port());
    let Some(recipe) = recipe(plain) else { return };
    let (certificate, key) = certificate();
    let recipe = recipe.file("cert.pem", certificate).file("key.pem", key);
    let peer = recipe
        .args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"])
        .args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "cert.pem"])
        .start()
        .listening(port);
    let cacert = peer.folder().join("cert.pem");
    let target = format!("rediss://127.0.0.1:{port}");
    sexton(["check", "--cacert", cacert.to_str().unwrap(), &target]).said(0, "healthy: PONG (rediss://");
    sexton(["check", "--insecure", &target]).said(0, "healthy: PONG (rediss://");
    let run = sexton(["check", &target]);
    assert!(run.said(1, "unhealthy: ").contains("--insecure"), "{run:?}");
    let run = sexton(["check", &format!("redis://127.0.0.1:{port}")]);
    run.said(1, "unhealthy: the peer ");
}

#[test]
fn a_redis_that_loads_a_dump_is_unhealthy_until_it_is_done() {
    let port = free_port();
    let Some(first) = recipe(port) else { return };
    let first = first.args(["--enable-debug-command", "yes"]).start().listening(port);
    tell(port, &["DEBUG POPULATE 3000 key 100", "SAVE"]);
    let dump = fs::read(first.folder().join("dump.rdb")).expect("the dump");
    drop(first);

    let recipe = recipe(port).expect("it was there").file("dump.rdb", dump);
    // A millisecond and a look at the connections for every key: three seconds and more.
    let slowly = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    let _peer = recipe.args(slowly).start().listening(port);
    let loading = line(&format!("redis://127.0.0.1:{port}"));
    assert!(
        loading.starts_with("unhealthy: redis is still loading its data into memory (LOADING); give"),
        "{loading}"
    );
    eventually("the dump is loaded", || {
        line(&format!("redis://127.0.0.1:{port}")).starts_with("healthy: PONG")
    });
}

#[test]
fn a_replica_without_its_master_is_unhealthy() {
    let (master, port) = (free_port().to_string(), free_port());
    let Some(recipe) = recipe(port) else { return };
    let args = ["--replicaof", "127.0.0.1", &master, "--replica-serve-stale-data", "no"];
    let _peer = recipe.args(args).start().listening(port);
    let line = line(&format!("redis://127.0.0.1:{port}"));
    assert!(
        line.starts_with("unhealthy: this replica has no link to its master (MASTERDOWN); look"),
        "{line}"
    );
}

#[test]
fn a_redis_without_a_connection_left_says_so() {
    let Some((_peer, port)) = redis(&["--maxclients", "1"]) else { return };
    // The first of these may be turned away for the sake of the connection that found redis listening.
    let mut taken = None;
    while taken.is_none() {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut answer = [0; 7];
        let answered = stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut answer));
        taken = (answered.is_ok() && &answer == b"+PONG\r\n").then_some(stream);
    }
    let line = line(&format!("redis://127.0.0.1:{port}"));
    assert!(
        line.starts_with("unhealthy: redis has no connection left (max number of clients reached)"),
        "{line}"
    );
}

#[test]
fn a_role_and_a_link_are_looked_at_where_the_target_wants_them() {
    let (Some((_master, port)), Some((_other, follower))) = (redis(&[]), redis(&[])) else { return };
    let target = |port: u16, wants: &str| format!("redis://127.0.0.1:{port}?{wants}");
    sexton(["check", &target(port, "role=master")]).said(0, "healthy: PONG, master (redis://");
    sexton(["check", &target(port, "role=replica")])
        .said(1, "unhealthy: this is a master, where a replica is wanted");
    tell(follower, &[&format!("REPLICAOF 127.0.0.1 {port}")]);
    eventually("the replica is linked", || {
        sexton(["check", &target(follower, "replica=linked")]).code == Some(0)
    });
    sexton(["check", &target(follower, "role=master")])
        .said(1, "unhealthy: this is a replica, where a master is wanted");
    sexton(["check", &target(port, "cluster=ok")])
        .said(1, "unhealthy: redis answers `ERR This instance has cluster support");
    let unknown = sexton(["check", &target(port, "rolle=master")]);
    assert!(unknown.stderr.contains("the parameter rolle"), "{unknown:?}");
}

#[test]
fn a_sentinel_says_what_it_is_and_protected_mode_what_to_do() {
    let Some((_master, port)) = redis(&[]) else { return };
    let sentinel = free_port();
    let Some(program) = program("redis-server", "redis-server") else { return };
    let conf = format!("port {sentinel}\nbind 127.0.0.1\nsentinel monitor m 127.0.0.1 {port} 1\n");
    let recipe =
        Recipe::new(&program, None).file("sentinel.conf", conf).args(["sentinel.conf", "--sentinel"]);
    let _sentinel = recipe.start().listening(sentinel);
    let target = format!("redis://127.0.0.1:{sentinel}");
    sexton(["check", &target]).said(0, "healthy: PONG (redis://");
    sexton(["check", &format!("{target}?role=master")])
        .said(1, "unhealthy: this is a Sentinel, which watches masters");
}
