//! What is asked and what is wanted in HTTP: requests, bodies, redirects, credentials, proxies, unix sockets.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::support::servers::{OK, Server};
use crate::support::temp::Folder;
use crate::support::{Run, Sexton, sexton};

/// One MiB, which is as much of a body as is read.
const MIB: usize = 1024 * 1024;

/// Checks `server` with `options`.
fn check(server: &Server, options: &[&str]) -> Run {
    let url = server.url();
    let mut args = vec!["check"];
    args.extend(options);
    args.push(&url);
    sexton(args)
}

/// A server whose answer is 200 with `body`.
fn with_body(body: impl AsRef<[u8]>) -> Server {
    let body = body.as_ref();
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    Server::answering(answer)
}

/// A server that redirects to `location` by `status`.
fn redirecting(status: u16, location: &str) -> Server {
    Server::answering(format!(
        "HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ))
}

/// A server that answers OK and hands out the bodies that it was sent.
fn reading_bodies() -> (Server, Receiver<String>) {
    let (sender, bodies) = mpsc::channel();
    let server = Server::new(move |client| {
        let mut request = Vec::new();
        let mut piece = [0; 1024];
        loop {
            let text = String::from_utf8_lossy(&request).to_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.split_once("content-length: ").map_or(0, |(_, rest)| {
                    rest.lines().next().expect("a line").parse::<usize>().expect("a number")
                });
                if body.len() >= length {
                    break;
                }
            }
            let amount = client.read(&mut piece);
            if amount == 0 {
                return;
            }
            request.extend_from_slice(&piece[..amount]);
        }
        let _ = sender.send(String::from_utf8_lossy(&request).into_owned());
        client.send(OK.as_bytes());
        client.close();
    });
    (server, bodies)
}

#[test]
fn a_body_is_sent_by_post_as_a_form_unless_told_otherwise() {
    let folder = Folder::new();
    let file = folder.join("data.json");
    std::fs::write(&file, "{\"a\":\n1}\n").expect("a new file");
    let file = format!("@{}", file.display());
    let (server, requests) = reading_bodies();
    for (options, line, kind, body) in [
        (&["--data", "a=1&b=2"][..], "POST / HTTP/1.1", "application/x-www-form-urlencoded", "a=1&b=2"),
        (&["-d", "-x"], "POST / HTTP/1.1", "application/x-www-form-urlencoded", "-x"),
        (&["-d", ""], "POST / HTTP/1.1", "application/x-www-form-urlencoded", ""),
        (
            &["-d", &file, "-H", "Content-Type: application/json"],
            "POST / HTTP/1.1",
            "application/json",
            "{\"a\":\n1}\n",
        ),
        (&["-X", "PUT", "-d", "x"], "PUT / HTTP/1.1", "application/x-www-form-urlencoded", "x"),
        (&["-X", "GET", "-d", "{}"], "GET / HTTP/1.1", "application/x-www-form-urlencoded", "{}"),
        (&["-X", "PURGE", "-d", "x"], "PURGE / HTTP/1.1", "application/x-www-form-urlencoded", "x"),
    ] {
        check(&server, options).said(0, "healthy: status 200 (");
        let request = requests.recv().expect("a request");
        let (head, sent) = request.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with(line), "{options:?}: {head}");
        assert_eq!(head.matches("Content-Type: ").count(), 1, "{options:?}: {head}");
        assert!(head.contains(&format!("Content-Type: {kind}")), "{options:?}: {head}");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{options:?}: {head}");
        assert_eq!(sent, body, "{options:?}");
    }
}

#[test]
fn a_check_without_options_sends_no_body_and_offers_no_compression() {
    let server = Server::answering(OK);
    check(&server, &[]).said(0, "healthy: status 200 (");
    let request = server.first_request().to_lowercase();
    assert!(request.starts_with("get / http/1.1\r\n"), "{request}");
    for absent in ["accept-encoding", "content-length", "transfer-encoding", "authorization", "cookie"] {
        assert!(!request.contains(absent), "{absent}: {request}");
    }
}

