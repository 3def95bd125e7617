//! Servers on port 0, each over when dropped: well-behaved ones and hostile ones.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, UnixAddr, bind, connect, getsockname, listen,
    setsockopt, socket, sockopt,
};

use super::eventually;

/// The usual good answer.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// How often a server looks whether it is over, and how long it waits between dripped bytes.
const TICK: Duration = Duration::from_millis(20);

/// A server in threads of its own.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What a server and its connections have in common.
#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    requests: Mutex<Vec<String>>,
}

impl Server {
    /// Does `behave` with every connection on 127.0.0.1, each on its own thread.
    pub(crate) fn new(behave: impl Fn(&mut Client) + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", behave)
    }

    /// Does `behave` with every connection to `address`.
    pub(crate) fn on(address: &str, behave: impl Fn(&mut Client) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::new(Shared::default());
        let behave = Arc::new(behave);
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming() {
                    if shared.over.load(Ordering::Acquire) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let (behave, shared) = (Arc::clone(&behave), Arc::clone(&shared));
                    thread::spawn(move || behave(&mut Client::new(stream, shared)));
                }
            }
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// Reads a request, answers `bytes`, closes.
    pub(crate) fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::new(move |client| {
            client.read_head();
            client.send(&bytes);
            client.close();
        })
    }

    /// Answers `bytes` to each request of a connection, and closes none.
    pub(crate) fn keeping_alive(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::new(move |client| {
            while client.read_head() {
                client.send(&bytes);
            }
        })
    }

    /// Accepts, reads, and never says a word.
    pub(crate) fn silent() -> Self {
        Self::new(|client| {
            client.read_head();
            client.hold();
        })
    }

    /// Reads a request and closes without an answer.
    pub(crate) fn closing() -> Self {
        Self::new(|client| {
            client.read_head();
            client.close();
        })
    }

    /// Reads a request, answers `bytes`, and resets the connection.
    pub(crate) fn resetting(bytes: &'static str) -> Self {
        Self::new(move |client| {
            client.read_head();
            client.send(bytes.as_bytes());
            client.reset();
        })
    }

    /// Answers `start`, then a byte of `endless` at a time, round and round, with a pause after each.
    pub(crate) fn dripping(start: &'static str, endless: &'static str) -> Self {
        Self::new(move |client| {
            client.read_head();
            client.send(start.as_bytes());
            for byte in endless.bytes().cycle() {
                if !client.send(&[byte]) {
                    return;
                }
                thread::sleep(TICK);
            }
        })
    }

    /// Answers `start`, then `endless` as fast as it goes, without end.
    pub(crate) fn pouring(start: &'static str, endless: &'static str) -> Self {
        Self::new(move |client| {
            client.read_head();
            client.send(start.as_bytes());
            let much = endless.repeat(64 * 1024 / endless.len());
            while client.send(much.as_bytes()) {}
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port alone.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://address/`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("no test panics in it").clone()
    }

    /// Waits until there was a request, and returns the first.
    pub(crate) fn first_request(&self) -> String {
        eventually("a request", || !self.requests().is_empty());
        self.requests().swap_remove(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        let _ = self.acceptor.take().map(JoinHandle::join);
    }
}

/// A connection as the server sees it.
#[derive(Debug)]
pub(crate) struct Client {
    stream: Option<TcpStream>,
    shared: Arc<Shared>,
}

impl Client {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        stream.set_read_timeout(Some(TICK)).expect("it can be set");
        stream.set_write_timeout(Some(TICK)).expect("it can be set");
        stream.set_nodelay(true).expect("it can be set");
        Self { stream: Some(stream), shared }
    }

    /// Reads and keeps the head of a request; false when there is none.
    pub(crate) fn read_head(&mut self) -> bool {
        self.next_head().is_some()
    }

    /// Reads, keeps and returns the head of a request; none when there is none.
    pub(crate) fn next_head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if self.read(&mut byte) == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        self.shared.requests.lock().expect("no test panics in it").push(head.clone());
        Some(head)
    }

    /// How many requests the server has read so far.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.lock().expect("no test panics in it").len()
    }

    /// Reads some bytes; 0 when there will be none.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let Some(stream) = &mut self.stream else { return 0 };
        loop {
            match stream.read(buffer) {
                Ok(amount) => return amount,
                Err(error) if is_a_pause(error.kind()) && !self.shared.over.load(Ordering::Acquire) => {}
                Err(_) => return 0,
            }
        }
    }

    /// Sends all of `bytes`; false when nobody takes them any more.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(amount) => bytes = &bytes[amount..],
                Err(error) if is_a_pause(error.kind()) => {}
                Err(_) => return false,
            }
            if self.shared.over.load(Ordering::Acquire) {
                return false;
            }
        }
        true
    }

    /// Says nothing more until the peer is gone.
    pub(crate) fn hold(&mut self) {
        let mut buffer = [0; 1024];
        while self.read(&mut buffer) > 0 {}
    }

    /// Closes; waits for the peer, since a close before all was read would be a reset.
    pub(crate) fn close(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        self.hold();
        self.stream = None;
    }

    /// Closes with a reset.
    pub(crate) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            let now = libc::linger { l_onoff: 1, l_linger: 0 };
            setsockopt(&stream, sockopt::Linger, &now).expect("it can be set");
        }
    }
}

