//! Verdicts and lines of `sexton check`: every kind of target, healthy and not.

use std::process::Command;

use crate::support::servers::{OK, Refusing, Server, UnixSocket};
use crate::support::temp::Folder;
use crate::support::{Sexton, sexton};

#[test]
fn an_answer_of_2xx_is_healthy() {
    let server = Server::answering(OK);
    let run = sexton(["check", &server.url()]);
    let line = run.said(0, "healthy: status 200 (");
    assert!(line.contains(&server.url()) && line.ends_with(" ms)"), "{line}");
}

#[test]
fn an_answer_of_5xx_is_unhealthy_and_the_line_says_both_statuses() {
    let server = Server::answering("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    let run = sexton(["check", &server.url()]);
    run.said(1, &format!("unhealthy: status 503, wanted 200-299 ({}, ", server.url()));
}

#[test]
fn a_port_that_accepts_is_healthy() {
    let server = Server::silent();
    let run = sexton(["check", &format!("tcp://{}", server.address())]);
    run.said(0, &format!("healthy: accepts connections (tcp://{}, ", server.address()));
}

#[test]
fn a_port_that_refuses_is_unhealthy_at_once() {
    let nobody = Refusing::new();
    for scheme in ["tcp", "http"] {
        let run = sexton(["check", &format!("{scheme}://{}", nobody.address())]);
        run.said(1, &format!("unhealthy: connection refused at {} ({scheme}://", nobody.address()));
    }
}

#[test]
fn a_unix_socket_that_accepts_is_healthy() {
    let folder = Folder::new();
    let path = folder.join("app.sock");
    let _socket = UnixSocket::new(&path);
    let run = sexton(["check", &format!("unix:{}", path.display())]);
    run.said(0, &format!("healthy: accepts connections (unix:{}, ", path.display()));
}

#[test]
fn a_name_is_tried_at_its_ipv4_address_when_ipv6_refuses() {
    let server = Server::answering(OK);
    let run = sexton(["check", &format!("http://localhost:{}/", server.port())]);
    run.said(0, "healthy: status 200 (");
}

#[test]
fn a_name_is_tried_at_its_ipv6_address_when_ipv4_refuses() {
    let server = Server::on("[::1]:0", |client| {
        client.read_head();
        client.send(OK.as_bytes());
        client.close();
    });
    for host in ["localhost", "[::1]"] {
        let run = sexton(["check", &format!("http://{host}:{}/", server.port())]);
        run.said(0, "healthy: status 200 (");
    }
}

#[test]
fn quiet_says_nothing_and_keeps_the_verdict() {
    let server = Server::answering(OK);
    let nobody = Refusing::new();
    for (target, code) in [(server.url(), 0), (format!("tcp://{}", nobody.address()), 1)] {
        let run = sexton(["check", "--quiet", &target]);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(code), "", ""), "{target}");
    }
}

#[test]
fn verbose_tells_the_steps_before_the_verdict() {
    let server = Server::answering(OK);
    let run = sexton(["check", "--verbose", &server.url()]);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(lines[0], format!("connecting to {}", server.address()));
    assert!(lines.len() > 1 && lines[lines.len() - 1].starts_with("healthy: status 200 ("), "{run:?}");
}

#[test]
fn variables_are_expanded_in_targets_and_options() {
    let server = Server::answering("HTTP/1.1 401 Unauthorized\r\n\r\n");
    let run = Sexton::with(["check", "--status", "${GOOD:-200}", "http://${HOST:-127.0.0.1}:${PORT}/"])
        .env("PORT", server.port().to_string())
        .env("GOOD", "401")
        .run();
    run.said(0, &format!("healthy: status 401 ({}, ", server.url()));
}

#[test]
fn the_timeout_of_the_environment_holds_and_the_option_wins_over_it() {
    let server = Server::silent();
    let run = Sexton::with(["check", &server.url()]).env("SEXTON_TIMEOUT", "200ms").run();
    run.said(1, "unhealthy: timed out waiting for the response (");
    run.took(std::time::Duration::from_millis(200));
    let run = Sexton::with(["check", "-t", "100ms", &server.url()]).env("SEXTON_TIMEOUT", "30s").run();
    run.said(1, "unhealthy: timed out waiting for the response (");
    run.took(std::time::Duration::from_millis(100));
}

