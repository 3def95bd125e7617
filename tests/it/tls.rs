//! https: whom a check trusts, who it is, and what it says when TLS does not come about.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use rustls::version::{TLS12, TLS13};

use crate::support::servers::{Client, OK, Server};
use crate::support::temp::Folder;
use crate::support::tls::{Authority, Identity, Wire, answering, converse, file};
use crate::support::{Run, Sexton, sexton};

/// The names of the server in most tests: where it is, and a name.
const NAMES: [&str; 2] = ["127.0.0.1", "app.test"];

/// Nothing to change.
fn as_it_is(_: &mut CertificateParams) {}

/// `https://address/` of `server`.
fn url(server: &Server) -> String {
    format!("https://{}/", server.address())
}

/// Checks `server` with `options`.
fn check(server: &Server, options: &[&str]) -> Run {
    let url = url(server);
    let mut args = vec!["check"];
    args.extend(options);
    args.push(&url);
    sexton(args)
}

/// A server of `identity`, and a file with the certificates of `trusted`.
fn served(identity: &Identity, trusted: &str) -> (Server, Folder, String) {
    let folder = Folder::new();
    let path = file(&folder, "ca.pem", trusted);
    (answering(identity.config(), OK), folder, path)
}

#[test]
fn a_certificate_of_a_given_authority_is_trusted_by_address_and_by_name_in_both_versions() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&NAMES, as_it_is);
    let folder = Folder::new();
    let ca = file(&folder, "ca.pem", authority.pem());
    for version in [&TLS12, &TLS13] {
        let server = answering(identity.config_of(&[version], None), OK);
        for name in [&[][..], &["--server-name", "app.test"], &["--server-name", "127.0.0.1"]] {
            let options = [&["--cacert", &ca][..], name].concat();
            check(&server, &options).said(0, "healthy: status 200 (https://127.0.0.1:");
        }
    }
}

#[test]
fn localhost_is_a_name_that_a_certificate_can_have() {
    let authority = Authority::new("ours");
    let (server, _folder, ca) = served(&authority.issue(&["localhost"], as_it_is), &authority.pem());
    let run = sexton(["check", "--cacert", &ca, &format!("https://localhost:{}/", server.port())]);
    run.said(0, "healthy: status 200 (https://localhost:");
}

#[test]
fn an_unknown_authority_is_told_with_the_remedy_and_insecure_trusts_it() {
    let (server, _folder, other) =
        served(&Authority::new("ours").issue(&NAMES, as_it_is), &Authority::new("other").pem());
    check(&server, &[]).said(
        1,
        "unhealthy: the certificate is signed by an unknown authority, none of the bundled roots; --cacert FILE trusts \
         it, --insecure trusts anything (",
    );
    check(&server, &["--cacert", &other])
        .said(1, &format!("unhealthy: the certificate is not signed by an authority of --cacert {other} ("));
    for insecure in ["--insecure", "-k"] {
        check(&server, &[insecure]).said(0, "healthy: status 200 (");
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_when_it_is_the_given_one() {
    let as_openssl_makes_them = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages.clear();
    };
    let authority = Identity::self_signed(&NAMES, as_openssl_makes_them);
    let plain = Identity::self_signed(&NAMES, as_it_is);
    let other = Identity::self_signed(&NAMES, as_it_is).pem();
    for identity in [authority, plain] {
        let (server, folder, own) = served(&identity, &identity.pem());
        check(&server, &[]).said(
            1,
            "unhealthy: the certificate is self-signed; --cacert FILE trusts it, --insecure trusts anything (",
        );
        check(&server, &["--cacert", &own]).said(0, "healthy: status 200 (");
        check(&server, &["--cacert", &own, "--server-name", "other.test"])
            .said(1, "unhealthy: the certificate is for 127.0.0.1, app.test, not for other.test;");
        let other = file(&folder, "other.pem", &other);
        check(&server, &["--cacert", &other]).said(
            1,
            &format!("unhealthy: the certificate is self-signed and not the one of --cacert {other} ("),
        );
        check(&server, &["-k"]).said(0, "healthy: status 200 (");
    }
}

#[test]
fn an_expired_certificate_says_since_when_also_when_it_is_the_given_one() {
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 29);
    };
    let authority = Authority::new("ours");
    let own = Identity::self_signed(&NAMES, |params| {
        expired(params);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let issued = authority.issue(&NAMES, expired);
    for (identity, trusted) in [(&issued, authority.pem()), (&own, own.pem())] {
        let (server, _folder, ca) = served(identity, &trusted);
        check(&server, &["--cacert", &ca])
            .said(1, "unhealthy: the certificate expired on 2020-02-29T00:00:00Z; renew it (");
    }
}

#[test]
fn a_certificate_of_the_future_is_told_beside_the_clock_here() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&NAMES, |params| params.not_before = date_time_ymd(4000, 1, 1));
    let (server, _folder, ca) = served(&identity, &authority.pem());
    check(&server, &["--cacert", &ca]).said(
        1,
        "unhealthy: the certificate is not valid before 4000-01-01T00:00:00Z, and the clock here says 2",
    );
}

