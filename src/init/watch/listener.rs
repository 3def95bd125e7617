//! Who may ask for the verdict: few at a time, shortly, in few bytes. Nothing in here waits, and each turn is bounded.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::init::plan::Address;
use crate::sys::signal::{ExtraFd, Interest};

use super::answer;
use super::socket::{ClientStream, Socket};

/// The most connections at a time. One more takes the place of the oldest that has said nothing: with 500 silent ones in a
/// second each still has a tenth of one for its request.
const CONNECTIONS: usize = 64;

/// The longest head of a request.
const HEAD_MAX: usize = 4096;

/// How long a connection may last.
const LIFETIME: Duration = Duration::from_secs(2);

/// How long the oldest connection is safe at least: an honest request is here at once.
const FRESH: Duration = Duration::from_millis(10);

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

/// One that asks.
struct Connection {
    stream: Box<dyn ClientStream>,
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
        let (socket, path) = Socket::open(address)?;
        Ok(Self { socket, path, connections: Vec::new(), paused: None })
    }

    /// The port that was found free, where any would do.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.socket.address()
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
                // No descriptor is free: those of the oldest are, where there are some.
                Err(_) if self.connections.is_empty() => self.paused = Some(Deadline::after(PAUSE)),
                Err(_) => self.dismiss(),
            }
        }
        self.advance(&answer);
    }

    /// Takes one in, in the place of another where there is no other.
    fn admit(&mut self, stream: Box<dyn ClientStream>) {
        if self.connections.len() >= CONNECTIONS {
            self.dismiss();
        }
        let state = State::Reading(Vec::new());
        let until = Deadline::after(LIFETIME);
        self.connections.push(Connection { stream, came: Instant::now(), until, state });
    }

    /// Ends the oldest connection: of those that have their answer if there is one, or of those that have said nothing yet.
    /// They are in the order in which they came.
    fn dismiss(&mut self) {
        let answered = |one: &Connection| matches!(one.state, State::Leaving);
        let silent = |one: &Connection| matches!(&one.state, State::Reading(head) if head.is_empty());
        let oldest = |of: fn(&Connection) -> bool| self.connections.iter().position(of);
        let index = oldest(answered).or_else(|| oldest(silent)).unwrap_or(0);
        if index < self.connections.len() {
            self.connections.remove(index);
        }
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
        let socket = is_open.then(|| ExtraFd { fd: self.socket.raw_fd(), interest: Interest::Readable });
        let connections = self.connections.iter().map(|connection| ExtraFd {
            fd: connection.stream.as_raw_fd(),
            interest: match connection.state {
                State::Writing(..) => Interest::Writable,
                State::Reading(_) | State::Leaving | State::Over => Interest::Readable,
            },
        });
        socket.into_iter().chain(connections)
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
