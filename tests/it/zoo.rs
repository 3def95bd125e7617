//! Peers that want our memory. A check, a wait and a watch stay under 8 MB whatever they send, an init that watches all of
//! them in 16 MB keeps its app, and so does one that runs out of memory at any point.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::services;
use crate::support::actor::actor;
use crate::support::inits::Opt;
use crate::support::isolated::is_root;
use crate::support::launch::{Launch, PATIENCE, Role, skipped};
use crate::support::process::held_within;
use crate::support::program::binary;
use crate::support::servers::{Client, Server};
use crate::support::{Run, Sexton, eventually, tls};

/// The most memory that a check may have, in bytes: as data (heap, stacks, static), and resident with all of the program's
/// own pages that it has touched.
const MEMORY_MAX: u64 = 8 * 1000 * 1000;

/// Whether what is resident can be held to that: the program's own pages are among it, and those of a build for debugging
/// are 40 MB. They are the page cache's and no process pays for them, but they count.
fn is_shipped() -> bool {
    fs::metadata(binary()).expect("it is there").len() < MEMORY_MAX
}

/// Starts what follows, and says at its end how much of it was resident.
fn measured() -> [String; 3] {
    [actor().display().to_string(), "peak".into(), "exec".into()]
}

/// Asserts that `run` has kept to the bound.
fn keeps_to_the_bound(name: &str, run: &Run) {
    let peak = run.stderr.lines().find_map(|line| line.strip_prefix("peak ")?.parse::<u64>().ok());
    let peak = peak.unwrap_or_else(|| panic!("{name}: {run:?}"));
    assert!(!is_shipped() || peak * 1024 < MEMORY_MAX, "{name}: {peak} KB: {run:?}");
}

/// A hostile peer: what it says at once, what it repeats without end, and the target and options that meet it.
struct Animal {
    name: &'static str,
    scheme: &'static str,
    rest: &'static str,
    options: &'static [&'static str],
    begins: Vec<u8>,
    repeats: Vec<u8>,
}

fn animal(
    name: &'static str,
    scheme: &'static str,
    rest: &'static str,
    begins: &[u8],
    repeats: &[u8],
) -> Animal {
    Animal { name, scheme, rest, options: &[], begins: begins.to_vec(), repeats: repeats.to_vec() }
}

