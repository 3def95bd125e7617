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
fn all_must_pass_and_each_has_its_line_what_failed_first() {
    let (good, bad) = (Server::answering(OK), Refusing::new());
    let run = sexton(["check", &good.url(), &format!("tcp://{}", bad.address()), &good.url()]);
    assert_eq!(run.code, Some(1));
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{run:?}");
    assert!(
        lines[1].starts_with("healthy: status 200") && lines[2].starts_with("healthy: status 200"),
        "{run:?}"
    );
    assert!(lines[0].starts_with("unhealthy: connection refused at"), "{run:?}");
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
        (missing.url(), "fail", Some("response"), Some(404), missing.address()),
        (silent.url(), "timeout", Some("response"), None, silent.address()),
        (refused, "fail", Some("connect"), None, refusing.address()),
        (good.url(), "pass", None, Some(200), good.address()),
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

#[test]
fn passing_targets_share_a_line_where_all_would_be_too_long() {
    let (good, bad) = (Server::answering(OK), Refusing::new());
    let bad = format!("tcp://{}", bad.address());
    let path = format!("{}{}", good.url(), "x".repeat(60));
    let targets = [&path, &path, &path, &path, &path, &bad, &path, &path];
    let run = sexton(["check"].into_iter().chain(targets.map(String::as_str)));
    let lines: Vec<_> = run.stdout.lines().collect();
    assert!(run.code == Some(1) && run.stdout.len() < 500 && lines.len() == 2, "{run:?}");
    assert!(lines[0].starts_with("unhealthy: connection refused at"), "{run:?}");
    assert!(lines[1].starts_with(&format!("healthy: 7 targets ({}", good.url())), "{run:?}");
    // Few enough to fit have their own lines.
    let run = sexton(["check", &good.url(), &bad, &good.url()]);
    assert_eq!(run.stdout.lines().count(), 3, "{run:?}");
}

/// Whether `value` is what `schema` says; what is wrong is pushed to `wrong`. Knows the words that ours uses, and refuses
/// any other.
fn validate(value: &serde_json::Value, schema: &serde_json::Value, place: &str, wrong: &mut Vec<String>) {
    let name = match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Number(number) if number.is_u64() => "integer",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    };
    let mut refuse = |why: &str| wrong.push(format!("{place}: {why}: {value}"));
    for (word, wanted) in schema.as_object().expect("a schema is an object") {
        match word.as_str() {
            "type" => {
                let types: Vec<_> = match wanted {
                    serde_json::Value::Array(types) => types.iter().filter_map(|one| one.as_str()).collect(),
                    one => one.as_str().into_iter().collect(),
                };
                let is_number = name == "integer" && types.contains(&"number");
                if !types.contains(&name) && !is_number {
                    refuse("type");
                }
            }
            "enum" if !wanted.as_array().unwrap().contains(value) => refuse("enum"),
            "minimum" if value.as_f64().is_some_and(|number| number < wanted.as_f64().unwrap()) => {
                refuse("minimum");
            }
            "maximum" if value.as_f64().is_some_and(|number| number > wanted.as_f64().unwrap()) => {
                refuse("maximum");
            }
            "$schema" | "title" | "description" | "enum" | "minimum" | "maximum" | "properties" | "items" => {
            }
            "required" => {
                for member in wanted.as_array().unwrap() {
                    if value.get(member.as_str().unwrap()).is_none() {
                        refuse("required");
                    }
                }
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object().unwrap();
                if !value.as_object().unwrap().keys().all(|member| known.contains_key(member)) {
                    refuse("additionalProperties");
                }
            }
            other => panic!("the schema has {other}, which this test does not know"),
        }
    }
    if let (Some(known), Some(members)) = (schema["properties"].as_object(), value.as_object()) {
        for (member, value) in members.iter().filter(|(member, _)| known.contains_key(*member)) {
            validate(value, &known[member], &format!("{place}/{member}"), wrong);
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        validate(item, &schema["items"], &format!("{place}/{index}"), wrong);
    }
}

#[test]
fn json_is_whole_bounded_and_what_its_schema_says_in_every_state() {
    let schema =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check.schema.json")).unwrap();
    let schema = serde_json::from_str(&schema).unwrap();
    let (good, bad, silent) = (Server::answering(OK), Refusing::new(), Server::silent());
    let bad = format!("tcp://{}", bad.address());
    let (good, silent) = (good.url(), silent.url());
    let folder = crate::support::temp::Folder::new();
    let fifo = folder.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let fifo = fifo.to_str().unwrap();
    let many: Vec<String> = (0..60).map(|at| format!("file:/nope/\"{}{at}", "\"".repeat(150))).collect();
    let crowd: Vec<&str> = many.iter().map(String::as_str).collect();
    for (what, args) in [
        ("healthy", vec![good.as_str()]),
        ("failed, timed out", vec!["-t", "300ms", &bad, &silent, &good]),
        ("skipped", vec!["--any", "-t", "20s", &silent, &good]),
        ("the watchdog", vec!["-t", "300ms", "--bearer-file", fifo, &good]),
        ("more than fit", crowd),
    ] {
        let run = sexton(["check", "--json"].iter().chain(&args));
        assert!(run.stdout.len() <= 4000 && run.stdout.lines().count() == 1, "{what}: {run:?}");
        let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let mut wrong = Vec::new();
        validate(&told, &schema, "", &mut wrong);
        assert!(wrong.is_empty(), "{what}: {wrong:#?}");
        assert_eq!(told["healthy"], run.code == Some(0), "{what}: {run:?}");
        let shown = u64::try_from(told["targets"].as_array().unwrap().len()).unwrap();
        let given = u64::try_from(args.iter().filter(|word| word.contains(":/")).count()).unwrap();
        assert_eq!(shown + told["omitted"].as_u64().unwrap(), given, "{what}: {run:?}");
    }
    // The negative control.
    let mut wrong = Vec::new();
    validate(&serde_json::json!({"healthy": 1, "more": 2}), &schema, "", &mut wrong);
    assert!(wrong.len() >= 3, "{wrong:?}");
}
