//! Bad input: each row is refused or failed with one line that says what is wrong, and code 1.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use crate::support::isolated::{is_root, skip};
use crate::support::program::binary;
use crate::support::servers::{OK, Server, UnixSocket};
use crate::support::temp::{Folder, copy};
use crate::support::{Sexton, sexton};

/// Rows of words and the whole line that they are refused with.
#[track_caller]
fn each_is_refused(rows: &[(&[&str], &str)]) {
    for (words, line) in rows {
        sexton(*words).refused(line);
    }
}

#[test]
fn what_is_no_command_is_refused() {
    each_is_refused(&[
        (&[], "no command; write for example sexton check http://127.0.0.1:8080/ (see sexton --help)"),
        (
            &["chekc", "http://h/"],
            "unknown command `chekc`; there are check, wait, init, translate, doctor and install (see sexton --help)",
        ),
        (&["http://h/"], "unknown command `http://h/`; did you mean sexton check TARGET?"),
    ]);
}

#[test]
fn what_is_no_target_is_refused() {
    each_is_refused(&[
        (&["check"], "no target; write for example sexton check http://127.0.0.1:8080/"),
        (&["check", ""], "the target is empty; write for example http://127.0.0.1:8080/"),
        (&["check", "localhost"], "localhost has no scheme; write http://localhost or tcp://localhost"),
        (
            &["check", "localhost:8080"],
            "localhost:8080 has no scheme; write http://localhost:8080 or tcp://localhost:8080",
        ),
        (&["check", "--", "-x"], "-x has no scheme; write http://-x or tcp://-x"),
        (&["check", "http://h/\r\nX: y"], "http://h/??X: y: the target contains the control character `\\r`"),
        (
            &["check", "http://h/\x1b[2J"],
            "http://h/?[2J: the target contains the control character `\\u{1b}`",
        ),
    ]);
    let run = sexton(["check", "gopher://h/"]);
    run.refused(run.stderr.trim().trim_start_matches("sexton: "));
    assert!(run.stderr.contains("gopher://h/: unknown scheme `gopher`; see sexton help targets"), "{run:?}");
}

#[test]
fn hosts_and_ports_that_cannot_be_are_refused() {
    each_is_refused(&[
        (&["check", "http:/h/"], "http:/h/: no // after http: (as in http://127.0.0.1:8080)"),
        (&["check", "http://"], "http://: no host"),
        (&["check", "http:///path"], "http:///path: no host"),
        (&["check", "http://:80/"], "http://:80/: no host"),
        (&["check", "tcp://"], "tcp://: no host"),
        (&["check", "http://h:/"], "http://h:/: no port after the colon"),
        (&["check", "http://h:0/"], "http://h:0/: invalid port `0` (1-65535)"),
        (&["check", "tcp://h:99999"], "tcp://h:99999: invalid port `99999` (1-65535)"),
        (&["check", "http://h:+80/"], "http://h:+80/: invalid port `+80` (1-65535)"),
        (&["check", "http://h:-1/"], "http://h:-1/: invalid port `-1` (1-65535)"),
        (&["check", "tcp://h"], "tcp://h: no port; write tcp://HOST:PORT"),
        (&["check", "tcp://[::1]"], "tcp://[::1]: no port; write tcp://HOST:PORT"),
        (&["check", "http://::1/"], "http://::1/: IPv6 address without brackets; write [::1]"),
        (&["check", "http://[::1/"], "http://[::1/: unmatched `[`"),
        (
            &["check", "http://[::1]80/"],
            "http://[::1]80/: invalid text `80` after the `]`; only :PORT can follow",
        ),
        (&["check", "http://[]/"], "http://[]/: invalid IPv6 address ``"),
        (&["check", "http://[127.0.0.1]/"], "http://[127.0.0.1]/: invalid IPv6 address `127.0.0.1`"),
        (&["check", "http://a b/"], "http://a b/: invalid host name `a b`"),
        (
            &["check", "http://b\u{fc}cher.example/"],
            "http://b\u{fc}cher.example/: invalid host name `b\u{fc}cher.example`; write its ASCII form, which begins with xn--",
        ),
        (&["check", "http://a..b/"], "http://a..b/: invalid host name `a..b`"),
        (
            &["check", "http://127.1/"],
            "http://127.1/: invalid host `127.1`: neither an IPv4 address nor a host name",
        ),
        (
            &["check", "http://1.2.3.256/"],
            "http://1.2.3.256/: invalid host `1.2.3.256`: neither an IPv4 address nor a host name",
        ),
        (&["check", "http://h/a b"], "http://h/a b: a character that must be %-encoded"),
        (&["check", "tcp://h:1/path"], "tcp://h:1/path: tcp takes no path: `/path`"),
        (&["check", "tcp://u@h:1"], "tcp://***@h:1: tcp takes no user or password"),
        (&["check", "unix:app.sock"], "unix:app.sock: the path must be absolute, as in unix:/run/app.sock"),
        (&["check", "unix:"], "unix:: the path must be absolute, as in unix:/run/app.sock"),
    ]);
}

