//! `sexton init --watch`: what is watched while the command runs, and who is told.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::inits::Opt;
use crate::support::launch::{Launch, PATIENCE, Role, Running, both_roles};
use crate::support::process::{children, process, until};
use crate::support::servers::{OK, Refusing, Server};
use crate::support::temp::Folder;

/// Options in our own words.
fn own(words: &[&str]) -> Opt {
    let words: Vec<&'static str> = words.iter().map(|word| &*String::from(*word).leak()).collect();
    Opt::Own(words.leak())
}

/// Watches `target` often, with `more` options.
fn watching(role: Role, target: &str, more: &[&str]) -> Launch {
    let words = ["--watch", target, "--interval", "50ms", "--attempt-timeout", "500ms"];
    Launch::new(role).option(own(&[&words, more].concat()))
}

/// The answer to a request for `path` at the unix socket `at`: its status and its body.
fn ask(at: &Path, path: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(at).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("it can be set");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is read");
    read_answer(stream)
}

/// What comes.
fn read_answer(mut stream: impl Read) -> (u16, String) {
    let mut answer = String::new();
    // A reset after the answer is no concern of this.
    let _ = stream.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, body.to_owned())
}

/// Waits until /healthz at `at` says `status`, and returns what else it says.
fn until_health(at: &Path, status: u16) -> String {
    let mut body = String::new();
    until(*PATIENCE, "another health", || {
        if !at.exists() {
            return false;
        }
        let (now, text) = ask(at, "/healthz");
        body = text;
        now == status
    });
    body
}

/// The lines of a log, without their times, which each must have (RFC 3339).
pub(crate) fn sentences(log: &str) -> Vec<String> {
    let sentence = |line: &str| {
        let (time, rest) = line.split_once(" sexton: ").unwrap_or_else(|| panic!("no time in {line:?}"));
        assert!(is_time(time), "{line:?}");
        rest.to_owned()
    };
    log.lines().map(sentence).collect()
}

/// Whether `text` is a time as RFC 3339 has it, in UTC.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00Z"
}

/// Ends it, and asserts that the command's own code comes out.
fn end(running: Running, code: i32) {
    running.signal(15);
    assert_eq!(running.finish().code, Some(code));
}

both_roles! {
    fn an_unhealthy_command_is_asked_to_end_and_the_exit_code_says_so(role: Role) {
        let hung = Server::silent();
        let run = Launch::new(role)
            .option(own(&["--watch", &hung.url(), "--interval", "50ms", "--attempt-timeout", "100ms"]))
            .actor("block=15 say=ready await=15 say=asked exit=0")
            .run();
        assert_eq!((run.code, run.stdout.contains("asked")), (Some(1), true), "{run:?}");
        let lines = [
            format!("unhealthy: {}: timed out waiting for the response, 3 in a row; sending SIGTERM", hung.url()),
            format!("exiting with 1: {} was unhealthy", hung.url()),
        ];
        assert_eq!(sentences(&run.stderr), lines);
        // Three times a pause and an attempt.
        assert!(run.elapsed >= Duration::from_millis(450), "{run:?}");
        assert!(run.elapsed < Duration::from_millis(3450), "{run:?}");
    }
}

both_roles! {
    fn one_that_does_not_end_is_killed_and_the_code_is_the_one_asked_for(role: Role) {
        let port = Refusing::new();
        let target = format!("tcp://{}", port.address());
        let more = ["--kill-after", "200ms", "--unhealthy-exit", "42", "--retries", "1", "--exit-zero", "42"];
        let run = watching(role, &target, &more).actor("ignore=15 say=ready pause").run();
        assert_eq!(run.code, Some(42), "{run:?}");
    }
}

both_roles! {
    fn a_healthy_command_is_left_alone(role: Role) {
        let server = Server::answering(OK);
        let running =
            watching(role, &server.url(), &["--retries", "1"]).actor("block=15 say=ready await=15 exit=3").start();
        until(*PATIENCE, "some attempts", || server.requests().len() > 10);
        assert!(running.stderr().is_empty(), "{:?}", running.stderr());
        end(running, 3);
    }
}

