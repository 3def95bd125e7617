//! The deadline of `sexton check`: kept by every hostile server, by the watchdog, and whatever stdout is.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::support::inits::Opt;
use crate::support::isolated::skip;
use crate::support::launch::{Launch, Role};
use crate::support::program::binary;
use crate::support::servers::{Busy, BusyUnix, OK, Server};
use crate::support::temp::Folder;
use crate::support::{Output, Sexton, eventually, in_time, sexton};

/// The limit of every run here.
const LIMIT: Duration = Duration::from_millis(300);

/// Runs a check of `target` that must take all of its limit, and end with one line: `start (target, ...`.
#[track_caller]
fn times_out(target: &str, start: &str) {
    times_out_with(&[], target, start);
}

/// [`times_out`] with further `options`.
#[track_caller]
fn times_out_with(options: &[&str], target: &str, start: &str) {
    let words = [&["check", "--timeout", "300ms"], options, &[target]].concat();
    let mut run = sexton(&words);
    for _ in 0..3 {
        run.took(LIMIT);
        // On a machine so busy that the process gets no time for 35 ms the watchdog is first: right, but not the
        // question here.
        let is_late = ["unhealthy: no verdict", "unhealthy: timed out: a file system does not answer"];
        if !is_late.iter().any(|line| run.stdout.starts_with(line)) {
            break;
        }
        run = sexton(&words);
    }
    run.said(1, &format!("unhealthy: {start} ({target}, "));
}

#[test]
fn a_server_that_never_answers_is_given_up_at_the_limit() {
    times_out(&Server::silent().url(), "timed out waiting for the response");
}

#[test]
fn a_dripped_status_line_is_given_up_at_the_limit() {
    times_out(&Server::dripping("HTTP/1.1 200 ", "OK").url(), "timed out waiting for the response");
}

#[test]
fn dripped_headers_are_given_up_at_the_limit() {
    let server = Server::dripping("HTTP/1.1 200 OK\r\n", "X-Drip: drop\r\n");
    times_out(&server.url(), "timed out waiting for the response");
}

#[test]
fn interim_answers_without_end_are_given_up_at_the_limit() {
    let server = Server::dripping("", "HTTP/1.1 103 Early Hints\r\n\r\n");
    times_out(&server.url(), "timed out waiting for the response");
    // As fast as it goes, the bound on what is read comes first.
    let server = Server::pouring("", "HTTP/1.1 103 Early Hints\r\n\r\n");
    sexton(["check", &server.url()])
        .said(1, "unhealthy: the peer sent too much while waiting for the response; ");
}