#[test]
fn a_certificate_of_somebody_else_says_whose_it_is() {
    let authority = Authority::new("ours");
    let many: Vec<_> = (0..7).map(|number| format!("host{number}.test")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (names, told) in [
        (&["app.test", "*.apps.test", "192.0.2.1"][..], "is for app.test, *.apps.test, 192.0.2.1, not for"),
        (&many, "is for host0.test, host1.test, host2.test, host3.test, host4.test and 2 more, not for"),
        (&[], "is not for 127.0.0.1: it has no subject alternative name at all;"),
    ] {
        let (server, _folder, ca) = served(&authority.issue(names, as_it_is), &authority.pem());
        check(&server, &["--cacert", &ca]).said(1, &format!("unhealthy: the certificate {told}"));
    }
}

#[test]
fn a_certificate_that_is_not_for_servers_is_refused() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&NAMES, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let (server, _folder, ca) = served(&identity, &authority.pem());
    check(&server, &["--cacert", &ca]).said(1, "unhealthy: the certificate is not meant for servers (");
}

#[test]
fn a_certificate_that_ends_soon_fails_while_it_still_works() {
    let authority = Authority::new("ours");
    let soon = SystemTime::now() + Duration::from_secs(10 * 24 * 3600 + 3600);
    let identity = authority.issue(&NAMES, |params| params.not_after = soon.into());
    let (server, _folder, ca) = served(&identity, &authority.pem());
    check(&server, &["--cacert", &ca, "--min-validity", "7d"]).said(0, "healthy: status 200 (");
    let early = check(&server, &["--cacert", &ca, "--min-validity", "20d"]);
    let line = early.said(1, "unhealthy: the certificate expires in 10 days (2");
    assert!(line.contains("), and --min-validity wants 20 days; renew it ("), "{line}");
    check(&server, &["--insecure", "--min-validity", "20d"])
        .said(1, "unhealthy: the certificate expires in 10 days (2");
}

#[test]
fn a_server_that_wants_a_certificate_gets_it_and_a_check_without_one_says_so() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let identity = ours.issue(&NAMES, as_it_is);
    let folder = Folder::new();
    let ca = file(&folder, "ca.pem", ours.pem());
    let client = theirs.issue(&["client.test"], as_it_is);
    let cert = file(&folder, "client.pem", client.pem());
    let key = file(&folder, "client.key", client.key_pem());
    let both = file(&folder, "both.pem", client.pem() + &client.key_pem());
    let stranger = Identity::self_signed(&["x.test"], as_it_is);
    let strange = file(&folder, "strange.pem", stranger.pem() + &stranger.key_pem());
    for version in [&TLS12, &TLS13] {
        let server = answering(identity.config_of(&[version], Some(&theirs)), OK);
        for options in [&["--cert", &cert, "--key", &key][..], &["--cert", &both]] {
            check(&server, &[&["--cacert", &ca][..], options].concat()).said(0, "healthy: status 200 (");
        }
        let without = check(&server, &["--cacert", &ca]);
        let line = without.said(1, "unhealthy: the peer ");
        assert!(line.contains("client certificate") && line.contains("--cert FILE"), "{line}");
        check(&server, &["--cacert", &ca, "--cert", &strange])
            .said(1, "unhealthy: the peer does not accept our certificate (");
    }
}