both_roles! {
    fn a_signal_can_be_all_that_follows(role: Role) {
        let port = Refusing::new();
        let target = format!("tcp://{}", port.address());
        let running = watching(role, &target, &["--on-unhealthy", "signal:SIGHUP"])
            .actor("block=1,15 say=ready await=1 say=reloaded await=15 exit=5")
            .start();
        running.line("reloaded");
        end(running, 5);
    }
}

both_roles! {
    fn a_report_can_be_all_that_follows(role: Role) {
        let port = Refusing::new();
        let address = port.address();
        let target = format!("tcp://{address}");
        let running = watching(role, &target, &["--on-unhealthy", "report", "--verbose"])
            .actor("block=15 say=ready await=15 exit=5")
            .start();
        running.complaint(&format!("unhealthy: {target}: connection refused"));
        port.listen();
        running.complaint(&format!("sexton: healthy again: {target}, after "));
        end(running, 5);
    }
}

both_roles! {
    fn failures_in_the_start_period_do_not_count_and_the_first_success_ends_it(role: Role) {
        let folder = Folder::new();
        let (app, health) = (folder.join("app"), folder.join("health"));
        let more = [
            "--retries", "1", "--start-period", "60s", "--start-interval", "20ms",
            "--listen", &format!("unix:{}", health.display()),
        ];
        let running = watching(role, &format!("unix:{}", app.display()), &more)
            .actor("block=15 say=ready await=15 exit=5")
            .start();
        running.line("ready");
        until(*PATIENCE, "many failures", || {
            let (_, text) = ask(&health, "/metrics");
            text.lines().any(|line| {
                line.contains("outcome=\"failed\"")
                    && line.rsplit(' ').next().is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count > 5))
            })
        });
        assert!(ask(&health, "/healthz").1.starts_with("starting\n"));
        let listener = UnixListener::bind(&app).expect("the path is free");
        assert_eq!(until_health(&health, 200), "healthy\n");
        drop(listener);
        let run = running.finish();
        assert_eq!(run.code, Some(1), "{run:?}");
    }
}

both_roles! {
    fn an_app_that_was_asked_to_end_is_not_called_unhealthy(role: Role) {
        let port = Refusing::new();
        let target = format!("tcp://{}", port.address());
        let running = watching(role, &target, &["--start-period", "1s", "--start-interval", "10ms", "--retries", "1"])
            .actor("block=15 say=ready await=15 sleep=1500 exit=7")
            .start();
        running.line("ready");
        end(running, 7);
    }
}

both_roles! {
    fn the_status_file_is_one_line_of_json_and_goes_with_the_app(role: Role) {
        let folder = Folder::new();
        let (app, file) = (folder.join("app"), folder.join("status"));
        let words = ["--status-file", file.to_str().expect("UTF-8"), "--on-unhealthy", "report"];
        let running = watching(role, &format!("unix:{}", app.display()), &words)
            .actor("block=15 say=ready await=15 exit=5")
            .start();
        let says = |health: &str| {
            until(*PATIENCE, health, || {
                let Ok(text) = fs::read_to_string(&file) else { return false };
                // Never half a line.
                let value: serde_json::Value = serde_json::from_str(text.trim_end()).expect("whole");
                assert_eq!(text.lines().count(), 1);
                value["health"] == health
            });
        };
        says("starting");
        says("unhealthy");
        let text = fs::read_to_string(&file).expect("just seen");
        assert!(text.contains("no socket at"),"{text}");
        let _listener = UnixListener::bind(&app).expect("the path is free");
        says("healthy");
        end(running, 5);
        assert!(!file.exists() && fs::read_dir(folder.path()).expect("there").count() == 1);
    }
}

