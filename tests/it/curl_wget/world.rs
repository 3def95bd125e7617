//! The servers that every command of the tables is run against, and how one is run.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::program::binary;
use crate::support::servers::{Client, Refusing, Server};
use crate::support::temp::Folder;
use crate::support::tls::{self, Authority, Identity};

/// A command of a table: its arguments, with `{NAME}` for a server of the world.
pub(super) type Row = (&'static str, Compared);

/// What of a row must be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// The exit code and stdout.
    All,
    /// The exit code and stdout on purpose differ: ours, and why.
    Ours(i32, &'static str, &'static str),
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ran {
    /// Its exit code.
    pub(super) code: Option<i32>,
    /// Its stdout.
    pub(super) stdout: String,
    /// Its stderr, which need not be the same.
    pub(super) stderr: String,
    /// The files that it made in its folder, with their content.
    pub(super) files: Vec<(String, String)>,
    /// How long it took.
    pub(super) took: Duration,
}

/// All servers.
pub(super) struct World {
    folder: Folder,
    places: Vec<(&'static str, String)>,
    _servers: Vec<Server>,
    _refusing: Refusing,
}

/// An answer with this status line, these headers and this body.
fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What the good server says to the path of the request `head`, after it read the rest of it.
fn answers(head: &str) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let is_head = head.starts_with("HEAD ");
    if head.starts_with("CONNECT ") {
        return answer("403 Forbidden", "", "no tunnel\n");
    }
    match path.split('?').next().unwrap_or_default() {
        "/204" => "HTTP/1.1 204 No Content\r\n\r\n".into(),
        "/301" => answer("301 Moved Permanently", "Location: /ok\r\n", "moved\n"),
        "/302" => answer("302 Found", "Location: /ok\r\n", ""),
        "/307" => answer("307 Temporary Redirect", "Location: /echo\r\n", ""),
        "/loop" => answer("302 Found", "Location: /loop\r\n", ""),
        "/nowhere" => answer("302 Found", "Location: \r\n", "stay\n"),
        "/ftp" => answer("302 Found", "Location: gopher://127.0.0.1/\r\n", ""),
        "/private" if head.contains("Basic YTpi") => answer("200 OK", "", "private\n"),
        "/401" | "/private" => {
            answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "who?\n")
        }
        "/403" => answer("403 Forbidden", "", "no\n"),
        "/404" => answer("404 Not Found", "", "not here\n"),
        "/500" => answer("500 Internal Server Error", "", "broken\n"),
        "/503" => answer("503 Service Unavailable", "Retry-After: 0\r\n", "later\n"),
        "/chunked" => {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".into()
        }
        "/close" => "HTTP/1.0 200 OK\r\n\r\nto the end\n".into(),
        "/interim" => format!("HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n{}", answer("200 OK", "", "ok\n")),
        "/big" => answer("200 OK", "", &"0123456789abcde\n".repeat(128 * 1024)),
        "/short" => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort".into(),
        "/badchunk" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n".into(),
        "/head" => "HTTP/1.1 200 OK\r\nConte".into(),
        "/nohead501" if is_head => answer("501 Not Implemented", "", ""),
        "/nohead405" if is_head => answer("405 Method Not Allowed", "", ""),
        "/nohead403" if is_head => answer("403 Forbidden", "", ""),
        "/echo" => answer("200 OK", "", &telling(head)),
        "/headers" => answer("200 OK", "", &header_names(head)),
        "/query" => answer("200 OK", "", &format!("{}\n", head.split(' ').nth(1).unwrap_or_default())),
        "/up" => answer("200 OK", "", "{\"status\":\"UP\"}"),
        "/empty" => answer("200 OK", "", ""),
        "/304" => "HTTP/1.1 304 Not Modified\r\n\r\n".into(),
        "/400" => answer("400 Bad Request", "", "bad\n"),
        "/429" => answer("429 Too Many Requests", "Retry-After: 0\r\n", "slow down\n"),
        "/relative" => answer("302 Found", "Location: ok\r\n", ""),
        "/noreason" => "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nok\n".into(),
        "/http10" => "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n".into(),
        "/type" => "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\nContent-Length: 3\r\n\r\nok\n".into(),
        _ => answer("200 OK", "", "ok\n"),
    }
}

/// The names of a request's headers; how bytes travel is each program's own affair.
fn header_names(head: &str) -> String {
    let names = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_ascii_lowercase());
    let mut names: Vec<_> =
        names.filter(|name| !matches!(name.as_str(), "connection" | "accept-encoding")).collect();
    names.sort();
    names.join(" ") + "\n"
}

