//! What a check finds around itself: closed descriptors, no descriptors, little memory, no /dev, no rights. It gives a
//! verdict or one clear line, and starts nothing.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::isolated::{is_root, skip};
use crate::support::program::binary;
use crate::support::servers::{OK, Refusing, Server};
use crate::support::temp::{Folder, copy};
use crate::support::{Output, Sexton, eventually};

/// What a server heard beyond the request.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<(Vec<u8>, bool)>>);

impl Heard {
    /// All of it, once the connection is closed.
    fn all(&self) -> String {
        eventually("the connection is closed", || self.0.lock().unwrap().1);
        String::from_utf8_lossy(&self.0.lock().unwrap().0).into_owned()
    }
}

/// A server that answers `answer`, keeps the connection open and keeps what is sent beyond the request.
fn eavesdropper(answer: &'static str) -> (Server, Heard) {
    let heard = Heard::default();
    let server = Server::new({
        let heard = heard.clone();
        move |client| {
            client.read_head();
            client.send(answer.as_bytes());
            let mut buffer = [0; 1024];
            loop {
                match client.read(&mut buffer) {
                    0 => break,
                    amount => heard.0.lock().unwrap().0.extend_from_slice(&buffer[..amount]),
                }
            }
            heard.0.lock().unwrap().1 = true;
        }
    });
    (server, heard)
}

#[test]
fn closed_descriptors_change_no_verdict_and_leak_no_report_into_a_socket() {
    let nobody = Refusing::new();
    for closed in [&[0][..], &[1], &[2], &[0, 1], &[0, 2], &[1, 2], &[0, 1, 2]] {
        let (server, heard) = eavesdropper(OK);
        let run = Sexton::with(["check", "-v", &server.url()]).closed(closed).run();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{closed:?}: {run:?}");
        assert_eq!(run.stdout.contains("healthy: status 200"), !closed.contains(&1), "{closed:?}: {run:?}");
        assert_eq!(server.requests().len(), 1, "{closed:?}");
        assert_eq!(heard.all(), "", "{closed:?}");

        let run = Sexton::with(["check", &format!("tcp://{}", nobody.address())]).closed(closed).run();
        assert_eq!(run.code, Some(1), "{closed:?}: {run:?}");
        let run = Sexton::with(["check", "nonsense"]).closed(closed).run();
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{closed:?}: {run:?}");
    }
}

#[test]
fn without_dev_and_without_descriptors_a_verdict_stands_and_nothing_leaks() {
    let Some(root) = Root::new() else { return };
    for closed in [&[][..], &[0], &[1], &[2], &[0, 1, 2]] {
        let (server, heard) = eavesdropper(OK);
        let mut check = Sexton::with(["check", "-v", &server.url()]).at("/sexton");
        if !closed.is_empty() {
            check = check.closed(closed);
        }
        let run = check.under(root.enter()).run();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{closed:?}: {run:?}");
        assert_eq!(run.stdout.contains("healthy: status 200"), !closed.contains(&1), "{closed:?}: {run:?}");
        assert_eq!(heard.all(), "", "{closed:?}");
    }
}

/// A socket at descriptor 1 would get the report, or the watchdog's line.
#[test]
fn no_socket_lands_on_a_standard_descriptor() {
    let root = Root::new();
    let in_root = root.as_ref().map(Root::enter);
    for under in [Some(["env".into(), "--".into()]), in_root].into_iter().flatten() {
        for closed in [&[0][..], &[1], &[2], &[0, 1, 2]] {
            let (server, heard) = eavesdropper("");
            let mut check = Sexton::with(["check", "--timeout", "500ms", &server.url()]).closed(closed);
            if under[0] != "env" {
                check = check.at("/sexton");
            }
            let running = check.under(&under).start();
            server.first_request();
            let fds = format!("/proc/{}/fd", running.pid());
            let of = |fd: &str| std::fs::read_link(format!("{fds}/{fd}")).unwrap().display().to_string();
            for fd in ["0", "1", "2"] {
                assert!(!of(fd).starts_with("socket:"), "{under:?} {closed:?}: {fd} is {}", of(fd));
            }
            assert!(of("3").starts_with("socket:"), "{under:?} {closed:?}: 3 is {}", of("3"));
            assert_eq!(running.wait().code, Some(1), "{under:?}");
            assert_eq!(heard.all(), "", "{under:?}");
        }
    }
}