#[test]
fn given_headers_replace_ours() {
    let server = Server::answering(OK);
    let options = [
        "-H",
        "Host: app.test",
        "-H",
        "User-Agent: probe/1",
        "-H",
        "Accept: text/plain",
        "-H",
        "X: 1",
        "-H",
        "X: 2",
    ];
    check(&server, &options).said(0, "healthy: status 200 (");
    let request = server.first_request();
    for (name, values) in [
        ("Host", &["app.test"][..]),
        ("User-Agent", &["probe/1"]),
        ("Accept", &["text/plain"]),
        ("X", &["1", "2"]),
    ] {
        let is: Vec<_> = request.lines().filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect();
        assert_eq!(is, values, "{request}");
    }
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let folder = Folder::new();
    let token = folder.join("token");
    std::fs::write(&token, "t0ken.value\n").expect("a new file");
    let token = token.to_str().expect("UTF-8");
    for (options, sent) in [
        // echo -n name:s3cret | base64
        (&["--user", "name:s3cret"][..], "Basic bmFtZTpzM2NyZXQ="),
        (&["-u", "name:"], "Basic bmFtZTo="),
        (&["--bearer-file", token], "Bearer t0ken.value"),
        (&["-H", "Authorization: s3cret"], "s3cret"),
    ] {
        let server = Server::answering("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        let run = check(&server, &[options, &["-v"]].concat());
        assert_eq!(run.code, Some(1));
        let request = server.first_request();
        assert!(request.contains(&format!("Authorization: {sent}\r\n")), "{request}");
        for secret in ["s3cret", "t0ken", "bmFtZT"] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run:?}");
        }
    }
    let server = Server::answering(OK);
    let url = format!("http://na%6De:s3cret@{}/", server.address());
    let run = sexton(["check", "-v", &url]);
    assert!(!run.stdout.contains("s3cret"), "{run:?}");
    assert!(server.first_request().contains("Authorization: Basic bmFtZTpzM2NyZXQ=\r\n"));
}

#[test]
fn a_renewed_token_is_seen_and_a_bad_one_is_told_without_it() {
    let folder = Folder::new();
    let token = folder.join("token");
    let path = token.to_str().expect("UTF-8");
    let server = Server::answering(OK);
    for (content, why) in [
        (&b""[..], "empty"),
        (b" \n", "empty"),
        (b"s3cret one\n", "more than one token in it"),
        (b"s3cret\r\nX: y\n", "more than one token in it"),
        (b"\xff\xfe", "not UTF-8"),
    ] {
        std::fs::write(&token, content).expect("a new file");
        let run = check(&server, &["--bearer-file", path]);
        let line = run.said(1, &format!("unhealthy: --bearer-file {path}: {why} ("));
        assert!(!line.contains("s3cret"), "{line}");
    }
    check(&server, &["--bearer-file", "/nowhere"])
        .said(1, "unhealthy: --bearer-file /nowhere: no such file (");
    check(&server, &["--data", "@/nowhere"]).said(1, "unhealthy: --data /nowhere: no such file (");
    assert_eq!(server.requests().len(), 0, "nothing was asked");
}

#[test]
fn a_text_is_looked_for_in_the_body() {
    let server = with_body("all is well\nhere");
    check(&server, &["--contains", "is well\nhere"]).said(0, "healthy: status 200 (");
    check(&server, &["--contains", "all", "--contains", "here", "--not-contains", "ill"])
        .said(0, "healthy: status 200 (");
    check(&server, &["--contains", "all", "--contains", "UP"])
        .said(1, "unhealthy: no `UP` in the body, which is `all is well here` (");
    check(&server, &["--not-contains", "well"]).said(1, "unhealthy: `well` is in the body (");
    check(&with_body(""), &["--contains", "x"]).said(1, "unhealthy: no `x` in the body, which is empty (");
    check(&with_body("\x1b[31m\u{202e}"), &["--contains", "x"])
        .said(1, "unhealthy: no `x` in the body, which is `?[31m?` (");
}

#[test]
fn the_status_is_judged_before_the_body() {
    let server = Server::answering("HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nok");
    check(&server, &["--contains", "ok"]).said(1, "unhealthy: status 500, wanted 200-299: ok (");
    check(&server, &["--contains", "ok", "--status", "500"]).said(0, "healthy: status 500 (");
}

