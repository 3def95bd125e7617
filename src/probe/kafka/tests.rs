//! Dialogues with brokers of our own making.

use std::time::Duration;

use super::*;
use crate::client::wire::tests::{Script, garbage};

fn answer(api: i16, body: &[u8]) -> Vec<u8> {
    message::bytes(&[&i32::from(api).to_be_bytes()[..], body].concat())
}

fn versions(least: i16, most: i16) -> Vec<u8> {
    let row = [METADATA, least, most].map(i16::to_be_bytes).concat();
    answer(API_VERSIONS, &[&[0, 0, 0, 0, 0, 1][..], &row].concat())
}

/// One broker and a controller, as version 1 has them, behind `before` and with `between`.
fn cluster(before: &[u8], between: &[u8], controller: i32) -> Vec<u8> {
    let broker = b"\0\0\0\x01\0\0\0\x07\0\x01h\0\0\x23\x84\xff\xff";
    answer(METADATA, &[before, broker, between, &controller.to_be_bytes(), &[0; 4]].concat())
}

fn talk(says: &[Vec<u8>], password: Option<&Secret>) -> (Result<String, String>, Vec<u8>) {
    let deadline = Deadline::after(Duration::from_secs(60));
    let session = Session { user: "u", password, layer: Layer::Plain, deadline };
    let mut peer = Script::new(&says.concat(), 5);
    let outcome = converse(&mut peer, &session).map_err(|failure| failure.reason);
    (outcome, peer.heard)
}

#[test]
fn a_controller_is_healthy_whatever_version_the_broker_speaks() {
    let (outcome, heard) = talk(&[versions(0, 12), cluster(b"", b"", 7)], None);
    assert_eq!(outcome, Ok("1 broker, controller 7".into()));
    assert!(heard.starts_with(b"\0\0\0\x10\0\x12\0\0\0\0\0\x12\0\x06sexton"), "{heard:?}");
    assert!(heard.ends_with(b"\0\x03\0\x01\0\0\0\x03\0\x06sexton\0\0\0\0"), "{heard:?}");
    let new = cluster(b"\0\0\0\0", b"\0\x02id", 7);
    assert_eq!(talk(&[versions(8, 13), new], None).0, Ok("1 broker, controller 7".into()));
    assert!(talk(&[versions(9, 13)], None).0.unwrap_err().contains("9 to 13"));
    assert!(
        talk(&[versions(0, 12), cluster(b"", b"", -1)], None).0.unwrap_err().contains("no controller yet")
    );
    let empty = answer(METADATA, &[0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(talk(&[versions(0, 12), empty], None).0.unwrap_err().contains("no cluster yet"));
    let closed = talk(&[], None).0.unwrap_err();
    assert!(closed.contains("?tls=true"), "{closed}");
}

#[test]
fn a_login_goes_by_what_the_broker_has() {
    let secret = Secret::new(b"hunter2".to_vec());
    let offer = |code: u8, name: &str| {
        answer(SASL_HANDSHAKE, &[&[0, code, 0, 0, 0, 1][..], &message::text(name)].concat())
    };
    let accepted = answer(SASL_AUTHENTICATE, &[0, 0, 0xff, 0xff, 0, 0, 0, 0]);
    let plain = [versions(0, 9), offer(33, "PLAIN"), offer(0, "PLAIN"), accepted, cluster(b"", b"", 1)];
    let (outcome, heard) = talk(&plain, Some(&secret));
    assert_eq!(outcome, Ok("1 broker, controller 1, takes this login".into()));
    assert!(heard.windows(10).any(|window| window == b"\0u\0hunter2"));

    let refused = answer(SASL_AUTHENTICATE, &[&[0, 58][..], &message::text("bad hunter2"), &[0; 4]].concat());
    let (outcome, heard) = talk(&[versions(0, 9), offer(0, "SCRAM-SHA-256"), refused], Some(&secret));
    assert_eq!(outcome, Err("the broker refuses this user or password (58)".into()));
    assert!(heard.windows(9).any(|window| window == b"n,,n=u,r="));
    let (outcome, _) = talk(&[versions(0, 9), offer(33, "GSSAPI")], Some(&secret));
    assert!(outcome.unwrap_err().contains("none of SCRAM-SHA-256"));
    let (outcome, _) = talk(&[versions(0, 9), offer(34, "")], Some(&secret));
    assert!(outcome.unwrap_err().contains("takes no login"));
}

#[test]
fn garbage_and_cut_answers_are_failures() {
    for says in garbage() {
        assert!(talk(std::slice::from_ref(&says), None).0.is_err(), "{says:?}");
        assert!(talk(&[answer(API_VERSIONS, &says)], None).0.is_err(), "{says:?}");
        let _ = talk(&[versions(0, 9), answer(METADATA, &says)], None);
    }
    // A count that is not believed.
    assert!(talk(&[versions(0, 9), answer(METADATA, b"\x7f\xff\xff\xff")], None).0.is_err());
    let whole = [versions(0, 9), cluster(b"", b"", 7)].concat();
    for end in 0..whole.len() - 4 {
        assert!(talk(&[whole[..end].to_vec()], None).0.is_err(), "{end}");
    }
}