#[test]
fn an_empty_root_is_all_that_a_check_needs() {
    let Some(root) = Root::new() else { return };
    let server = Server::answering(OK);
    let check = |target: &str| Sexton::with(["check", target]).at("/sexton").under(root.enter()).run();
    check(&server.url()).said(0, "healthy: status 200 (");
    check(&format!("tcp://{}", server.address())).said(0, "healthy: accepts connections (");
    check("unix:/run/app.sock").said(1, "unhealthy: no socket at /run/app.sock (");
    check("nonsense").refused("nonsense has no scheme; write http://nonsense or tcp://nonsense");
}

#[test]
fn no_descriptor_left_is_told_as_what_it_is() {
    let server = Server::answering(OK);
    let run = Sexton::with(["check", &server.url()]).after("ulimit -n 3").run();
    run.said(1, &format!("unhealthy: too many open files at {} (", server.address()));
    assert_eq!(server.requests().len(), 0);
    Sexton::with(["check", &server.url()]).after("ulimit -n 4").run().said(0, "healthy: status 200 (");
}

#[test]
fn little_memory_is_enough() {
    let size = std::fs::metadata(binary()).unwrap().len() / 1024;
    let server = Server::answering(OK);
    // The program itself, a stack and two MiB: a dynamic program would not even be loaded.
    let limit = format!("ulimit -s 1024; ulimit -v {}", size + 1024 + 2048);
    Sexton::with(["check", &server.url()]).after(&limit).run().said(0, "healthy: status 200 (");
}

#[test]
fn without_a_timer_the_deadline_is_kept_all_the_same() {
    if !is_root() {
        skip("to be another user, whose pending signals can be limited to none, needs root");
        return;
    }
    let folder = Folder::new();
    let server = Server::silent();
    // Only an unprivileged user is held to RLIMIT_SIGPENDING.
    let run = Sexton::with(["check", "--timeout", "300ms", &server.url()])
        .at(copy_of_sexton(&folder))
        .under(["prlimit", "--sigpending=0"])
        .under(NOBODY)
        .run();
    run.said(1, "unhealthy: timed out waiting for the response (");
    run.took(Duration::from_millis(300));
}

/// Starts what follows as a user without any rights.
const NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

#[test]
fn a_user_without_rights_can_check_from_a_folder_that_is_gone() {
    if !is_root() {
        skip("to be another user needs root");
        return;
    }
    let folder = Folder::new();
    let gone = folder.join("gone");
    let server = Server::answering(OK);
    let run = Sexton::with(["check", &server.url()])
        .at(copy_of_sexton(&folder))
        .after(&format!("mkdir {0} && cd {0} && rmdir {0}", gone.display()))
        .under(NOBODY)
        .run();
    run.said(0, "healthy: status 200 (");
}

/// A copy that everybody may execute, wherever the build folder is.
fn copy_of_sexton(folder: &Folder) -> PathBuf {
    let program = folder.join("sexton");
    copy(&binary(), &program);
    program
}

#[test]
fn an_answer_to_a_command_line_survives_a_reader_that_is_gone_or_stuck() {
    for stdout in [Output::LostReader, Output::FullPipe, Output::Device("/dev/full")] {
        for (words, code) in [
            (&["check", "nonsense"][..], 1),
            (&["nonsense"], 1),
            (&["--version"], 0),
            (&["check", "--help"], 0),
        ] {
            let run = Sexton::with(words).stdout(stdout).after("exec 2>&1").run();
            assert_eq!((run.code, run.signal), (Some(code), None), "{words:?} {stdout:?}: {run:?}");
            assert!(run.elapsed < Duration::from_secs(5), "{words:?} {stdout:?}: {run:?}");
        }
    }
}