/// The parts of a request that both programs must send alike.
fn telling(head: &str) -> String {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let mut kept: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        // Both say who they are, and wget says what it reads.
        .filter(|(name, _)| {
            !["host", "connection", "accept", "accept-encoding", "user-agent"].contains(&name.as_str())
        })
        .collect();
    let agent = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("user-agent: ").map(str::to_owned));
    let agent = agent.unwrap_or_else(|| "none".into()).split('/').next().unwrap_or_default().to_owned();
    kept.push(("agent".into(), agent));
    kept.sort();
    let kept: Vec<_> = kept.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{first} {}\n", kept.join(" "))
}

/// Reads the body that `head` announces; one in chunks as it comes.
fn body(client: &mut Client, head: &str) -> String {
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        let (mut body, mut byte) = (Vec::new(), [0]);
        while !body.ends_with(b"0\r\n\r\n") && client.read(&mut byte) > 0 {
            body.extend(byte);
        }
        return String::from_utf8_lossy(&body).into_owned();
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let mut read = 0;
    while read < body.len() {
        match client.read(&mut body[read..]) {
            0 => break,
            amount => read += amount,
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// A server of many paths.
fn good() -> Server {
    Server::new(|client| {
        let Some(head) = client.next_head() else { return };
        let body = body(client, &head);
        let mut text = answers(&head);
        if head.contains(" /sent") {
            text = answer("200 OK", "", &format!("{}[{body}]\n", telling(&head)));
        }
        if head.starts_with("HEAD ") {
            let end = text.find("\r\n\r\n").map_or(text.len(), |at| at + 4);
            text.truncate(end);
        }
        client.send(text.as_bytes());
        client.close();
    })
}

impl World {
    /// All of them.
    pub(super) fn new() -> Self {
        let folder = Folder::new();
        let authority = Authority::new("an authority");
        let names = ["localhost", "127.0.0.1"];
        let ok: &'static str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsecret\n";
        let good_tls = tls::answering(authority.issue(&names, |_| {}).config(), ok);
        let self_signed = tls::answering(Identity::self_signed(&names, |_| {}).config(), ok);
        let expired = authority.issue(&names, |params| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        });
        let expired = tls::answering(expired.config(), ok);
        let wrong_name = tls::answering(authority.issue(&["other.example"], |_| {}).config(), ok);
        let identity = authority.issue(&["client"], |_| {});
        let wants = authority.issue(&names, |_| {}).config_of(rustls::ALL_VERSIONS, Some(&authority));
        let wants = tls::answering(wants, ok);
        let good = good();
        let silent = Server::silent();
        let closing = Server::closing();
        let closing_tls = Server::new(|client| {
            client.read(&mut [0; 1024]);
            client.close();
        });
        let reset = Server::resetting("");
        let reset_later = Server::resetting("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        let garbage = Server::answering("SSH-2.0-OpenSSH_9.2\r\n");
        let slow = Server::dripping("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", "drip");
        let turns = AtomicUsize::new(0);
        let second_time = Server::new(move |client| {
            client.read_head();
            let is_first = turns.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
            let status = if is_first { "503 Service Unavailable" } else { "200 OK" };
            client.send(answer(status, "", "turn\n").as_bytes());
            client.close();
        });
        let refusing = Refusing::new();
        let unix = folder.join("unix.sock");
        serve_unix(&unix);
        let url = |server: &Server| format!("http://{}", server.address());
        let tls_url = |server: &Server| format!("https://localhost:{}", server.port());
        let places = vec![
            ("OK", url(&good)),
            ("BARE", good.address().to_string()),
            ("PORT", good.port().to_string()),
            ("SILENT", url(&silent)),
            ("CLOSING", url(&closing)),
            ("RESET", url(&reset)),
            ("RESETLATER", url(&reset_later)),
            ("GARBAGE", url(&garbage)),
            ("SLOW", url(&slow)),
            ("SECOND", url(&second_time)),
            ("REFUSED", format!("http://{}", refusing.address())),
            ("REFUSEDAT", refusing.address().to_string()),
            ("CLOSINGAT", closing_tls.address().to_string()),
            ("TLS", tls_url(&good_tls)),
            ("SELFSIGNED", tls_url(&self_signed)),
            ("EXPIRED", tls_url(&expired)),
            ("WRONGNAME", tls_url(&wrong_name)),
            ("MUTUAL", tls_url(&wants)),
            ("NOTTLS", format!("https://{}", good.address())),
            ("UNIX", unix.display().to_string()),
            ("CA", tls::file(&folder, "ca.pem", authority.pem())),
            ("CERT", tls::file(&folder, "cert.pem", identity.pem())),
            ("KEY", tls::file(&folder, "key.pem", identity.key_pem())),
            ("DATA", tls::file(&folder, "data", "one\ntwo\n")),
            ("MISSING", folder.join("missing").display().to_string()),
        ];
        let servers = vec![
            good,
            silent,
            closing,
            closing_tls,
            reset,
            reset_later,
            garbage,
            slow,
            second_time,
            good_tls,
            self_signed,
            expired,
            wrong_name,
            wants,
        ];
        Self { folder, places, _servers: servers, _refusing: refusing }
    }

    /// A link called `name` to sexton.
    pub(super) fn ours(&self, name: &str) -> PathBuf {
        let link = self.folder.join(name);
        if !link.exists() {
            symlink(binary(), &link).expect("a new link");
        }
        link
    }

    /// The words of `line`, with the servers' places; `'...'` is one word, as in a shell.
    pub(super) fn words(&self, line: &str) -> Vec<String> {
        let mut line = line.to_owned();
        for (name, place) in &self.places {
            line = line.replace(&format!("{{{name}}}"), place);
        }
        let mut words = Vec::new();
        for (index, piece) in line.split('\'').enumerate() {
            if index % 2 == 1 {
                words.push(piece.to_owned());
            } else {
                words.extend(piece.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    /// Runs `program` with the words of `line`, in an empty folder.
    pub(super) fn run(&self, program: &Path, line: &str) -> Ran {
        let folder = Folder::new();
        let began = Instant::now();
        // The real ones have no limit of their own.
        let output = Command::new("timeout")
            .arg("20")
            .arg(program)
            .args(self.words(line))
            .env_clear()
            .env("HOME", folder.path())
            .env("LC_ALL", "C")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        let took = began.elapsed();
        let mut files: Vec<_> = fs::read_dir(folder.path())
            .expect("the folder is there")
            .map(|entry| entry.expect("an entry"))
            .map(|entry| {
                let content = fs::read(entry.path()).expect("a file");
                (entry.file_name().display().to_string(), String::from_utf8_lossy(&content).into_owned())
            })
            .collect();
        files.sort();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            files,
            took,
        }
    }

    /// Runs each row through both, and tells which differ.
    pub(super) fn compare(self, real: &Path, name: &str, rows: &[Row]) {
        let ours = self.ours(name);
        let world = Arc::new(self);
        let next = Arc::new(AtomicUsize::new(0));
        let mut differences = Vec::new();
        thread::scope(|scope| {
            let work = || {
                let mut found = Vec::new();
                loop {
                    let Some((line, compared)) = rows.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        return found;
                    };
                    found.extend(world.difference(real, &ours, line, *compared));
                }
            };
            let workers: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                differences.extend(worker.join().expect("no row panics"));
            }
        });
        assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    }

    /// What is wrong with a row, if something is.
    fn difference(&self, real: &Path, ours: &Path, line: &str, compared: Compared) -> Option<String> {
        let is = self.run(ours, line);
        let theirs = self.run(real, line);
        let same = (is.code, &is.stdout, &is.files) == (theirs.code, &theirs.stdout, &theirs.files);
        let right = match compared {
            Compared::All => same,
            // A difference that is none any more has no place in the table.
            Compared::Ours(code, stdout, _) => {
                !same && is.code == Some(code) && is.stdout.starts_with(stdout)
            }
        };
        let shown = |ran: &Ran| {
            let stdout: String = ran.stdout.chars().take(200).collect();
            format!("{:?} {stdout:?} {:?} {:?} {:?}", ran.code, ran.stderr, ran.files, ran.took)
        };
        // A row that hangs the real one compares nothing.
        let right = right && theirs.code != Some(124);
        (!right).then(|| format!("{line}\n  sexton: {}\n  real:   {}", shown(&is), shown(&theirs)))
    }
}

/// Answers requests at `path`, as long as the process lives.
fn serve_unix(path: &Path) {
    let listener = UnixListener::bind(path).expect("the path is free");
    thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|amount| amount > 0) {
                head.push(byte[0]);
            }
            let _ = stream.write_all(answers(&String::from_utf8_lossy(&head)).as_bytes());
        }
    });
}
