//! dockerize and wait-for by name: the facts that their own tests state.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Shell;
use crate::support::servers::{OK, Refusing, Server};
use crate::support::{Run, run};

/// Runs sexton as `name`.
fn named(shell: &Shell, name: &str, args: &[&str]) -> Run {
    run(Command::new(shell.named(name)).args(args).env_clear().env("PATH", "/usr/bin:/bin"))
}

/// A server that says 503 to the first `failures` requests, and 200 from then on.
fn late(failures: usize) -> Server {
    let asked = Arc::new(AtomicUsize::new(0));
    Server::new(move |client| {
        if client.read_head() {
            let is_early = asked.fetch_add(1, Ordering::SeqCst) < failures;
            client.send(if is_early {
                b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"
            } else {
                OK.as_bytes()
            });
        }
        client.close();
    })
}

#[test]
fn dockerize_waits_for_all_and_then_runs_the_command() {
    let shell = Shell::new();
    let (one, two, down) = (Server::answering(OK), late(2), Refusing::new());
    let tcp = format!("tcp://{}", one.address());
    let http = two.url();
    let ran = named(
        &shell,
        "dockerize",
        &["-wait", &tcp, "-wait", &http, "-timeout", "20s", "-wait-retry-interval", "50ms", "echo", "ready"],
    );
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "ready\n"), "{ran:?}");
    assert!(two.requests().len() >= 3, "{:?}", two.requests());
    // A failed wait: the code and the word that its own tests look for, and no command.
    let gone = format!("tcp://{}", down.address());
    let ran = named(&shell, "dockerize", &["-wait", &gone, "-timeout", "300ms", "echo", "no"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stderr.contains("Timeout after 300ms waiting on dependencies"), "{ran:?}");
    ran.took(Duration::from_millis(300));
    let file = shell.folder.join("flag");
    fs::write(&file, "").expect("a new file");
    let file = format!("file://{}", file.display());
    for (code, args) in [
        (0, vec!["-wait", &file, "true"]),
        (0, vec!["--wait", &tcp, "-timeout=5s"]),
        (0, vec!["-wait", &tcp, "--", "true"]),
        (1, vec!["-wait", &tcp, "false"]),
        (42, vec!["sh", "-c", "exit 42"]),
        (42, vec!["-wait", &tcp, "sh", "-c", "exit 42"]),
        (0, vec!["-version"]),
        (1, vec![]),
        (2, vec!["-nonsense"]),
        (2, vec!["-timeout", "10", "true"]),
        (2, vec!["-wait"]),
        (1, vec!["-wait", "nonsense", "true"]),
        (1, vec!["-wait", "gopher://x", "true"]),
        (1, vec!["-wait-http-header", "A: b", "true"]),
        (1, vec!["-template", "a:b", "true"]),
        (1, vec!["no-such-command-at-all"]),
    ] {
        let ran = named(&shell, "dockerize", &args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
    }
    assert!(named(&shell, "dockerize", &[]).stderr.contains("Usage: dockerize"));
}

#[test]
fn dockerize_sends_headers_and_follows_redirects() {
    let shell = Shell::new();
    let server = Server::new(|client| {
        let head = client.next_head().unwrap_or_default();
        client.send(match (head.contains("X-Auth: secret"), head.starts_with("GET /next ")) {
            (true, true) => OK.as_bytes(),
            (true, false) => b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n",
            (false, _) => b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
        });
        client.close();
    });
    let url = server.url();
    let args = ["-wait", &url, "-wait-http-header", "X-Auth: secret", "-timeout", "5s", "echo", "in"];
    assert_eq!(named(&shell, "dockerize", &args).stdout, "in\n");
    let args = ["-wait", &url, "-timeout", "200ms", "-wait-retry-interval", "50ms", "echo", "in"];
    assert_eq!(named(&shell, "dockerize", &args).code, Some(1));
}

#[test]
fn wait_for_waits_for_one_and_then_becomes_the_command() {
    let shell = Shell::new();
    let (up, missing, down) = (
        Server::answering(OK),
        Server::answering("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        Refusing::new(),
    );
    let (up_place, down_place) = (up.address().to_string(), down.address().to_string());
    let (up_url, missing_url) = (up.url(), missing.url());
    for (code, stdout, args) in [
        (0, "success\n", vec![up_place.as_str(), "--", "echo", "success"]),
        (0, "success\n", vec!["-qt1", &up_place, "--", "echo", "success"]),
        (0, "success\n", vec![&up_url, "--timeout=3", "--", "echo", "success"]),
        (0, "", vec![&up_place]),
        (0, "x\n", vec!["-t", "1", &up_place, "--", "sh", "-c", "echo ${HOST:-x}"]),
        (1, "", vec!["-t", "1", &down_place, "--", "echo", "success"]),
        (1, "", vec!["-t", "1", &missing_url, "--", "echo", "success"]),
        (3, "", vec!["-t", "-1", &up_place, "--", "echo", "success"]),
        (3, "", vec!["-t", "--", &up_place, "--", "echo", "success"]),
        (0, "2.2.4\n", vec!["--version"]),
        (0, "2.2.4\n", vec!["-v"]),
        (0, "", vec!["--help"]),
        (1, "", vec!["--nonsense", &up_place]),
        (1, "", vec!["nonsense"]),
        (2, "", vec!["-q"]),
    ] {
        let ran = named(&shell, "wait-for", &args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), stdout), "{args:?}: {ran:?}");
    }
    let ran = named(&shell, "wait-for", &["-t", "1", &down_place]);
    assert_eq!(ran.stderr, "Operation timed out\n");
    ran.took(Duration::from_secs(1));
}
