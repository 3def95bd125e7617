//! Every kind of probe against servers that mean no good: none is late, none passes, none says more than a line.

use std::thread;
use std::time::Duration;

use crate::support::servers::{Client, Server};
use crate::support::{Run, sexton};

/// The limit of every run here.
const LIMIT: Duration = Duration::from_millis(300);

/// A kind of probe: the target up to the port, the rest of it, and an answer that goes on and on and is no nonsense
/// so far: how it begins, and what is repeated; nothing is, where it would be an end.
struct Kind {
    target: &'static str,
    rest: &'static str,
    begins: &'static [u8],
    repeats: &'static [u8],
}

const fn kind(
    target: &'static str,
    rest: &'static str,
    begins: &'static [u8],
    repeats: &'static [u8],
) -> Kind {
    Kind { target, rest, begins, repeats }
}

/// A TLS record with the handshake's first message, whose end does not come.
const HANDSHAKE: &[u8] = b"\x16\x03\x03\x3f\xff\x02\0\x3f\xfb\x03\x03";

const KINDS: &[Kind] = &[
    kind("http://", "/", b"HTTP/1.1 200 OK\r\n", b"X-Drip: drop\r\n"),
    kind("https://", "/", HANDSHAKE, b"\0"),
    kind("redis://", "", b"+PON", b"G"),
    kind("redis://user:hunter2@", "/1", b"+OK\r\n", b"+OK "),
    kind("rediss://", "", HANDSHAKE, b"\0"),
    kind("memcached://", "", b"VERSION", b" "),
    // A table of server properties; nothing but heartbeats.
    kind("amqp://", "", b"\x01\0\0\0\x01\0\0\0\x0a\0\x0a", b"\0"),
    kind("amqp://user:hunter2@", "/v", b"", b"\x08\0\0\0\0\0\0\xce"),
    kind("amqps://", "", HANDSHAKE, b"\0"),
    // A long notice; notices without end; an error without end, in the old form.
    kind("postgres://", "", b"NN\0\0\xff\0", b"S"),
    kind("postgres://user:hunter2@", "/db", b"N", b"N\0\0\0\x05\0"),
    kind("postgresql://", "", b"E", b"sorry "),
    kind("postgres://", "?sslmode=require", b"S\x16\x03\x03\x3f\xff\x02\0\x3f\xfb\x03\x03", b"\0"),
    // A version that does not end.
    kind("mysql://", "", b"\xff\xff\0\0\x0a", b"8"),
    kind("mariadb://user:hunter2@", "/db", b"\xff\xff\0\0\x0a", b"8"),
    // A document that does not end; a large one; frames of nothing.
    kind("mongodb://", "", b"\xff\xff\0\0\0\0\0\0\x01\0\0\0\xdd\x07\0\0", b"\0"),
    kind(
        "mongodb://user:hunter2@",
        "/db?authSource=admin",
        b"\xff\0\0\0\0\0\0\0\x01\0\0\0\xdd\x07\0\0",
        b"\x08a\0\x01",
    ),
    kind("kafka://", "", b"\0\0\xff\xff\0\0\0\x12", b"\0"),
    kind("kafka://user:hunter2@", "?tls=true", HANDSHAKE, b"\0"),
    kind("cassandra://", "", b"\x84\0\0\0\x06\0\0\xff\xff", b"\0"),
    kind("nats://", "", b"INFO {", b"\"a\":1,"),
    kind("nats://user:hunter2@", "", b"INFO {}\r\n", b"+OK "),
    // Four bytes are all: the last one does not come, or is nonsense.
    kind("mqtt://", "", b"\x20\x02\0", b""),
    kind("mqtts://", "", HANDSHAKE, b"\0"),
    kind("smtp://", "", b"220-mail\r\n", b"220-mail\r\n"),
    kind("smtps://", "", HANDSHAKE, b"\0"),
    kind("ldap://", "", b"\x30\x82\x3f\xff\x02\x01\x01", b"\0"),
    kind("ldaps://", "", HANDSHAKE, b"\0"),
    // Settings without end.
    kind("grpc://", "", b"\0\0\0\x04\0\0\0\0\0", b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"),
    kind("grpcs://", "", HANDSHAKE, b"\0"),
    kind("tcp://", "#expect=PONG", b"", b"PON"),
    kind("zookeeper://", "", b"Zookeeper version: 3\n", b"x: y\n"),
    // Output; empty records.
    kind("fcgi://", "/ping", b"\x01\x06\0\x01\xff\xff\0\0", b"X: y\r\n"),
    kind("fcgi://", "/x.php", b"", b"\x01\x07\0\x01\0\0\0\0"),
];

/// Runs every kind of probe against a server of its own that does `behave`, several at a time, and looks at each run.
fn each(behave: fn(&Kind, &mut Client), look: fn(&str, &Run)) {
    for some in KINDS.chunks(4) {
        thread::scope(|scope| {
            for kind in some {
                scope.spawn(move || {
                    let server = Server::new(move |client| behave(kind, client));
                    let target = format!("{}{}{}", kind.target, server.address(), kind.rest);
                    let run = sexton(["check", "--timeout", "300ms", &target]);
                    assert!(!run.stdout.contains("hunter2"), "{target}: {run:?}");
                    look(&target, &run);
                });
            }
        });
    }
}

/// Took all of its limit, and says so.
fn gave_up(target: &str, run: &Run) {
    let line = run.said(1, "unhealthy: ");
    // On a busy machine the watchdog is first; an error that does not end is told as far as it came.
    let reasons = ["timed out", "no verdict within", "the server cannot serve"];
    assert!(reasons.iter().any(|reason| line.contains(reason)), "{target}: {line}");
    run.took(LIMIT);
}

/// Ended with a reason, before its limit or at it.
fn refused(target: &str, run: &Run) {
    run.said(1, "unhealthy: ");
    assert!(run.elapsed < LIMIT + Duration::from_secs(1), "{target}: {run:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_at_the_limit() {
    each(|_, client| client.hold(), gave_up);
}

#[test]
fn a_server_that_drips_is_given_up_at_the_limit() {
    let drip = |kind: &Kind, client: &mut Client| {
        client.send(kind.begins);
        for byte in kind.repeats.iter().cycle() {
            thread::sleep(Duration::from_millis(5));
            if !client.send(&[*byte]) {
                return;
            }
        }
        client.hold();
    };
    each(drip, gave_up);
}

#[test]
fn a_server_that_closes_or_resets_at_once_is_unhealthy() {
    each(|_, client| client.close(), refused);
    each(|_, client| client.reset(), refused);
}

#[test]
fn a_server_that_pours_nonsense_is_unhealthy() {
    each(
        |_, client| {
            let nonsense: Vec<u8> = (0..64 * 1024_u32).map(|i| u8::try_from(i * i % 251).unwrap()).collect();
            while client.send(&nonsense) {}
        },
        refused,
    );
}

#[test]
fn a_server_that_pours_what_is_nearly_right_is_unhealthy() {
    let pour = |kind: &Kind, client: &mut Client| {
        client.send(kind.begins);
        let repeats = if kind.repeats.is_empty() { b"\xff" } else { kind.repeats };
        let much = repeats.repeat(64 * 1024 / repeats.len());
        while client.send(&much) {}
    };
    each(pour, refused);
}