#[test]
fn a_body_that_is_asked_about_is_given_up_at_the_limit() {
    for (server, start) in [
        (Server::dripping("HTTP/1.1 200 OK\r\n\r\n", "drip"), "timed out reading the body"),
        (
            Server::dripping("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "\r\n"),
            "timed out reading the body",
        ),
        (
            Server::dripping("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
            "timed out reading the body",
        ),
        (
            Server::dripping("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
            "timed out reading the body",
        ),
    ] {
        times_out_with(&["--contains", "ready"], &server.url(), start);
    }
}

/// The machine may run nothing of us between the verdict, at the limit, and its line: strace holds up the last system call
/// before that is written, past the time of the watchdog.
#[test]
fn a_verdict_that_a_busy_machine_holds_up_is_told_all_the_same() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("there is no strace");
    }
    let server = Server::silent();
    let folder = Folder::new();
    let trace = folder.join("trace").display().to_string();
    let polls = ["strace", "-qq", "-o", &trace, "-e", "trace=poll,ppoll"];
    let words = ["check", "--timeout", "300ms", &server.url()];
    let wanted = "unhealthy: timed out waiting for the response (";
    // It may be held up before its verdict as well: then the watchdog has the word.
    let is_told = (0..10).any(|_| {
        Sexton::with(words).under(polls).run();
        let count = std::fs::read_to_string(&trace)
            .expect("strace writes")
            .lines()
            .filter(|l| l.contains("poll("))
            .count();
        let held_up = format!("inject=poll,ppoll:delay_exit=38000:when={count}");
        let run = Sexton::with(words).under(["strace", "-qq", "-o", "/dev/null", "-e", &held_up]).run();
        assert_eq!(run.code, Some(1), "{run:?}");
        run.stdout.starts_with(wanted)
    });
    assert!(is_told, "the verdict was lost each time");
}

/// Nobody writes into the FIFO, so that its open(2) does not come back: the probe cannot keep its deadline.
#[test]
fn a_file_that_cannot_be_opened_is_given_up_at_the_limit() {
    let (server, folder) = (Server::answering(OK), Folder::new());
    let token = fifo(&folder);
    let run = sexton(["check", "--timeout", "300ms", "--bearer-file", &token, &server.url()]);
    run.said(1, &format!("unhealthy: timed out: a file system does not answer ({}, ", server.url()));
    run.took(LIMIT);
    // Beside others it is one that timed out, and theirs is told.
    let other = format!("tcp://{}", server.address());
    let run = sexton(["check", "--timeout", "300ms", "--bearer-file", &token, &server.url(), &other]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.starts_with("unhealthy: "), "{run:?}");
    run.took(LIMIT);
}

#[test]
fn a_full_backlog_is_given_up_at_the_limit() {
    let busy = Busy::new();
    let start = format!("timed out connecting to {}", busy.address());
    times_out(&format!("http://{}/", busy.address()), &start);
    times_out(&format!("tcp://{}", busy.address()), &start);
}

#[test]
fn a_full_backlog_of_a_unix_socket_is_given_up_at_the_limit() {
    let folder = Folder::new();
    let path = folder.join("busy.sock");
    let _busy = BusyUnix::new(&path);
    times_out(&format!("unix:{}", path.display()), "timed out connecting");
}

#[test]
fn a_body_without_end_is_not_waited_for() {
    for server in [
        Server::dripping("HTTP/1.1 200 OK\r\n\r\n", "body"),
        Server::pouring("HTTP/1.1 200 OK\r\n\r\n", "body"),
        Server::pouring("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nbody\r\n"),
    ] {
        let run = sexton(["check", "--timeout", "30s", &server.url()]);
        run.said(0, "healthy: status 200 (");
        assert!(run.elapsed < Duration::from_secs(10), "{run:?}");
    }
}

/// A FIFO that nobody writes into: its open(2) does not come back, as a library that hangs would not.
fn fifo(folder: &Folder) -> String {
    let path = folder.join("token");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    path.display().to_string()
}

#[test]
fn the_watchdog_works_where_sigalrm_was_blocked_or_ignored() {
    let (server, folder) = (Server::answering(OK), Folder::new());
    let (ca, url) = (fifo(&folder), server.url().replace("http:", "https:"));
    // A whole program's run has nobody beside it but the watchdog.
    let curl = folder.join("curl");
    std::os::unix::fs::symlink(binary(), &curl).unwrap();
    for signals in ["--block-signal=ALRM", "--ignore-signal=ALRM"] {
        let run =
            Sexton::with(["-sS", "-m", "0.3", "--cacert", &ca, &url]).at(&curl).under(["env", signals]).run();
        assert_eq!((run.code, run.stderr.as_str()), (Some(28), "curl: (28) timed out\n"), "{run:?}");
        run.took(LIMIT);
    }
}

/// SIGPIPE must not end it in the watchdog's handler either.
#[test]
fn the_watchdog_keeps_its_code_when_the_reader_is_gone() {
    let (server, folder) = (Server::answering(OK), Folder::new());
    let run = Sexton::with(["check", "--timeout", "300ms", "--bearer-file", &fifo(&folder), &server.url()])
        .stdout(Output::LostReader)
        .run();
    assert_eq!((run.code, run.signal), (Some(1), None), "{run:?}");
    run.took(LIMIT);
}

/// A CPU limit stops a container's processes for a while, as this does: the reason must still be the true one.
#[test]
fn a_check_that_was_kept_from_running_still_says_what_it_waited_for() {
    let server = Server::silent();
    let running = Sexton::with(["check", "--timeout", "300ms", &server.url()]).start();
    server.first_request();
    running.signal(Signal::SIGSTOP);
    eventually("the limit and the watchdog's grace have passed", || {
        running.elapsed() > LIMIT + Duration::from_millis(200)
    });
    running.signal(Signal::SIGCONT);
    running.wait().said(1, &format!("unhealthy: timed out waiting for the response ({}, ", server.url()));
}

/// A container that is paused, or a process that is stopped, has not watched: that is no failure of what it watches.
#[test]
fn an_init_that_was_kept_from_running_does_not_blame_its_app() {
    let server = Server::silent();
    let url = server.url();
    let options = ["--watch", &url, "--attempt-timeout", "5s", "--retries", "1", "--interval", "200ms"];
    let app = "block=15 await=15 exit=7";
    let running = Launch::new(Role::Subreaper).option(Opt::own(options)).actor(app).start();
    server.first_request();
    let began = Instant::now();
    running.signal(libc::SIGSTOP);
    eventually("the limit and a second have passed", || began.elapsed() > Duration::from_millis(6500));
    running.signal(libc::SIGCONT);
    running.complaint("since this process was stopped or frozen; this does not count as a failure");
    running.signal(15);
    assert_eq!(running.finish().code, Some(7));
}

/// And when it hangs besides, the watchdog does not wait long for it.
#[test]
fn a_check_that_was_kept_from_running_and_hangs_is_ended_all_the_same() {
    let (server, folder) = (Server::answering(OK), Folder::new());
    let token = fifo(&folder);
    let running =
        Sexton::with(["check", "--timeout", "300ms", "--bearer-file", &token, &server.url()]).start();
    eventually("it waits for the FIFO", || running.elapsed() > LIMIT / 3 && sleeps(running.pid()));
    running.signal(Signal::SIGSTOP);
    eventually("the limit and the watchdog's grace have passed", || {
        running.elapsed() > LIMIT + Duration::from_millis(200)
    });
    running.signal(Signal::SIGCONT);
    let run = running.wait();
    run.said(1, "unhealthy: timed out: a file system does not answer (");
    assert!(run.elapsed < LIMIT + Duration::from_millis(1200), "{run:?}");
}

#[test]
fn a_full_stdout_neither_changes_a_verdict_nor_outlasts_the_limit() {
    let (good, bad) = (Server::answering(OK), Server::silent());
    for (server, code) in [(&good, 0), (&bad, 1)] {
        let run = Sexton::with(["check", "--timeout", "300ms", &server.url()]).stdout(Output::FullPipe).run();
        assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""), "{run:?}");
        run.took(LIMIT);
    }
}

