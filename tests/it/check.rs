//! Verdicts and lines of `sexton check`: every kind of target, healthy and not.

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