#[test]
fn values_are_looked_for_in_a_json_body() {
    let body = r#"{"status":"DOWN","checks":[{"name":"db","up":true,"ms":12}],"a/b":{"m~n":null}}"#;
    let server = with_body(body);
    for good in [
        "/status",
        "/status=DOWN",
        "/checks/0/up=true",
        "/checks/0/ms=12",
        "/checks/0/ms=12.0",
        "/a~1b/m~0n=null",
        "/checks/0/name=db",
        "",
    ] {
        check(&server, &["--json-path", good]).said(0, "healthy: status 200 (");
    }
    for (bad, why) in [
        ("/status=UP", "/status is `\"DOWN\"`, wanted `UP`"),
        ("/checks/0/up=false", "/checks/0/up is `true`, wanted `false`"),
        ("/checks/0/up=yes", "/checks/0/up is `true`, wanted `yes`"),
        ("/checks/1", "no /checks/1 in the body: /checks is an array of 1"),
        ("/state", "no /state in the body: the document has status, checks, a/b"),
        ("/status/x", "no /status/x in the body: /status is `\"DOWN\"`"),
        ("/checks/0/=1", "no /checks/0/ in the body: /checks/0 has name, up, ms"),
    ] {
        check(&server, &["--json-path", bad]).said(1, &format!("unhealthy: {why} ("));
    }
    check(&server, &["--json-path", "/status=DOWN", "--json-path", "/none"])
        .said(1, "unhealthy: no /none in");
}

#[test]
fn a_body_that_is_no_json_is_told_as_what_it_is() {
    for (body, told) in [
        ("<html>busy</html>", "(expected value at line 1 column 1) but `<html>busy</html>` ("),
        ("", "(EOF while parsing a value at line 1 column 0) but empty ("),
        ("{\"status\":\"UP\"", "(EOF while parsing an object at line 1 column 14) but"),
        ("{} {}", "(trailing characters at line 1 column 4) but"),
    ] {
        check(&with_body(body), &["--json-path", "/status"])
            .said(1, &format!("unhealthy: the body is not JSON {told}"));
    }
    let deep = "[".repeat(100_000);
    check(&with_body(deep), &["--json-path", "/0"])
        .said(1, "unhealthy: the body is not JSON (EOF while parsing a list at");
}

#[test]
fn a_compressed_body_is_not_unpacked() {
    // A gzip header and what could be a bomb: nobody offered to unpack it, so it is bytes like any other.
    let bomb = [
        &b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n\x1f\x8b\x08"[..],
        &[0; 17],
    ];
    let server = Server::answering(bomb.concat());
    check(&server, &["--json-path", "/status"]).said(1, "unhealthy: the body is not JSON (");
}

#[test]
fn at_most_a_mebibyte_of_the_body_is_read() {
    let filler = "x".repeat(MIB - 3);
    let exact = with_body(filler.clone() + "end");
    check(&exact, &["--contains", "end"]).said(0, "healthy: status 200 (");
    check(&exact, &["--not-contains", "y"]).said(0, "healthy: status 200 (");
    let longer = with_body(filler + "end!");
    check(&longer, &["--contains", "end"]).said(0, "healthy: status 200 (");
    check(&longer, &["--contains", "end!"])
        .said(1, "unhealthy: no `end!` in the first 1 MiB of the body, and more is not read (");
    check(&longer, &["--not-contains", "y"])
        .said(1, "unhealthy: the body is larger than 1 MiB, so `y` may be in the rest (");
    check(&longer, &["--json-path", "/a"])
        .said(1, "unhealthy: the body is larger than 1 MiB, too large for --json-path (");
    let endless = Server::pouring("HTTP/1.1 200 OK\r\n\r\n", "more and ");
    check(&endless, &["--timeout", "20s", "--contains", "less"])
        .said(1, "unhealthy: no `less` in the first 1 MiB of the body, and more is not read (");
}

#[test]
fn a_text_that_was_found_is_not_waited_out_and_the_limit_holds_for_one_that_was_not() {
    let events = Server::dripping("HTTP/1.1 200 OK\r\n\r\ndata: ready\n\n", ".");
    let run = check(&events, &["--timeout", "30s", "--contains", "ready"]);
    run.said(0, "healthy: status 200 (");
    assert!(run.elapsed < Duration::from_secs(10), "{run:?}");
    let run = check(&events, &["--timeout", "500ms", "--contains", "never"]);
    run.said(1, "unhealthy: timed out reading the body (");
    run.took(Duration::from_millis(500));
}

