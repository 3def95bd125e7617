//! `sexton init --wait`, and `sexton wait` as PID 1: what comes before the start.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use crate::support::inits::Opt;
use crate::support::launch::{Launch, PATIENCE, Role, both_roles};
use crate::support::process::{children, until};
use crate::support::servers::{Refusing, Server};
use crate::support::temp::Folder;
use crate::support::{Sexton, sexton};

/// Options in our own words.
fn own(words: &[&str]) -> Opt {
    let words: Vec<&'static str> = words.iter().map(|word| &*String::from(*word).leak()).collect();
    Opt::Own(words.leak())
}

/// The descriptors of `pid`, 0-2 aside, as what they are.
fn descriptors(pid: i32) -> Vec<String> {
    let mut found: Vec<_> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it lives")
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|fd| fd.len() > 1 || fd > "2"))
        .filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.display().to_string()))
        .map(|what| what.trim_end_matches(|c: char| c.is_ascii_digit() || "[]".contains(c)).to_owned())
        .collect();
    found.sort_unstable();
    found
}

/// How many threads `pid` has.
fn threads(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

both_roles! {
    fn the_command_starts_once_the_target_is_there_and_not_before(role: Role) {
        let port = Refusing::new();
        let address = port.address();
        let target = format!("tcp://{address}");
        let options = own(&["--wait", &target, "--wait-interval", "20ms"]);
        let running = Launch::new(role).option(options).actor("block=15 say=ready await=15 exit=3").start();
        running.complaint("waiting: connection refused");
        assert!(children(running.init()).is_empty() && running.stdout().is_empty());
        port.listen();
        running.line("ready");
        running.complaint("ready: ");
        running.signal(15);
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn the_dead_are_reaped_while_waiting(role: Role) {
        let port = Refusing::new();
        let options = own(&["--wait", &format!("tcp://{}", port.address()), "--verbose"]);
        // One that was dead when the init began, and one that dies later.
        let world = "fork exit=0 end fork sleep=300 exit=0 end";
        let running = Launch::new(role).world(world).option(options).actor("exit=0").start();
        running.complaint("waiting: ");
        let init = running.init();
        until(*PATIENCE, "no child is left", || children(init).is_empty());
        running.signal(15);
        assert_eq!(running.finish().code, Some(143));
    }
}

both_roles! {
    fn a_request_to_end_ends_the_wait_at_once(role: Role) {
        let port = Refusing::new();
        for (signal, code) in [(15, 143), (2, 130), (3, 131)] {
            let options = own(&["--wait", &format!("tcp://{}", port.address()), "--wait-timeout", "0"]);
            let running = Launch::new(role).option(options).actor("say=ready").start();
            running.complaint("waiting: ");
            // Nothing to send it on to: it is not lost that this one came first, and it does no harm.
            running.signal(10);
            running.signal(signal);
            let run = running.finish_within(Duration::from_secs(5));
            assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{run:?}");
        }
    }
}

both_roles! {
    fn giving_up_is_124_with_the_last_reason_of_each_target(role: Role) {
        let (refusing, silent) = (Refusing::new(), Server::silent());
        let (tcp, http) = (format!("tcp://{}", refusing.address()), silent.url());
        let words = ["--wait", &tcp, "--wait", &http, "--wait-timeout", "700ms", "--attempt-timeout", "200ms"];
        let run = Launch::new(role).option(own(&words)).actor("say=ready").run();
        assert_eq!((run.code, run.stdout.as_str()), (Some(124), ""), "{run:?}");
        assert!(run.stderr.contains("gave up: connection refused"), "{run:?}");
        assert!(run.stderr.contains("gave up: timed out"), "{run:?}");
        assert!(run.elapsed >= Duration::from_millis(700), "{run:?}");
        assert!(run.elapsed < Duration::from_millis(3700), "{run:?}");
    }
}

both_roles! {
    fn or_run_starts_the_command_when_the_limit_has_come(role: Role) {
        let port = Refusing::new();
        let target = format!("tcp://{}", port.address());
        let words = ["--wait", &target, "--wait-timeout", "300ms", "--or-run"];
        let run = Launch::new(role).option(own(&words)).actor("say=ready exit=5").run();
        assert_eq!((run.code, run.stdout.as_str()), (Some(5), "ready\n"), "{run:?}");
    }
}

both_roles! {
    fn after_the_wait_nothing_of_it_is_left(role: Role) {
        let server = Server::answering(crate::support::servers::OK);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let tcp = format!("tcp://{}", listener.local_addr().expect("it has one"));
        let start = |options: Opt| {
            let running = Launch::new(role).option(options).actor("fds say=ready pause").start();
            running.line("ready");
            running
        };
        let with = start(own(&["--wait", &tcp, "--wait", &server.url(), "--quiet"]));
        let without = start(own(&["--quiet", "--wait", "file:/bin/sh"]));
        let plain = start(Opt::Drain("1s"));
        let plain_fds = descriptors(plain.init());
        for running in [&with, &without] {
            until(*PATIENCE, "one thread is left", || threads(running.init()) == 1);
            assert_eq!(descriptors(running.init()), plain_fds);
            assert_eq!(running.stdout(), plain.stdout(), "the command's own descriptors");
        }
        for running in [with, without, plain] {
            running.signal(15);
            assert_eq!(running.finish().code, Some(143));
        }
    }
}

#[test]
fn what_was_given_is_the_commands_alone_also_after_a_wait() {
    let folder = Folder::new();
    let given = folder.join("given");
    let running = Sexton::with(["init", "--wait", "file:/bin/sh", "--", "/bin/sleep", "60"])
        .after(&format!("exec 7>{}", given.display()))
        .start();
    let init = running.pid().as_raw();
    until(*PATIENCE, "the command runs", || children(init).iter().any(|child| child.name == "sleep"));
    let main = children(init).pop().expect("just seen").pid;
    let given = given.display().to_string();
    assert!(descriptors(main).iter().any(|what| given.starts_with(what.as_str())), "{:?}", descriptors(main));
    assert!(!descriptors(init).iter().any(|what| given.starts_with(what.as_str())));
    running.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(running.wait().code, Some(143));
}

both_roles! {
    fn a_probe_that_is_still_under_way_neither_holds_the_start_nor_loses_its_socket(role: Role) {
        let silent = Server::silent();
        let words = ["--any", "--wait", &silent.url(), "--wait", "file:/bin/sh", "--attempt-timeout", "3s", "--wait-interval", "1ms"];
        let running = Launch::new(role).option(own(&words)).actor("block=15 say=ready await=15 exit=3").start();
        running.line("ready");
        // The thread ends by its own deadline, and nothing of it stays.
        until(*PATIENCE, "one thread is left", || threads(running.init()) == 1);
        assert!(!descriptors(running.init()).iter().any(|what| what.starts_with("socket")));
        running.signal(15);
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn a_closed_stdio_stays_closed_for_the_command(role: Role) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let tcp = format!("tcp://{}", listener.local_addr().expect("it has one"));
        let running = Launch::new(role)
            .world("dup=1,9 close=0 close=2")
            .option(own(&["--wait", &tcp]))
            .actor("dup=9,1 fds say=ready exit=4")
            .start();
        let run = running.finish();
        assert_eq!(run.code, Some(4), "{run:?}");
        let plain = Launch::new(role).world("dup=1,9 close=0 close=2").actor("dup=9,1 fds say=ready exit=4").run();
        assert_eq!(run.stdout, plain.stdout);
    }
}

both_roles! {
    fn the_wait_can_come_from_the_environment(role: Role) {
        let port = Refusing::new();
        let two = format!("SEXTON_INIT_WAIT=file:/bin/sh,tcp://{}", port.address());
        let world = format!("setenv={two} setenv=SEXTON_INIT_WAIT_TIMEOUT=300ms");
        let run = Launch::new(role).world(&world).actor("say=ready").run();
        assert_eq!((run.code, run.stdout.as_str()), (Some(124), ""), "{run:?}");
        let run = Launch::new(role).world(&format!("{world} setenv=SEXTON_INIT_OR_RUN=1")).actor("exit=6").run();
        assert_eq!(run.code, Some(6), "{run:?}");
        let run = Launch::new(role).world(&world).option(own(&["--wait", "file:/bin/sh"])).actor("exit=7").run();
        assert_eq!(run.code, Some(7), "the command line is stronger: {run:?}");
    }
}

#[test]
fn options_of_probes_are_for_the_targets_of_an_init() {
    let server = Server::answering("HTTP/1.1 401 no\r\nContent-Length: 0\r\n\r\n");
    let url = server.url();
    let line =
        ["init", "--wait", &url, "--wait-timeout", "400ms", "-H", "X-Who: me", "--status", "401", "--"];
    let run = sexton(line.iter().copied().chain(["/bin/true"]));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(server.first_request().to_lowercase().contains("x-who: me"));
}

#[test]
fn bad_words_about_targets_are_refused_in_one_line_with_125() {
    for (words, part) in [
        (&["--retries", "2"][..], "--retries needs --watch"),
        (&["--listen", ":1"], "--listen needs --watch"),
        (&["--or-run"], "--or-run needs --wait"),
        (&["--wait-timeout", "3s"], "--wait-timeout needs --wait"),
        (&["--interval", "3s"], "--interval needs --wait or --watch"),
        (&["--watch", "file:/bin/sh", "--interval", "0s"], "--interval: must be more than 0"),
        (&["--watch", "file:/bin/sh", "--wait-interval", "1s"], "--wait-interval needs --wait"),
        (&["--watch", "file:/bin/sh", "--retries", "0"], "--retries: invalid number `0`"),
        (&["--watch", "file:/bin/sh", "--on-unhealthy", "restart"], "write stop, report or"),
        (
            &["--watch", "file:/bin/sh", "--on-unhealthy", "report", "--unhealthy-exit", "3"],
            "--unhealthy-exit needs --on-unhealthy stop",
        ),
        (&["--watch", "file:/bin/sh", "--listen", "x"], "--listen: invalid address `x`"),
        (&["--watch", "gopher://x"], "gopher"),
        (&["--wait", ""], "target"),
        (&["--watch", "file:/bin/sh", "--status", "200"], "--status does not apply to this target"),
    ] {
        let run = sexton(["init"].iter().chain(words).chain(&["--", "/bin/true"]));
        assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{words:?}: {run:?}");
        assert!(run.stderr.contains(part) && run.stderr.lines().count() == 1, "{words:?}: {run:?}");
    }
}

#[test]
fn wait_as_pid_1_stays_and_reaps() {
    if !Role::Pid1.is_playable() {
        return;
    }
    let binary = crate::support::inits::program().path.display().to_string();
    let start = |options: &str| {
        // Made of the actor's own words, since it is not "init" that is started.
        let script = format!("{binary} wait {options} file:/bin/sh -- /bin/sh -c");
        let mut words: Vec<String> =
            ["clean", "closefrom=3", "tied", "pidns", "exec"].map(str::to_owned).into();
        words.extend(script.split_whitespace().map(str::to_owned));
        words.push("ps -o pid=,comm= || cat /proc/1/comm; exit 7".into());
        std::process::Command::new(crate::support::actor::actor())
            .args(words)
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("the actor starts")
    };
    let output = start("--quiet");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(told.contains("1 sexton"), "{output:?}");
    let output = start("--quiet --exit-zero 7 --verbose");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("reaped the main child"), "{output:?}");
}
