//! Dialogues with servers of our own making.

use std::time::Duration;

use super::*;
use crate::client::wire::tests::{Script, garbage};

fn answer(to: u32, document: Document) -> Vec<u8> {
    let body = [&[0; 5][..], &document.into_bytes()].concat();
    let header = [u32::try_from(body.len() + 16).unwrap(), 99, to, OP_MSG].map(u32::to_le_bytes).concat();
    [header, body].concat()
}

fn ok() -> Document {
    Document::default().int("ok", 1)
}

fn talk(says: &[Vec<u8>], password: Option<&Secret>) -> (Result<String, String>, Vec<u8>) {
    let deadline = Deadline::after(Duration::from_secs(60));
    let session = Session { user: "u", password, auth_source: "admin", deadline };
    let mut peer = Script::new(&says.concat(), 5);
    let outcome = converse(&mut peer, &session).map_err(|failure| failure.reason);
    (outcome, peer.heard)
}

fn hello(document: Document) -> Result<String, String> {
    talk(&[answer(1, document)], None).0
}

#[test]
fn what_serves_is_healthy_and_what_is_on_its_way_is_not() {
    assert_eq!(hello(ok().bool("isWritablePrimary", true)), Ok("standalone".into()));
    assert_eq!(hello(ok().bool("isWritablePrimary", true).text("setName", "rs0")), Ok("primary".into()));
    assert_eq!(hello(ok().bool("secondary", true).text("setName", "rs0")), Ok("secondary".into()));
    assert_eq!(hello(ok().bool("arbiterOnly", true).text("setName", "rs0")), Ok("arbiter".into()));
    assert_eq!(hello(ok().text("msg", "isdbgrid").bool("ismaster", true)), Ok("mongos".into()));
    let starting = ok().bool("isWritablePrimary", false).bool("secondary", false).text("setName", "rs0");
    assert!(hello(starting).unwrap_err().contains("starting up, recovering"));
    let uninitiated = ok().bool("ismaster", false).bool("isreplicaset", true);
    assert!(hello(uninitiated).unwrap_err().contains("rs.initiate()"));
    let failed = Document::default().int("ok", 0).text("errmsg", "odd\u{1b}").int("code", 91);
    assert!(hello(failed).unwrap_err().contains("shutting down"));
    assert!(hello(ok()).unwrap_err().contains("neither"));
}

#[test]
fn a_server_before_4_4_is_asked_in_the_old_words() {
    let unknown = Document::default().int("ok", 0).text("errmsg", "no such command: 'hello'").int("code", 59);
    let old = ok().bool("ismaster", true);
    let (outcome, heard) = talk(&[answer(1, unknown), answer(2, old)], None);
    assert_eq!(outcome, Ok("standalone".into()));
    assert!(heard.windows(8).any(|window| window == b"isMaster"));
}

#[test]
fn a_login_is_refused_or_unproven() {
    let secret = Secret::new(b"hunter2".to_vec());
    let primary = answer(1, ok().bool("isWritablePrimary", true));
    let refused = Document::default().int("ok", 0).text("errmsg", "Authentication failed.").int("code", 18);
    let (outcome, heard) = talk(&[primary.clone(), answer(3, refused)], Some(&secret));
    assert!(outcome.unwrap_err().contains("refuses this user or password"));
    let text = String::from_utf8_lossy(&heard);
    assert!(text.contains("SCRAM-SHA-256") && text.contains("n,,n=u,r=") && !text.contains("hunter2"));
    let malformed = ok().int("conversationId", 1).bytes("payload", b"r=x,s=AAAA,i=1");
    let (outcome, _) = talk(&[primary, answer(3, malformed)], Some(&secret));
    assert!(outcome.unwrap_err().contains("malformed"));
}

#[test]
fn garbage_and_cut_answers_are_failures() {
    for says in garbage() {
        assert!(talk(std::slice::from_ref(&says), None).0.is_err(), "{says:?}");
        let body = [&[0; 5][..], &says].concat();
        let header = [u32::try_from(body.len() + 16).unwrap(), 9, 1, OP_MSG].map(u32::to_le_bytes).concat();
        assert!(talk(&[header, body], None).0.is_err(), "{says:?}");
    }
    let whole = answer(1, ok().bool("isWritablePrimary", true));
    for end in 0..whole.len() {
        assert!(talk(&[whole[..end].to_vec()], None).0.is_err(), "{end}");
    }
}
