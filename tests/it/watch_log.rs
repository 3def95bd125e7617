//! A night in the log: start, failure, recovery, stop and kill, as docs/watch.md shows it.

use std::path::Path;
use std::time::Duration;

use crate::support::inits::Opt;
use crate::support::launch::{Launch, Role};
use crate::support::servers::Refusing;

/// A line without what differs from night to night: times, numbers, lengths, addresses, and the program.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for word in line.split(' ') {
        let is_program = word.contains('/') && !word.contains("://");
        let word = if is_program { "PROGRAM" } else { word };
        let kept: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let mut kept = kept;
        while kept.contains("00") {
            kept = kept.replace("00", "0");
        }
        // A length has a unit behind each number.
        let is_length = kept.starts_with('0')
            && kept.trim_end_matches([';', ',']).trim_start_matches('0').len() <= 2
            && kept.contains(['s', 'm', 'h']);
        if is_length && shape.ends_with("LENGTH ") {
            continue;
        }
        shape.push_str(if is_length {
            if kept.ends_with(';') { "LENGTH;" } else { "LENGTH" }
        } else {
            &kept
        });
        shape.push(' ');
    }
    shape.trim_end().to_owned()
}

/// The first block of the page that shows a log.
fn shown() -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/watch.md"));
    let page = page.expect("docs/watch.md is there");
    let block = page.split("```log\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a log");
    block.lines().map(str::to_owned).collect()
}

#[test]
fn the_page_shows_a_night_as_it_is_printed() {
    let port = Refusing::new();
    let target: &'static str = format!("db=tcp://{}", port.address()).leak();
    let options: &'static [&'static str] = vec![
        "--watch",
        target,
        "--interval",
        "60ms",
        "--retries",
        "3",
        "--on-unhealthy",
        "signal:HUP,then=stop:1",
        "--kill-after",
        "1100ms",
    ]
    .leak();
    let running =
        Launch::new(Role::Subreaper).option(Opt::Own(options)).actor("block=1,15 say=ready pause").start();
    running.line("ready");
    running.complaint("sending SIGHUP");
    port.listen();
    running.complaint("healthy again: db");
    port.refuse();
    running.complaint("was unhealthy");
    let run = running.finish_within(Duration::from_secs(20));
    assert_eq!(run.code, Some(1), "{run:?}");
    let printed: Vec<String> = run.stderr.lines().map(shape).collect();
    let page: Vec<String> = shown().iter().map(|line| shape(line)).collect();
    assert_eq!(printed, page, "{}", run.stderr);
}

#[test]
fn what_is_told_of_a_kill_counts_from_the_request_to_end() {
    let port = Refusing::new();
    let target: &'static str = format!("db=tcp://{}", port.address()).leak();
    let options = ["--watch", target, "--interval", "2s", "--retries", "1", "--kill-after", "500ms"];
    let options: &'static [&'static str] =
        [&options[..], &["--on-unhealthy", "signal:HUP,then=stop:1"]].concat().leak();
    let run =
        Launch::new(Role::Subreaper).option(Opt::Own(options)).actor("ignore=1,15 say=ready pause").run();
    assert_eq!(run.code, Some(1), "{run:?}");
    // It was asked to reload two seconds before it was asked to end.
    let told = run.stderr.lines().find_map(|line| line.split_once("still running after "));
    let (_, length) = told.unwrap_or_else(|| panic!("no such line: {run:?}"));
    let length = length.split(';').next().unwrap_or_default();
    assert!(length.ends_with("ms") || length == "1s", "{run:?}");
    assert!(!length.contains("us"), "nobody counts microseconds: {run:?}");
}