both_roles! {
    fn who_asks_is_told_over_http(role: Role) {
        let folder = Folder::new();
        let (app, health) = (folder.join("app"), folder.join("health"));
        let more = ["--listen", &format!("unix:{}", health.display()), "--on-unhealthy", "report"];
        // A zombie that nobody reaps, and an orphan that we do.
        let running = watching(role, &format!("unix:{}", app.display()), &more)
            .actor("fork exit=0 end fork fork sleep=100 end exit=0 end block=15 say=ready await=15 exit=5")
            .start();
        let body = until_health(&health, 503);
        assert!(body.contains("starting") || body.contains("unhealthy"), "{body}");
        until(*PATIENCE, "unhealthy", || ask(&health, "/healthz").1.starts_with("unhealthy\nunhealthy: unix:"));
        let _listener = UnixListener::bind(&app).expect("the path is free");
        assert_eq!(until_health(&health, 200), "healthy\n");
        until(*PATIENCE, "the orphan is counted", || {
            ask(&health, "/metrics").1.contains("sexton_zombies_reaped_total 1\n")
        });
        let (status, text) = ask(&health, "/metrics?x=1");
        assert_eq!(status, 200);
        for part in ["sexton_healthy 1\n", "sexton_target_healthy{target=\"unix:", "outcome=\"passed\"} ",
            "sexton_attempt_duration_seconds_sum{", "# TYPE sexton_attempts_total counter\n"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        if role == Role::Pid1 && text.contains("sexton_zombies ") {
            assert!(text.contains("sexton_zombies 2\n"), "{text}");
        }
        assert_eq!(ask(&health, "/").0, 404);
        let send = |bytes: &[u8]| {
            let mut stream = UnixStream::connect(&health).expect("somebody listens");
            let _ = stream.write_all(bytes);
            read_answer(stream).0
        };
        assert_eq!(send(b"POST /healthz HTTP/1.1\r\n\r\n"), 405);
        assert_eq!(send(b"nonsense\r\n\r\n"), 400);
        assert_eq!(send(&[b'x'; 4096]), 431);
        end(running, 5);
        assert!(!health.exists());
    }
}

both_roles! {
    fn while_the_start_is_held_the_verdict_is_starting(role: Role) {
        let folder = Folder::new();
        let (app, health, file) = (folder.join("app"), folder.join("health"), folder.join("status"));
        let (listen, file) = (format!("unix:{}", health.display()), file.display().to_string());
        let target = format!("unix:{}", app.display());
        let more = ["--listen", &listen, "--status-file", &file, "--wait", &target, "--wait-interval", "20ms"];
        // One that is dead when the init begins.
        let running = watching(role, &target, &more)
            .world("fork exit=0 end")
            .actor("block=15 say=ready await=15 exit=5")
            .start();
        assert!(until_health(&health, 503).starts_with("starting\n"));
        until(*PATIENCE, "the file says so, too", || {
            fs::read_to_string(&file).is_ok_and(|text| text.contains("\"health\":\"starting\""))
        });
        until(*PATIENCE, "the dead is counted", || {
            ask(&health, "/metrics").1.contains("sexton_zombies_reaped_total 1\n")
        });
        assert!(running.stdout().is_empty());
        let _listener = UnixListener::bind(&app).expect("the path is free");
        running.line("ready");
        assert_eq!(until_health(&health, 200), "healthy\n");
        assert!(ask(&health, "/metrics").1.contains("sexton_zombies_reaped_total 1\n"));
        end(running, 5);
    }
}

#[test]
fn a_port_is_one_of_loopback_and_a_taken_one_is_told_before_the_start() {
    let port = crate::support::peers::free_port();
    let words = ["--watch", "file:/bin/sh", "--interval", "20ms", "--listen", &format!(":{port}")];
    let running = Launch::new(Role::Subreaper).option(own(&words)).actor("say=ready await=15 exit=5").start();
    running.line("ready");
    until(*PATIENCE, "healthy", || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").expect("it is read");
        read_answer(stream) == (200, "healthy\n".into())
    });
    let second = Launch::new(Role::Subreaper).option(own(&words)).actor("say=ready").run();
    assert_eq!((second.code, second.stdout.as_str()), (Some(125), ""));
    let line = format!("sexton: cannot listen on 127.0.0.1:{port}: somebody else listens there\n");
    assert_eq!(second.stderr, line);
    running.signal(15);
    running.finish();
}