/// What strace writes of the calls that start processes and threads and load programs, for a run with `words`.
fn started(words: &[&str]) -> Option<Vec<String>> {
    let folder = Folder::new();
    let log = folder.join("log");
    let trace = ["strace", "-f", "-qq", "-e", "trace=clone,clone3,fork,vfork,execve,execveat", "-o"];
    let mut command = Command::new(trace[0]);
    command.args(&trace[1..]).arg(&log).arg(binary()).args(words).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().ok()?;
    let log = std::fs::read_to_string(&log).ok().filter(|log| !log.is_empty())?;
    Some(
        log.lines()
            .map(str::to_owned)
            .filter(|line| !line.contains("+++") && !line.contains("---"))
            .collect(),
    )
}

#[test]
fn a_check_starts_no_process_and_one_target_no_thread() {
    let (server, silent) = (Server::answering(OK), Server::silent());
    let port = server.port();
    for (words, threads) in [
        (&["check", &server.url()][..], 0),
        (&["check", &format!("http://localhost:{port}/")], 0),
        (&["check", &silent.url(), "--timeout", "100ms"], 0),
        // What touches files has a thread that keeps the place of a task: one that hangs must not keep us from ending.
        (&["check", "unix:/none"], 2),
        (&["check", "http://name.invalid/", "--timeout", "100ms"], 2),
        (&["check", &server.url(), &format!("tcp://127.0.0.1:{port}")], 2),
    ] {
        let Some(calls) = started(words) else {
            skip("strace is not installed, or may not trace");
            return;
        };
        // The first one is strace's own execve of sexton.
        assert!(calls[0].contains("execve("), "{calls:?}");
        let (clones, others): (Vec<_>, Vec<_>) = calls[1..].iter().partition(|call| call.contains("clone"));
        assert!(others.is_empty(), "{words:?}: {others:?}");
        let is_ours = |call: &String| call.contains("CLONE_THREAD") || call.contains("CLONE_VM|CLONE_VFORK");
        assert!(clones.iter().all(|call| is_ours(call)), "{words:?}: {clones:?}");
        let finished = clones.iter().filter(|call| !call.contains("<unfinished")).count();
        assert_eq!(finished, threads, "{words:?}: {clones:?}");
    }
}

/// A folder with nothing in it but sexton and what a shell needs, to be the root of a run.
struct Root(Folder);

impl Root {
    /// Makes it, where we may chroot.
    fn new() -> Option<Self> {
        if !is_root() {
            skip("chroot needs root");
            return None;
        }
        let folder = Folder::new();
        copy(&binary(), &folder.join("sexton"));
        Some(Self(folder))
    }

    /// What a run is started by.
    fn enter(&self) -> [String; 2] {
        ["/usr/sbin/chroot".into(), self.0.path().display().to_string()]
    }
}

#[test]
fn the_checks_of_surroundings_can_fail() {
    // Negative control: strace sees what a program that does start others does.
    let sees = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=clone,clone3,fork,vfork", "sh", "-c", "true; (true); true"])
        .stdin(Stdio::null())
        .output();
    let Ok(sees) = sees else {
        skip("strace is not installed");
        return;
    };
    let log = String::from_utf8_lossy(&sees.stderr).into_owned();
    assert!(log.contains("fork") || log.contains("clone") || log.contains("ptrace"), "{log}");
    // And the eavesdropper hears what is said beyond a request.
    let (server, heard) = eavesdropper(OK);
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\n\r\nreport").unwrap();
    drop(stream);
    assert_eq!(heard.all(), "report");
}
