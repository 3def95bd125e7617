//! `grpc://` and `grpcs://`, against grpcio in Python and tonic in Rust; also as `grpc_health_probe`.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::runtime::Runtime;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server as Tonic, ServerTlsConfig};
use tonic_health::ServingStatus;

use crate::support::program::binary;
use crate::support::servers::{Refusing, Server};
use crate::support::temp::Folder;
use crate::support::tls::Authority;
use crate::support::{Run, Sexton, sexton};

/// grpcio's server, ended with the value.
struct Python {
    child: Child,
    port: u16,
}

impl Python {
    /// Starts it with `args`, or skips.
    fn start(args: &[&str]) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/services/grpc_server.py");
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "python3", script])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("setpriv is part of util-linux");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("it is piped"))
            .read_line(&mut line)
            .expect("it can be read");
        if let Ok(port) = line.trim().parse() {
            return Some(Self { child, port });
        }
        let said = child.wait_with_output().expect("it ended");
        let said = String::from_utf8_lossy(&said.stderr);
        let sentence = "skipped: no gRPC server for Python (pip install grpcio grpcio-health-checking)";
        let required = std::env::var_os("SEXTON_TEST_PEERS").is_some_and(|value| value == "required");
        assert!(!required, "{sentence}: {said}");
        let _ = writeln!(std::io::stderr(), "{sentence}");
        None
    }

    /// Checks `service` of it with further `args`.
    fn check(&self, service: &str, args: &[&str]) -> Run {
        let target = format!("grpc://127.0.0.1:{}{service}", self.port);
        sexton(["check"].iter().chain(args).chain(&[target.as_str()]))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// tonic's server, with its health set to serving; ended with the value.
struct Rust {
    _runtime: Runtime,
    address: SocketAddr,
}

impl Rust {
    /// On a free port, encrypted as `tls` says.
    fn start(tls: Option<ServerTlsConfig>) -> Self {
        let runtime = Runtime::new().expect("threads");
        let (reporter, service) = tonic_health::server::health_reporter();
        let address = runtime.block_on(async move {
            reporter.set_service_status("", ServingStatus::Serving).await;
            let incoming =
                TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
            let address = incoming.local_addr().expect("it is bound");
            let mut server = Tonic::builder();
            if let Some(tls) = tls {
                server = server.tls_config(tls).expect("good certificates");
            }
            tokio::spawn(server.add_service(service).serve_with_incoming(incoming));
            address
        });
        Self { _runtime: runtime, address }
    }
}

#[test]
fn only_serving_is_healthy_and_every_other_answer_is_named() {
    let Some(server) = Python::start(&[]) else { return };
    server.check("", &[]).said(0, "healthy: SERVING (grpc://127.0.0.1:");
    server.check("/up", &[]).said(0, "healthy: up is SERVING (");
    server.check("/down", &[]).said(1, "unhealthy: down is NOT_SERVING (");
    server.check("/new", &[]).said(1, "unhealthy: new is UNKNOWN (");
    server.check("/none", &[]).said(1, "unhealthy: the server knows no service none (NOT_FOUND) (");
}

#[test]
fn a_header_is_sent_as_metadata() {
    let Some(server) = Python::start(&[]) else { return };
    server.check("/guarded", &[]).said(1, "unhealthy: UNAUTHENTICATED: no token; --header sends metadata (");
    server.check("/guarded", &["-H", "Token: t0p"]).said(0, "healthy: guarded is SERVING (");
}

#[test]
fn a_server_without_the_health_protocol_is_named() {
    let Some(server) = Python::start(&["bare"]) else { return };
    server
        .check("", &[])
        .said(1, "unhealthy: the server does not implement grpc.health.v1.Health (UNIMPLEMENTED) (");
}

#[test]
fn a_slow_answer_is_given_up_at_the_limit() {
    let Some(server) = Python::start(&[]) else { return };
    let run = server.check("/slow", &["-t", "400ms"]);
    run.took(Duration::from_millis(400));
    run.said(1, "unhealthy: timed out waiting for the response (");
}

#[test]
fn tonic_answers_plain_and_by_unix_socket() {
    let server = Rust::start(None);
    sexton(["check", &format!("grpc://{}", server.address)]).said(0, "healthy: SERVING (");
    sexton(["check", &format!("grpc://{}/none", server.address)])
        .said(1, "unhealthy: the server knows no service");

    let folder = Folder::new();
    let socket = folder.join("grpc.sock");
    let runtime = Runtime::new().unwrap();
    let (reporter, service) = tonic_health::server::health_reporter();
    runtime.block_on(async {
        reporter.set_service_status("", ServingStatus::Serving).await;
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let incoming = tokio_stream::wrappers::UnixListenerStream::new(listener);
        tokio::spawn(Tonic::builder().add_service(service).serve_with_incoming(incoming));
    });
    let socket = socket.to_str().unwrap();
    sexton(["check", "--unix-socket", socket, "grpc://localhost:1"]).said(0, "healthy: SERVING (");
}

#[test]
fn tls_is_verified_and_may_want_a_client_certificate() {
    let authority = Authority::new("test authority");
    let (server, client) = (authority.issue(&["localhost"], |_| {}), authority.issue(&["client"], |_| {}));
    let folder = Folder::new();
    let file = |name: &str, pem: &str| {
        let path = folder.join(name);
        std::fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ca = file("ca.pem", &authority.pem());
    let (cert, key) = (file("cert.pem", &client.pem()), file("key.pem", &client.key_pem()));
    let config = ServerTlsConfig::new().identity(Identity::from_pem(server.pem(), server.key_pem()));

    let plain = Rust::start(Some(config.clone()));
    let target = format!("grpcs://localhost:{}", plain.address.port());
    sexton(["check", "-4", "--cacert", &ca, &target]).said(0, "healthy: SERVING (");
    sexton(["check", "-4", "--insecure", &target]).said(0, "healthy: SERVING (");
    sexton(["check", "-4", &target]).said(1, "unhealthy: ");
    let by_address = format!("grpcs://{}", plain.address);
    sexton(["check", "--cacert", &ca, &by_address]).said(1, "unhealthy: ");
    sexton(["check", "--cacert", &ca, "--server-name", "localhost", &by_address])
        .said(0, "healthy: SERVING (");
    let unencrypted = format!("grpc://{}", plain.address);
    sexton(["check", &unencrypted]).said(1, "unhealthy: ");

    let mutual = Rust::start(Some(config.client_ca_root(Certificate::from_pem(authority.pem()))));
    let target = format!("grpcs://localhost:{}", mutual.address.port());
    sexton(["check", "-4", "--cacert", &ca, &target])
        .said(1, "unhealthy: the peer wants a client certificate; --cert FILE and --key FILE give one (");
    let program = folder.join("grpc_health_probe");
    symlink(binary(), &program).unwrap();
    let address = format!("-addr=localhost:{}", mutual.address.port());
    let run = probe(&program, &[&address, "-tls", "-tls-ca-cert", &ca]);
    assert_eq!(run.code, Some(2), "{run:?}");
    let with = ["-tls-client-cert", &cert, "-tls-client-key", &key];
    let run = probe(&program, &[&[&address, "-tls", "-tls-ca-cert", &ca][..], &with].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    sexton(["check", "-4", "--cacert", &ca, "--cert", &cert, "--key", &key, &target])
        .said(0, "healthy: SERVING (");
}

#[test]
fn a_server_that_speaks_something_else_is_named() {
    let http = Server::answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let run = sexton(["check", &format!("grpc://{}", http.address())]);
    run.said(1, "unhealthy: the peer speaks HTTP/1, not gRPC; is it http://? (");
    let banner = Server::answering("220 mail.example ESMTP\r\n");
    let run = sexton(["check", &format!("grpc://{}", banner.address())]);
    run.said(1, "unhealthy: not HTTP/2: the peer's answer begins with `220 mail");
    let closing = Server::closing();
    let run = sexton(["check", &format!("grpc://{}", closing.address())]);
    run.said(1, "unhealthy: the peer ");
    let run = sexton(["check", &format!("grpc://{}", http.address()), "--status", "200"]);
    run.refused("--status does not apply to this target");
}

#[test]
fn a_silent_or_dripping_server_is_given_up_at_the_limit() {
    for server in [Server::silent(), Server::dripping("", "\0\0\0\x04\0\0\0\0\0")] {
        let run = sexton(["check", "-t", "400ms", &format!("grpc://{}", server.address())]);
        run.took(Duration::from_millis(400));
        run.said(1, "unhealthy: ");
    }
}

/// Runs it by the name of `grpc_health_probe`.
fn probe(program: &Path, args: &[&str]) -> Run {
    Sexton::with(args).at(program).run()
}

#[test]
fn as_grpc_health_probe_it_has_that_tools_flags_and_codes() {
    let Some(server) = Python::start(&[]) else { return };
    let folder = Folder::new();
    let program = folder.join("grpc_health_probe");
    symlink(binary(), &program).unwrap();
    let address = format!("-addr=127.0.0.1:{}", server.port);
    let by_port = format!("-addr=:{}", server.port);
    let refusing = Refusing::new();
    let nobody = format!("-addr={}", refusing.address());
    let silent = Server::silent();
    let mute = format!("-addr={}", silent.address());
    for (args, code, said) in [
        (&[address.as_str()][..], 0, "status: SERVING"),
        (&[&by_port], 0, "status: SERVING"),
        (&[&address, "-service=up", "-v", "-gzip"], 0, "status: SERVING"),
        (&["--addr", &address[6..], "--service", "up"], 0, "status: SERVING"),
        (&[&address, "-service", "down"], 4, "service unhealthy (responded with"),
        (&[&address, "-service", "none"], 3, "error: health rpc failed"),
        (&[&address, "-service", "guarded"], 3, "error: health rpc failed"),
        (&[&address, "-service", "guarded", "-rpc-header", "token: t0p"], 0, "status: SERVING"),
        (&[&address, "-service", "slow", "-rpc-timeout", "300ms"], 3, "timeout: health rpc did not complete"),
        // It waits for the server's preface before it takes a connection to stand.
        (&[&mute, "-rpc-timeout", "300ms"], 2, "timeout: failed to connect service"),
        (&["-h"], 1, "usage: "),
        (&["-help"], 1, "usage: "),
        (&[&address, "-alts"], 1, "-alts is not offered here"),
        (&[&address, "-spiffe"], 1, "-spiffe is not offered here"),
        (&[&address, "-service=/up"], 3, "the server knows no service /up"),
        (&[&address, "-service=up#status=1"], 3, "the server knows no service up#status=1"),
        (&[&address, "-tls", "-tls-ca-cert=/nope"], 1, "failed to initialize tls credentials. error="),
        (&[&nobody, "-tls", "-tls-ca-cert=/nope"], 1, "failed to initialize tls credentials. error="),
        (
            &[&address, "-tls", "-tls-client-cert=/nope", "-tls-client-key=/nope"],
            1,
            "failed to initialize tls",
        ),
        (&[&address, "-tls-ca-cert=/nope"], 1, "specified -tls-ca-cert without specifying -tls"),
        (&[&nobody], 2, "error: failed to connect service"),
        (&[&address, "-tls"], 2, "error: failed to connect service"),
        (&[], 1, "-addr not specified"),
        (&["-nonsense"], 1, "flag provided but not defined: -nonsense"),
    ] {
        let run = probe(&program, args);
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{args:?}: {run:?}");
        assert!(run.stderr.contains(said), "{args:?}: {run:?}");
    }
    let run = probe(&program, &[&address, "-service", "slow", "-rpc-timeout", "300ms"]);
    run.took(Duration::from_millis(300));
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Header fields as HPACK writes them without its tables, behind `:status: 200`.
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x88];
    for (name, value) in fields {
        for (index, text) in [name, value].into_iter().enumerate() {
            block.extend((index == 0).then_some(0));
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.bytes());
        }
    }
    block
}

/// The same as trailers have them.
fn trailers(of: &[(&str, &str)]) -> Vec<u8> {
    fields(of).split_off(1)
}

/// A server that says `first` to its first connection, and `then` to any other.
pub(crate) fn scripted(first: Vec<u8>, then: Vec<u8>) -> Server {
    let is_first = std::sync::atomic::AtomicBool::new(true);
    Server::new(move |client| {
        let is_first = is_first.swap(false, std::sync::atomic::Ordering::Relaxed);
        client.send(&frame(4, 0, 0, b""));
        // Stream 1 is open once the request has come, whose message is empty.
        let request = frame(0, 1, 1, &[0; 5]);
        let (mut came, mut piece) = (Vec::new(), [0; 1024]);
        while !came.windows(request.len()).any(|part| part == request) {
            match client.read(&mut piece) {
                0 => return,
                amount => came.extend_from_slice(&piece[..amount]),
            }
        }
        client.send(if is_first { &first } else { &then });
        client.hold();
    })
}

/// SERVING, and a good end.
pub(crate) fn serving() -> Vec<u8> {
    let head = fields(&[("content-type", "application/grpc")]);
    [
        frame(1, 4, 1, &head),
        frame(0, 0, 1, &[0, 0, 0, 0, 2, 8, 1]),
        frame(1, 5, 1, &trailers(&[("grpc-status", "0")])),
    ]
    .concat()
}

#[test]
fn a_response_without_a_grpc_status_is_not_serving() {
    let head = fields(&[("content-type", "application/grpc")]);
    let cut = [frame(1, 4, 1, &head), frame(0, 1, 1, &[0, 0, 0, 0, 2, 8, 1])].concat();
    let server = scripted(cut.clone(), cut);
    sexton(["check", &format!("grpc://{}", server.address())])
        .said(1, "unhealthy: a response without grpc-status, which may be truncated (");
    let server = scripted(serving(), serving());
    sexton(["check", &format!("grpc://{}", server.address())]).said(0, "healthy: SERVING (");
}

#[test]
fn a_server_that_sends_its_clients_away_is_asked_over_another_connection() {
    // The last stream that it looked at is 0; no error.
    let away = frame(7, 0, 0, &[0; 8]);
    let refused = frame(3, 0, 1, &[0, 0, 0, 7]);
    for first in [away.clone(), refused] {
        let server = scripted(first, serving());
        sexton(["check", &format!("grpc://{}", server.address())]).said(0, "healthy: SERVING (");
    }
    let server = scripted(away.clone(), away);
    sexton(["check", &format!("grpc://{}", server.address())])
        .said(1, "unhealthy: the server is going away (GOAWAY), at each connection (");
}

#[test]
fn a_message_of_the_server_is_decoded() {
    let told = fields(&[
        ("content-type", "application/grpc"),
        ("grpc-status", "14"),
        ("grpc-message", "db%20is down: 100%, caf%C3%A9%0a"),
    ]);
    let told = frame(1, 5, 1, &told);
    let server = scripted(told.clone(), told);
    let run = sexton(["check", &format!("grpc://{}", server.address())]);
    run.said(1, "unhealthy: UNAVAILABLE: db is down: 100%, café");
}

#[test]
fn what_a_server_does_to_http2_has_a_sentence() {
    let reset = |code: u8| frame(3, 0, 1, &[0, 0, 0, code]);
    let leave = |code: u8| frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, code]);
    let head = fields(&[("content-type", "application/grpc")]);
    let status =
        |fields: &[(&str, &str)]| [frame(1, 4, 1, &head), frame(1, 5, 1, &trailers(fields))].concat();
    for (says, line) in [
        (reset(8), "the server broke off the call (CANCEL) ("),
        (reset(2), "the server broke off the call (INTERNAL_ERROR) ("),
        (
            leave(11),
            "the server turns us away for asking too much (ENHANCE_YOUR_CALM); check it less often (",
        ),
        (leave(13), "the server wants HTTP/1.1 (HTTP_1_1_REQUIRED), which gRPC is not; is it http://? ("),
        (leave(2), "the server closed the connection during the call (INTERNAL_ERROR) ("),
        // A frame of 16 MB; data of a stream that nobody opened.
        (
            b"\xff\xff\xff\0\0\0\0\0\x01".to_vec(),
            "the server breaks the rules of HTTP/2 (FRAME_SIZE_ERROR) (",
        ),
        (frame(0, 0, 7, &[0; 4]), "the server breaks the rules of HTTP/2 (PROTOCOL_ERROR) ("),
        (status(&[("grpc-status", "7")]), "PERMISSION_DENIED ("),
        (status(&[("grpc-status", "14"), ("grpc-message", "no%20backend")]), "UNAVAILABLE: no backend ("),
        (status(&[("grpc-status", "16")]), "UNAUTHENTICATED; --header sends metadata ("),
        (status(&[("grpc-status", "13")]), "gRPC status 13 ("),
    ] {
        let server = scripted(says.clone(), says);
        let run = sexton(["check", &format!("grpc://{}", server.address())]);
        run.said(1, &format!("unhealthy: {line}"));
    }
    let binary = Server::new(|client| {
        client.send(b"\xff\xff\xff\xfe\x01\x02\x03\x04\x05");
        client.hold();
    });
    sexton(["check", &format!("grpc://{}", binary.address())])
        .said(1, "unhealthy: the peer does not speak HTTP/2: the bytes ff ff ff fe 01 02 03 04 came (");
    sexton(["check", "-H", "Connection: close", "grpc://127.0.0.1:1"])
        .refused("grpc://127.0.0.1:1: `connection` is not a header of HTTP/2");
}