#[test]
fn options_that_cannot_be_are_refused() {
    let example = "write for example 500ms, 4s or 1m30s";
    each_is_refused(&[
        (&["check", "--nonsense", "http://h/"], "unknown option --nonsense (see sexton check --help)"),
        (
            &["check", "--timeot", "1s", "http://h/"],
            "unknown option --timeot; did you mean --timeout? (see sexton check --help)",
        ),
        (
            &["check", "--heder=X-Token: s3cret", "http://h/"],
            "unknown option --heder; did you mean --header? (see sexton check --help)",
        ),
        (&["check", "-Z", "http://h/"], "unknown option -Z (see sexton check --help)"),
        (&["check", "--timeout"], "--timeout needs a value (see sexton check --help)"),
        (
            &["check", "--timeout", "1s", "--timeout", "2s", "http://h/"],
            "--timeout is given twice (see sexton check --help)",
        ),
        (
            &["check", "--status", "200", "--status", "201", "http://h/"],
            "--status is given twice (see sexton check --help)",
        ),
        (
            &["check", "-X", "GET", "--method", "PUT", "http://h/"],
            "--method is given twice (see sexton check --help)",
        ),
        (&["check", "-q", "--quiet", "http://h/"], "--quiet is given twice (see sexton check --help)"),
        (
            &["check", "-q", "-v", "http://h/"],
            "--quiet cannot be used with --verbose (see sexton check --help)",
        ),
        (&["check", "-4", "-6", "http://h/"], "--ipv4 cannot be used with --ipv6 (see sexton check --help)"),
        (&["check", "--quiet=yes", "http://h/"], "--quiet takes no value (see sexton check --help)"),
        (&["check", "--timeout", "0", "http://h/"], "--timeout: must be more than 0"),
        (&["check", "--timeout", "0s", "http://h/"], "--timeout: must be more than 0"),
        (
            &["check", "--timeout", "-1s", "http://h/"],
            &format!("--timeout: invalid duration `-1s`; {example}"),
        ),
        (&["check", "--timeout", "1x", "http://h/"], &format!("--timeout: invalid duration `1x`; {example}")),
        (&["check", "--timeout", "4", "http://h/"], "--timeout: invalid duration `4`; did you mean 4s?"),
        (&["check", "--timeout=", "http://h/"], &format!("--timeout: invalid duration ``; {example}")),
        (
            &["check", "--timeout", "99999999999999999999s", "http://h/"],
            &format!("--timeout: invalid duration `99999999999999999999s`; {example}"),
        ),
        (&["check", "--status", "2xx", "http://h/"], "--status: invalid HTTP status `2xx` (100-599)"),
        (&["check", "--status", "299-200", "http://h/"], "--status: the range `299-200` is empty"),
        (&["check", "-X", "GE T", "http://h/"], "--method: invalid method `GE T`"),
        (&["check", "--status", "200", "tcp://h:1"], "--status does not apply to this target"),
        (&["check", "-H", "A: b", "unix:/run/s"], "--header does not apply to this target"),
        (&["check", "-4", "unix:/run/s"], "--ipv4 does not apply to this target"),
    ]);
}

