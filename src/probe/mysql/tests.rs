//! Dialogues with servers of our own making.

use super::*;
use crate::client::wire::tests::{Script, garbage};

fn greeting(plugin: &str) -> Vec<u8> {
    let body = [
        &b"\x0a8.0.36\0\x01\0\0\0abcdefgh\0\xff\xff\x2d\x02\0\xff\xff\x15"[..],
        &[0; 10],
        b"ijklmnopqrst\0",
        plugin.as_bytes(),
        b"\0",
    ];
    packet::framed(0, &body.concat())
}

fn talk(plugin: &str, says: &[&[u8]], password: &[u8], layer: Layer) -> (Result<(), Failure>, Vec<u8>) {
    let greeting = greet(&mut Script::new(&greeting(plugin), 3), None).expect("a greeting");
    let says: Vec<u8> = says.iter().flat_map(|body| packet::framed(2, body)).collect();
    let secret = Secret::new(password.to_vec());
    let confidentiality = if layer == Layer::Tls { Confidentiality::Tls } else { Confidentiality::None };
    let session = Session { user: "u", database: Some("d"), password: Some(&secret), layer, confidentiality };
    let mut peer = Script::new(&says, 3);
    (log_in(&mut peer, &greeting, &session), peer.heard)
}

fn reason(outcome: Result<(), Failure>) -> String {
    outcome.unwrap_err().reason
}

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const NATIVE: &str = "mysql_native_password";
const CACHING: &str = "caching_sha2_password";

#[test]
fn a_greeting_is_read_and_an_error_in_its_place_is_named() {
    let seen = greet(&mut Script::new(&greeting(NATIVE), 1), None).unwrap();
    assert_eq!(
        (seen.version.as_slice(), seen.salt.as_slice()),
        (&b"8.0.36"[..], &b"abcdefghijklmnopqrst"[..])
    );
    assert_eq!(seen.plugin, NATIVE.as_bytes());
    assert!(seen.offers(packet::SSL));
    for (body, words) in [
        (&b"\xff\x69\x04Host '10.0.0.1' is blocked because of many connection errors"[..], "FLUSH HOSTS"),
        (b"\xff\x69\x04#HY000Host '10.0.0.1' is blocked", "blocked this host"),
        (b"\xff\x10\x04#08004Too many connections", "too many connections (1040)"),
        (
            b"\xff\x6a\x04Host 'h' is not allowed to connect to this MariaDB server",
            "lets nobody in from this host",
        ),
        (b"\xff\x01\x02Odd\x1b[2J", "the server answers: Odd?[2J (513)"),
    ] {
        let failure = greet(&mut Script::new(&packet::framed(0, body), 5), None).unwrap_err();
        assert!(failure.reason.contains(words), "{failure}");
    }
    // It was told by an earlier check.
    let secret = Secret::new(b"hunter2".to_vec());
    for body in [&b"\xff\x01\x02Odd hunter2"[..], b"hunter2"] {
        let failure = greet(&mut Script::new(&packet::framed(0, body), 5), Some(&secret)).unwrap_err();
        assert!(!failure.reason.contains("hunter2"), "{failure}");
    }
}

#[test]
fn a_login_is_scrambled_and_ends_with_a_goodbye() {
    let (outcome, heard) = talk(NATIVE, &[OK], b"hunter2", Layer::Plain);
    assert!(outcome.is_ok());
    assert!(heard.ends_with(b"d\0mysql_native_password\0\x01\0\0\0\x01"));
    assert_eq!(heard.get(36..39), Some(&b"u\0\x14"[..]));
    let (outcome, heard) = talk(CACHING, &[b"\x01\x03", OK], b"hunter2", Layer::Plain);
    assert!(outcome.is_ok());
    assert_eq!(heard.get(36..39), Some(&b"u\0\x20"[..]));
    // No password, no scramble.
    let (outcome, heard) = talk(CACHING, &[OK], b"", Layer::Plain);
    assert!(outcome.is_ok());
    assert_eq!(heard.get(36..41), Some(&b"u\0\0d\0"[..]));
}

#[test]
fn the_server_may_ask_for_another_plugin() {
    let switch = [&b"\xfemysql_native_password\0"[..], b"01234567890123456789\0"].concat();
    let (outcome, heard) = talk(CACHING, &[&switch, OK], b"hunter2", Layer::Plain);
    assert!(outcome.is_ok());
    assert_eq!(heard.get(heard.len() - 29..heard.len() - 25), Some(&[20, 0, 0, 3][..]), "{heard:?}");
    assert!(
        reason(talk(NATIVE, &[b"\xfedialog\0x"], b"hunter2", Layer::Plain).0)
            .contains("by `dialog`, which is not supported")
    );
    assert!(
        reason(talk(NATIVE, &[b"\xfe"], b"hunter2", Layer::Plain).0)
            .contains("by `mysql_old_password`, which")
    );
    let endless = [&switch[..]; 100];
    assert!(reason(talk(NATIVE, &endless, b"p", Layer::Plain).0).contains("keeps asking"));
}

#[test]
fn a_password_goes_out_in_clear_only_over_tls() {
    for request in [&b"\x01\x04"[..], b"\xfemysql_clear_password\0"] {
        let (outcome, heard) = talk(CACHING, &[request, OK], b"hunter2", Layer::Plain);
        assert_eq!(outcome.is_ok(), request == b"\x01\x04", "{outcome:?}");
        assert!(!String::from_utf8_lossy(&heard).contains("hunter2"));
        let (outcome, heard) = talk(CACHING, &[request, OK], b"hunter2", Layer::Tls);
        assert!(outcome.is_ok());
        assert!(String::from_utf8_lossy(&heard).contains("\x08\0\0\x03hunter2\0"));
    }
    // The key is asked for, and what is none is refused.
    let (outcome, heard) = talk(CACHING, &[b"\x01\x04", b"\x01-----BEGIN NOTHING"], b"hunter2", Layer::Plain);
    assert!(reason(outcome).contains("public key cannot be read"));
    assert!(heard.ends_with(b"\x01\0\0\x03\x02"), "{heard:?}");
}

#[test]
fn a_refused_login_is_named_without_the_password() {
    let denied = b"\xff\x15\x04#28000Access denied for user 'u'@'h' (using password: YES)";
    assert!(
        reason(talk(NATIVE, &[denied], b"hunter2", Layer::Plain).0)
            .starts_with("access denied for this user")
    );
    let odd = b"\xff\x00\x10#28000hunter2?";
    assert_eq!(reason(talk(NATIVE, &[odd], b"hunter2", Layer::Plain).0), "the server answers: ***? (4096)");
}

#[test]
fn garbage_and_cut_answers_are_failures() {
    for says in garbage() {
        assert!(greet(&mut Script::new(&says, 7), None).is_err(), "{says:?}");
        assert!(greet(&mut Script::new(&packet::framed(0, &says), 7), None).is_err(), "{says:?}");
        let body = [&[0xfe], says.as_slice()].concat();
        assert!(
            talk(NATIVE, &[&says[says.len().min(1)..], &body], b"p", Layer::Plain).0.is_err()
                || says.first() == Some(&0)
        );
    }
    let whole = greeting("");
    for end in 0..whole.len() {
        assert!(greet(&mut Script::new(&whole[..end], 7), None).is_err(), "{end}");
    }
    // Cut inside, with a length that is right.
    for end in 0..whole.len() - 6 {
        let _ = greet(&mut Script::new(&packet::framed(0, &whole[4..4 + end]), 7), None);
    }
    assert!(greet(&mut Script::new(b"\xff\xff\xff\0\x0a", 7), None).is_err());
}
