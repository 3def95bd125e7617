//! nc and ncat by name, beside the real ones.

use std::path::Path;
use std::process::Command;

use super::Shell;
use crate::support::peers::program;
use crate::support::servers::{Client, Refusing, Server, UnixSocket};
use crate::support::{Run, run};

/// Whose stderr is the same as well, apart from the name that the real one is called by.
const OPENBSD: &[&str] = &[
    "-z 127.0.0.1 {UP}",
    "-zv 127.0.0.1 {UP}",
    "-z -v -w 2 127.0.0.1 {UP}",
    "-zvw2 127.0.0.1 {UP}",
    "-zv localhost {UP}",
    "-4zv localhost {UP}",
    "-nzv 127.0.0.1 {UP}",
    "-zn localhost {UP}",
    "-z 127.0.0.1 {DOWN}",
    "-zv 127.0.0.1 {DOWN}",
    "-zv -w 1 127.0.0.1 {DOWN}",
    "-z no-such-host.invalid 80",
    "-z 127.0.0.1 {UP}-{UP}",
    "-z 127.0.0.1 {DOWN} {UP}",
    "-zv 127.0.0.1 {UP} {DOWN}",
    "-zu 127.0.0.1 {DOWN}",
    "-zuv -w 1 127.0.0.1 {DOWN}",
    "-z -U {SOCKET}",
    "-z -U {MISSING}",
    "-z 127.0.0.1 99999",
    "-z 127.0.0.1",
    "-z -w x 127.0.0.1 {UP}",
    "-Q",
    "",
    "-z -- 127.0.0.1 {UP}",
    "-zq 1 127.0.0.1 {UP}",
    "-N 127.0.0.1 {UP}",
    "-w 1 127.0.0.1 {DOWN}",
];

/// The same for ncat.
const NCAT: &[&str] = &[
    "-z 127.0.0.1 {UP}",
    "-z -w 2 127.0.0.1 {UP}",
    "-z -w 2s 127.0.0.1 {UP}",
    "-zv 127.0.0.1 {UP}",
    "-z localhost {UP}",
    "-z 127.0.0.1 {DOWN}",
    "-zv 127.0.0.1 {DOWN}",
    "-z no-such-host.invalid 80",
    "-zn localhost {UP}",
    "-z 127.0.0.1 http",
    "-z 127.0.0.1 {UP} {DOWN}",
    "-z -w x 127.0.0.1 {UP}",
    "-Q",
    "",
    "127.0.0.1 {DOWN}",
];

/// What both give to each of `rows` must be the same.
fn compare(shell: &Shell, name: &str, real: &Path, rows: &[&str]) {
    let up = Server::new(Client::close);
    let down = Refusing::new();
    let socket = shell.folder.join("listening");
    let _socket = UnixSocket::new(&socket);
    for row in rows {
        let line = row
            .replace("{UP}", &up.port().to_string())
            .replace("{DOWN}", &down.address().port().to_string())
            .replace("{SOCKET}", &socket.display().to_string())
            .replace("{MISSING}", &shell.folder.join("missing").display().to_string());
        let words = || line.split_whitespace();
        let ours = run(Command::new(shell.named(name)).args(words()).env_clear());
        let theirs = run(Command::new(real).args(words()).env_clear());
        assert_eq!(
            (ours.code, &ours.stdout),
            (theirs.code, &theirs.stdout),
            "{name} {row}: {ours:?} {theirs:?}"
        );
        assert_eq!(ours.stderr.is_empty(), theirs.stderr.is_empty(), "{name} {row}: {ours:?} {theirs:?}");
        if let Some(line) = theirs.stderr.lines().next().filter(|line| line.starts_with("Connection to ")) {
            assert_eq!(ours.stderr.lines().next(), Some(line), "{name} {row}");
        }
    }
}

#[test]
fn nc_by_name_gives_what_openbsds_gives() {
    let Some(real) = program("nc.openbsd", "netcat-openbsd") else { return };
    compare(&Shell::new(), "nc", &real, OPENBSD);
}

#[test]
fn ncat_by_name_gives_what_nmaps_gives() {
    let Some(real) = program("ncat", "ncat") else { return };
    compare(&Shell::new(), "ncat", &real, NCAT);
}

#[test]
fn what_nc_would_listen_to_or_start_is_refused() {
    let shell = Shell::new();
    for (name, code) in [("nc", 1), ("ncat", 2)] {
        for args in ["-l 80", "-lk -p 80", "-e /bin/sh 127.0.0.1 80"] {
            let ran: Run = run(Command::new(shell.named(name)).args(args.split(' ')).env_clear());
            assert_eq!(ran.code, Some(code), "{name} {args}: {ran:?}");
            assert!(ran.stderr.contains("listens here") || ran.stderr.contains("no program"), "{ran:?}");
        }
    }
}

#[test]
fn a_pipe_into_nc_is_sent_and_its_answer_read() {
    let shell = Shell::new();
    let server = Server::new(|client| {
        let mut bytes = [0; 16];
        let amount = client.read(&mut bytes);
        client.send(if bytes.starts_with(b"ruok") && amount == 5 { b"imok" } else { b"what?" });
        client.close();
    });
    let port = server.port();
    shell.exits(0, &format!("echo ruok | nc 127.0.0.1 {port} | grep -q imok"));
    shell.exits(0, &format!("[ \"$(echo ruok | nc -w 2 127.0.0.1 {port})\" = imok ]"));
    shell.exits(0, &format!("echo ruok | nc -q 1 127.0.0.1 {port} | grep imok || exit 1"));
    shell.exits(1, &format!("echo stat | nc 127.0.0.1 {port} | grep -q imok"));
}