/// An HTTP response whose body is `body`, judged by `options`.
fn body(name: &'static str, options: &'static [&'static str], body: &[u8]) -> Animal {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    Animal { options, ..animal(name, "http://", "/", &[head.as_bytes(), body].concat(), b"") }
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// The SETTINGS that a server begins with.
fn settings() -> Vec<u8> {
    frame(4, 0, 0, b"")
}

/// All of them.
fn zoo() -> Vec<Animal> {
    const MIB: usize = 1024 * 1024;
    let ok = b"HTTP/1.1 200 OK\r\n";
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let tree = |item: &str| format!("[{}{item}]", format!("{item},").repeat((MIB - 64) / (item.len() + 1)));
    // A large header goes into the table of the decoder, and stands for itself by one byte from then on.
    let large = [&b"\x40\x01x\x7f\xa1\x1e"[..], &[b'v'; 4000]].concat();
    let interim = b"\x08\x03100";
    let bomb = frame(1, 4, 1, &[&interim[..], &[0xbe; 3]].concat());
    let mut animals = vec![
        animal("interim responses", "http://", "/", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        animal("header fields", "http://", "/", ok, b"a:\n"),
        animal("one header", "http://", "/", b"HTTP/1.1 200 OK\r\nX: ", b"xxxxxxxx"),
        animal("a body", "http://", "/", b"HTTP/1.1 200 OK\r\n\r\n", b"body "),
        animal("small chunks", "http://", "/", chunked, b"1\r\nx\r\n"),
        animal("a chunk's extension", "http://", "/", &[&chunked[..], b"1;"].concat(), b"extension;"),
        animal("trailers", "http://", "/", &[&chunked[..], b"0\r\n"].concat(), b"X: y\r\n"),
        animal("no line at all", "http://", "/", b"", b"\0"),
        animal("TLS records", "https://", "/", b"", b"\x16\x03\x03\x40\0"),
        animal("a certificate", "https://", "/", b"\x16\x03\x03\x40\0\x0b\xff\xff\xff", b"\0"),
        animal("TLS records of gRPC", "grpcs://", "", b"", b"\x16\x03\x03\x40\0"),
        animal("interim HEADERS", "grpc://", "", &settings(), &frame(1, 4, 1, interim)),
        animal(
            "large interim HEADERS",
            "grpc://",
            "",
            &[settings(), frame(1, 4, 1, &[&interim[..], &large].concat())].concat(),
            &bomb,
        ),
        animal("PINGs", "grpc://", "", &settings(), &frame(6, 0, 0, &[0; 8])),
        animal("SETTINGS", "grpc://", "", b"", &settings()),
        animal(
            "CONTINUATIONs",
            "grpc://",
            "",
            &[settings(), frame(1, 0, 1, interim)].concat(),
            &frame(9, 0, 1, b"\x40\x01a\x01b"),
        ),
        animal(
            "DATA",
            "grpc://",
            "",
            &[settings(), frame(1, 4, 1, b"\x88")].concat(),
            &frame(0, 0, 1, &[0; 1024]),
        ),
        animal("RST_STREAMs", "grpc://", "", &settings(), &frame(3, 0, 3, &[0; 4])),
        animal("a line of redis", "redis://", "", b"+", b"PONG"),
        animal("a bulk of redis", "redis://:pw@", "", b"$999999999\r\n", b"x"),
        animal("a line of memcached", "memcached://", "", b"VERSION ", b"1"),
        animal("a notice of postgres", "postgres://u:pw@", "/db", b"N\x7f\xff\xff\xff", b"S"),
        animal("notices of postgres", "postgres://u:pw@", "/db", b"", b"N\0\0\0\x05\0"),
        animal("a packet of mysql", "mysql://u:pw@", "/db", b"\xff\xff\xff\0\x0a", b"8"),
        animal("a frame of AMQP", "amqp://u:pw@", "/", b"\x01\0\0\x7f\xff\xff\xff", b"x"),
        animal("heartbeats of AMQP", "amqp://u:pw@", "/", b"", b"\x08\0\0\0\0\0\0\xce"),
        animal("records of FastCGI", "fcgi://", "/ping", b"", b"\x01\x06\0\x01\xff\xff\0\0"),
        Animal {
            options: &["--expect", "never"],
            ..animal("what is expected", "tcp://", "", b"", b"almost")
        },
        body("a tree of objects", &["--json-path", "/0/x"], tree(r#"{"":0}"#).as_bytes()),
        body("a tree of arrays", &["--json-path", "/x"], tree("[[]]").as_bytes()),
        body("deep arrays", &["--json-path", "/0"], "[".repeat(MIB - 1).as_bytes()),
        body(
            "names",
            &["--json-path", "/x"],
            format!("{{{}\"a\":1}}", "\"a\":1,".repeat(MIB / 7)).as_bytes(),
        ),
        body("an array that is compared", &["--json-path", "=[]"], tree("{}").as_bytes()),
        body("a text that nearly is there", &["--contains", NEEDLE], "a".repeat(MIB).as_bytes()),
    ];
    let location = format!("HTTP/1.1 302 Found\r\nLocation: /{}\r\n", "x".repeat(60 * 1024));
    let redirect = animal("redirects", "http://", "/", location.as_bytes(), b"Content-Length: 0\r\n\r\n");
    animals.push(Animal { options: &["--follow=50"], ..redirect });
    animals
}

/// A needle for a haystack of its first letter: looking at each place anew takes seconds.
const NEEDLE: &str = concat!(
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"
);

impl Animal {
    /// A server that behaves so.
    fn server(&self) -> Server {
        let (begins, much) =
            (self.begins.clone(), self.repeats.repeat(64 * 1024 / self.repeats.len().max(1)));
        let reads_head = self.scheme == "http://";
        Server::new(move |client: &mut Client| {
            if reads_head {
                client.read_head();
            }
            client.send(&begins);
            while !much.is_empty() && client.send(&much) {}
            client.close();
        })
    }

    fn target(&self, server: &Server) -> String {
        format!("{}{}{}", self.scheme, server.address(), self.rest)
    }
}

/// Has each peer of the zoo met at its target, four at a time.
fn each_of_the_zoo(meet: impl Fn(&Animal, &str) + Sync) {
    for some in zoo().chunks(4) {
        thread::scope(|scope| {
            for animal in some {
                let meet = &meet;
                scope.spawn(move || {
                    let server = animal.server();
                    meet(animal, &animal.target(&server));
                });
            }
        });
    }
}

/// Each has a verdict, in time, and within the bound. Where memory cannot be had the process would end by a signal.
#[test]
fn no_peer_makes_a_check_take_8_megabytes() {
    each_of_the_zoo(|animal, target| {
        for command in [&["check", "-t", "4s"][..], &["wait", "-t", "2s", "--attempt-timeout", "1s"]] {
            let words = [command, animal.options, &[target]].concat();
            let limit = format!("--data={MEMORY_MAX}");
            let run = Sexton::with(words).under(measured()).under(["/usr/bin/prlimit", &limit]).run();
            keeps_to_the_bound(animal.name, &run);
            let code = run.code.unwrap_or_else(|| panic!("{}: {run:?}", animal.name));
            assert!([0, 1, 124].contains(&code), "{}: {run:?}", animal.name);
            assert!(!run.stdout.contains("memory"), "{}: {run:?}", animal.name);
            assert!(run.elapsed < Duration::from_secs(6), "{}: {run:?}", animal.name);
        }
    });
}

/// And an init that watches one of them, attempt after attempt.
#[test]
fn no_peer_makes_an_init_that_watches_it_take_8_megabytes() {
    each_of_the_zoo(|animal, target| {
        let watch = "--interval 50ms --attempt-timeout 500ms --on-unhealthy report --verbose";
        let words = watch.split(' ').chain(animal.options.iter().copied());
        let running = Launch::new(Role::Subreaper)
            .world("peak")
            .option(Opt::own(words.chain(["--watch", target])))
            .actor("block=15 say=ready await=15 exit=7")
            .start();
        // Of a peer that is met without a request the log tells.
        let is_met = || running.stderr().iter().any(|line| line.contains("healthy"));
        assert!(held_within(*PATIENCE, is_met), "{}: {:?}", animal.name, running.stderr());
        running.line("ready");
        running.signal(15);
        let run = running.finish();
        assert_eq!(run.code, Some(7), "{}: {run:?}", animal.name);
        keeps_to_the_bound(animal.name, &run);
    });
}

/// Peers that have their answers and stay take no place from one that is about to ask.
#[test]
fn a_listener_has_a_place_for_who_asks_beside_peers_that_never_leave() {
    let port = crate::support::peers::free_port();
    let listen = format!("127.0.0.1:{port}");
    let words = ["--watch", "file:/bin/sh", "--listen", &listen];
    let running =
        Launch::new(Role::Subreaper).option(Opt::own(words)).actor("block=15 await=15 exit=7").start();
    eventually("it listens", || crate::support::peers::accepts(port));
    let connect = || TcpStream::connect(&listen).expect("it listens");
    let ask = |mut stream: &TcpStream| {
        stream.write_all(b"GET /livez HTTP/1.1\r\n\r\n").expect("it reads");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).map(|()| answer)
    };
    // As many as there are places; none of them closes.
    let stay: Vec<_> = (0..64).map(|_| connect()).inspect(|stream| drop(ask(stream))).collect();
    let honest = connect();
    let more: Vec<_> = (0..32).map(|_| connect()).inspect(|stream| drop(ask(stream))).collect();
    assert_eq!(ask(&honest).expect("an answer"), *b"HTTP/1.1 200");
    drop((stay, more));
    running.signal(15);
    assert_eq!(running.finish().code, Some(7));
}

/// A step of address space: finer than any allocation that matters.
const STEP: u64 = 64 * 1024;

/// An init as PID 1 that watches `target` within so much address space until the log says what came of an attempt, and is
/// then told to stop.
fn within(addresses: u64, words: &[&str], target: &str) -> Run {
    let watch = "--interval 20ms --attempt-timeout 15s --on-unhealthy report --verbose";
    let words = watch.split(' ').chain(words.iter().copied());
    let mut running = Launch::new(Role::Pid1)
        .world(&format!("addresses={addresses}"))
        .option(Opt::own(words.chain(["--watch", target])))
        .actor("block=15 say=ready await=15 exit=7")
        .start();
    let is_told = |line: &String| line.contains("healthy: ") || line.contains("cannot check");
    let is_over = held_within(*PATIENCE, || {
        let is_ready = running.stdout().iter().any(|line| line == "ready");
        (is_ready && running.stderr().iter().any(is_told)) || !running.is_alive()
    });
    assert!(is_over, "{addresses}: {:?}", running.stderr());
    if running.is_alive() {
        running.try_signal(15);
    }
    running.finish()
}

/// The least address space, in steps, of a run for which `holds`, where more is no worse.
fn least(holds: impl Fn(u64) -> bool) -> u64 {
    let (mut too_little, mut enough) = (0_u64, 4096);
    while enough - too_little > 1 {
        let middle = too_little.midpoint(enough);
        if holds(middle) { enough = middle } else { too_little = middle }
    }
    enough
}

/// Want of memory at any point of an attempt ends the attempt, does not count against the app, and nothing else happens.
#[test]
fn an_init_that_runs_out_of_memory_at_any_point_keeps_its_app() {
    if !Role::Pid1.is_playable() {
        return;
    }
    let array = format!("[{}7]", r#"{"a":[1,2,3]},"#.repeat(74_000));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", array.len());
    let answer: &'static str = (head + &array).leak();
    let http = Server::answering(answer);
    let https = tls::answering(tls::Identity::self_signed(&["localhost"], |_| {}).config(), answer);
    let grpc = services::grpc::scripted(services::grpc::serving(), services::grpc::serving());
    let kinds = [
        ("http://", &http, &["--contains", "7]"][..]),
        ("http://", &http, &["--json-path", "/73999/a/2=3"]),
        ("https://", &https, &["-k", "--contains", "7]"]),
        ("grpc://", &grpc, &[]),
    ];
    thread::scope(|scope| {
        for (scheme, server, words) in kinds {
            scope.spawn(move || {
                let target = format!("{scheme}{}", server.address());
                let run = |steps: u64| within(steps * STEP, words, &target);
                // Less than that is not even enough to load it.
                let first = least(|steps| run(steps).code == Some(7));
                let (mut healthy, mut short) = (0, 0);
                for steps in first.. {
                    let run = run(steps);
                    assert_eq!(run.code, Some(7), "{target} in {steps} steps: {run:?}");
                    assert!(!run.stderr.contains("unhealthy"), "{target} in {steps} steps: {run:?}");
                    let is_healthy = run.stderr.contains("healthy: ");
                    healthy += u32::from(is_healthy);
                    short += u32::from(!is_healthy);
                    if healthy == 4 {
                        break;
                    }
                    assert!(steps < first + 1000, "{target} is never healthy: {run:?}");
                }
                assert!(short > 0, "{target} was never short of memory");
            });
        }
    });
}

/// The negative control, and what want of memory is: a failed attempt, and no end of the process.
#[test]
fn a_check_that_may_take_less_than_it_needs_says_so() {
    let big = body("a body", &["--contains", "x"], &vec![b' '; 1024 * 1024]);
    let server = big.server();
    let target = big.target(&server);
    // How much is too little depends on the C library.
    let runs = [18, 16, 14, 12, 10, 8, 6].map(|tenths| {
        let limit = format!("--data={}", tenths * 100_000);
        Sexton::with(["check", "--contains", "x", &target]).under(["prlimit", &limit]).run()
    });
    let told = |run: &Run| run.stdout.starts_with("unhealthy: out of memory while reading the body (");
    assert!(runs.iter().any(|run| run.code == Some(1) && told(run)), "{runs:?}");
}

/// A control group with so much memory; gone when dropped.
struct Memory(PathBuf);

impl Memory {
    /// In the hierarchy of either version, where we may.
    fn new(limit: &str) -> Option<Self> {
        let name = format!("sexton-zoo-{}", std::process::id());
        for (root, file) in
            [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
        {
            let path = Path::new(root).join(&name);
            if fs::create_dir(&path).is_ok() {
                let group = Self(path);
                if fs::write(group.0.join(file), limit).is_ok() {
                    return Some(group);
                }
            }
        }
        skipped("no control group with a limit of memory can be made here");
        None
    }

    /// How many processes the kernel has killed for want of memory.
    fn killed(&self) -> u64 {
        let text = ["memory.events", "memory.oom_control"].map(|file| fs::read_to_string(self.0.join(file)));
        let text: String = text.into_iter().flatten().collect();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn an_init_that_watches_all_of_them_in_16_megabytes_keeps_its_app() {
    if !is_root() {
        skipped("control groups and PID namespaces need root");
        return;
    }
    let Some(group) = Memory::new("16777216") else { return };
    let animals = zoo();
    let servers: Vec<_> = animals.iter().map(Animal::server).collect();
    let mut init = vec!["init".to_owned()];
    // Options of one target would be those of all: the fragments are each target's own.
    for (animal, server) in animals.iter().zip(&servers).filter(|(animal, _)| animal.options.is_empty()) {
        init.extend(["--watch".into(), animal.target(server)]);
    }
    let options = "--interval 100ms --attempt-timeout 2s --on-unhealthy report -- sleep 1000";
    init.extend(options.split(' ').map(str::to_owned));
    let join = format!(
        "echo $$ > {}/cgroup.procs; exec unshare --pid --fork --kill-child \"$0\" \"$@\"",
        group.0.display()
    );
    let mut child = Command::new("sh")
        .args(["-c", &join])
        .arg(binary())
        .args(init)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh");
    // Each of them is asked again and again.
    eventually("all were met three times", || {
        servers
            .iter()
            .zip(&animals)
            .filter(|(_, animal)| animal.scheme == "http://" && animal.options.is_empty())
            .all(|(server, _)| server.requests().len() >= 3)
    });
    assert!(child.try_wait().expect("ours").is_none(), "the container has ended");
    let inside = fs::read_to_string(group.0.join("cgroup.procs")).expect("a group");
    let is_app =
        |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
    let (apps, killed) = (inside.lines().filter(|pid| is_app(pid)).count(), group.killed());
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL)
        .expect("it lives");
    child.wait().expect("ours");
    assert_eq!((apps, killed), (1, 0));
    eventually("the group is empty", || {
        fs::read_to_string(group.0.join("cgroup.procs")).is_ok_and(|all| all.is_empty())
    });
}
