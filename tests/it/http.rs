//! HTTP as `sexton check` speaks it: the request to the byte, and the answers that a server may give.

use crate::support::servers::{OK, Server};
use crate::support::sexton;

/// Runs a check with `options` that must pass, and returns the request's head without its blank line.
#[track_caller]
fn request(options: &[&str], path: &str) -> (Vec<String>, Server) {
    let server = Server::answering(OK);
    let url = format!("http://{}{path}", server.address());
    let run = sexton([&["check"], options, &[&url]].concat());
    run.said(0, "healthy: status 200 (");
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let lines = requests[0].trim_end().split("\r\n").map(str::to_owned).collect();
    (lines, server)
}

/// The lines of a head in one order, names in lower case: HTTP does not care for either.
fn headers(lines: &[String]) -> Vec<String> {
    let mut headers: Vec<_> = lines[1..]
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            format!("{}: {value}", name.to_ascii_lowercase())
        })
        .collect();
    headers.sort();
    headers
}

#[test]
fn a_request_says_who_asks_and_for_what() {
    let (lines, server) = request(&[], "");
    assert_eq!(lines[0], "GET / HTTP/1.1");
    let agent = format!("user-agent: sexton/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(headers(&lines), ["accept: */*".into(), format!("host: {}", server.address()), agent]);
}

#[test]
fn path_and_query_are_sent_and_the_fragment_is_not() {
    for (path, line) in [
        ("/a/b?c=d&e", "GET /a/b?c=d&e HTTP/1.1"),
        ("?q", "GET /?q HTTP/1.1"),
        ("/a#status=200", "GET /a HTTP/1.1"),
        ("/%20/../x", "GET /%20/../x HTTP/1.1"),
    ] {
        assert_eq!(request(&[], path).0[0], line, "{path}");
    }
}

#[test]
fn a_method_is_sent_as_it_is_given() {
    for method in ["HEAD", "OPTIONS", "POST", "PURGE"] {
        assert_eq!(request(&["-X", method], "/").0[0], format!("{method} / HTTP/1.1"));
    }
}

#[test]
fn headers_are_added_and_replace_ours() {
    let (lines, server) = request(&["-H", "X-One: 1", "--header", "X-Two:2", "-H", "X-One: 3"], "/");
    let headers_seen = headers(&lines);
    for wanted in ["x-one: 1", "x-one: 3", "x-two: 2", &format!("host: {}", server.address())] {
        assert!(headers_seen.contains(&wanted.to_owned()), "{wanted}: {headers_seen:?}");
    }
    let (long, path) = ("v".repeat(100_000), format!("/{}", "p".repeat(20_000)));
    let (lines, _server) = request(&["-H", "X-Two: 2", "-H", &format!("X-Long: {long}")], &path);
    assert_eq!(lines[0], format!("GET {path} HTTP/1.1"));
    assert!(headers(&lines).contains(&format!("x-long: {long}")));
    let replaced = ["-H", "Host: app.example", "-H", "User-Agent: probe", "-H", "Accept: text/plain"];
    let (lines, _server) = request(&replaced, "/");
    assert_eq!(headers(&lines), ["accept: text/plain", "host: app.example", "user-agent: probe"]);
}

#[test]
fn the_host_header_has_the_name_that_was_asked_for() {
    let server = Server::on("[::1]:0", |client| {
        client.read_head();
        client.send(OK.as_bytes());
        client.close();
    });
    let port = server.port();
    sexton(["check", &format!("http://[::1]:{port}/")]).said(0, "healthy: ");
    sexton(["check", &format!("http://localhost:{port}/")]).said(0, "healthy: ");
    let hosts: Vec<_> = server.requests().iter().map(|head| headers_of(head)).collect();
    assert!(hosts[0].contains(&format!("host: [::1]:{port}")), "{hosts:?}");
    assert!(hosts[1].contains(&format!("host: localhost:{port}")), "{hosts:?}");
}

/// [`headers`] of a whole head.
fn headers_of(head: &str) -> Vec<String> {
    headers(&head.trim_end().split("\r\n").map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn every_form_of_a_good_answer_is_healthy() {
    for (what, answer) in [
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok"),
        ("no reason", "HTTP/1.1 200 \r\n\r\n"),
        ("no reason and no space", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
        ("chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("100 first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (
            "103 first",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "several 1xx first",
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        ("bytes beyond ASCII in a value", "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Name: Ünicode\r\n\r\n"),
        ("a head of 60 KiB", &format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(60 * 1024))),
        ("204", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("206", "HTTP/1.1 206 Partial Content\r\nContent-Length: 0\r\n\r\n"),
        ("bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    ] {
        let server = Server::answering(answer);
        let run = sexton(["check", &server.url()]);
        assert_eq!(run.code, Some(0), "{what}: {run:?}");
        run.said(0, "healthy: status 20");
    }
}

#[test]
fn an_answer_that_leaves_the_connection_open_is_not_waited_out() {
    let server = Server::keeping_alive(OK);
    let run = sexton(["check", "--timeout", "30s", &server.url()]);
    run.said(0, "healthy: status 200 (");
    assert!(run.elapsed < std::time::Duration::from_secs(10), "{run:?}");
}

#[test]
fn a_redirect_is_no_answer_and_is_not_followed() {
    let server = Server::answering("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
    let run = sexton(["check", &server.url()]);
    let line = format!("unhealthy: status 302 to {}, wanted 200-299; --follow goes there (", server.url());
    run.said(1, &line);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_statuses_that_pass_are_those_that_were_asked_for() {
    for (wanted, status, code) in
        [("401", 401, 0), ("200-299,401", 401, 0), ("200", 204, 1), ("500-599", 503, 0), ("302", 302, 0)]
    {
        let server = Server::answering(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));
        let run = sexton(["check", "--status", wanted, &server.url()]);
        assert_eq!(run.code, Some(code), "{wanted} {status}: {run:?}");
    }
}

#[test]
fn proxies_of_the_environment_are_ignored() {
    let server = Server::answering(OK);
    let proxy = Server::answering("HTTP/1.1 500 proxy\r\n\r\n");
    let mut check = crate::support::Sexton::with(["check", &server.url()]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        check = check.env(name, proxy.url());
    }
    check.run().said(0, "healthy: status 200 (");
    assert_eq!((server.requests().len(), proxy.requests().len()), (1, 0));
}