#[test]
fn files_that_are_none_are_named_with_their_flag() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&NAMES, as_it_is);
    let (server, folder, ca) = served(&identity, &authority.pem());
    let text = file(&folder, "text", "no PEM at all\n");
    let broken = file(&folder, "broken", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
    let garbage = file(&folder, "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let locked = file(
        &folder,
        "locked",
        identity.pem() + "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let cert = file(&folder, "cert", identity.pem());
    let other_key = file(&folder, "key", authority.issue(&["x"], as_it_is).key_pem());
    let here = folder.path().to_str().expect("UTF-8").to_owned();
    for (options, told) in [
        (&["--cacert", "/nowhere.pem"][..], "--cacert /nowhere.pem: no such file".into()),
        (&["--cacert", &here], format!("--cacert {here}: a directory")),
        (&["--cacert", &text], format!("--cacert {text}: no PEM certificate in it")),
        (&["--cacert", &broken], format!("--cacert {broken}: broken PEM")),
        (&["--cacert", &garbage], format!("--cacert {garbage}: no certificate in it can be read")),
        (&["--cacert", "/dev/zero"], "--cacert /dev/zero: larger than 1 MiB".into()),
        (&["--cacert", &ca, "--cert", "/nowhere.pem"], "--cert /nowhere.pem: no such file".into()),
        (
            &["--cacert", &ca, "--cert", &cert],
            format!("--cert {cert}: no PEM private key in it; --key FILE names it"),
        ),
        (
            &["--cacert", &ca, "--cert", &locked],
            format!("--cert {locked}: the key has a passphrase, which cannot be used"),
        ),
        (
            &["--cacert", &ca, "--cert", &cert, "--key", &cert],
            format!("--key {cert}: no PEM private key in it"),
        ),
        (
            &["--cacert", &ca, "--cert", &cert, "--key", &other_key],
            "the key of --key is not that of --cert".into(),
        ),
    ] {
        check(&server, options).said(1, &format!("unhealthy: {told} (https://"));
    }
}

#[test]
fn a_certificate_file_is_read_at_each_attempt() {
    let authority = Authority::new("ours");
    let folder = Folder::new();
    let ca = file(&folder, "ca.pem", Authority::new("old").pem());
    let (refused, heard) = std::sync::mpsc::channel();
    let config = Arc::new(authority.issue(&NAMES, as_it_is).config());
    let server = Server::new(move |client| {
        if converse(&config, client, OK).is_err() {
            let _ = refused.send(());
        }
    });
    let args = ["wait", "--interval", "20ms", "--timeout", "30s", "--cacert", &ca, &url(&server)];
    let running = Sexton::with(args).start();
    heard.recv().expect("the old authority vouches for nobody");
    std::fs::write(folder.join("new.pem"), authority.pem()).expect("a new file");
    std::fs::rename(folder.join("new.pem"), &ca).expect("it is replaced");
    let run = running.wait();
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn options_that_contradict_each_other_or_mean_nothing_are_refused() {
    for (args, told) in [
        (&["--key", "/k", "https://h/"][..], "--key needs --cert (see sexton check --help)"),
        (
            &["--insecure", "--cacert", "/c", "https://h/"],
            "--cacert cannot be used with --insecure (see sexton check --help)",
        ),
        (&["--cacert", "", "https://h/"], "--cacert: the value is empty"),
        (&["--server-name", "a b", "https://h/"], "--server-name: invalid host name `a b`"),
        (&["--min-validity", "0s", "https://h/"], "--min-validity: must be more than 0"),
        (&["--insecure", "http://h/"], "--insecure does not apply to this target"),
        (&["--cacert", "/c", "tcp://h:1"], "--cacert does not apply to this target"),
    ] {
        sexton([&["check"][..], args].concat()).refused(told);
    }
}

#[test]
fn what_is_no_tls_is_told_as_what_it_is() {
    let bad_request = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    // Half a ClientHello is enough to know that it is none of ours: the answer does not wait for a head.
    let plain = Server::new(move |client| {
        let mut some = [0; 64];
        client.read(&mut some);
        client.send(bad_request.as_bytes());
        client.close();
    });
    check(&plain, &[]).said(1, "unhealthy: the peer does not speak TLS but plain HTTP; is it http://? (");
    let banner = Server::new(|client| {
        client.send(b"220 mail.test ESMTP\r\n");
        client.hold();
    });
    check(&banner, &[])
        .said(1, "unhealthy: the peer does not speak TLS: its answer begins with `220 mail.test ESMTP` (");
    let closing = Server::new(|client| {
        let mut some = [0; 1024];
        client.read(&mut some);
        client.close();
    });
    check(&closing, &[]).said(1, "unhealthy: the peer closed the connection while in the TLS handshake (");
    let resetting = Server::new(|client| {
        let mut some = [0; 1024];
        client.read(&mut some);
        client.reset();
    });
    check(&resetting, &[]).said(1, "unhealthy: the peer reset the connection while in the TLS handshake (");
    // A fatal alert: protocol_version.
    let old = Server::new(|client| {
        let mut some = [0; 1024];
        client.read(&mut some);
        client.send(&[0x15, 3, 1, 0, 2, 2, 70]);
        client.close();
    });
    check(&old, &[]).said(1, "unhealthy: the peer speaks neither TLS 1.2 nor 1.3 (");
}

#[test]
fn the_limit_holds_when_the_handshake_is_silent_or_dripped() {
    let limit = Duration::from_millis(500);
    let silent = Server::new(Client::hold);
    // A handshake record of 16 KiB, a byte at a time: there is always something to read, and never a whole record.
    let dripping = Server::new(|client| {
        client.send(&[0x16, 3, 3, 0x40, 0]);
        while client.send(&[2]) {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    for server in [silent, dripping] {
        let run = check(&server, &["--insecure", "--timeout", "500ms"]);
        run.said(1, "unhealthy: timed out in the TLS handshake (");
        run.took(limit);
    }
}

#[test]
fn an_answer_that_ends_without_the_goodbye_of_tls_is_an_answer() {
    let authority = Authority::new("ours");
    let identity = authority.issue(&NAMES, as_it_is);
    let config = Arc::new(identity.config());
    let server = Server::new(move |client| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut wire = Wire(client);
        let mut stream = rustls::Stream::new(&mut connection, &mut wire);
        let mut some = [0; 1024];
        let _ = stream.read(&mut some);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nall is well");
        client.close();
    });
    check(&server, &["-k", "--contains", "all is well"]).said(0, "healthy: status 200 (");
}

#[test]
fn verbose_tells_the_version_and_until_when_the_certificate_is_valid() {
    let identity = Identity::self_signed(&NAMES, |params| params.not_after = date_time_ymd(3000, 1, 1));
    let server = answering(identity.config_of(&[&TLS12], None), OK);
    let run = check(&server, &["-kv"]);
    assert!(run.stdout.contains("TLSv1.2, certificate valid until 3000-01-01T00:00:00Z\n"), "{run:?}");
}

#[test]
fn https_or_http_on_the_same_port_is_a_question_that_can_be_asked() {
    let identity = Identity::self_signed(&NAMES, as_it_is);
    let secure = answering(identity.config(), OK);
    let plain = Server::answering(OK);
    for server in [secure, plain] {
        let targets = [format!("https://{}/", server.address()), format!("http://{}/", server.address())];
        let run = sexton(["check", "--any", "--insecure", "--timeout", "20s", &targets[0], &targets[1]]);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.elapsed < Duration::from_secs(10), "{run:?}");
    }
}
