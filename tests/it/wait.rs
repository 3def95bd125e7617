//! `sexton wait`: retries, limits, signals, and what it becomes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::actor::actor;
use crate::support::program::binary;
use crate::support::pty::Pty;
use crate::support::servers::{OK, Refusing, Server};
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
    let url = server.url();
    let lines: Vec<_> = run.stderr.lines().collect();
    assert_eq!(lines[0], format!("waiting up to 1m for {url}"), "{run:?}");
    assert!(
        lines[1].starts_with("waiting: status 503") && lines[1].ends_with(&format!("({url})")),
        "{run:?}"
    );
    assert!(lines[2].starts_with("ready: status 200"), "{run:?}");
    assert!(lines[3].starts_with("ready after ") && lines[3].ends_with(", 4 attempts"), "{run:?}");
    assert_eq!(lines.len(), 4, "{run:?}");
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
    assert!(run.stderr.contains("\nstill there: status 200") && run.stderr.contains("\ngone: "), "{run:?}");
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
    // At least 10 + 20 + 40 + 80 + 160 + 320 ms: no more than seven attempts fit into a second.
    assert!(backing_off <= 8 && steady > backing_off, "{steady} {backing_off}");
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
    let records: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<_> = records.iter().map(|record| record["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["waiting", "met", "passed"], "{run:?}");
    assert!(records.iter().all(|record| record["time"].as_str().unwrap().ends_with('Z')), "{run:?}");
    assert_eq!((&records[1]["attempt"], &records[2]["attempts"]), (&3.into(), &3.into()), "{run:?}");
    assert_eq!((&records[2]["event"], &records[2]["passed"]), (&"end".into(), &1.into()), "{run:?}");
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

/// Gone is what refuses or does not exist. All else may be a living instance.
#[test]
fn inverted_a_doubt_keeps_waiting_and_says_why() {
    let (server, silent) =
        (Server::answering("HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n"), Server::silent());
    let (url, hung) = (server.url(), silent.url());
    for (words, why) in [
        (&[url.as_str()][..], "status 500"),
        (&[hung.as_str(), "--attempt-timeout", "50ms"], "timed out"),
        (&[url.as_str(), "--bearer-file", "/nowhere/token"], "--bearer-file"),
        (&["--loopback-only", "tcp://192.0.2.1:1"], "192.0.2.1 is not a loopback address"),
    ] {
        let line = ["wait", "--invert", "-t", "300ms", "--interval", "20ms"];
        let run = sexton(line.iter().chain(words).chain(&["--", "/bin/echo", "beside it"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(124), ""), "{words:?}: {run:?}");
        assert!(run.stderr.contains(&format!("gave up: {why}")), "{words:?}: {run:?}");
    }
    let port = Refusing::new();
    for target in
        [format!("tcp://{}", port.address()), "file:/nowhere".into(), "process:nobody-is-called-so".into()]
    {
        assert_eq!(sexton(["wait", "--invert", &target]).code, Some(0), "{target}");
    }
}

#[test]
fn a_stability_that_is_never_reached_says_how_far_it_was_and_what_came_between() {
    // Every third answer is another one.
    let asked = AtomicU32::new(0);
    let server = Server::new(move |client| {
        if client.read_head() {
            let is_good = !asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(3);
            client.send(if is_good { OK } else { "HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n" }.as_bytes());
        }
        client.close();
    });
    let run = sexton(["wait", "--stable", "10", "--interval", "20ms", "-t", "500ms", &server.url()]);
    assert_eq!(run.code, Some(124), "{run:?}");
    let last = run.stderr.lines().rev().nth(1).unwrap();
    let is_told =
        last.starts_with("gave up: status 500") || last.contains(" of 10 in a row; last failure: status 500");
    assert!(is_told, "{run:?}");
}

#[test]
fn who_passed_long_ago_is_asked_once_more_before_the_command_starts() {
    let (early, late) = (Server::answering(OK), Refusing::new());
    let (url, target) = (early.url(), format!("tcp://{}", late.address()));
    let running =
        Sexton::with(["wait", "--interval", "50ms", &url, &target, "--", "/bin/echo", "started"]).start();
    eventually("the first passes", || early.requests().len() == 1);
    eventually("its pass is old", || running.elapsed() > Duration::from_millis(1300));
    assert_eq!(early.requests().len(), 1);
    late.listen();
    let run = running.wait();
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "started\n"), "{run:?}");
    assert_eq!(early.requests().len(), 2);
}

#[test]
fn who_passed_long_ago_and_has_gone_since_is_waited_for_again() {
    let (early, late) = (Server::answering(OK), Refusing::new());
    let (url, target) = (early.url(), format!("tcp://{}", late.address()));
    let running =
        Sexton::with(["wait", "--interval", "50ms", "-t", "3s", &url, &target, "--", "/bin/echo", "no"]);
    let running = running.start();
    eventually("the first passes", || early.requests().len() == 1);
    drop(early);
    eventually("its pass is old", || running.elapsed() > Duration::from_millis(1300));
    late.listen();
    let run = running.wait();
    assert_eq!((run.code, run.stdout.as_str()), (Some(124), ""), "{run:?}");
    assert!(run.stderr.contains("gave up: connection refused"), "{run:?}");
}

#[test]
fn a_long_silence_is_broken_by_what_is_still_missing() {
    let port = Refusing::new();
    let target = format!("tcp://{}", port.address());
    let run = sexton(["wait", "--interval", "100ms", "-t", "10500ms", &target]);
    assert_eq!(run.code, Some(124), "{run:?}");
    let reminders: Vec<_> =
        run.stderr.lines().filter(|line| line.starts_with("still waiting after 10s: ")).collect();
    assert_eq!(reminders.len(), 1, "{run:?}");
    assert!(
        reminders[0].contains("connection refused") && reminders[0].ends_with(&format!("({target})")),
        "{run:?}"
    );
}

#[test]
fn a_terminal_never_gets_more_lines_than_it_has_and_the_target_comes_first() {
    let (port, pty) = (Refusing::new(), Pty::open());
    pty.resize(6, 60);
    let targets: Vec<String> = (0..20).map(|_| format!("tcp://{}", port.address())).collect();
    let mut child = std::process::Command::new(binary())
        .args(["wait", "-t", "700ms", "--interval", "50ms"])
        .args(&targets)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(pty.slave())
        .spawn()
        .unwrap();
    let screen = pty.shows("gave up after", Duration::from_secs(20));
    assert_eq!(child.wait().unwrap().code(), Some(124));
    // Between two moves to the top there are at most five lines.
    for frame in screen.split("\u{1b}[J") {
        let lines: Vec<_> =
            frame.lines().filter(|line| line.contains(" s  ") || line.contains(" more")).collect();
        assert!(lines.len() <= 5, "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= 64), "{lines:?}");
    }
    assert!(screen.contains("and 16 more"), "{screen:?}");
    let first = screen.lines().find(|line| line.contains(" s  waiting")).expect("a line");
    assert!(first.find("tcp://") < first.find("refused").or(Some(usize::MAX)), "{first:?}");
}

#[test]
fn another_size_of_the_terminal_is_drawn_at_once() {
    let (port, pty) = (Refusing::new(), Pty::open());
    pty.resize(4, 60);
    let targets: Vec<String> = (0..4).map(|_| format!("tcp://{}", port.address())).collect();
    // With the terminal as its own, it is told of each size.
    let mut child = std::process::Command::new(actor())
        .args(["clean", "ctty=0", "exec"])
        .arg(binary())
        .args(["wait", "-t", "0", "--interval", "50ms"])
        .args(&targets)
        .stdin(pty.slave())
        .stdout(std::process::Stdio::null())
        .stderr(pty.slave())
        .spawn()
        .unwrap();
    let patience = Duration::from_secs(20);
    assert!(pty.shows("and 2 more", patience).contains("and 2 more"));
    let started = Instant::now();
    for _ in 0..10 {
        for (rows, more) in [(3, "and 3 more"), (4, "and 2 more")] {
            pty.resize(rows, 60);
            let screen = pty.shows(more, patience);
            assert!(screen.contains(more), "{screen:?}");
        }
    }
    // The seconds move on once a second, and all lines with them: by that alone it would take twenty.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    crate::support::process::kill(child.id().try_into().unwrap(), libc::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn an_ignored_interrupt_stays_ignored() {
    let port = Refusing::new();
    let target = format!("tcp://{}", port.address());
    let running = Sexton::with(["wait", "-t", "1s", &target]).under(["env", "--ignore-signal=INT"]).start();
    eventually("it waits", || {
        std::fs::read_to_string(format!("/proc/{}/comm", running.pid()))
            .is_ok_and(|name| name.trim() == "sexton")
            && running.elapsed() > Duration::from_millis(300)
    });
    running.signal(Signal::SIGINT);
    let run = running.wait();
    assert_eq!(run.code, Some(124), "{run:?}");
}

#[test]
fn as_pid_1_without_a_command_it_ends_on_hangup_and_quit_too() {
    if !crate::support::launch::Role::Pid1.is_playable() {
        return;
    }
    let port = Refusing::new();
    let target = format!("tcp://{}", port.address());
    for (signal, code) in [(1, 129), (3, 131), (15, 143), (2, 130)] {
        let mut child = std::process::Command::new("unshare")
            .args(["--pid", "--fork", "--kill-child"])
            .arg(binary())
            .args(["wait", "-t", "0", &target])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let outer = i32::try_from(child.id()).unwrap();
        let inner = || crate::support::process::children(outer).into_iter().find(|one| one.name == "sexton");
        eventually("it waits as PID 1", || {
            inner().is_some_and(|one| crate::support::process::rests(one.pid))
        });
        crate::support::process::kill(inner().unwrap().pid, signal);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}