#[test]
fn a_body_that_breaks_off_is_told() {
    let short = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nonly");
    check(&short, &["--contains", "x"])
        .said(1, "unhealthy: the peer closed the connection after 4 of 10 bytes of the body (");
    let reset = Server::resetting("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    check(&reset, &["--contains", "x"])
        .said(1, "unhealthy: the peer reset the connection after 0 of 10 bytes of the body (");
    let chunk = Server::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n");
    check(&chunk, &["--contains", "x"])
        .said(1, "unhealthy: a malformed chunk after 0 bytes of the body: `zz` (");
}

#[test]
fn a_short_body_is_taken_so_that_no_server_logs_a_reset() {
    use std::io::{Read, Write};

    // Whether the server sees a clean end after a body of `length` bytes.
    let ends_cleanly = |length: usize| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("it has an address"));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut some = [0; 1024];
            let _ = stream.read(&mut some);
            let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
            answer.resize(answer.len() + length, b'x');
            stream.write_all(&answer).is_ok() && stream.read(&mut some).is_ok_and(|amount| amount == 0)
        });
        sexton(["check", &url]).said(0, "healthy: status 200 (");
        server.join().expect("no panic")
    };
    // Not a matter of one try: a server that is not scheduled for 20 ms is not waited for.
    assert!((0..10).any(|_| ends_cleanly(30_000)), "the body was left unread ten times");
    assert!(!ends_cleanly(10_000_000), "a long body is not read");
}

#[test]
fn redirects_are_followed_when_asked_for_wherever_they_lead() {
    let target = Server::answering(OK);
    let there = format!("{}a?b=c", target.url());
    for status in [301, 302, 303, 307, 308] {
        let from = redirecting(status, &there);
        check(&from, &["--follow"]).said(0, "healthy: status 200 (");
        assert!(target.requests().pop().is_some_and(|head| head.starts_with("GET /a?b=c HTTP/1.1\r\n")));
        let line = format!(
            "unhealthy: status {status} to {}a?..., wanted 200-299; --follow goes there (",
            target.url()
        );
        check(&from, &[]).said(1, &line);
    }
    for status in [300, 304, 305] {
        check(&redirecting(status, &there), &["--follow"])
            .said(1, &format!("unhealthy: status {status}, wanted 200-299 ("));
    }
    // One that says nowhere is none.
    for location in ["", "Location:\r\n", "Location:  \r\n"] {
        let answer = format!("HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n");
        check(&Server::answering(answer), &["--follow"]).said(1, "unhealthy: status 302, wanted 200-299 (");
    }
}

