//! What is served and kept about what is watched: paths, numbers, the status file, and where they can be.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::inits::Opt;
use crate::support::launch::{Launch, PATIENCE, Role, Running, both_roles, skipped};
use crate::support::process::until;
use crate::support::servers::{OK, Refusing, Server};
use crate::support::temp::Folder;
use crate::watch::sentences;

/// Options in our own words.
fn own(words: &[&str]) -> Opt {
    let words: Vec<&'static str> = words.iter().map(|word| &*String::from(*word).leak()).collect();
    Opt::Own(words.leak())
}

/// An init that watches as `words` say, over a command that ends with 5 at SIGTERM.
fn watching(role: Role, words: &[&str]) -> Launch {
    let usual = ["--interval", "50ms", "--attempt-timeout", "500ms", "--on-unhealthy", "report"];
    let usual = if words.contains(&"--on-unhealthy") { &usual[..4] } else { &usual[..] };
    Launch::new(role).option(own(&[usual, words].concat())).actor("block=1,15 say=ready await=15 exit=5")
}

/// The answer to `request` at the unix socket `at`: head and body.
fn send(at: &Path, request: &str) -> (String, String) {
    let mut stream = UnixStream::connect(at).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("it can be set");
    // One that is refused may be answered before it is read.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
    (head.to_owned(), body.to_owned())
}

/// The status and the body that `path` has at the unix socket `at`.
fn get(at: &Path, path: &str) -> (u16, String) {
    let (head, body) = send(at, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), body)
}

/// Ends it, and asserts that the command's own code comes out.
fn end(running: Running) {
    running.signal(15);
    assert_eq!(running.finish().code, Some(5));
}

both_roles! {
    fn a_healthy_target_that_fails_is_told_with_its_count(role: Role) {
        let folder = Folder::new();
        let (file, health) = (folder.join("file"), folder.join("health"));
        fs::write(&file, "").expect("a new file");
        let target = format!("db=file:{}", file.display());
        let listen = format!("unix:{}", health.display());
        let running = watching(role, &["--watch", &target, "--listen", &listen, "--retries", "100000"]).start();
        let says = |holds: &dyn Fn(&str) -> bool| {
            health.exists() && {
                let (status, text) = get(&health, "/readyz/db");
                status == 200 && holds(&text)
            }
        };
        until(*PATIENCE, "it is healthy", || says(&|text| text == "healthy\n"));
        fs::remove_file(&file).expect("it was there");
        until(*PATIENCE, "the failure is told", || {
            says(&|text| {
                let count = text.strip_prefix("healthy\nfailed: db: no such file, ");
                count.is_some_and(|count| count.ends_with(" of 100000\n"))
            })
        });
        end(running);
    }
}

