//! Several targets in one run: at the same time, all of them or any, as lines or as JSON.

use std::time::{Duration, Instant};

use crate::support::isolated::skip;
use crate::support::servers::{OK, Refusing, Server};
use crate::support::{Sexton, sexton};

/// The one line of `--json`, taken apart.
fn json(args: &[&str]) -> (Option<i32>, serde_json::Value) {
    let run = sexton(["check", "--json"].iter().chain(args));
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    (run.code, serde_json::from_str(&run.stdout).unwrap())
}

#[test]
fn all_must_pass_and_each_has_its_line_in_the_order_given() {
    let (good, bad) = (Server::answering(OK), Refusing::new());
    let run = sexton(["check", &good.url(), &format!("tcp://{}", bad.address()), &good.url()]);
    assert_eq!(run.code, Some(1));
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{run:?}");
    assert!(
        lines[0].starts_with("healthy: status 200") && lines[2].starts_with("healthy: status 200"),
        "{run:?}"
    );
    assert!(lines[1].starts_with("unhealthy: connection refused at"), "{run:?}");
}

#[test]
fn they_share_one_deadline_and_run_at_the_same_time() {
    let silent: Vec<_> = (0..5).map(|_| Server::silent()).collect();
    let urls: Vec<_> = silent.iter().map(Server::url).collect();
    let run = sexton(["check", "-t", "400ms"].into_iter().chain(urls.iter().map(String::as_str)));
    run.took(Duration::from_millis(400));
    assert_eq!((run.code, run.stdout.lines().count()), (Some(1), 5), "{run:?}");
}

#[test]
fn one_is_enough_with_any_and_the_others_are_neither_waited_for_nor_told() {
    let (good, silent) = (Server::answering(OK), Server::silent());
    let refusing = format!("tcp://{}", Refusing::new().address());
    let started = Instant::now();
    let run = sexton(["check", "--any", "-t", "20s", &silent.url(), &refusing, &good.url()]);
    assert!(started.elapsed() < Duration::from_secs(10), "{run:?}");
    let line = run.said(0, "healthy: status 200");
    assert!(line.contains(&good.url()), "{line}");
}

#[test]
fn none_is_not_enough_with_any_and_each_says_why() {
    let (one, other) = (Refusing::new(), Refusing::new());
    let run = sexton([
        "check",
        "--any",
        &format!("tcp://{}", one.address()),
        &format!("tcp://{}", other.address()),
    ]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stdout.matches("unhealthy: connection refused").count(), 2, "{run:?}");
}

#[test]
fn json_tells_targets_outcomes_phases_statuses_addresses_and_times() {
    let (good, missing) = (Server::answering(OK), Server::answering("HTTP/1.1 404 Not Found\r\n\r\n"));
    let (silent, refusing) = (Server::silent(), Refusing::new());
    let refused = format!("tcp://{}", refusing.address());
    let (code, told) = json(&["-t", "300ms", &good.url(), &missing.url(), &silent.url(), &refused]);
    assert_eq!(code, Some(1));
    assert_eq!(told["healthy"], false);
    assert!(told["milliseconds"].as_f64().unwrap() >= 300.0, "{told}");
    let expected = [
        (good.url(), "pass", None, Some(200), good.address()),
        (missing.url(), "fail", Some("response"), Some(404), missing.address()),
        (silent.url(), "timeout", Some("response"), None, silent.address()),
        (refused, "fail", Some("connect"), None, refusing.address()),
    ];
    for (entry, (target, outcome, phase, status, address)) in
        told["targets"].as_array().unwrap().iter().zip(expected)
    {
        assert_eq!(entry["target"], target, "{entry}");
        assert_eq!(entry["outcome"], outcome, "{entry}");
        assert_eq!(entry["phase"].as_str(), phase, "{entry}");
        assert_eq!(entry["status"].as_u64(), status, "{entry}");
        assert_eq!(entry["address"], address.to_string(), "{entry}");
        assert!(entry["milliseconds"].is_number() && entry["reason"].is_string(), "{entry}");
    }
}

#[test]
fn json_of_a_healthy_round_says_so() {
    let good = Server::answering(OK);
    let (code, told) = json(&[&good.url()]);
    assert_eq!((code, &told["healthy"]), (Some(0), &serde_json::Value::Bool(true)));
}

#[test]
fn without_threads_the_targets_are_tried_in_turn() {
    let good = Server::answering(OK);
    // As nobody with no process more to start: the limit counts threads, too, and does not bind root.
    let run = Sexton::with(["check", &good.url(), &good.url(), &good.url()]).after("ulimit -u 1").under([
        "/usr/bin/setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ]);
    let run = run.run();
    if run.stderr.contains("setpriv:") || run.code == Some(126) {
        skip(&format!("no right to become another user, or nobody may not read the program: {run:?}"));
        return;
    }
    assert_eq!((run.code, run.stdout.matches("healthy: status 200").count()), (Some(0), 3), "{run:?}");
}