#[test]
fn a_relative_location_is_seen_from_where_it_stands() {
    for (location, path) in [
        ("/new", "/new"),
        ("new", "/a/new"),
        ("./new?x=1#y", "/a/new?x=1"),
        ("../new", "/new"),
        ("../../../new/.", "/new/"),
        ("?x=1", "/a/b?x=1"),
        ("/ä b", "/%C3%A4%20b"),
    ] {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::new(move |client| {
            client.read_head();
            let first = client.requests() == 1;
            client.send(if first { answer.as_bytes() } else { OK.as_bytes() });
            client.close();
        });
        let run = sexton(["check", "--follow", &format!("http://{}/a/b?old", server.address())]);
        run.said(0, "healthy: status 200 (");
        let request = server.requests().swap_remove(1);
        assert!(request.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{location}: {request}");
    }
}

#[test]
fn redirects_are_bounded() {
    let server = redirecting(302, "/again");
    for (option, most) in [("--follow", 5), ("--follow=1", 1), ("--follow=7", 7)] {
        let before = server.requests().len();
        let line =
            format!("unhealthy: redirected more than {most} times, the last time by {}again (", server.url());
        check(&server, &[option]).said(1, &line);
        assert_eq!(server.requests().len() - before, most + 1, "{option}");
    }
}

#[test]
fn the_limit_holds_over_all_redirects() {
    let slow = Server::new(|client| {
        client.read_head();
        std::thread::sleep(Duration::from_millis(200));
        client.send(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
        client.close();
    });
    let run = check(&slow, &["--follow=50", "--timeout", "700ms"]);
    run.said(1, "unhealthy: timed out ");
    run.took(Duration::from_millis(700));
}

#[test]
fn a_redirect_to_what_cannot_be_asked_is_told() {
    for (location, why) in [
        ("ftp://h/", "status 302 redirects to `ftp:`, which is neither http nor https"),
        ("http://h:0/", "status 302 redirects to invalid port `0`"),
        ("http://a%20b/", "status 302 redirects to invalid host name `a%20b`"),
        ("javascript:alert(1)", "status 302 redirects to `javascript:`, which is neither"),
    ] {
        check(&redirecting(302, location), &["--follow"]).said(1, &format!("unhealthy: {why}"));
    }
    let long = format!("/{}", "x".repeat(9000));
    check(&redirecting(302, &long), &["--follow"])
        .said(1, "unhealthy: status 302 redirects to a Location of more than 8 KiB (");
}

#[test]
fn loopback_only_holds_for_redirects() {
    let run = check(&redirecting(302, "http://192.0.2.1/"), &["--follow", "--loopback-only"]);
    run.said(1, "unhealthy: 192.0.2.1 is not a loopback address, and --loopback-only is set (");
    let good = Server::answering(OK);
    check(&redirecting(302, &good.url()), &["--follow", "--loopback-only"]).said(0, "healthy: status 200 (");
}

#[test]
fn secrets_stay_with_the_server_that_they_are_for() {
    let secrets = [
        "--user",
        "name:s3cret",
        "-H",
        "Cookie: s3cret",
        "-H",
        "X-Api-Key: s3cret",
        "-H",
        "Host: secret.test",
        "-H",
        "Accept: text/plain",
        "-H",
        "User-Agent: me",
        "--follow",
    ];
    let there = Server::answering(OK);
    check(&redirecting(302, &there.url()), &secrets).said(0, "healthy: status 200 (");
    let request = there.first_request();
    for (header, is) in [
        ("Authorization: ", false),
        ("Cookie: ", false),
        ("X-Api-Key: ", false),
        ("Host: secret.test", false),
        ("Accept: text/plain", true),
        ("User-Agent: me", true),
    ] {
        assert_eq!(request.contains(header), is, "{header}: {request}");
    }
    // The negative control: the same server gets them again.
    let same = Server::new(|client| {
        client.read_head();
        let first = client.requests() == 1;
        let away: &[u8] = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
        client.send(if first { away } else { OK.as_bytes() });
        client.close();
    });
    check(&same, &secrets).said(0, "healthy: status 200 (");
    let request = same.requests().swap_remove(1);
    for header in ["Authorization: ", "Cookie: ", "X-Api-Key: ", "Host: secret.test"] {
        assert!(request.contains(header), "{header}: {request}");
    }
}

#[test]
fn a_post_becomes_a_get_where_browsers_do_so() {
    for (status, method, after) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ] {
        let (there, requests) = reading_bodies();
        check(&redirecting(status, &there.url()), &["--follow", "-X", method, "-d", "body"])
            .said(0, "healthy: status 200 (");
        let request = requests.recv().expect("a request");
        assert!(request.starts_with(&format!("{after} / ")), "{status} {method}: {request}");
        assert_eq!(request.ends_with("body"), after != "GET", "{status} {method}: {request}");
        assert_eq!(request.contains("Content-Type"), after != "GET", "{status} {method}: {request}");
    }
}

#[test]
fn a_proxy_is_asked_only_when_given_and_with_the_whole_url() {
    let (proxy, server) = (Server::answering(OK), Server::answering(OK));
    let through = proxy.url();
    let environment = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let plain =
        environment.iter().fold(Sexton::with(["check", &server.url()]), |run, name| run.env(name, &through));
    plain.run().said(0, "healthy: status 200 (");
    assert_eq!((server.requests().len(), proxy.requests().len()), (1, 0));

    let with_user = format!("http://name:s3cret@{}", proxy.address());
    let run = sexton(["check", "-v", "--proxy", &with_user, "http://app.test:8080/path?query"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(!run.stdout.contains("s3cret"), "{run:?}");
    let request = proxy.first_request();
    assert!(request.starts_with("GET http://app.test:8080/path?query HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("Host: app.test:8080\r\n"), "{request}");
    assert!(request.contains("Proxy-Authorization: Basic bmFtZTpzM2NyZXQ=\r\n"), "{request}");
}

#[test]
fn a_proxy_opens_a_tunnel_for_https() {
    use crate::support::tls::{Identity, converse};
    use std::sync::Arc;

    let config = Arc::new(Identity::self_signed(&["app.test"], |_| {}).config());
    let proxy = Server::new(move |client| {
        client.read_head();
        client.send(b"HTTP/1.1 200 Connection established\r\nVia: us\r\n\r\n");
        let _ = converse(&config, client, OK);
    });
    let run = sexton(["check", "-k", "--proxy", &proxy.url(), "https://app.test/"]);
    run.said(0, "healthy: status 200 (https://app.test/");
    assert_eq!(proxy.first_request(), "CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n");

    for (answer, told) in [
        (
            "HTTP/1.1 407 Who are you\r\n\r\n",
            "the proxy wants credentials (status 407); --proxy http://USER:PASSWORD@HOST gives them",
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "the proxy refused to connect to app.test:443: status 502"),
        ("SSH-2.0-x\r\n\r\n", "the proxy's answer to CONNECT is not HTTP/1"),
        ("HTTP/1.1 200 OK\r\n\r\nmore", "the proxy sent more than its answer to CONNECT"),
        ("", "the proxy closed the connection without an answer to CONNECT"),
    ] {
        let proxy = Server::answering(answer);
        sexton(["check", "-k", "--proxy", &proxy.url(), "https://app.test/"])
            .said(1, &format!("unhealthy: {told} (https://app.test/"));
    }
    let silent = Server::silent();
    let run = sexton(["check", "-k", "--timeout", "500ms", "--proxy", &silent.url(), "https://app.test/"]);
    run.said(1, "unhealthy: proxy: timed out connecting (");
    run.took(Duration::from_millis(500));
}

#[test]
fn a_redirect_from_https_to_http_is_never_followed() {
    use crate::support::tls::{Identity, answering};

    let config = Identity::self_signed(&["127.0.0.1"], |_| {}).config();
    let server = answering(
        config,
        "HTTP/1.1 302 Found\r\nLocation: http://app.test/?t=1\r\nContent-Length: 0\r\n\r\n",
    );
    sexton(["check", "-k", "--follow", &format!("https://{}/", server.address())]).said(
        1,
        "unhealthy: status 302 redirects from https to http://app.test/?..., which is never followed (",
    );
    // The other way is good, and -k is of use to an http target that may lead there.
    let config = Identity::self_signed(&["127.0.0.1"], |_| {}).config();
    let secure = answering(config, OK);
    let plain = redirecting(301, &format!("https://{}/", secure.address()));
    check(&plain, &["-k", "--follow"]).said(0, "healthy: status 200 (http://");
}

#[test]
fn a_unix_socket_stands_for_any_host() {
    use std::io::{Read, Write};

    let folder = Folder::new();
    let path = folder.join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a new socket");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        stream.write_all(OK.as_bytes()).expect("somebody listens");
        String::from_utf8(head).expect("ASCII")
    });
    let path = path.to_str().expect("UTF-8");
    let run = sexton(["check", "--loopback-only", "--unix-socket", path, "http://docker.test/_ping"]);
    run.said(0, "healthy: status 200 (http://docker.test/_ping");
    let head = server.join().expect("it was asked");
    assert!(head.starts_with("GET /_ping HTTP/1.1\r\n") && head.contains("Host: docker.test\r\n"), "{head}");
    sexton(["check", "--unix-socket", "/nowhere.sock", "http://h/"])
        .said(1, "unhealthy: no socket at /nowhere.sock (");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let twice = "the User-Agent header is given more than once";
    for (args, told) in [
        (
            &["--json-path", "status", "http://h/"][..],
            "--json-path: invalid JSON pointer `status`; did you mean /status?",
        ),
        (
            &["--json-path", "/~2", "http://h/"],
            "--json-path: `/~2` has a ~ that is neither ~0 (which means ~) nor ~1 (which means /)",
        ),
        (&["--contains", "", "http://h/"], "--contains: the value is empty"),
        (&["--not-contains", "", "http://h/"], "--not-contains: the value is empty"),
        (&["--status", "200-2999", "http://h/"], "--status: invalid HTTP status `2999` (100-599)"),
        (&["--follow=0", "http://h/"], "--follow: invalid number of redirects `0` (1-50)"),
        (&["--follow=x", "http://h/"], "--follow: invalid number of redirects `x` (1-50)"),
        (&["--user", "s3cret", "http://h/"], "--user: no colon; write --user NAME:PASSWORD"),
        (&["--user", "a:b\nc", "http://h/"], "--user: the user or the password contains a control character"),
        (
            &["--user", "a:b", "--bearer-file", "/f", "http://h/"],
            "--user cannot be used with --bearer-file (see sexton check --help)",
        ),
        (
            &["--user", "a:b", "-H", "Authorization: x", "http://h/"],
            "--header Authorization cannot be used with --user or --bearer-file: both are credentials",
        ),
        (&["--user-agent", "a", "-H", "user-agent: b", "http://h/"], twice),
        (&["-H", "Host: a", "-H", "host: b", "http://h/"], "--header Host is given more than once"),
        (
            &["-H", "Content-Length: 5", "http://h/"],
            "--header: Content-Length is set by sexton itself, as the body needs it",
        ),
        (&["-X", "get", "http://h/"], "--method: methods are case-sensitive: `get`; did you mean GET?"),
        (&["-X", "CONNECT", "http://h/"], "--method: CONNECT is for proxies; see --proxy"),
        (&["-X", "HEAD", "--data", "x", "http://h/"], "--data cannot be used with --method HEAD"),
        (
            &["-X", "HEAD", "--contains", "x", "http://h/"],
            "--contains, --not-contains and --json-path cannot be used with --method HEAD: its response has no body",
        ),
        (&["--data", "@", "http://h/"], "--data: no file after the @; write --data @FILE"),
        (
            &["--data", "@-", "http://h/"],
            "--data: @- would read stdin, which a health check does not have; write @FILE",
        ),
        (
            &["--proxy", "https://p:1", "http://h/"],
            "--proxy: a proxy is spoken to in http, not in https; write http://[USER:PASSWORD@]HOST:PORT",
        ),
        (
            &["--proxy", "http://p:1", "--loopback-only", "http://h/"],
            "--proxy cannot be used with --loopback-only (see sexton check --help)",
        ),
        (
            &["--proxy", "http://p:1", "--unix-socket", "/s", "http://h/"],
            "--proxy cannot be used with --unix-socket (see sexton check --help)",
        ),
        (&["--unix-socket", "", "http://h/"], "--unix-socket: the value is empty"),
        (&["--unix-socket", "/s", "tcp://h:1"], "--unix-socket does not apply to this target"),
        (&["--contains", "x", "tcp://h:1"], "--contains does not apply to this target"),
    ] {
        sexton([&["check"][..], args].concat()).refused(told);
    }
}

#[test]
fn variables_are_replaced_and_cannot_smuggle_a_header() {
    let server = with_body(r#"{"v":"1.2"}"#);
    let url = server.url();
    let good = Sexton::with([
        "check",
        "--json-path",
        "/v=${VERSION}",
        "-H",
        "X: ${VERSION}",
        "--follow=${MOST:-3}",
        "-u",
        "${USER}:${PASS}",
        &url,
    ]);
    good.env("VERSION", "1.2")
        .env("USER", "name")
        .env("PASS", "s3cret")
        .run()
        .said(0, "healthy: status 200 (");
    let request = server.first_request();
    assert!(request.contains("X: 1.2\r\n"), "{request}");
    assert!(request.contains("Authorization: Basic bmFtZTpzM2NyZXQ=\r\n"), "{request}");
    for (option, value, told) in [
        ("-H", "X: ${BAD}", "--header: the value of X contains a control character"),
        ("--user-agent", "${BAD}", "--user-agent: the value contains a control character"),
        ("--user", "a:${BAD}", "--user: the user or the password contains a control character"),
        ("-H", "X: ${UNSET}", "${UNSET} is not set; set it, or write ${UNSET:-default}"),
    ] {
        let run = Sexton::with(["check", option, value, &url]).env("BAD", "s3cret\r\nEvil: 1").run();
        run.refused(told);
    }
    assert_eq!(server.requests().len(), 1, "nothing more was asked");
}
