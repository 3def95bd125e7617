//! Health lines as people write them, run by a real shell with the real tools and by ours, against a server in every
//! state that matters: the verdicts must be the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Shell;
use crate::support::peers::program;
use crate::support::servers::{Client, Refusing, Server};

/// The lines, each with a reason after a tab where ours differs or refuses.
const LINES: &str = include_str!("lines.txt");

/// How long the real tools may take before they count as hanging, as a runtime would have it, and the limit of ours, below
/// that. Long where an answer comes, whatever else the machine does; short where none comes, or where wget tries twenty times.
fn limits(state: &str) -> (&'static str, &'static str) {
    if is_waited_for(state) { ("1.7", "1200ms") } else { ("12", "10s") }
}

/// Whether a line may have nothing to do but wait in this state.
fn is_waited_for(state: &str) -> bool {
    matches!(state, "silent" | "closed")
}

/// Runs under way at a time where most of them wait, and where each has work to do, some within a second of their own.
const WAITING_WORKERS: usize = 40;
const WORKERS: usize = 6;

/// The body of a healthy service.
const UP: &str = "{\"status\":\"UP\"}";

/// What the server is doing.
const STATES: &[(&str, &str, &str)] = &[
    ("up", "200 OK", UP),
    ("204", "204 No Content", ""),
    ("401", "401 Unauthorized", "{\"error\":\"who?\"}"),
    ("404", "404 Not Found", "not found"),
    ("500", "500 Internal Server Error", "broken"),
    ("503", "503 Service Unavailable", "{\"status\":\"DOWN\"}"),
    ("redirect", "302 Found", ""),
    ("closed", "", ""),
    ("silent", "-", ""),
];

/// A server in one state.
fn server(status: &'static str, body: &'static str) -> Server {
    Server::new(move |client: &mut Client| {
        let Some(head) = client.next_head() else { return };
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        match status {
            "" => return client.close(),
            "-" => return client.hold(),
            _ => {}
        }
        let (status, body) = if path == "/moved" { ("200 OK", UP) } else { (status, body) };
        let location = if status.starts_with("302") { "Location: /moved\r\n" } else { "" };
        let length = if status.starts_with("204") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let body = if head.starts_with("HEAD ") { "" } else { body };
        client.send(format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{location}{length}Connection: close\r\n\r\n{body}").as_bytes());
        client.close();
    })
}

/// The exit code of `line`, run by `shell` for at most as long as a runtime would.
fn code(shell: &Path, line: &str, port: &str, state: &str) -> (Option<i32>, String) {
    let (real_limit, our_limit) = limits(state);
    let output = Command::new("timeout")
        .args(["-k", "1", real_limit])
        .arg(shell)
        .args(["-c", line])
        .env_clear()
        .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("APP_PORT", port), ("SEXTON_TIMEOUT", our_limit)])
        .envs([("TOKEN", "t0ken"), ("USERNAME", "user"), ("PASSWORD", "pass word"), ("HOME", "/nonexistent")])
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// One line in one state.
struct Case<'a> {
    line: &'a str,
    reason: Option<&'a str>,
    state: &'a str,
    authority: String,
}

impl Case<'_> {
    /// The line with its places filled in.
    fn filled(&self) -> (String, String) {
        let (host, port) = self.authority.split_once(':').expect("an address");
        let line = self.line.replace("{URL}", &format!("http://{}", self.authority));
        (line.replace("{HOST}", host).replace("{PORT}", port), port.to_owned())
    }

    /// Whether both come to the same verdict, and what they came to.
    fn run(&self, shell: &Ours) -> (bool, String) {
        let (line, port) = self.filled();
        let is_bash = ["/dev/tcp", "pipefail", "[["].iter().any(|sign| line.contains(sign));
        let (ours, theirs) = if is_bash { (&shell.bash, "/bin/bash") } else { (&shell.sh, "/bin/dash") };
        let (our_code, our_words) = code(ours, &line, &port, self.state);
        if let Some(named) = self.reason.and_then(|reason| reason.strip_prefix("refused: ")) {
            let refused =
                our_code == Some(1) && our_words.contains("this is sexton") && our_words.contains(named);
            return (!refused, format!("{our_code:?} {our_words}"));
        }
        let (their_code, their_words) = code(Path::new(theirs), &line, &port, self.state);
        // A failure must never be without a word on stderr or stdout; here stderr is enough to look at.
        let same = (our_code == Some(0)) == (their_code == Some(0));
        (same, format!("ours {our_code:?} {our_words:?}, real {their_code:?} {their_words:?}"))
    }
}

