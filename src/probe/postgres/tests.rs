//! Dialogues with servers of our own making.

use std::time::Duration;

use super::*;
use crate::client::wire::tests::{Script, garbage};

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn talk(
    says: &[u8],
    password: Option<&Secret>,
    confidentiality: Confidentiality,
) -> (Result<String, String>, Vec<u8>) {
    let deadline = Deadline::after(Duration::from_secs(60));
    let session = Session { user: "u", database: "d", password, confidentiality, deadline };
    let mut peer = Script::new(says, 3);
    let outcome = converse(&mut peer, &session).map_err(|refusal| refusal.into_failure().reason);
    (outcome, peer.heard)
}

fn plain(says: &[u8]) -> Result<String, String> {
    talk(says, None, Confidentiality::None).0
}

fn ready() -> Vec<u8> {
    [
        message(b'R', &[0; 4]),
        message(b'S', b"server_version\x0015.1\0"),
        message(b'K', &[0; 8]),
        message(b'Z', b"I"),
        // To the empty query.
        message(b'I', b""),
        message(b'Z', b"I"),
    ]
    .concat()
}

#[test]
fn trusted_and_asked_for_a_password_are_both_accepting() {
    let (outcome, heard) = talk(&ready(), None, Confidentiality::None);
    assert_eq!(outcome, Ok("accepts connections".into()));
    assert_eq!(heard.get(..8), Some(&[0, 0, 0, 51, 0, 3, 0, 0][..]));
    assert!(heard.ends_with(b"user\0u\0database\0d\0application_name\0sexton\0\0Q\0\0\0\x05\0X\0\0\0\x04"));
    for request in [3, 5, 7, 10] {
        let (outcome, heard) =
            talk(&message(b'R', &[0, 0, 0, request, 1, 2, 3, 4]), None, Confidentiality::None);
        assert_eq!(outcome, Ok("accepts connections; login not tried".into()));
        assert!(heard.ends_with(b"sexton\0\0"), "a goodbye, which the server would complain about");
    }
}

#[test]
fn an_md5_password_is_salted() {
    let secret = Secret::new(b"hunter2".to_vec());
    let says = [message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]), ready()].concat();
    let (outcome, heard) = talk(&says, Some(&secret), Confidentiality::None);
    assert_eq!(outcome, Ok("accepts connections and this login".into()));
    // md5(md5('hunter2' + 'u') + salt), by Python's hashlib.
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.contains("p\0\0\0(md5d71976661ffc415e26cecc80c510c466\0"), "{heard:?}");
}

#[test]
fn a_password_goes_out_in_clear_only_over_tls() {
    let secret = Secret::new(b"hunter2".to_vec());
    let says = [message(b'R', &[0, 0, 0, 3]), ready()].concat();
    let (outcome, heard) = talk(&says, Some(&secret), Confidentiality::None);
    assert!(outcome.unwrap_err().ends_with("add ?sslmode=require"));
    assert!(!String::from_utf8_lossy(&heard).contains("hunter2"));
    let (outcome, heard) = talk(&says, Some(&secret), Confidentiality::Tls);
    assert!(outcome.is_ok());
    assert!(String::from_utf8_lossy(&heard).contains("p\0\0\0\x0chunter2\0"));
}

#[test]
fn a_server_that_proves_nothing_is_refused() {
    let secret = Secret::new(b"hunter2".to_vec());
    let begun = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    let (outcome, heard) = talk(&[begun.clone(), ready()].concat(), Some(&secret), Confidentiality::None);
    assert!(outcome.unwrap_err().contains("does not prove"));
    assert!(String::from_utf8_lossy(&heard).contains("SCRAM-SHA-256\0\0\0\0 n,,n=,r="));
    let (outcome, _) =
        talk(&message(b'R', b"\0\0\0\x0aOAUTHBEARER\0\0"), Some(&secret), Confidentiality::None);
    assert!(outcome.unwrap_err().contains("a SASL mechanism other than SCRAM-SHA-256"));
    for out_of_turn in [&b"\0\0\0\x0br=x"[..], b"\0\0\0\x0cv=x"] {
        assert!(talk(&message(b'R', out_of_turn), Some(&secret), Confidentiality::None).0.is_err());
    }
    let malformed = [begun, message(b'R', b"\0\0\0\x0bi=4096")].concat();
    assert!(talk(&malformed, Some(&secret), Confidentiality::None).0.unwrap_err().contains("malformed"));
}

#[test]
fn an_error_is_final_or_about_tls() {
    let session = Session {
        user: "u",
        database: "d",
        password: None,
        confidentiality: Confidentiality::None,
        deadline: Deadline::after(Duration::from_secs(60)),
    };
    let refused = |body: &[u8]| converse(&mut Script::new(&message(b'E', body), 9), &session).unwrap_err();
    let hba = b"C28000\0Mno pg_hba.conf entry for host, no encryption\0RClientAuthentication\0\0";
    assert!(matches!(refused(hba), Refusal::OtherLayer(_)));
    assert!(matches!(refused(b"C08P01\0MSSL required\0\0"), Refusal::OtherLayer(_)));
    assert!(matches!(refused(b"C28000\0Mrole \"u\" does not exist\0RInitialize\0\0"), Refusal::Final(_)));
    assert!(matches!(refused(b"C3D000\0M\0\0"), Refusal::Final(_)));
}

#[test]
fn an_error_without_a_length_is_read_as_text() {
    let says = b"Ecould not fork new process for connection: Cannot allocate memory\n\0";
    let reason = "the server cannot serve: could not fork new process for connection: Cannot allocate memory";
    assert_eq!(plain(says), Err(reason.into()));
}

#[test]
fn garbage_and_cut_answers_are_failures() {
    for says in garbage() {
        assert!(plain(&says).is_err(), "{says:?}");
        for kind in *b"RENSKZvIX" {
            let _ = plain(&[&[kind], says.as_slice()].concat());
            if kind != b'Z' {
                assert!(plain(&message(kind, &says)).is_err() || kind == b'R', "{kind} {says:?}");
            }
        }
    }
    let whole = ready();
    for end in 0..whole.len() {
        assert!(plain(&whole[..end]).is_err(), "{end}");
    }
    assert!(plain(&message(b'N', b"").repeat(100_000)).unwrap_err().contains("keeps talking"));
    assert!(plain(b"R\xff\xff\xff\xff").is_err());
    assert!(plain(b"R\0\0\0\x03").is_err());
}