/// Whatever it waits for, and whoever ends it: the probe itself, the thread beside it, the watchdog.
#[test]
fn a_check_ends_no_later_than_50_ms_after_its_limit() {
    let (silent, folder, busy) = (Server::silent(), Folder::new(), Busy::new());
    let endless = Server::dripping("HTTP/1.1 200 OK\r\n\r\n", "drip");
    let (token, stuck) = (fifo(&folder), Server::answering(OK));
    let check = |words: &[&str]| Sexton::with(["check", "-t", "300ms"].iter().chain(words));
    for check in [
        check(&[&silent.url()]),
        check(&[&silent.url().replace("http", "https")]),
        check(&[silent.url().replace("http", "grpc").trim_end_matches('/')]),
        check(&["--contains", "x", &endless.url()]),
        check(&[&format!("tcp://{}", busy.address())]),
        check(&[&silent.url(), &format!("tcp://{}", busy.address())]),
        check(&["--bearer-file", &token, &stuck.url()]),
        check(&[&silent.url()]).stdout(Output::FullPipe),
    ] {
        let run = in_time(LIMIT, || check.run());
        assert_eq!((run.code, run.signal), (Some(1), None), "{check:?}: {run:?}");
    }
}

/// The verdict stands already when it is stopped, and only the reader is missing.
#[test]
fn the_watchdog_keeps_a_verdict_that_stands() {
    let server = Server::answering(OK);
    let running =
        Sexton::with(["check", "--timeout", "300ms", &server.url()]).stdout(Output::FullPipe).start();
    server.first_request();
    eventually("it waits for its reader", || sleeps(running.pid()) && !has_socket(running.pid()));
    running.signal(Signal::SIGSTOP);
    eventually("the limit and the watchdog's grace have passed", || {
        running.elapsed() > LIMIT + Duration::from_millis(200)
    });
    running.signal(Signal::SIGCONT);
    let run = running.wait();
    assert_eq!((run.code, run.signal, run.stderr.as_str()), (Some(0), None, ""), "{run:?}");
}

/// Whether a process waits for something.
fn sleeps(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('S'))
}

/// Whether a process has a connection open.
fn has_socket(pid: Pid) -> bool {
    let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
    fds.flatten()
        .any(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:")))
}

#[test]
fn a_lost_or_refusing_stdout_does_not_change_a_verdict() {
    let (good, bad) = (Server::answering(OK), Server::answering("HTTP/1.1 500 no\r\n\r\n"));
    for stdout in [Output::LostReader, Output::Device("/dev/full"), Output::Device("/dev/null")] {
        for (server, code) in [(&good, 0), (&bad, 1)] {
            let run = Sexton::with(["check", &server.url()]).stdout(stdout).run();
            assert_eq!((run.code, run.signal, run.stderr.as_str()), (Some(code), None, ""), "{stdout:?}");
        }
    }
}

/// Accepted is accepted, however soon a reset follows: what passes by chance is worth nothing.
#[test]
fn a_connection_that_is_reset_at_once_was_accepted() {
    let server = Server::new(super::support::servers::Client::reset);
    let target = format!("tcp://{}", server.address());
    for _ in 0..60 {
        sexton(["check", "--timeout", "5s", &target]).said(0, "healthy: ");
    }
}