both_roles! {
    fn a_crowd_that_says_nothing_keeps_nobody_from_being_heard(role: Role) {
        let folder = Folder::new();
        let health = folder.join("health");
        let more = ["--listen", &format!("unix:{}", health.display())];
        let running = watching(role, "file:/bin/sh", &more).actor("block=10,15 say=ready await=10 await=15 exit=5").start();
        running.line("ready");
        until_health(&health, 200);
        let mut crowd: Vec<UnixStream> = Vec::new();
        for _ in 0..100 {
            let mut one = UnixStream::connect(&health).expect("the backlog takes it");
            let _ = one.write_all(b"GET /healthz HTTP/1.1\r\nX-Slow: ");
            crowd.push(one);
        }
        let asked = Instant::now();
        assert_eq!(ask(&health, "/healthz").0, 200);
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        let fds = fs::read_dir(format!("/proc/{}/fd", running.init())).expect("it lives").count();
        assert!(fds < 90, "{fds} descriptors");
        running.signal(10);
        running.lines("got 10", 1);
        end(running, 5);
    }
}

both_roles! {
    fn without_descriptors_it_goes_on_and_does_not_spin(role: Role) {
        let folder = Folder::new();
        let health = folder.join("health");
        let app = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let target = format!("tcp://{}", app.local_addr().expect("it has one"));
        let listen = format!("unix:{}", health.display());
        let more = ["--listen", &listen, "--on-unhealthy", "report", "--retries", "1"];
        // As many as the start needs: the probe has its own, which those who ask cannot take.
        let running = watching(role, &target, &more)
            .world("nofile=11")
            .actor("nofile=64 fork fork end exit=0 end block=10,15 say=ready await=10 await=15 exit=5")
            .start();
        running.line("ready");
        let init = running.init();
        let crowd: Vec<_> = (0..20).map(|_| UnixStream::connect(&health)).collect();
        let before = process(init).expect("it lives").ticks;
        std::thread::sleep(Duration::from_secs(1));
        let spent = process(init).expect("it lives").ticks - before;
        assert!(spent < 50, "{spent} ticks in a second");
        until(*PATIENCE, "only the main child is left", || children(init).len() == 1);
        drop(crowd);
        assert_eq!(until_health(&health, 200), "healthy\n");
        assert_eq!(running.stderr(), [""; 0]);
        running.signal(10);
        running.lines("got 10", 1);
        end(running, 5);
    }
}

both_roles! {
    fn a_lost_stderr_changes_nothing(role: Role) {
        let port = Refusing::new();
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let run = watching(role, &format!("tcp://{}", port.address()), &["--verbose"])
            .stderr(writer)
            .actor("block=15 say=ready await=15 say=asked exit=0")
            .run();
        assert_eq!((run.code, run.stdout.contains("asked")), (Some(1), true), "{run:?}");
    }
}

#[test]
fn a_full_disk_changes_nothing_but_the_status_file() {
    let folder = Folder::new();
    let disk = folder.join("disk");
    fs::create_dir(&disk).expect("a new folder");
    let server = Server::answering(OK);
    let path = disk.display();
    let script = format!(
        "mount -t tmpfs -o size=4k,mode=755 none {path} || {{ echo no-mount; exit 9; }}
         head -c 4096 /dev/zero > {path}/full
         exec \"$@\""
    );
    let binary = crate::support::inits::program().path.display().to_string();
    let output = std::process::Command::new("unshare")
        .args([
            "-m",
            "sh",
            "-c",
            &script,
            "sh",
            &binary,
            "init",
            "--watch",
            &server.url(),
            "--interval",
            "20ms",
        ])
        .args(["--status-file", &format!("{path}/status"), "--verbose", "--"])
        .args(["sh", "-c", &format!("sleep 1; ls -A {path}; exit 6")])
        .output()
        .expect("unshare is there");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if stderr.contains("unshare") || stdout.contains("no-mount") {
        // Nothing to see where a disk cannot be made.
        return;
    }
    assert_eq!((output.status.code(), stdout.as_ref()), (Some(6), "full\n"), "{output:?}");
    assert_eq!(stderr.matches("cannot write the status file").count(), 1, "{stderr}");
    assert!(stderr.contains("sexton: healthy: "), "{stderr}");
}

