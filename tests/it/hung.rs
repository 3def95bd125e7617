//! File systems that answer nobody: no check, wait or init hangs with them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::hung::{Asked, Hung};
use crate::support::inits::Opt;
use crate::support::launch::{Launch, Role};
use crate::support::process::children;
use crate::support::program::binary;
use crate::support::servers::{OK, Server};
use crate::support::temp::Folder;
use crate::support::{Sexton, in_time, sexton};

/// The limit of every check here.
const LIMIT: Duration = Duration::from_millis(300);

/// Both kinds, where there can be one.
fn each(mut test: impl FnMut(&Hung, &str)) {
    for asked in [Asked::Unread, Asked::Taken] {
        let Some(hung) = Hung::mount(asked) else { return };
        let file = hung.file().display().to_string();
        test(&hung, &file);
    }
}

#[test]
fn a_check_of_whatever_touches_a_hung_file_ends_at_its_limit_with_one_line() {
    let server = Server::answering(OK);
    let (url, tls) = (server.url(), server.url().replace("http:", "https:"));
    each(|_, file| {
        for words in [
            &[format!("file:{file}").as_str()][..],
            &[&format!("file:{file}"), "tcp://127.0.0.1:1", "--any"],
            &[&format!("unix:{file}")],
            &[&url, "--bearer-file", file],
            &[&url, "--unix-socket", file],
            &[&tls, "--cacert", file],
            &[&tls, "--cert", file],
            &["redis://h:1", "--password-file", file],
            &[&url, "--data", &format!("@{file}")],
        ] {
            let run = in_time(LIMIT, || sexton(["check", "-t", "300ms"].iter().chain(words)));
            assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{words:?}: {run:?}");
            let lines: Vec<_> = run.stdout.lines().filter(|line| !line.contains("tcp://")).collect();
            // On a busy machine the watchdog is first.
            let said = ["unhealthy: timed out: a file system", "unhealthy: no verdict within 300ms"];
            let is_told = lines.len() == 1 && said.iter().any(|line| lines[0].starts_with(line));
            assert!(is_told, "{words:?}: {run:?}");
        }
    });
}

/// Their limit is longer than a check's: a second is the shortest that both can be told.
#[test]
fn curl_and_sh_end_at_their_limit_too() {
    let server = Server::answering(OK);
    let folder = Folder::new();
    let [curl, shell] = ["curl", "sh"].map(|name| {
        let path = folder.join(name);
        std::os::unix::fs::symlink(binary(), &path).expect("a new name");
        path
    });
    let url = server.url();
    each(|_, file| {
        let run = in_time(LIMIT, || Sexton::with(["-sS", "-m", "0.3", "-o", file, &url]).at(&curl).run());
        assert_eq!((run.code, run.stderr.as_str()), (Some(28), "curl: (28) timed out\n"), "{run:?}");
        let shell = Sexton::with(["-c", &format!("test -f {file}")]).at(&shell);
        let shell = shell.env("SEXTON_TIMEOUT", "300ms");
        let run = in_time(LIMIT, || shell.run());
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), "sh: timed out after 300ms\n"), "{run:?}");
    });
}

/// The files that a name is looked up in are bind mounts in a container, from a host whose file system may be gone.
#[test]
fn a_name_is_looked_up_in_files_that_hang_no_longer_than_the_limit() {
    let folder = Folder::new();
    let program = |name: &str| {
        let path = folder.join(name);
        std::os::unix::fs::symlink(binary(), &path).expect("a new name");
        path
    };
    let (curl, wget, nc, shell) = (program("curl"), program("wget"), program("nc"), program("sh"));
    let check = |words: &[&str]| Sexton::with(["check", "-t", "300ms"].iter().chain(words));
    let runs = [
        check(&["tcp://db.invalid:80"]),
        check(&["http://db.invalid/"]),
        check(&["dns:db.invalid"]),
        check(&["redis://db.invalid"]),
        check(&["grpc://db.invalid:80"]),
        Sexton::with(["-sS", "-m", "0.3", "db.invalid"]).at(curl),
        Sexton::with(["-qO-", "http://db.invalid/"]).at(wget).env("SEXTON_TIMEOUT", "300ms"),
        Sexton::with(["-z", "db.invalid", "80"]).at(nc).env("SEXTON_TIMEOUT", "300ms"),
        Sexton::with(["-c", "nc -z db.invalid 80"]).at(&shell).env("SEXTON_TIMEOUT", "300ms"),
        Sexton::with(["-c", "exec 3<>/dev/tcp/db.invalid/80"]).at(&shell).env("SEXTON_TIMEOUT", "300ms"),
    ];
    for (path, asked) in [("/etc/hosts", Asked::Unread), ("/etc/resolv.conf", Asked::Taken)] {
        // A thread of its own has mounts of its own.
        let hung = || {
            let Some(_hung) = Hung::over_file(Path::new(path), asked) else { return };
            for each in &runs {
                let run = in_time(LIMIT, || each.run());
                assert!(!matches!(run.code, None | Some(0)), "{path} {asked:?}: {run:?}");
            }
            // It waits a little longer for the end of what it has started.
            let run = Sexton::with(["wait", "-t", "300ms", "http://db.invalid/"]).run();
            run.took(LIMIT);
            assert_eq!(run.code, Some(124), "{path} {asked:?}: {run:?}");
        };
        std::thread::scope(|scope| scope.spawn(hung).join().expect("it holds"));
    }
}

