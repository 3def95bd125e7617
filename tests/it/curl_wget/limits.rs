//! What hangs before, beside or after a transfer: files, stdin, stdout.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::Sexton;
use crate::support::program::binary;
use crate::support::servers::{OK, Server};
use crate::support::temp::Folder;

/// sexton under `name`.
fn named(folder: &Folder, name: &str) -> std::path::PathBuf {
    let link = folder.join(name);
    symlink(binary(), &link).expect("a new link");
    link
}

#[test]
fn a_file_that_never_ends_is_under_the_limit() {
    let folder = Folder::new();
    let fifo = folder.join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).expect("a new FIFO");
    let (curl, wget) = (named(&folder, "curl"), named(&folder, "wget"));
    let server = Server::answering(OK);
    let (url, fifo) = (server.url(), fifo.display().to_string());
    for (program, code, args) in [
        (&curl, 28, vec!["-s".to_owned(), "-d".into(), format!("@{fifo}"), url.clone()]),
        (&curl, 28, vec!["-s".into(), "--data-urlencode".into(), format!("a@{fifo}"), url.clone()]),
        (&curl, 28, vec!["-s".into(), "-w".into(), format!("@{fifo}"), url.clone()]),
        (&wget, 4, vec!["-q".into(), "-O-".into(), format!("--post-file={fifo}"), url.clone()]),
        (
            &wget,
            4,
            vec!["-q".into(), "-O-".into(), "--method=PUT".into(), format!("--body-file={fifo}"), url],
        ),
    ] {
        let ran = Sexton::with(&args).at(program).env("SEXTON_TIMEOUT", "400ms").run();
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        ran.took(Duration::from_millis(400));
    }
    assert!(server.requests().is_empty(), "something was sent");
}

#[test]
fn slow_stdin_is_under_the_limit() {
    let folder = Folder::new();
    let curl = named(&folder, "curl");
    let server = Server::answering(OK);
    let began = Instant::now();
    // Its writing end stays open, and nothing comes.
    let mut child = Command::new(curl)
        .args(["-s", "-m", "0.5", "-d", "@-", &server.url()])
        .env_clear()
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stdin = child.stdin.take();
    assert_eq!(child.wait().expect("it ends").code(), Some(28));
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    drop(stdin);
}

#[test]
fn a_body_for_a_closed_stdout_is_a_failure() {
    let folder = Folder::new();
    let server = Server::answering(OK);
    let url = server.url();
    let (curl, wget) = (named(&folder, "curl"), named(&folder, "wget"));
    for (program, code, args) in [
        (&curl, 23, vec!["-s", &url]),
        (&curl, 0, vec!["-s", "-o", "/dev/null", &url]),
        (&wget, 3, vec!["-q", "-O-", &url]),
        (&wget, 0, vec!["-q", "--spider", &url]),
    ] {
        let ran = Sexton::with(&args).at(program).closed(&[1]).run();
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_try_that_the_limit_leaves_no_time_for_is_no_success() {
    let folder = Folder::new();
    let curl = named(&folder, "curl");
    let server = Server::answering("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n");
    // Without -f a 503 is a success, but not one that is to be tried again.
    let args = ["-s", "--retry", "5", "--retry-delay", "2", &server.url()];
    let ran = Sexton::with(args).at(&curl).env("SEXTON_TIMEOUT", "1s").run();
    assert_eq!(ran.code, Some(28), "{ran:?}");
}
