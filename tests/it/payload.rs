//! `--send` and `--expect` with tcp, unix and udp.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::servers::{Refusing, Server};
use crate::support::temp::Folder;
use crate::support::{Run, Sexton, sexton};

/// Checks `target` with `options`, a second long at most.
fn check(target: &str, options: &[&str]) -> Run {
    sexton(["check", "--timeout", "1s", target].iter().chain(options))
}

/// A server that sends back what `answer` makes of what it gets first.
fn server(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> (Server, String) {
    let server = Server::new(move |client| {
        let mut buffer = [0; 1024];
        let amount = client.read(&mut buffer);
        client.send(&answer(&buffer[..amount]));
        client.hold();
    });
    let target = format!("tcp://{}", server.address());
    (server, target)
}

#[test]
fn what_is_sent_is_answered() {
    let (_server, redis) = server(|question| match question {
        b"PING\r\n" => b"+PONG\r\n".to_vec(),
        _ => b"-ERR unknown command\r\n".to_vec(),
    });
    check(&redis, &["--send", r"PING\r\n", "--expect", "+PONG"])
        .said(0, "healthy: answered as expected (tcp://");
    check(&redis, &["--send", r"PING\r\n", "--expect", r"\x2bPONG\x0d\n"]).said(0, "healthy: answered");
    let run = check(&redis, &["--send", r"PONG\r\n", "--expect", "+PONG"]);
    run.said(
        1,
        r#"unhealthy: timed out waiting for "+PONG"; what came is "-ERR unknown command\r\n" (tcp://"#,
    );
    run.took(Duration::from_secs(1));
    // It is sent, and nothing is waited for.
    check(&redis, &["--send", r"QUIT\r\n"]).said(0, "healthy: accepts connections (tcp://");
}

#[test]
fn bytes_arrive_as_they_were_meant() {
    let (tell, told) = mpsc::channel();
    let (_server, target) = server(move |question| {
        tell.send(question.to_vec()).unwrap();
        b"ok".to_vec()
    });
    let options = ["--send", r"${WORD}\0\xff\\${NONE:-\t}", "--expect", "ok"];
    let words = ["check", "--timeout", "5s", &target];
    // A backslash in a variable is no escape.
    let run = Sexton::with(words.iter().chain(&options)).env("WORD", r"a\nb").run();
    run.said(0, "healthy: answered as expected");
    assert_eq!(told.recv().unwrap(), b"a\\nb\0\xff\\\t");
}

#[test]
fn a_banner_needs_no_question_and_may_come_in_pieces() {
    let server = Server::new(|client| {
        for piece in [&b"220 mail\r\n2"[..], b"50 SIZE", b" 10\r\n"] {
            client.send(piece);
            thread::sleep(Duration::from_millis(30));
        }
        client.hold();
    });
    let target = format!("tcp://{}", server.address());
    check(&target, &["--expect", r"\n250 SIZE"]).said(0, "healthy: answered as expected");
}

#[test]
fn a_peer_that_closes_or_resets_is_told_from_a_silent_one() {
    let closing = Server::new(|client| {
        client.send(b"bye\0");
        client.close();
    });
    let target = format!("tcp://{}", closing.address());
    check(&target, &["--expect", "hello"]).said(
        1,
        r#"unhealthy: the peer closed the connection without "hello"; what came is "bye\x00" (tcp://"#,
    );
    let silent = Server::silent();
    let run = check(&format!("tcp://{}", silent.address()), &["--expect", "hello"]);
    run.said(1, r#"unhealthy: timed out waiting for "hello"; nothing came (tcp://"#);
    run.took(Duration::from_secs(1));
    let resetting = Server::new(|client| {
        client.read(&mut [0; 8]);
        client.reset();
    });
    check(&format!("tcp://{}", resetting.address()), &["--send", "hi", "--expect", "hello"])
        .said(1, "unhealthy: the peer reset the connection");
}

/// What the endless servers wait for.
const HEAD: &str = r"GET / HTTP/1.1\r\n\r\n";

#[test]
fn an_answer_without_an_end_is_looked_at_as_far_as_it_counts() {
    let pouring = Server::pouring("", "spam ");
    check(&format!("tcp://{}", pouring.address()), &["--send", HEAD, "--expect", "egg"])
        .said(1, r#"unhealthy: no "egg" in the first 64 KiB; what came is "spam spam "#);
    let dripping = Server::dripping("", "x");
    let run = check(&format!("tcp://{}", dripping.address()), &["--send", HEAD, "--expect", "egg"]);
    run.said(1, r#"unhealthy: timed out waiting for "egg"; what came is "x"#);
    run.took(Duration::from_secs(1));
}

#[test]
fn a_unix_socket_is_spoken_to_in_the_same_way() {
    let place = Folder::new();
    let path = place.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut question = [0; 4];
        stream.read_exact(&mut question).unwrap();
        stream.write_all(&question).unwrap();
    });
    check(&format!("unix:{}", path.display()), &["--send", "echo", "--expect", "echo"])
        .said(0, "healthy: answered as expected (unix:/");
    server.join().unwrap();
}

/// A UDP server on 127.0.0.1 that answers the first `count` datagrams by what `answer` makes of number and content.
fn udp(
    count: usize,
    answer: impl Fn(usize, &[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> (String, thread::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let target = format!("udp://{}", socket.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut buffer = [0; 1024];
        for number in 0..count {
            let (amount, peer) = socket.recv_from(&mut buffer).unwrap();
            if let Some(answer) = answer(number, &buffer[..amount]) {
                socket.send_to(&answer, peer).unwrap();
            }
        }
    });
    (target, server)
}

#[test]
fn a_datagram_is_answered() {
    let (target, server) = udp(1, |_, question| Some([b"echo ", question].concat()));
    check(&target, &["--send", r"a\0b", "--expect", r"echo a\0b"])
        .said(0, "healthy: answered as expected (udp://");
    server.join().unwrap();
    let (target, server) = udp(1, |_, question| question.is_empty().then(|| b"Saturday".to_vec()));
    check(&target, &["--expect", "day"]).said(0, "healthy: answered as expected (udp://");
    server.join().unwrap();
}

#[test]
fn a_datagram_that_is_lost_is_sent_again() {
    let (target, server) = udp(2, |number, _| (number == 1).then(|| b"pong".to_vec()));
    let run = sexton(["check", "--timeout", "10s", &target, "--send", "ping", "--expect", "pong"]);
    run.said(0, "healthy: answered as expected");
    run.took(Duration::from_secs(1));
    server.join().unwrap();
}

#[test]
fn a_wrong_answer_and_none_to_a_datagram_are_told_apart() {
    let (target, server) = udp(1, |_, _| Some(b"no\n".to_vec()));
    let run = check(&target, &["--send", "?", "--expect", "yes"]);
    // The server has ended by the second datagram, so that its port may be known to be closed.
    assert_eq!(run.code, Some(1), "{run:?}");
    server.join().unwrap();

    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let run = check(&format!("udp://{}", silent.local_addr().unwrap()), &["--expect", "yes"]);
    run.said(1, r#"unhealthy: timed out waiting for "yes"; nothing came (udp://"#);
    run.took(Duration::from_secs(1));
}

#[test]
fn a_port_where_nobody_takes_datagrams_is_known_at_once() {
    // Bound as a TCP port only, so that no other test takes datagrams there by chance is not sure, but likely.
    let free = Refusing::new();
    let address = free.address();
    let run = check(&format!("udp://{address}"), &["--expect", "x"]);
    run.said(1, &format!("unhealthy: nothing listens at {address} (udp://{address}, "));
    assert!(run.elapsed < Duration::from_secs(1), "{run:?}");
    // The name has two addresses, and the one where somebody listens answers.
    let (target, server) = udp(1, |_, _| Some(b"x".to_vec()));
    let target = target.replace("127.0.0.1", "localhost");
    check(&target, &["--expect", "x"]).said(0, "healthy: answered as expected");
    server.join().unwrap();
}

#[test]
fn what_cannot_be_said_or_heard_is_refused() {
    let tcp = "tcp://127.0.0.1:1";
    for (words, reason) in [
        (
            &["udp://127.0.0.1:1"][..],
            "udp://127.0.0.1:1: --expect is required: that a datagram was sent proves nothing",
        ),
        (&["udp://127.0.0.1", "--expect", "x"], "udp://127.0.0.1: no port; write udp://HOST:PORT"),
        (&["udp://u@h:1", "--expect", "x"], "udp://***@h:1: udp takes no user or password"),
        (&[tcp, "--expect", ""], "--expect: the value is empty"),
        (&[tcp, "--send", r"\q"], r"--send: unknown escape \q; write \\ for a backslash"),
        (&[tcp, "--expect", r"\xg0"], r"--expect: \x without two hexadecimal digits, as in \x0a"),
        (
            &[tcp, "--send", "${SEXTON_TEST_NONE}"],
            "${SEXTON_TEST_NONE} is not set; set it, or write ${SEXTON_TEST_NONE:-default}",
        ),
        (&["file:/etc/passwd", "--send", "x"], "--send does not apply to this target"),
    ] {
        sexton(["check"].iter().chain(words)).refused(reason);
    }
}
