//! Who may ask for the verdict: few at a time, shortly, in few bytes. Nothing in here waits, and each turn is bounded.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{self, Path, PathBuf};
use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::init::plan::Address;
use crate::sys::signal::{ExtraFd, Interest};

use super::answer;

/// The most connections at a time. One more takes the place of the oldest that is not fresh any more.
const CONNECTIONS: usize = 16;

/// The longest head of a request.
const HEAD_MAX: usize = 4096;

/// How long a connection may last.
const LIFETIME: Duration = Duration::from_secs(2);

/// How long a connection is safe from one that wants its place: an honest request is here at once.
const FRESH: Duration = Duration::from_millis(100);

/// How long nobody is accepted when there is no descriptor for them: poll would say so for ever.
const PAUSE: Duration = Duration::from_millis(200);

/// The socket and its connections.
pub(super) struct Listener {
    socket: Socket,
    /// Of a unix socket, to be taken away again.
    path: Option<PathBuf>,
    connections: Vec<Connection>,
    paused: Option<Deadline>,
}

/// Where it listens.
enum Socket {
    /// On a port.
    Tcp(TcpListener),
    /// At a path.
    Unix(UnixListener),
}

impl Socket {
    /// Accepts somebody, if somebody is there.
    fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(socket) => {
                let (stream, _) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(socket) => {
                let (stream, _) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// What both are.
trait Stream: Read + Write + AsRawFd {
    /// Says that nothing more is sent.
    fn finish(&self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Stream for UnixStream {
    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// One that asks.
struct Connection {
    stream: Box<dyn Stream>,
    came: Instant,
    until: Deadline,
    state: State,
}

/// How far it is.
enum State {
    /// So much of its head has come.
    Reading(Vec<u8>),
    /// This is sent from there on.
    Writing(Vec<u8>, usize),
    /// All is sent. Closing before the peer does could be a reset, and take the answer away from it.
    Leaving,
    /// It is over.
    Over,
}

impl Listener {
    /// Listens at `address`.
    ///
    /// # Errors
    ///
    /// Why that cannot be, in one line.
    pub(super) fn open(address: &Address) -> Result<Self, String> {
        let (socket, path) = match address {
            Address::Tcp(address) => {
                let socket = TcpListener::bind(address)
                    .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
                    .map_err(|why| format!("cannot listen on {address}: {}", cause(&why)))?;
                (Socket::Tcp(socket), None)
            }
            Address::Unix(path) => {
                let path = path::absolute(path).unwrap_or_else(|_| path.clone());
                clear(&path);
                let socket = UnixListener::bind(&path)
                    .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
                    .map_err(|why| format!("cannot listen on unix:{}: {}", path.display(), cause(&why)))?;
                (Socket::Unix(socket), Some(path))
            }
        };
        Ok(Self { socket, path, connections: Vec::new(), paused: None })
    }

    /// Accepts, reads, answers and sends what can be without waiting.
    pub(super) fn step(&mut self, answer: impl Fn(&[u8]) -> Vec<u8>) {
        if self.paused.is_some_and(Deadline::has_passed) {
            self.paused = None;
        }
        self.advance(&answer);
        // As many as there are places: then it is the signals' turn again.
        for _ in 0..CONNECTIONS {
            if self.paused.is_some() || !self.has_place() {
                break;
            }
            let stream = self.socket.accept();
            match stream {
                Ok(stream) => self.admit(stream),
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                // The peer has gone again.
                Err(why) if matches!(why.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(_) => self.paused = Some(Deadline::after(PAUSE)),
            }
        }
        self.advance(&answer);
    }

    /// Takes one in, in the place of the oldest where there is no other.
    fn admit(&mut self, stream: Box<dyn Stream>) {
        if self.connections.len() >= CONNECTIONS {
            // In the order in which they came.
            self.connections.remove(0);
        }
        let state = State::Reading(Vec::new());
        let until = Deadline::after(LIFETIME);
        self.connections.push(Connection { stream, came: Instant::now(), until, state });
    }

    /// Whether there is a place, or one that can be made.
    fn has_place(&self) -> bool {
        self.connections.len() < CONNECTIONS
            || self.connections.first().is_some_and(|oldest| oldest.came.elapsed() >= FRESH)
    }

    /// Moves every connection on.
    fn advance(&mut self, answer: &impl Fn(&[u8]) -> Vec<u8>) {
        for connection in &mut self.connections {
            connection.step(answer);
        }
        self.connections.retain(|connection| !matches!(connection.state, State::Over));
        if self.connections.is_empty() {
            // Nothing is kept for a crowd that has gone.
            self.connections = Vec::new();
        }
    }

    /// When `step` has something to do though no descriptor says so.
    pub(super) fn due(&self) -> Option<Deadline> {
        let ends = self.connections.iter().map(|connection| connection.until);
        let place = self.connections.first().filter(|_| self.connections.len() >= CONNECTIONS);
        let place = place.map(|oldest| Deadline::after(FRESH.saturating_sub(oldest.came.elapsed())));
        // With a place to make, the socket itself is waited for.
        ends.chain(place.filter(|_| !self.has_place())).chain(self.paused).min()
    }

    /// What may give `step` something to do.
    pub(super) fn extra_fds(&self) -> impl Iterator<Item = ExtraFd> {
        let is_open = self.paused.is_none() && self.has_place();
        let socket = is_open.then(|| ExtraFd { fd: self.raw_fd(), interest: Interest::Readable });
        let connections = self.connections.iter().map(|connection| ExtraFd {
            fd: connection.stream.as_raw_fd(),
            interest: match connection.state {
                State::Writing(..) => Interest::Writable,
                State::Reading(_) | State::Leaving | State::Over => Interest::Readable,
            },
        });
        socket.into_iter().chain(connections)
    }

    /// The listening socket's.
    fn raw_fd(&self) -> RawFd {
        match &self.socket {
            Socket::Tcp(socket) => socket.as_raw_fd(),
            Socket::Unix(socket) => socket.as_raw_fd(),
        }
    }
}

impl Drop for Listener {
    /// Nobody else finds a dead socket.
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

impl Connection {
    /// Moves on as far as it goes without waiting.
    fn step(&mut self, answer: &impl Fn(&[u8]) -> Vec<u8>) {
        if self.until.has_passed() {
            self.state = State::Over;
        }
        loop {
            self.state = match std::mem::replace(&mut self.state, State::Over) {
                State::Reading(head) => match self.read(head, answer) {
                    state @ State::Writing(..) => state,
                    state => return self.state = state,
                },
                State::Writing(bytes, sent) => match self.stream.write(bytes.get(sent..).unwrap_or_default())
                {
                    Ok(amount) if sent + amount < bytes.len() => State::Writing(bytes, sent + amount),
                    Ok(_) => {
                        // One that has gone needs no goodbye.
                        let _ = self.stream.finish();
                        State::Leaving
                    }
                    Err(why) => return self.state = unless_later(&why, State::Writing(bytes, sent)),
                },
                State::Leaving => match self.stream.read(&mut [0; 1024]) {
                    // One piece a turn: a peer that never stops to send has no more of us.
                    Ok(amount) if amount > 0 => return self.state = State::Leaving,
                    Ok(_) => State::Over,
                    Err(why) => return self.state = unless_later(&why, State::Leaving),
                },
                State::Over => return,
            };
        }
    }

    /// Reads on in a head, and has it answered when it is whole.
    fn read(&mut self, mut head: Vec<u8>, answer: &impl Fn(&[u8]) -> Vec<u8>) -> State {
        let mut piece = [0; 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => State::Over,
            Ok(amount) => {
                head.extend(piece.get(..amount).unwrap_or_default());
                if is_whole(&head) {
                    State::Writing(answer(&head), 0)
                } else if head.len() >= HEAD_MAX {
                    State::Writing(answer::too_long(), 0)
                } else {
                    State::Reading(head)
                }
            }
            Err(why) => unless_later(&why, State::Reading(head)),
        }
    }
}

/// Whether the empty line at the end of a head has come.
fn is_whole(head: &[u8]) -> bool {
    head.windows(4).any(|end| end == b"\r\n\r\n") || head.windows(2).any(|end| end == b"\n\n")
}

/// `state`, if the error only says that it is too early.
fn unless_later(why: &io::Error, state: State) -> State {
    if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) { state } else { State::Over }
}

/// Takes away a socket that nobody listens at: one that an earlier run has left.
fn clear(path: &Path) {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    let refused = || UnixStream::connect(path).is_err_and(|why| why.kind() == ErrorKind::ConnectionRefused);
    if is_socket && refused() {
        let _ = fs::remove_file(path);
    }
}

/// What stands in the way, and what would help.
fn cause(why: &io::Error) -> String {
    match why.kind() {
        ErrorKind::AddrInUse => "somebody else listens there".into(),
        ErrorKind::AddrNotAvailable => "no such address here".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::NotFound => "no such folder".into(),
        _ => why.to_string().to_lowercase(),
    }
}
