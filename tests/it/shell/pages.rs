//! Every line of docs/migrating.md.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Shell, saying};
use crate::support::servers::{Refusing, Server};
use crate::support::{Run, run};

/// The lines of the blocks with this mark.
fn lines(mark: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/migrating.md");
    let text = fs::read_to_string(page).expect("the page is there");
    let start = format!("<!-- {mark} -->\n```sh\n");
    let blocks = text.split(&start).skip(1);
    let lines: Vec<_> = blocks
        .flat_map(|rest| rest.split("```").next().unwrap_or_default().lines())
        .map(str::to_owned)
        .collect();
    assert!(!lines.is_empty(), "no block is marked {mark}");
    lines
}

/// `line` with the app at `app`, and everything else where it answers.
fn at(line: &str, app: &str) -> String {
    let (host, port) = app.split_once(':').expect("an address");
    line.replace("localhost:8080", app)
        .replace("localhost:${PORT:-8080}", &format!("{host}:${{PORT:-{port}}}"))
        .replace("8080", port)
        .replace("db:5432", app)
}

/// Runs `line` as `sh`.
fn sh(shell: &Shell, line: &str) -> Run {
    run(Command::new(shell.named("sh")).args(["-c", line]).env_clear().env("SEXTON_TIMEOUT", "1500ms"))
}

#[test]
fn lines_of_the_page_that_run_tell_a_live_app_from_a_dead_one() {
    let shell = Shell::new();
    let (server, refusing) = (saying("{\"status\":\"UP\"}"), Refusing::new());
    let down = refusing.address().to_string();
    for line in lines("runs") {
        let ran = sh(&shell, &at(&line, &server.address().to_string()));
        assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
        let ran = sh(&shell, &at(&line, &down));
        assert_ne!(ran.code, Some(0), "{line}: {ran:?}");
    }
}

#[test]
fn lines_of_the_page_that_call_a_hung_app_healthy_do_not() {
    let shell = Shell::new();
    let silent = Server::silent();
    for line in lines("hung") {
        let ran = sh(&shell, &at(&line, &silent.address().to_string()));
        assert_eq!(ran.code, Some(1), "{line}: {ran:?}");
        ran.took(Duration::from_millis(1500));
    }
}

#[test]
fn lines_of_the_page_that_are_refused_are_refused() {
    let shell = Shell::new();
    let server = saying("ok");
    for line in lines("refused") {
        let ran = sh(&shell, &at(&line, &server.address().to_string()));
        assert_eq!(ran.code, Some(1), "{line}: {ran:?}");
        assert!(ran.stderr.contains("this is sexton, not a shell"), "{line}: {ran:?}");
    }
    assert!(server.requests().is_empty(), "something was asked");
}

#[test]
fn waits_of_the_page_run_their_command() {
    let shell = Shell::new();
    let server = saying("ok");
    for line in lines("waits") {
        let filled = at(&line, &server.address().to_string());
        let name = line.split(' ').next().unwrap_or_default();
        // The real shell splits the line; the name is ours.
        let path = shell.named(name);
        let folder = path.parent().expect("a folder").display().to_string();
        let ran = run(Command::new("/bin/dash")
            .args(["-c", &filled])
            .env("PATH", format!("{folder}:/usr/bin:/bin")));
        assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
        assert_eq!(ran.stdout, if line.ends_with("echo ready") { "ready\n" } else { "" }, "{line}: {ran:?}");
    }
}
