//! `sexton wait`: retries, limits, signals, and what it becomes.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::program::binary;
use crate::support::servers::{OK, Refusing, Server};
use crate::support::temp::Folder;
use crate::support::{Sexton, eventually, sexton};

/// A server that answers 503 until its request number `good`, and 200 from then on.
fn recovering(good: u32) -> (Server, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let server = Server::new(move |client| {
        if client.read_head() {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            let answer = if number >= good { OK } else { "HTTP/1.1 503 Service Unavailable\r\n\r\n" };
            client.send(answer.as_bytes());
        }
        client.close();
    });
    (server, asked)
}

#[test]
fn it_retries_until_the_target_passes_and_then_becomes_the_command() {
    let (server, asked) = recovering(4);
    let run = sexton(["wait", "--interval", "10ms", &server.url(), "--", "/bin/sh", "-c", "echo $$; exit 7"]);
    assert_eq!((run.code, asked.load(Ordering::SeqCst)), (Some(7), 4), "{run:?}");
    // One line for each reason, none for each attempt, and none of it on the command's stdout.
    assert_eq!(run.stderr.lines().count(), 2, "{run:?}");
    assert!(run.stderr.starts_with("waiting: status 503"), "{run:?}");
    assert!(run.stderr.contains("ready: status 200"), "{run:?}");
}

#[test]
fn the_command_keeps_the_pid_the_environment_and_the_signal_mask() {
    let server = Server::answering(OK);
    let script = "echo $$ $MARK";
    let running = Sexton::with(["wait", "-q", &server.url(), "--", "/bin/sh", "-c", script])
        .env("MARK", "kept")
        .start();
    let pid = running.pid();
    let run = running.wait();
    assert_eq!(run.stdout, format!("{pid} kept\n"), "{run:?}");
    assert_eq!(run.stderr, "");
    // Read by the command about itself: a shell blocks signals for a moment whenever it starts one.
    let run = sexton(["wait", "-q", &server.url(), "--", "/bin/grep", "SigBlk", "/proc/self/status"]);
    assert_eq!(run.stdout, "SigBlk:\t0000000000000000\n", "{run:?}");
}

#[test]
fn it_gives_up_at_its_limit_with_124_and_the_last_reason_of_each_target() {
    let refusing = Refusing::new();
    let (one, silent) = (format!("tcp://{}", refusing.address()), Server::silent());
    let run =
        sexton(["wait", "-t", "600ms", "--interval", "50ms", &one, &silent.url(), "--", "/bin/echo", "no"]);
    run.took(Duration::from_millis(600));
    assert_eq!((run.code, run.stdout.as_str()), (Some(124), ""), "{run:?}");
    assert!(run.stderr.contains("gave up: connection refused"), "{run:?}");
    assert!(run.stderr.contains("gave up: timed out"), "{run:?}");
}

#[test]
fn each_attempt_has_its_own_limit() {
    // Silent the first time, and good from the second: only an attempt that is given up gets there.
    let asked = AtomicU32::new(0);
    let server = Server::new(move |client| {
        client.read_head();
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            client.hold();
        }
        client.send(OK.as_bytes());
        client.close();
    });
    let run =
        sexton(["wait", "--attempt-timeout", "200ms", "--interval", "10ms", "-t", "20s", &server.url()]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.elapsed >= Duration::from_millis(200) && run.elapsed < Duration::from_secs(10), "{run:?}");
}

#[test]
fn the_command_runs_anyway_with_or_run() {
    let target = format!("tcp://{}", Refusing::new().address());
    let run = sexton(["wait", "-t", "100ms", "--or-run", &target, "--", "/bin/sh", "-c", "exit 9"]);
    assert_eq!(run.code, Some(9), "{run:?}");
}

#[test]
fn inverted_it_waits_until_the_target_is_gone() {
    let server = Server::answering(OK);
    let running = Sexton::with(["wait", "--invert", "--interval", "20ms", &server.url()]).start();
    eventually("the server is asked", || !server.requests().is_empty());
    drop(server);
    let run = running.wait();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.starts_with("still there: status 200") && run.stderr.contains("\ngone: "), "{run:?}");
}

