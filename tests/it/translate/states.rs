//! The states of an app, and a line beside its translation in each of them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::program::binary;
use crate::support::servers::{Client, Refusing, Server};
use crate::support::temp::Folder;

/// The limit of the original, after which its runtime would kill it, and that of the translation. Long where an answer
/// comes, whatever else the machine does; short where none comes, or where wget tries twenty times.
fn limits(state: State) -> (&'static str, &'static str) {
    match state {
        State::Silent => ("1.5", "1s"),
        State::Closed => ("4", "4s"),
        _ => ("30", "30s"),
    }
}

/// How an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Up,
    NoContent,
    Unauthorized,
    Missing,
    Broken,
    Unavailable,
    Redirect,
    Refused,
    Silent,
    Closed,
}

/// All of them.
pub(super) const STATES: [State; 10] = [
    State::Up,
    State::NoContent,
    State::Unauthorized,
    State::Missing,
    State::Broken,
    State::Unavailable,
    State::Redirect,
    State::Refused,
    State::Silent,
    State::Closed,
];

/// What an app that is up says; one that is unavailable says the opposite.
const BODY: &str = "{\"status\":\"UP\",\"n\":5,\"nested\":{\"ok\":true},\"say\":\"pong imok\"}\n";

/// An app in each state.
pub(super) struct Apps {
    addresses: Vec<(State, SocketAddr)>,
    _servers: Vec<Server>,
    _refusing: Refusing,
}

/// Answers each request with `status`, and the body `body`; `/moved` is always good.
fn answering(status: &'static str, body: &'static str) -> Server {
    Server::new(move |client| answer(client, status, body))
}

/// One answer.
fn answer(client: &mut Client, status: &str, body: &str) {
    let Some(head) = client.next_head() else { return };
    let (status, body) = if head.contains(" /moved") { ("200 OK", BODY) } else { (status, body) };
    let location = if status.starts_with("302") { "Location: /moved\r\n" } else { "" };
    let length = if status.starts_with("204") {
        String::new()
    } else {
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
    };
    client.send(format!("HTTP/1.1 {status}\r\n{location}{length}Connection: close\r\n\r\n").as_bytes());
    if !head.starts_with("HEAD ") && !status.starts_with("204") {
        client.send(body.as_bytes());
    }
    client.close();
}

impl Apps {
    /// One in each state.
    pub(super) fn new() -> Self {
        let refusing = Refusing::new();
        let closed = Server::new(Client::close);
        let servers = vec![
            (State::Up, answering("200 OK", BODY)),
            (State::NoContent, answering("204 No Content", "")),
            (State::Unauthorized, answering("401 Unauthorized", "{\"status\":\"who\"}\n")),
            (State::Missing, answering("404 Not Found", "not here\n")),
            (State::Broken, answering("500 Internal Server Error", "broken\n")),
            (
                State::Unavailable,
                answering("503 Service Unavailable", "{\"status\":\"DOWN\",\"was\":\"UP\"}\n"),
            ),
            (State::Redirect, answering("302 Found", "elsewhere\n")),
            (State::Silent, Server::silent()),
            (State::Closed, closed),
        ];
        let mut addresses: Vec<_> =
            servers.iter().map(|(state, server)| (*state, server.address())).collect();
        addresses.push((State::Refused, refusing.address()));
        let servers = servers.into_iter().map(|(_, server)| server).collect();
        Self { addresses, _servers: servers, _refusing: refusing }
    }

    /// Where the one in `state` is.
    fn address(&self, state: State) -> SocketAddr {
        self.addresses.iter().find(|(known, _)| *known == state).expect("an app in each state").1
    }
}

/// A line, and in which states its translation is stricter, as a note of it says.
pub(super) type Row = (&'static str, &'static [State]);

/// No state.
pub(super) const NONE: &[State] = &[];

/// Runs `line` by a shell as a runtime does: an exit code of 0 within the limit is healthy.
pub(super) fn is_healthy(line: &str, path: &str, limit: &str) -> bool {
    let folder = Folder::new();
    let status = Command::new("timeout")
        .args(["--signal", "KILL", limit, "/bin/sh", "-c", line])
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("LC_ALL", "C")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.expect("timeout starts").success()
}

/// The words that `sexton translate` prints for `line`, and its notes.
pub(super) fn translated(line: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let output =
        Command::new(binary()).args(["translate", line]).env_clear().output().expect("sexton starts");
    let text = String::from_utf8(output.stdout).expect("text");
    if !output.status.success() {
        return Err(text);
    }
    let first = text.lines().next().unwrap_or_default();
    let words = serde_json::from_str(first).map_err(|error| format!("{error}: {text}"))?;
    let notes = text.lines().filter_map(|line| line.strip_prefix("# ")).map(str::to_owned).collect();
    Ok((words, notes))
}

/// Runs what was printed, with this build in the place of the image's.
pub(super) fn says_healthy(words: &[String], limit: &str) -> (bool, String) {
    let output = Command::new(binary())
        .args(&words[1..])
        .env_clear()
        .env("SEXTON_TIMEOUT", limit)
        .stdin(Stdio::null())
        .output()
        .expect("sexton starts");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said.into_owned())
}

/// The PATH of the distribution's own programs, and one in which wget and nc are busybox's.
pub(super) fn busybox(folder: &Folder) -> String {
    for name in ["wget", "nc"] {
        std::os::unix::fs::symlink("/bin/busybox", folder.join(name)).expect("a new link");
    }
    format!("{}:/usr/bin:/bin", folder.path().display())
}

/// Puts each row beside its translation, in all states; fails with all that differ.
pub(super) fn compare(rows: &[Row], path: &str) {
    let apps = Apps::new();
    let wrong = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let all: Vec<_> = rows.iter().flat_map(|row| STATES.map(|state| (row, state))).collect();
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                while let Some(((line, stricter), state)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let address = apps.address(*state);
                    let line = line
                        .replace("{AT}", &address.to_string())
                        .replace("{PORT}", &address.port().to_string());
                    if let Some(why) = difference(&line, *state, stricter.contains(state), path) {
                        wrong.lock().unwrap().push(format!("{state:?}: {why}"));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with a line in a state.
fn difference(line: &str, state: State, may_be_stricter: bool, path: &str) -> Option<String> {
    let (words, notes) = match translated(line) {
        Ok(translated) => translated,
        Err(said) => return Some(format!("{line}: {said}")),
    };
    let (killed_after, limit) = limits(state);
    let theirs = is_healthy(line, path, killed_after);
    let (ours, said) = says_healthy(&words, limit);
    // What may be stricter must be told.
    let wanted = theirs == ours || (may_be_stricter && !ours);
    let is_told = !may_be_stricter || notes.iter().any(|note| note.contains("stricter"));
    (!wanted || !is_told).then(|| {
        format!("{line}\n    original {theirs}, translated {ours}: {}\n    {}", words.join(" "), said.trim())
    })
}

/// Whether these programs are there; `SEXTON_TEST_PEERS=required` makes a missing one a failure.
pub(super) fn has(programs: &[(&str, &str)]) -> bool {
    programs.iter().all(|(name, package)| {
        let found = Path::new("/usr/bin").join(name).exists() || Path::new("/bin").join(name).exists();
        found || crate::support::peers::program(name, package).is_some()
    })
}