/// Whether a read or write only came to the end of its tick.
fn is_a_pause(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// A listening socket that never accepts and whose backlog is full: a connect(2) to it stays under way.
#[derive(Debug)]
pub(crate) struct Busy {
    address: SocketAddr,
    _listener: OwnedFd,
    _waiting: Vec<OwnedFd>,
}

impl Busy {
    /// On 127.0.0.1.
    pub(crate) fn new() -> Self {
        Self::on(SockaddrIn::new(127, 0, 0, 1, 0))
    }

    /// On `place`.
    pub(crate) fn on(place: SockaddrIn) -> Self {
        let flags = SockFlag::SOCK_CLOEXEC;
        let listener = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("a socket");
        bind(listener.as_raw_fd(), &place).expect("a free port");
        listen(&listener, Backlog::new(0).expect("0 is one")).expect("it listens");
        let address: SockaddrIn = getsockname(listener.as_raw_fd()).expect("it has an address");
        let mut waiting = Vec::new();
        // More than the backlog takes; those that it does not take stay under way and keep it full.
        for _ in 0..8 {
            let flags = flags | SockFlag::SOCK_NONBLOCK;
            let one = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("a socket");
            match connect(one.as_raw_fd(), &address) {
                Ok(()) | Err(Errno::EINPROGRESS) => waiting.push(one),
                Err(errno) => panic!("{errno}"),
            }
        }
        let address = SocketAddr::new(address.ip().into(), address.port());
        Self { address, _listener: listener, _waiting: waiting }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A unix socket that accepts nothing; what connects waits in its backlog, and is accepted by that.
#[derive(Debug)]
pub(crate) struct UnixSocket(#[allow(dead_code, reason = "open as long as the test lasts")] UnixListener);

impl UnixSocket {
    /// At `path`.
    pub(crate) fn new(path: &Path) -> Self {
        Self(UnixListener::bind(path).expect("the path is free"))
    }
}

/// A unix socket whose backlog is full.
#[derive(Debug)]
pub(crate) struct BusyUnix {
    _listener: OwnedFd,
    _waiting: UnixStream,
}

impl BusyUnix {
    /// At `path`.
    pub(crate) fn new(path: &Path) -> Self {
        let listener = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
        let listener = listener.expect("a socket");
        bind(listener.as_raw_fd(), &UnixAddr::new(path).expect("a short path")).expect("the path is free");
        listen(&listener, Backlog::new(0).expect("0 is one")).expect("it listens");
        let waiting = UnixStream::connect(path).expect("the backlog takes one");
        Self { _listener: listener, _waiting: waiting }
    }
}

/// A port on 127.0.0.1 that refuses connections: it is bound, so nobody else gets it, and does not listen.
#[derive(Debug)]
pub(crate) struct Refusing {
    address: SocketAddr,
    socket: OwnedFd,
}

impl Refusing {
    /// On 127.0.0.1.
    pub(crate) fn new() -> Self {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
        let socket = socket.expect("a socket");
        bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("a free port");
        let address: SockaddrIn = getsockname(socket.as_raw_fd()).expect("it has an address");
        Self { address: SocketAddr::new(address.ip().into(), address.port()), socket }
    }

    /// Accepts from now on, on the port that it has had all along.
    pub(crate) fn listen(&self) {
        listen(&self.socket, Backlog::new(16).expect("16 is one")).expect("it listens");
    }

    /// Refuses again.
    pub(crate) fn refuse(&self) {
        nix::sys::socket::shutdown(self.socket.as_raw_fd(), nix::sys::socket::Shutdown::Both)
            .expect("it listened");
    }

    /// Where it refuses.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