both_roles! {
    fn all_can_come_from_the_environment(role: Role) {
        let port = Refusing::new();
        let world = format!(
            "setenv=SEXTON_INIT_WATCH=tcp://{} setenv=SEXTON_INIT_INTERVAL=20ms setenv=SEXTON_INIT_RETRIES=2 \
             setenv=SEXTON_INIT_UNHEALTHY_EXIT=9",
            port.address()
        );
        let run = Launch::new(role).world(&world).actor("say=ready pause").run();
        assert_eq!(run.code, Some(9), "{run:?}");
        assert!(run.stderr.contains("2 in a row"), "{run:?}");
    }
}

#[test]
fn a_probe_has_one_thread_where_no_signal_is_delivered() {
    let hung = Server::silent();
    let words = ["--watch", &hung.url(), "--interval", "1ms", "--attempt-timeout", "60s"];
    let running = Launch::new(Role::Subreaper).option(own(&words)).actor("say=ready await=15 exit=5").start();
    running.line("ready");
    hung.first_request();
    let tasks: Vec<_> =
        fs::read_dir(format!("/proc/{}/task", running.init())).expect("it lives").flatten().collect();
    assert_eq!(tasks.len(), 2);
    for task in tasks {
        let status = fs::read_to_string(task.path().join("status")).expect("it lives");
        let blocked = status.lines().find(|line| line.starts_with("SigBlk:")).expect("it has that");
        // All but KILL and STOP, and on threads those that the C library keeps for itself.
        let mask = u64::from_str_radix(blocked.trim_start_matches("SigBlk:").trim(), 16).expect("a mask");
        let wanted = !(1 << 8 | 1 << 18 | 1 << 31 | 1 << 32 | 1 << 33);
        assert_eq!(mask & wanted, wanted, "{status}");
    }
    assert_eq!(hung.requests().len(), 1);
    running.signal(15);
    running.finish();
}

/// Pages of `pid` that are in memory, in KiB.
fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has that");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// 100,000 with `SEXTON_TEST_SOAK` set, else as many as are quickly made.
#[test]
fn attempt_after_attempt_takes_no_more_memory() {
    let wanted: u64 = if std::env::var_os("SEXTON_TEST_SOAK").is_some() { 100_000 } else { 5_000 };
    let folder = Folder::new();
    let health = folder.join("health");
    let port = Refusing::new();
    let mut words: Vec<String> = ["--interval", "1ms", "--on-unhealthy", "report"].map(str::to_owned).into();
    words.extend(["--listen".to_owned(), format!("unix:{}", health.display())]);
    for index in 0..8 {
        words.push("--watch".into());
        words.push(match index % 2 {
            0 => format!("tcp://{}", port.address()),
            _ => format!("unix:{}", folder.join(format!("none{index}")).display()),
        });
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let running = Launch::new(Role::Subreaper).option(own(&words)).actor("say=ready await=15 exit=5").start();
    running.line("ready");
    let init = running.init();
    let attempts = || -> u64 {
        let (_, text) = ask(&health, "/metrics");
        let lines = text.lines().filter(|line| line.starts_with("sexton_attempts_total"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    let limit = Duration::from_secs(if wanted > 10_000 { 600 } else { 60 });
    until(limit, "the first tenth", || attempts() > wanted / 10);
    let before = resident(init);
    until(limit, "all attempts", || attempts() > wanted);
    let after = resident(init);
    assert!(after <= before + 256, "{before} KiB, then {after} KiB");
    running.signal(15);
    running.finish();
}