#[test]
fn a_command_starts_at_its_time_whatever_a_probe_does_and_finds_no_child() {
    let server = Server::answering(OK);
    each(|_, file| {
        let target = format!("file:{file}");
        for words in
            [&["-t", "20s", "--any", &server.url(), &target][..], &["-t", "300ms", "--or-run", &target]]
        {
            let command = ["--", "/bin/sh", "-c", "echo started; exec sleep 60"];
            let running = Sexton::with(["wait"].iter().chain(words).chain(&command)).start();
            let began = Instant::now();
            let pid = running.pid().as_raw();
            let is_sleeping =
                || fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "sleep");
            crate::support::process::until(Duration::from_secs(5), "the command runs", is_sleeping);
            assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
            // One that cannot be killed is still there, and no zombie.
            let dead: Vec<_> = children(pid).into_iter().filter(|child| child.state == 'Z').collect();
            assert!(dead.is_empty(), "{dead:?}");
            running.signal(nix::sys::signal::Signal::SIGTERM);
            assert_eq!(running.wait().code, None);
        }
    });
}

#[test]
fn a_probe_that_never_returns_is_a_failure_each_interval_and_does_not_keep_the_init_from_ending() {
    for (asked, role) in [
        (Asked::Unread, Role::Pid1),
        (Asked::Unread, Role::Subreaper),
        // A PID namespace cannot end while one of its processes cannot: there the kernel knows no better.
        (Asked::Taken, Role::Subreaper),
    ] {
        if !role.is_playable() {
            continue;
        }
        let Some(hung) = Hung::mount(asked) else { return };
        let target = format!("file:{}", hung.file().display());
        let words =
            ["--watch", &target, "--interval", "50ms", "--attempt-timeout", "100ms", "--retries", "5"];
        let run = Launch::new(role).option(Opt::own(words)).actor("block=15 say=ready await=15 exit=0").run();
        assert_eq!(run.code, Some(1), "{asked:?} {role:?}: {run:?}");
        assert!(
            run.stderr.contains("still hangs in the kernel") && run.stderr.contains("5 in a row"),
            "{run:?}"
        );
        // An interval, an attempt, and four more intervals; and not the limit of a drain.
        assert!(run.elapsed >= Duration::from_millis(350), "{run:?}");
        assert!(run.elapsed < Duration::from_millis(3350), "{run:?}");
    }
}

#[test]
fn a_wait_of_an_init_is_neither_held_nor_kept_from_ending() {
    let server = Server::answering(OK);
    each(|_, file| {
        let target = format!("file:{file}");
        let words = ["--any", "--wait", &server.url(), "--wait", &target];
        let run = Launch::new(Role::Subreaper).option(Opt::own(words)).actor("say=ready exit=3").run();
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(run.elapsed < Duration::from_secs(5), "{run:?}");
    });
}

#[test]
fn the_hung_file_hangs_who_has_no_limit() {
    // Negative control.
    each(|_, file| {
        let mut cat = std::process::Command::new("cat").arg(Path::new(file)).spawn().expect("cat is there");
        std::thread::sleep(LIMIT);
        assert!(cat.try_wait().expect("our child").is_none());
        let _ = cat.kill();
        // Where it cannot be killed, it ends with the file system.
        std::thread::spawn(move || cat.wait());
    });
}