#[test]
fn stable_wants_passes_in_a_row() {
    let (server, asked) = recovering(2);
    let run = sexton(["wait", "--stable", "3", "--interval", "10ms", &server.url()]);
    assert_eq!((run.code, asked.load(Ordering::SeqCst)), (Some(0), 4), "{run:?}");
}

#[test]
fn any_is_content_with_one() {
    let (good, refusing) = (Server::answering(OK), Refusing::new());
    let run = sexton(["wait", "--any", &format!("tcp://{}", refusing.address()), &good.url()]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn backoff_makes_fewer_attempts_than_a_steady_pace() {
    let attempts = |words: &[&str]| {
        let (server, asked) = recovering(u32::MAX);
        let url = server.url();
        let mut args = vec!["wait", "-t", "1s", "--interval", "20ms"];
        args.extend(words);
        args.push(&url);
        assert_eq!(sexton(args).code, Some(124));
        asked.load(Ordering::SeqCst)
    };
    let (steady, backing_off) = (attempts(&[]), attempts(&["--backoff"]));
    // 20 + 40 + 80 + 160 + 320 ms: no more than six attempts fit into a second.
    assert!(backing_off <= 7 && steady > backing_off, "{steady} {backing_off}");
}

#[test]
fn a_signal_ends_it_at_once() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let silent = Server::silent();
        let running = Sexton::with(["wait", "-t", "0", "--attempt-timeout", "60s", &silent.url()]).start();
        eventually("the server is asked", || !silent.requests().is_empty());
        running.signal(signal);
        let run = running.wait();
        assert_eq!(run.code, Some(code), "{run:?}");
        assert!(run.elapsed < Duration::from_secs(5), "{run:?}");
    }
}

#[test]
fn json_tells_one_object_a_change() {
    let (server, _) = recovering(3);
    let run = sexton(["wait", "--json", "--interval", "10ms", &server.url()]);
    let states: Vec<String> = run
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["state"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(states, ["waiting", "met"], "{run:?}");
}

#[test]
fn a_command_that_cannot_run_is_127_or_126() {
    let server = Server::answering(OK);
    for (command, code) in [("/nowhere/at/all", 127), ("/etc", 126), ("/etc/passwd", 126)] {
        let run = sexton(["wait", "-q", &server.url(), "--", command]);
        assert_eq!(run.code, Some(code), "{command}: {run:?}");
    }
}

#[test]
fn misuse_is_refused_with_125() {
    for (args, why) in [
        (&["wait"][..], "no target; write for example"),
        (&["wait", "localhost:80"], "has no scheme"),
        (&["wait", "tcp://h:1", "--"], "nothing after --"),
        (&["wait", "--timeout", "-1s", "tcp://h:1"], "--timeout"),
        (&["wait", "--stable", "0", "tcp://h:1"], "--stable"),
        (&["wait", "--max-interval", "3s", "tcp://h:1"], "--backoff"),
        (&["wait", "--nonsense", "tcp://h:1"], "unknown option --nonsense"),
    ] {
        let run = sexton(args);
        assert_eq!((run.code, run.stderr.lines().count()), (Some(125), 1), "{run:?}");
        assert!(run.stderr.contains(why), "{run:?}");
    }
}

#[test]
fn as_wait_for_it_it_has_that_scripts_words_and_codes() {
    let folder = Folder::new();
    let script = folder.join("wait-for-it.sh");
    symlink(binary(), &script).unwrap();
    let (good, bad) = (Server::answering(OK), Refusing::new());
    let (up, down) = (good.address().to_string(), bad.address().to_string());
    let port = good.port().to_string();
    for (args, code) in [
        (&[up.as_str()][..], 0),
        (&["-h", "127.0.0.1", "-p", &port, "-q"], 0),
        (&[&up, "-t", "5", "-s", "--", "/bin/sh", "-c", "exit 3"], 3),
        (&[&down, "-t", "1"], 124),
        (&[&down, "--timeout=1", "--strict", "--", "/bin/sh", "-c", "exit 3"], 124),
        (&[&down, "-t", "1", "--", "/bin/sh", "-c", "exit 3"], 3),
        (&["--nonsense"], 1),
        (&[], 1),
    ] {
        let run = Sexton::with(args).at(&script).run();
        assert_eq!(run.code, Some(code), "{args:?}: {run:?}");
        assert_eq!(run.stdout, "", "{args:?}");
    }
}
