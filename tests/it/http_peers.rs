//! HTTP beside curl: bodies to their end, heads as servers write them, and what a failing line says.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::support::servers::{OK, Server};
use crate::support::{Run, Sexton, sexton};

/// curl's exit code for `url`.
fn curl(url: &str) -> i32 {
    let mut command = Command::new("curl");
    command.env_clear().env("PATH", "/usr/bin:/bin").args(["-s", "-o", "/dev/null", "-m", "10", url]);
    command.status().expect("curl is installed").code().expect("no signal")
}

/// Checks `server` with `options`.
fn check(server: &Server, options: &[&str]) -> Run {
    let url = server.url();
    sexton([&["check"], options, &[&url]].concat())
}

/// What the end of a connection looked like to a server that sends `pieces`, with a pause before each but the first.
fn end_seen_by_the_server(
    pieces: &'static [&'static str],
    options: &[&str],
) -> (Run, std::io::Result<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                thread::sleep(Duration::from_millis(60));
            }
            stream.write_all(piece.as_bytes())?;
        }
        stream.read(&mut head)
    });
    let run = sexton([&["check"], options, &[&url]].concat());
    (run, server.join().unwrap())
}

#[test]
fn a_body_that_comes_late_is_read_and_the_server_sees_no_reset() {
    for pieces in [
        &["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hello"][..],
        &["HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", "a", "b", "c", "d", "e", "f"],
        &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\nok\r\n", "0\r\n\r\n"],
        &["HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\n", "sorry"],
        &["HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 5\r\n\r\n", "there"],
    ] {
        let (run, end) = end_seen_by_the_server(pieces, &[]);
        assert_eq!(end.ok(), Some(0), "{pieces:?}: {run:?}");
    }
    // The negative control: nobody waits for a body that is not asked for.
    let (run, end) = end_seen_by_the_server(
        &["HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "", "", "", "x"],
        &["--status-only"],
    );
    run.said(0, "healthy: status 200 (");
    assert!(!matches!(end, Ok(1..)), "{end:?}");
}

#[test]
fn a_body_that_breaks_off_fails_unless_the_status_alone_is_asked_for() {
    for (what, server, told, code) in [
        (
            "short",
            Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nonly"),
            "the peer closed the connection after 4 of 10 bytes of the body (",
            18,
        ),
        (
            "reset",
            Server::resetting("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
            "the peer reset the connection after 0 of 10 bytes of the body (",
            56,
        ),
        (
            "half a chunk",
            Server::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            "the peer closed the connection in the middle of the body, after 2 bytes (",
            18,
        ),
        (
            "no last chunk",
            Server::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"),
            "the peer closed the connection in the middle of the body, after 2 bytes (",
            18,
        ),
        (
            "no chunk",
            Server::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnope\r\n"),
            "a malformed chunk after 0 bytes of the body: `nope` (",
            56,
        ),
    ] {
        check(&server, &[]).said(1, &format!("unhealthy: {told}"));
        check(&server, &["--status-only"]).said(0, "healthy: status 200 (");
        assert_eq!(curl(&server.url()), code, "{what}");
    }
    let stalled = Server::new(|client| {
        client.read_head();
        client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nonly");
        client.hold();
    });
    check(&stalled, &["-t", "500ms"]).said(1, "unhealthy: timed out reading the body (");
    check(&stalled, &["--status-only"]).said(0, "healthy: status 200 (");
}

#[test]
fn a_body_without_an_end_passes_by_its_head() {
    let events = Server::new(|client| {
        client.read_head();
        client.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
        client.hold();
    });
    let chunks = Server::dripping("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n");
    let endless = Server::pouring("HTTP/1.1 200 OK\r\n\r\n", "and more ");
    for server in [events, chunks, endless] {
        let run = check(&server, &["-t", "10s"]);
        run.said(0, "healthy: status 200 (");
        assert!(run.elapsed < Duration::from_secs(4), "{run:?}");
    }
}

#[test]
fn a_post_without_data_says_that_it_has_none() {
    for (method, lengths) in [("POST", 1), ("PUT", 1), ("PATCH", 1), ("DELETE", 0), ("GET", 0)] {
        let server = Server::answering(OK);
        check(&server, &["-X", method]).said(0, "healthy: ");
        let request = server.first_request();
        assert_eq!(request.matches("\r\nContent-Length: 0\r\n").count(), lengths, "{request}");
        assert!(!request.contains("Transfer-Encoding"), "{request}");
    }
}

#[test]
fn header_names_go_out_as_they_were_written() {
    let server = Server::answering(OK);
    check(&server, &["-H", "x-API-key: 1", "-H", "soapaction: x", "-u", "a:b"]).said(0, "healthy: ");
    let request = server.first_request();
    for line in
        ["Host: ", "User-Agent: sexton/", "Accept: */*", "x-API-key: 1", "soapaction: x", "Authorization: "]
    {
        assert!(request.contains(&format!("\r\n{line}")), "{line}: {request}");
    }
}

#[test]
fn heads_and_chunks_are_read_as_curl_reads_them() {
    let many = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X-Y: z\r\n".repeat(4000));
    for (what, answer) in [
        ("a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\n\tc\r\nContent-Length: 0\r\n\r\n"),
        ("4000 headers", many.as_str()),
        ("a space before the colon", "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n"),
        ("line feeds alone", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n"),
        (
            "an extension",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n",
        ),
        ("lengths that agree", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        ("a body to the end of HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok"),
    ] {
        let server = Server::answering(answer);
        check(&server, &["--status", "200"]).said(0, "healthy: status 200 (");
        assert_eq!(curl(&server.url()), 0, "{what}");
    }
    check(&Server::answering("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), &[])
        .said(1, "unhealthy: the Content-Length of the response is no length: `x` (");
    check(&Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok"), &[])
        .said(1, "unhealthy: the Content-Length of the response is no length: `3` (");
}

#[test]
fn what_is_not_http_is_shown_and_asked_about() {
    for (answer, told) in [
        (&b"SSH-2.0-OpenSSH_9.6\r\n"[..], "not HTTP: the response begins with `SSH-2.0-OpenSSH_9.6\\r\\n` ("),
        (b"-ERR unknown command\r\n", "not HTTP: the response begins with `-ERR unknown command\\r\\n` ("),
        (b"\x15\x03\x03\0\x02\x02\x46", "the peer speaks TLS, not plain HTTP; is it https://? ("),
        (b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0", "not HTTP/1: the peer speaks only HTTP/2 ("),
    ] {
        check(&Server::answering(answer), &[]).said(1, &format!("unhealthy: {told}"));
    }
}

#[test]
fn a_failing_status_is_told_with_what_the_server_says_and_where() {
    let down = "HTTP/1.1 503 Down\r\nContent-Length: 13\r\n\r\n{\"db\":\"down\"}";
    let there = Server::answering(down);
    check(&there, &[]).said(1, "unhealthy: status 503, wanted 200-299: {\"db\":\"down\"} (");
    let away = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", there.url());
    check(&Server::answering(away), &["--follow"]).said(
        1,
        &format!("unhealthy: status 503 from {}, wanted 200-299: {{\"db\":\"down\"}} (", there.url()),
    );
    let long = format!("HTTP/1.1 500 X\r\n\r\n{}", "ä \u{202e}\r\n".repeat(100));
    let run = check(&Server::answering(long), &[]);
    let line = run.said(1, "unhealthy: status 500, wanted 200-299: ä ");
    assert!(line.len() < 250 && line.contains("..."), "{line}");
    check(&Server::answering(b"HTTP/1.1 500 X\r\n\r\n\x1f\x8b\x08\0".to_vec()), &[])
        .said(1, "unhealthy: status 500, wanted 200-299 (");
    for page in [
        "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>",
        "Client sent an HTTP request to an HTTPS server.\n",
    ] {
        check(&Server::answering(format!("HTTP/1.1 400 Bad Request\r\n\r\n{page}")), &[]).said(
            1,
            "unhealthy: status 400, wanted 200-299; the server wants TLS on this port: is it https://? (",
        );
    }
}

#[test]
fn texts_in_a_stream_are_enough_as_soon_as_all_have_come() {
    let events = Server::new(|client| {
        client.read_head();
        client.send(b"HTTP/1.1 200 OK\r\n\r\ndata: one\n\n");
        thread::sleep(Duration::from_millis(150));
        client.send(b"data: two\n\n");
        client.hold();
    });
    let run = check(&events, &["-t", "20s", "--contains", "two", "--contains", "one"]);
    run.said(0, "healthy: status 200 (");
    assert!(run.elapsed < Duration::from_secs(10), "{run:?}");
}

#[test]
fn json_is_read_as_it_is_written() {
    let with_body = |body: &str| {
        Server::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    };
    let server = with_body("\u{feff}{\"id\":9007199254740993,\"a=b\":{\"c\":1e400},\"twice\":1,\"twice\":2}");
    for (pointer, code) in [
        ("/id=9007199254740993", 0),
        ("/id=9007199254740992", 1),
        ("/a\\=b/c", 0),
        ("/a\\=b/c=1e400", 0),
        ("/a\\=b/c=10e399", 0),
        ("/twice=2", 0),
        ("/twice=1", 1),
    ] {
        let run = check(&server, &["--json-path", pointer]);
        assert_eq!(run.code, Some(code), "{pointer}: {run:?}");
    }
}

#[test]
fn an_empty_limit_in_the_environment_is_none() {
    let server = Server::answering(OK);
    Sexton::with(["check", &server.url()]).env("SEXTON_TIMEOUT", "").run().said(0, "healthy: ");
}