/// Ours by both names.
struct Ours {
    sh: PathBuf,
    bash: PathBuf,
}

/// Runs `cases`, `workers` at a time.
fn run_all<'a>(cases: &[&'a Case<'a>], workers: usize, ours: &Ours) -> Vec<(&'a Case<'a>, (bool, String))> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                found.push((*case, case.run(ours)));
            }
            found
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no case panics")).collect()
    })
}

#[test]
fn lines_that_people_write_have_the_verdicts_of_the_real_tools() {
    for (name, package) in
        [("curl", "curl"), ("wget", "wget"), ("nc.openbsd", "netcat-openbsd"), ("bash", "bash")]
    {
        if name != "bash" && program(name, package).is_none() {
            return;
        }
    }
    let shell = Shell::new();
    let ours = Ours { sh: shell.named("sh"), bash: shell.named("bash") };
    let servers: Vec<_> = STATES.iter().map(|(name, status, body)| (*name, server(status, body))).collect();
    let refusing = Refusing::new();
    let mut places: Vec<_> =
        servers.iter().map(|(name, server)| (*name, server.address().to_string())).collect();
    places.push(("refused", refusing.address().to_string()));
    let lines: Vec<_> = LINES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').map_or((line, None), |(line, reason)| (line, Some(reason))))
        .collect();
    assert!(lines.len() >= 200, "{} lines", lines.len());
    let cases: Vec<_> = lines
        .iter()
        .flat_map(|(line, reason)| {
            places.iter().map(|(state, authority)| Case {
                line,
                reason: *reason,
                state,
                authority: authority.clone(),
            })
        })
        .collect();
    let (waiting, working): (Vec<&Case<'_>>, Vec<&Case<'_>>) =
        cases.iter().partition(|case| is_waited_for(case.state));
    let mut results = run_all(&waiting, WAITING_WORKERS, &ours);
    results.extend(run_all(&working, WORKERS, &ours));
    let mut wrong: Vec<String> = results
        .iter()
        .filter(|(case, (same, _))| case.reason.is_none() && !same)
        .map(|(case, (_, told))| format!("{} [{}]: {told}", case.line, case.state))
        .collect();
    // A reason that no state needs any more has no place in the list.
    for (line, reason) in lines.iter().filter_map(|(line, reason)| Some((line, (*reason)?))) {
        let of_line = || results.iter().filter(|(case, _)| case.line == *line);
        let is_refusal = reason.starts_with("refused: ");
        let holds = if is_refusal {
            of_line().all(|(_, (same, _))| !same)
        } else {
            of_line().any(|(_, (same, _))| !same)
        };
        if !holds {
            let told = of_line().next().map(|(_, (_, told))| told.clone()).unwrap_or_default();
            wrong.push(format!("{line}: not so any more: {reason}; {told}"));
        }
    }
    // The comparison must not be one of failures alone, nor of successes.
    let healthy = |state: &str| {
        results
            .iter()
            .filter(|(case, (same, told))| case.state == state && *same && told.starts_with("ours Some(0)"))
            .count()
    };
    assert!(healthy("up") > lines.len() * 3 / 4, "{} of {} are healthy", healthy("up"), lines.len());
    let dead = [healthy("refused"), healthy("silent")];
    // A connection is all that nc asks for, and a silent server accepts it.
    assert!(dead[0] < 20 && dead[1] < 40, "a dead server is healthy: {dead:?}");
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), results.len(), wrong.join("\n"));
}