#[test]
fn the_version_and_the_help_are_printed_to_stdout() {
    let version = format!("sexton {} (", env!("CARGO_PKG_VERSION"));
    for word in ["--version", "-V", "version"] {
        let run = sexton([word]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{word}");
        let told = run.stdout.strip_prefix(&version).and_then(|rest| rest.strip_suffix(")\n"));
        let facts: Vec<_> = told.unwrap_or_default().split(", ").collect();
        assert!(
            matches!(facts[..], [target, "static" | "dynamic", commit]
                if target.contains("-linux-") && commit.starts_with("commit ")),
            "{run:?}"
        );
    }
    for words in [&["--help"][..], &["-h"], &["help"], &["check", "--help"], &["check", "-h"]] {
        let run = sexton(words);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{words:?}");
        for wanted in ["sexton check", "http://127.0.0.1:8080/health"] {
            assert!(run.stdout.contains(wanted), "{words:?} lacks {wanted}:\n{}", run.stdout);
        }
    }
}

#[test]
fn the_help_fits_a_screen() {
    for words in [&["--help"][..], &["check", "--help"]] {
        let run = sexton(words);
        let lines = run.stdout.lines().count();
        assert!((5..=66).contains(&lines), "{words:?}: {lines} lines");
        for line in run.stdout.lines() {
            assert!(line.chars().count() <= 100, "{words:?}: {line}");
        }
    }
}

/// curl's exit code for `url`, as `curl -f` has it in a healthcheck.
fn curl(options: &[&str], url: &str) -> Option<i32> {
    let mut command = Command::new("curl");
    command.env_clear().env("PATH", "/usr/bin:/bin").args(["-f", "-s", "-g", "-o", "/dev/null", "-m", "10"]);
    command.args(options).arg(url).status().expect("curl is installed").code()
}

#[test]
fn what_servers_answer_has_the_verdict_of_curl() {
    let gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x00ab";
    for (answer, code) in [
        // An empty body, and a connection that stays.
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", 0),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", 0),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 0),
        // What has no body, whatever its head says.
        ("HTTP/1.1 204 No Content\r\n\r\n", 0),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 0),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            0,
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokXX0\r\n\r\n", 1),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", 1),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0),
        ("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0),
        (gzip, 0),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nwho", 1),
        ("HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n", 1),
        ("HTTP/1.1 1000 Odd\r\nContent-Length: 0\r\n\r\n", 1),
        ("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", 1),
        ("ICY 200 OK\r\n\r\nhello", 1),
        ("hello", 1),
    ] {
        let server = Server::keeping_alive(answer);
        let run = sexton(["check", "-t", "10s", &server.url()]);
        assert_eq!(run.code, Some(code), "{answer:?}: {run:?}");
        // What is no HTTP has no end for curl as long as the connection stays.
        if answer.starts_with("HTTP/1.1 ") || answer.starts_with("HTTP/1.0 ") {
            assert_eq!(curl(&[], &server.url()) == Some(0), code == 0, "curl: {answer:?}");
        }
    }
    let head = Server::keeping_alive("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    sexton(["check", "-X", "HEAD", &head.url()]).said(0, "healthy: status 200");
    assert_eq!(curl(&["-I"], &head.url()), Some(0));
}

#[test]
fn redirects_lead_where_curl_goes() {
    let other = Server::keeping_alive(OK);
    let there = other.address().to_string();
    let server = Server::new(move |client| {
        while let Some(head) = client.next_head() {
            let place = head.split(' ').nth(1).unwrap_or_default();
            let location = match place {
                "/a/relative" => "ok?x=1#fragment".to_owned(),
                "/a/up" => "b/../../a/ok".to_owned(),
                "/a/query" => "?ok".to_owned(),
                "/a/scheme" => format!("//{there}/ok"),
                "/a/port" => format!("http://{there}/ok"),
                "/a/space" => "/a/o k".to_owned(),
                "/a/far" => "http://127.0.0.1:99999/ok".to_owned(),
                "/a/ftp" => "ftp://127.0.0.1:1/ok".to_owned(),
                "/a/ok" | "/a/ok?x=1" | "/a/query?ok" | "/a/o%20k" => String::new(),
                _ => {
                    client.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
                    continue;
                }
            };
            if location.is_empty() {
                client.send(OK.as_bytes());
            } else {
                let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
                client.send(head.as_bytes());
            }
        }
    });
    for (path, code) in [
        ("relative", 0),
        ("up", 0),
        ("query", 0),
        ("scheme", 0),
        ("port", 0),
        ("space", 0),
        ("far", 1),
        ("ftp", 1),
        ("gone", 1),
    ] {
        let url = format!("{}a/{path}", server.url());
        let run = sexton(["check", "-t", "10s", "--follow", &url]);
        assert_eq!(run.code, Some(code), "{path}: {run:?}");
        assert_eq!(curl(&["-L"], &url) == Some(0), code == 0, "curl: {path}");
    }
}