both_roles! {
    fn alive_is_more_than_ready_and_each_target_can_be_asked_for(role: Role) {
        let folder = Folder::new();
        let (app, health) = (folder.join("app"), folder.join("health"));
        let (target, listen) = (format!("unix:{}", app.display()), format!("unix:{}", health.display()));
        let escaped = target.replace('/', "%2F");
        let words = ["--watch", &target, "--watch", "file:/bin/sh", "--listen", &listen, "--start-period", "60s",
            "--start-interval", "20ms"];
        let running = watching(role, &words).start();
        running.line("ready");
        // One passes, one has not yet: starting is alive and not ready.
        until(*PATIENCE, "one is healthy", || get(&health, "/readyz/file:%2Fbin%2Fsh").0 == 200);
        for (path, status) in [("/livez", 200), ("/readyz", 503), ("/healthz", 503)] {
            assert_eq!(get(&health, path).0, status, "{path}");
            let (status_of_one, body) = get(&health, &format!("{path}/{escaped}"));
            assert_eq!(status_of_one, status, "{path}: {body}");
            assert!(body.starts_with("starting\nstarting: unix:"), "{body}");
        }
        let listener = UnixListener::bind(&app).expect("the path is free");
        until(*PATIENCE, "both are healthy", || get(&health, "/readyz").0 == 200);
        drop(listener);
        until(*PATIENCE, "one is unhealthy", || get(&health, "/livez").0 == 503);
        assert_eq!(get(&health, &format!("/livez/{escaped}")).0, 503);
        assert_eq!(get(&health, "/livez/file:%2Fbin%2Fsh").0, 200);
        let (status, names) = get(&health, "/livez/nobody");
        assert!(status == 404 && names.contains(&target), "{names}");
        let (head, _) = send(&health, "DELETE /livez HTTP/1.1\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("\r\nAllow: GET, HEAD\r\n"), "{head}");
        assert!(send(&health, "GET http://any:1/livez HTTP/1.1\r\n\r\n").0.starts_with("HTTP/1.1 503 "));
        end(running);
    }
}

#[test]
fn the_numbers_are_as_prometheus_wants_them() {
    let folder = Folder::new();
    let health = folder.join("health");
    let port = Refusing::new();
    let refusing = format!("tcp://{}", port.address());
    let listen = format!("unix:{}", health.display());
    let words = ["--watch", &refusing, "--watch", "file:/bin/sh", "--listen", &listen, "--retries", "2"];
    let running = watching(Role::Subreaper, &words).start();
    running.line("ready");
    let has = |part: &str| get(&health, "/metrics").1.contains(part);
    until(*PATIENCE, "unhealthy", || {
        has(&format!("transitions_total{{target=\"{refusing}\",to=\"unhealthy\"}} 1\n"))
    });
    let (_, text) = get(&health, "/metrics");
    for part in [
        "sexton_build_info{version=\"",
        &format!("sexton_target_healthy{{target=\"{refusing}\"}} 0\n"),
        "sexton_target_healthy{target=\"file:/bin/sh\"} 1\n",
        "sexton_consecutive_failures{target=\"file:/bin/sh\"} 0\n",
        "sexton_last_attempt_timestamp_seconds{target=\"file:/bin/sh\"} 1",
        "sexton_attempt_duration_seconds_bucket{target=\"file:/bin/sh\",le=\"+Inf\"} ",
        "outcome=\"broken\"} 0\n",
        "# TYPE sexton_attempt_duration_seconds histogram\n",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let linter = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    if let Ok(mut linter) = linter {
        linter.stdin.take().expect("it was asked for").write_all(text.as_bytes()).expect("it is read");
        let output = linter.wait_with_output().expect("it ends");
        let told =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.is_empty(), "{told}\n{text}");
    } else {
        let required = std::env::var_os("SEXTON_TEST_PEERS").is_some_and(|value| value == "required");
        assert!(!required, "promtool is required and not installed");
        skipped("promtool is not installed");
    }
    end(running);
}

#[test]
fn a_want_of_ours_is_told_and_counted_and_is_no_illness() {
    let folder = Folder::new();
    let health = folder.join("health");
    let (server, listen) = (Server::answering(OK), format!("unix:{}", health.display()));
    let url = server.url();
    // There is no such file: we cannot ask, and know nothing of the app.
    let words = [
        "--watch",
        &url,
        "--bearer-file",
        "/nowhere/token",
        "--listen",
        &listen,
        "--retries",
        "1",
        "--on-unhealthy",
        "stop",
    ];
    let running = watching(Role::Subreaper, &words).start();
    running.line("ready");
    running.complaint("this does not count as a failure");
    let broken = || {
        let (_, text) = get(&health, "/metrics");
        let line = text.lines().find(|line| line.contains("outcome=\"broken\""))?.to_owned();
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    until(*PATIENCE, "some attempts", || broken().is_some_and(|count| count > 5));
    assert_eq!(sentences(&running.stderr().join("\n")).len(), 1, "once is enough");
    assert_eq!((get(&health, "/livez").0, get(&health, "/readyz").0), (200, 503));
    end(running);
}

both_roles! {
    fn a_port_that_was_found_free_is_told(role: Role) {
        let running = watching(role, &["--watch", "file:/bin/sh", "--listen", ":0"]).start();
        running.complaint("listening on 127.0.0.1:");
        running.line("ready");
        let told = running.stderr().join("\n");
        let address = told.rsplit(' ').next().expect("it is the last").to_owned();
        let mut stream = TcpStream::connect(&address).expect("somebody listens");
        stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").expect("it is read");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        end(running);
        let running = watching(role, &["--watch", "file:/bin/sh", "--listen", "*:0"]).start();
        running.complaint("listening on ");
        running.line("ready");
        end(running);
    }
}

both_roles! {
    fn whoever_polls_a_unix_socket_is_never_refused_before_it_answers(role: Role) {
        let folder = Folder::new();
        let health = folder.join("health");
        let over = Arc::new(AtomicBool::new(false));
        let poller = thread::spawn({
            let (health, over) = (health.clone(), Arc::clone(&over));
            move || {
                let mut refused = 0;
                while !over.load(Ordering::Relaxed) {
                    let error = UnixStream::connect(&health).err().map(|why| why.kind());
                    refused += u32::from(error == Some(std::io::ErrorKind::ConnectionRefused));
                }
                refused
            }
        });
        for _ in 0..20 {
            let listen = format!("unix:{}", health.display());
            let running = watching(role, &["--watch", "file:/bin/sh", "--listen", &listen]).start();
            running.line("ready");
            end(running);
        }
        over.store(true, Ordering::Relaxed);
        assert_eq!(poller.join().expect("it does not panic"), 0);
    }
}

#[test]
fn a_live_socket_with_a_full_backlog_is_told_and_not_waited_for() {
    let folder = Folder::new();
    let path = folder.join("busy");
    let _busy = crate::support::servers::BusyUnix::new(&path);
    let listen = format!("unix:{}", path.display());
    let began = Instant::now();
    let run = watching(Role::Subreaper, &["--watch", "file:/bin/sh", "--listen", &listen]).run();
    assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{run:?}");
    assert!(run.stderr.contains("somebody else listens there"), "{run:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn honest_requests_are_answered_at_once_beside_500_silent_connections_a_second() {
    let running = watching(Role::Subreaper, &["--watch", "file:/bin/sh", "--listen", ":0"]).start();
    running.line("ready");
    running.complaint("listening on 127.0.0.1:");
    let told = running.stderr().join("\n");
    let address = told.rsplit(' ').next().expect("it is the last").to_owned();
    let over = Arc::new(AtomicBool::new(false));
    let crowd = thread::spawn({
        let (address, over) = (address.clone(), Arc::clone(&over));
        move || {
            let began = Instant::now();
            let mut silent = Vec::new();
            while !over.load(Ordering::Relaxed) {
                // As many as there should be by now.
                let due = began.elapsed().as_millis() / 2;
                while u128::try_from(silent.len()).unwrap() < due {
                    silent.push(TcpStream::connect(&address));
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    thread::sleep(Duration::from_secs(1));
    let mut slowest = Duration::ZERO;
    let mut times = Vec::new();
    for _ in 0..30 {
        let asked = Instant::now();
        let mut stream = TcpStream::connect(&address).expect("the backlog takes it");
        stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").expect("it is read");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
        slowest = slowest.max(asked.elapsed());
        times.push(asked.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    over.store(true, Ordering::Relaxed);
    crowd.join().expect("it does not panic");
    times.sort_unstable();
    // A busy machine may delay one of them.
    assert!(times[27] < Duration::from_millis(100), "{times:?}");
    end(running);
}

both_roles! {
    fn the_status_file_tells_a_verdict_from_a_corpse_and_is_ours_alone(role: Role) {
        let folder = Folder::new();
        let file = folder.join("status");
        let path = file.display().to_string();
        let running = watching(role, &["--watch", "file:/bin/sh", "--status-file", &path]).start();
        running.line("ready");
        let read = || -> Option<serde_json::Value> {
            serde_json::from_str(fs::read_to_string(&file).ok()?.trim_end()).ok()
        };
        until(*PATIENCE, "healthy", || read().is_some_and(|value| value["health"] == "healthy"));
        let value = read().expect("just read");
        assert_eq!(value["interval_seconds"], 0.05);
        assert_eq!(value["pid"], if role == Role::Pid1 { 1 } else { running.init() });
        let is_time = |value: &serde_json::Value| value.as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 20);
        for field in ["since", "checked_at"] {
            assert!(is_time(&value[field]) && is_time(&value["targets"][0][field]), "{field}: {value}");
        }
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        until(*PATIENCE, "a later check", || read().is_some_and(|now| now["checked_at"] != value["checked_at"]));
        end(running);
        let words = ["--watch", "file:/bin/sh", "--status-file", &path, "--status-file-mode", "644"];
        let running = watching(role, &words).start();
        running.line("ready");
        until(*PATIENCE, "it is there", || file.exists());
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o644);
        end(running);
    }
}

#[test]
fn what_is_no_file_of_ours_is_neither_replaced_nor_deleted() {
    let folder = Folder::new();
    let (link, file) = (folder.join("link"), folder.join("file"));
    fs::write(&file, "before\n").expect("a new file");
    symlink("/dev/null", &link).expect("a new link");
    let null = fs::metadata("/dev/null").expect("there").rdev();
    for path in ["/dev/null", &link.display().to_string(), "/dev/stdout", "/"] {
        let run = watching(Role::Subreaper, &["--watch", "file:/bin/sh", "--status-file", path]).run();
        assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{path}: {run:?}");
        assert!(run.stderr.contains("not a regular file"), "{run:?}");
    }
    assert_eq!(fs::metadata("/dev/null").expect("there").rdev(), null);
    assert!(link.is_symlink());
    // One that was there stays where ours cannot be written beside it.
    let long = folder.join("x".repeat(252));
    fs::write(&long, "before\n").expect("a new file");
    let words = ["--watch", "file:/bin/sh", "--status-file", &long.display().to_string()];
    let running = watching(Role::Subreaper, &words).start();
    running.complaint("cannot write the status file");
    running.line("ready");
    end(running);
    assert_eq!(fs::read_to_string(&long).expect("it is still there"), "before\n");
}

both_roles! {
    fn a_signal_is_sent_again_after_as_many_further_failures_and_a_stop_can_follow(role: Role) {
        let port = Refusing::new();
        let target = format!("tcp://{}", port.address());
        let words = ["--watch", &target, "--interval", "20ms", "--retries", "2", "--on-unhealthy", "signal:HUP,then=stop:3",
            "--unhealthy-exit", "9"];
        let run = Launch::new(role)
            .option(own(&words))
            .actor("block=1,15 say=ready await=1 await=1 await=1 await=15 say=asked exit=5")
            .run();
        assert_eq!((run.code, run.stdout.contains("asked")), (Some(9), true), "{run:?}");
        let lines = sentences(&run.stderr);
        let ends = ["2 in a row; sending SIGHUP", "4 in a row; sending SIGHUP", "6 in a row; sending SIGHUP",
            "8 in a row; sending SIGTERM", "was unhealthy"];
        assert_eq!(lines.len(), ends.len(), "{lines:?}");
        assert!(lines.iter().zip(ends).all(|(line, end)| line.ends_with(end)), "{lines:?}");
    }
}

#[test]
fn json_lines_have_the_time_and_what_was_done() {
    let port = Refusing::new();
    let target = format!("tcp://{}", port.address());
    let words = ["--watch", &target, "--on-unhealthy", "stop", "--log", "json", "--retries", "2"];
    let run = watching(Role::Subreaper, &words).run();
    let lines: Vec<serde_json::Value> =
        run.stderr.lines().map(|line| serde_json::from_str(line).expect("whole")).collect();
    assert!(
        lines.iter().all(|line| line["time"].as_str().is_some_and(|time| time.ends_with('Z'))),
        "{run:?}"
    );
    let health = lines.iter().find(|line| line["event"] == "health").expect("it became unhealthy");
    assert_eq!((&health["target"], &health["signal"]), (&target.as_str().into(), &"TERM".into()));
    assert_eq!(lines.last().expect("the end")["unhealthy"], target.as_str());
}