#[test]
fn headers_that_would_break_the_request_are_refused_without_their_value() {
    each_is_refused(&[
        (&["check", "-H", "s3cret", "http://h/"], "--header: no colon; write --header 'Name: value'"),
        (&["check", "-H", "a b: s3cret", "http://h/"], "--header: invalid header name `a b`"),
        (&["check", "-H", ": s3cret", "http://h/"], "--header: invalid header name ``"),
        (
            &["check", "-H", "A: b\r\nX: s3cret", "http://h/"],
            "--header: the value of A contains a control character",
        ),
        (
            &["check", "-H", "A: s3cret\nB", "http://h/"],
            "--header: the value of A contains a control character",
        ),
        (&["check", "-H", "A\r\nB: s3cret", "http://h/"], "--header: invalid header name `A??B`"),
    ]);
    let server = Server::answering(OK);
    let run =
        Sexton::with(["check", "-H", "A: ${VALUE}", &server.url()]).env("VALUE", "s3cret\r\nX: y").run();
    run.refused("--header: the value of A contains a control character");
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn variables_that_cannot_be_expanded_are_refused() {
    each_is_refused(&[
        (&["check", "http://${HOST}/"], "${HOST} is not set; set it, or write ${HOST:-default}"),
        (
            &["check", "-H", "A: ${TOKEN}", "http://h/"],
            "${TOKEN} is not set; set it, or write ${TOKEN:-default}",
        ),
        (
            &["check", "-t", "${LIMIT}", "http://h/"],
            "${LIMIT} is not set; set it, or write ${LIMIT:-default}",
        ),
        (&["check", "http://${HOST/"], "`${` without its `}`; write $$ for a plain $"),
        (&["check", "http://${}/"], "invalid variable `${}`; write $$ for a plain $"),
        (&["check", "http://${1}/"], "invalid variable `${1}`; write $$ for a plain $"),
        (&["check", "http://${A-b}/"], "invalid variable `${A-b}`; write $$ for a plain $"),
    ]);
    let bytes = OsStr::from_bytes(b"\xff");
    let run = Sexton::with(["check", "http://${HOST}/"]).env("HOST", bytes).run();
    run.refused("the environment variable HOST is not UTF-8");
    let run = Sexton::with(["check", "http://h/"]).env("SEXTON_TIMEOUT", bytes).run();
    run.refused("the environment variable SEXTON_TIMEOUT is not UTF-8");
    for (value, line) in [
        ("soon", "SEXTON_TIMEOUT: invalid duration `soon`; write for example 500ms, 4s or 1m30s"),
        ("5", "SEXTON_TIMEOUT: invalid duration `5`; did you mean 5s?"),
        ("0s", "SEXTON_TIMEOUT: must be more than 0"),
    ] {
        Sexton::with(["check", "http://h/"]).env("SEXTON_TIMEOUT", value).run().refused(line);
    }
    // A value that would smuggle a second line into the target.
    let run = Sexton::with(["check", "http://${HOST}/"]).env("HOST", "h\n/").run();
    run.refused("http://h?//: the target contains the control character `\\n`");
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let bytes = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let rows: [&[OsString]; 4] = [
        &["check".into(), bytes(b"http://\xff/")],
        &["check".into(), "--header".into(), bytes(b"A: s3cret\xff"), "http://h/".into()],
        &["check".into(), bytes(b"--timeout=\xff"), "http://h/".into()],
        &["check".into(), bytes(b"--nonsense\xff"), "http://h/".into()],
    ];
    for words in rows {
        let run = sexton(words);
        assert!(run.stderr.contains("UTF-8") || run.stderr.contains("unknown option"), "{words:?}: {run:?}");
        assert!(!run.stderr.contains("s3cret"), "{run:?}");
        run.refused(run.stderr.trim_end().trim_start_matches("sexton: "));
    }
    sexton([bytes(b"\xff")]).refused(
        "unknown command `\u{fffd}`; there are check, wait, init, translate, doctor and install (see sexton --help)",
    );
}

#[test]
fn no_secret_is_ever_shown() {
    let server = Server::answering("HTTP/1.1 500 no\r\n\r\n");
    let port = server.port();
    let folder = Folder::new();
    let missing = folder.join("none.sock");
    let token = folder.join("token").display().to_string();
    std::fs::write(&token, "s3cret\n").unwrap();
    let rows: &[&[&str]] = &[
        &["check", "-v", "-H", "Authorization: Bearer s3cret", &server.url()],
        &["check", "--json", "-H", "Authorization: Bearer s3cret", &server.url()],
        &["check", "-v", "-H", "A: s3cret", "http://localhost:1/"],
        &["check", "-H", "s3cret", "http://h/"],
        &["check", "-H", "A: s3cret\u{7f}", "http://h/"],
        &["check", "-H=A: s3cret", "--nonsense=s3cret", "http://h/"],
        &["check", &format!("http://user:s3cret@127.0.0.1:{port}/")],
        &["check", &format!("http://s3cret@127.0.0.1:{port}/")],
        &["check", &format!("http://user:s3cret@127.0.0.1:{port}/@")],
        &["check", &format!("tcp://user:s3cret@127.0.0.1:{port}")],
        &["check", "redis2://user:s3cret@h/"],
        &["check", "-v", &format!("redis://user:s3cret@127.0.0.1:{port}/"), "-t", "100ms"],
        &["check", "-v", "-u", "user:s3cret", &server.url()],
        &["check", "-v", "-u", "s3cret", "http://h/"],
        &["check", "-v", "-d", "s3cret", &server.url()],
        &["check", "-v", "--bearer-file", &token, &server.url()],
        &["check", "-v", "--proxy", &format!("http://user:s3cret@127.0.0.1:{port}"), "http://h/"],
        &["check", "-v", "--proxy", "http://user:s3cret@h:99999", "http://h/"],
        &["check", "-v", "-H", "A: ${SECRET}", &server.url()],
        &["check", "http://user:s3cret@h:99999/"],
        &["check", "http://user:s3cret@[::1/"],
        &["check", "http://user:s3cret@h\r/"],
        &["check", "-t", "1x", "-H", "A: s3cret", &format!("unix:{}", missing.display())],
    ];
    for words in rows {
        let run = Sexton::with(*words).env("SECRET", "s3cret").run();
        assert_eq!(run.code, Some(1), "{words:?}: {run:?}");
        assert!(!run.stdout.is_empty() || !run.stderr.is_empty(), "{words:?}");
        assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"), "{words:?}: {run:?}");
    }
}

#[test]
fn long_input_makes_no_long_line() {
    let long = "x".repeat(4000);
    for words in [
        ["check", &format!("http://127.0.0.1:1/{long}")],
        ["check", &format!("http://127.0.0.1:99999/{long}")],
        ["check", &format!("http://{long}/")],
        ["check", &format!("tcp://h:{long}")],
        ["check", &format!("tcp://h:1/{long}")],
        ["check", &format!("tcp://[{long}]:1")],
        ["check", &format!("unix:/{long}")],
        ["check", &format!("--{long}")],
        ["check", &format!("--timeout={long}")],
        ["check", &format!("--status={long}")],
        ["check", &format!("${{{long}}}")],
        ["check", &long],
        [&long, "http://h/"],
    ] {
        let run = sexton(words);
        if run.stdout.is_empty() {
            run.refused(run.stderr.trim_end().trim_start_matches("sexton: "));
        } else {
            run.said(1, "unhealthy: ");
        }
    }
}

#[test]
fn a_label_of_300_bytes_is_cut_and_the_reason_is_not() {
    let server = Server::answering("HTTP/1.1 503 no\r\n\r\n");
    let url = format!("{}{}", server.url(), "x".repeat(300 - server.url().len()));
    let run = sexton(["check", &url]);
    let line = run.said(1, "unhealthy: status 503, wanted 200-299 (http://");
    assert!(line.contains(&format!("({}..., ", &url[..200])), "{line}");
    // What is cut is what is shown, not what is asked for.
    assert!(server.first_request().contains(&url[server.url().len()..]));
}

#[test]
fn sockets_that_are_none_fail_with_their_reason() {
    let folder = Folder::new();
    let file = folder.join("file");
    std::fs::write(&file, "").unwrap();
    let closed = folder.join("closed.sock");
    drop(UnixSocket::new(&closed));
    let missing = folder.join("missing.sock");
    let inside = file.join("inside.sock");
    for (path, reason) in [
        (missing, "no socket at"),
        (file, "not a socket, but a file, at"),
        (closed, "connection refused at"),
        (folder.path().to_owned(), "not a socket, but a directory, at"),
        (inside, "not a directory at"),
    ] {
        let path = path.display();
        sexton(["check", &format!("unix:{path}")])
            .said(1, &format!("unhealthy: {reason} {path} (unix:{path}, "));
    }
    let name = "n".repeat(107);
    sexton(["check", &format!("unix:/{name}")])
        .refused(&format!("unix:/{name}: the path has 108 bytes, and the kernel allows 107"));
}

#[test]
fn a_socket_that_we_may_not_use_fails_with_its_reason() {
    if !is_root() {
        skip("becoming another user needs root");
        return;
    }
    let folder = Folder::new();
    let path = folder.join("root.sock");
    let _socket = UnixSocket::new(&path);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    // A copy that anybody may execute, wherever the build folder is.
    let program = folder.join("sexton");
    copy(&binary(), &program);
    let path = path.display();
    let run = Sexton::with(["check", &format!("unix:{path}")])
        .at(program)
        .under(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
        .run();
    run.said(1, &format!("unhealthy: permission denied at {path} (unix:{path}, "));
}

#[test]
fn answers_that_are_none_fail_with_their_reason() {
    let not_http = "unhealthy: not HTTP: the response begins with `";
    let rows: Vec<(&str, Server, String)> = vec![
        ("garbage", Server::answering("\x00\u{1}garbage\r\n\r\n"), not_http.into()),
        ("another protocol", Server::answering("SSH-2.0-OpenSSH_9.6\r\n"), not_http.into()),
        (
            "a line of no status",
            Server::answering("HTTP/1.1 abc OK\r\n\r\n"),
            "unhealthy: the status line of the response is malformed: `HTTP/1.1 abc OK".into(),
        ),
        (
            "a header without a colon",
            Server::answering("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"),
            "unhealthy: a header line of the response is malformed: `nonsense".into(),
        ),
        (
            "a status line of 1 MB",
            Server::answering(format!("HTTP/1.1 200 {}\r\n\r\n", "x".repeat(1 << 20))),
            "unhealthy: the head of the response is larger than 64 KiB".into(),
        ),
        ("1 MB without a line's end", Server::answering("x".repeat(1 << 20)), not_http.into()),
        (
            "a header of 1 MB",
            Server::answering(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20))),
            "unhealthy: the head of the response is larger than 64 KiB".into(),
        ),
        (
            "headers without end",
            Server::pouring("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
            "unhealthy: the head of the response is larger than 64 KiB (".into(),
        ),
        (
            "no answer",
            Server::closing(),
            "unhealthy: the peer closed the connection without a response (".into(),
        ),
        (
            "half a status line",
            Server::answering("HTTP/1.1 20"),
            "unhealthy: the peer closed the connection in the middle of the response's head (".into(),
        ),
        (
            "half a head",
            Server::answering("HTTP/1.1 200 OK\r\nX: "),
            "unhealthy: the peer closed the connection in the middle of the response's head (".into(),
        ),
        (
            "a reset instead of an answer",
            Server::resetting(""),
            "unhealthy: the peer reset the connection while waiting for the response (".into(),
        ),
        (
            "a reset in the middle",
            Server::resetting("HTTP/1.1 200 OK\r\nX: "),
            "unhealthy: the peer reset the connection while waiting for the response (".into(),
        ),
    ];
    let mut wrong = Vec::new();
    for (what, server, start) in &rows {
        let run = sexton(["check", &server.url()]);
        if run.code != Some(1) || !run.stdout.starts_with(start.as_str()) {
            wrong.push(format!("{what}: {} {}{}", run.code.unwrap_or(-1), run.stdout, run.stderr));
            continue;
        }
        run.said(1, start);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
