//! One full name, asked of the name servers until one of them knows.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, recv, send};

use crate::deadline::Deadline;
use crate::net::connect;
use crate::outcome::Trace;
use crate::sys::random;

use super::config::{Config, Transport};
use super::message::{self, RecordType, Reply};
use super::silent;

/// How long one family's addresses wait for the other's (RFC 8305, 3, has 50 ms; a check may see a slower server).
const GRACE: Duration = Duration::from_millis(200);

/// How long a server may stay silent before the next one, or the same one again, is asked beside it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The largest datagram that is taken. Without EDNS a server sends 512 bytes at most.
const DATAGRAM_MAX: usize = 4096;

/// The most datagrams that are taken from one socket before the clock is looked at again.
const BURST: usize = 16;

/// What the servers say about one full name.
#[derive(Debug)]
pub(super) enum Answer {
    /// Its addresses; at least one.
    Addresses(Vec<IpAddr>),
    /// It exists and has none of those that were asked for, says this server.
    NoData(SocketAddr),
    /// It does not exist, says this server.
    NoSuchName(SocketAddr),
    /// No server says; what came of each.
    Unknown(Vec<(SocketAddr, ServerError)>),
}

/// Why a server has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerError {
    /// It cannot or will not say; the code's name.
    Refusal(&'static str),
    /// It cannot be reached.
    Unreachable(Errno),
    /// What came is not an answer to the question.
    Gibberish,
    /// The answer is too large for a datagram, and TCP failed.
    NoTcp,
    /// Nothing came.
    Silent,
    /// There is no socket or no random number for it.
    Broken(Errno),
}

/// A question, and what is known by now.
struct Question {
    kind: RecordType,
    settled: Option<(SocketAddr, Reply)>,
}

/// A server that was asked.
struct NameServer {
    address: SocketAddr,
    socket: OwnedFd,
    /// Whether anything has come from it.
    has_answered: bool,
    /// What it still owes, each with the id that it was asked under.
    owed: Vec<(RecordType, u16)>,
}

/// All that is under way for one name.
struct NameQuery<'a> {
    name: &'a str,
    questions: Vec<Question>,
    servers: Vec<NameServer>,
    errors: Vec<(SocketAddr, ServerError)>,
    /// When what is known is enough.
    enough: Option<Deadline>,
    transport: Transport,
    /// When a try is over.
    last: Deadline,
}

/// Asks `servers` for the `kinds` of addresses of `name`, one after the other, and listens to all of them to the end.
pub(super) fn ask(
    name: &str,
    kinds: &[RecordType],
    servers: &[SocketAddr],
    config: &Config,
    deadline: Deadline,
    trace: &mut Trace,
) -> Answer {
    let mut query = NameQuery {
        name,
        questions: kinds.iter().map(|&kind| Question { kind, settled: None }).collect(),
        servers: Vec::with_capacity(servers.len()),
        errors: Vec::new(),
        enough: None,
        transport: config.transport,
        last: deadline.at_most(config.timeout),
    };
    let tries = servers.len() * config.attempts;
    let mut tries = servers.iter().copied().cycle().take(tries).peekable();
    // A server that is down must leave time for each try after it, and for what the address is wanted for.
    let shares = u32::try_from(servers.len() * config.attempts + 1).unwrap_or(u32::MAX);
    let gap = config.timeout.min(PATIENCE).min(deadline.remaining() / shares);
    let mut next = deadline.at_most(Duration::ZERO);
    while !query.is_done() && !deadline.has_passed() {
        if next.has_passed() || !query.is_owed() {
            if let Some(server) = tries.next() {
                query.note_silence();
                query.last = deadline.at_most(config.timeout);
                if query.send(server, trace) {
                    next = deadline.at_most(gap);
                }
                continue;
            }
            if !query.is_owed() || query.last.has_passed() {
                break;
            }
        }
        let until = if tries.peek().is_some() { next } else { query.last };
        query.listen(query.enough.map_or(until, |enough| enough.min(until)), trace);
    }
    query.into_answer()
}

impl NameQuery<'_> {
    /// Whether every question is settled, or those that are will do.
    fn is_done(&self) -> bool {
        let open = self.questions.iter().any(|asked| asked.settled.is_none());
        !open || self.enough.is_some_and(|enough| enough.has_passed() || !self.is_owed())
    }

    /// Remembers those that were asked in vain: their time is over.
    fn note_silence(&self) {
        for server in self.servers.iter().filter(|server| !server.has_answered && !server.owed.is_empty()) {
            silent::note_silence(server.address);
        }
    }

    /// Whether a server may still answer.
    fn is_owed(&self) -> bool {
        self.servers.iter().any(|asked_server| !asked_server.owed.is_empty())
    }

    /// Asks `server` for what is not settled, again if it still owes it; whether there is something to wait for.
    fn send(&mut self, server: SocketAddr, trace: &mut Trace) -> bool {
        if !self.servers.iter().any(|asked_server| asked_server.address == server) {
            let open = self.questions.iter().filter(|asked| asked.settled.is_none()).map(|asked| asked.kind);
            match NameServer::open(server, open) {
                Ok(asked_server) => self.servers.push(asked_server),
                Err(error) => {
                    note(&mut self.errors, server, error);
                    return false;
                }
            }
        }
        let Some(asked_server) = self.servers.iter_mut().find(|asked_server| asked_server.address == server)
        else {
            return false;
        };
        let kinds = asked_server.owed.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>().join(" and ");
        if kinds.is_empty() {
            return false;
        }
        trace.step(|| format!("asking {server} for {kinds} of {}", self.name));
        if self.transport == Transport::Tcp {
            for (kind, id) in asked_server.owed.clone() {
                let reply = over_tcp(server, self.name, kind, id, self.last, trace);
                self.settle(server, kind, reply, trace);
            }
            return false;
        }
        for &(kind, id) in &asked_server.owed {
            let Some(question) = message::question(self.name, kind, id) else { continue };
            let fd = asked_server.socket.as_raw_fd();
            match send(fd, &question, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
                // What is not sent now is lost, like any datagram, and asked for again.
                Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => {}
                Err(errno) => {
                    asked_server.owed.clear();
                    note(&mut self.errors, server, ServerError::Unreachable(errno));
                    return false;
                }
            }
        }
        true
    }

    /// Takes what comes until `until`, or until something has come.
    fn listen(&mut self, until: Deadline, trace: &mut Trace) {
        let mut fds: Vec<_> = self
            .servers
            .iter()
            .map(|asked_server| PollFd::new(asked_server.socket.as_fd(), PollFlags::POLLIN))
            .collect();
        if !matches!(poll(&mut fds, PollTimeout::from(until.poll_timeout())), Ok(ready) if ready > 0) {
            return;
        }
        let ready: Vec<_> = fds.iter().map(|fd| fd.any() != Some(false)).collect();
        let ready: Vec<_> = self
            .servers
            .iter()
            .zip(ready)
            .filter_map(|(asked_server, ready)| ready.then_some(asked_server.address))
            .collect();
        for server in ready {
            for _ in 0..BURST {
                if !self.take(server, trace) {
                    break;
                }
            }
        }
    }

    /// Takes one datagram of `server`; whether there may be another.
    fn take(&mut self, server: SocketAddr, trace: &mut Trace) -> bool {
        let Some(asked_server) = self.servers.iter_mut().find(|asked_server| asked_server.address == server)
        else {
            return false;
        };
        let mut buffer = [0; DATAGRAM_MAX];
        let amount = match recv(asked_server.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(amount) => {
                if !asked_server.has_answered {
                    asked_server.has_answered = true;
                    silent::note_answer(server);
                }
                amount
            }
            Err(Errno::EINTR) => return true,
            Err(Errno::EAGAIN) => return false,
            // What an ICMP message said: nobody listens there, no way there.
            Err(errno) => {
                if !asked_server.owed.is_empty() {
                    asked_server.owed.clear();
                    note(&mut self.errors, server, ServerError::Unreachable(errno));
                }
                return false;
            }
        };
        let datagram = buffer.get(..amount).unwrap_or_default();
        let answered = asked_server.owed.iter().find_map(|&(kind, id)| {
            message::read(datagram, self.name, kind, id).map(|reply| (kind, id, reply))
        });
        match answered {
            Some((kind, id, Reply::Truncated(part))) => {
                trace.step(|| format!("{server} has more than fits into a datagram; asking over TCP"));
                // TCP may be blocked where UDP is not: then a part is better than nothing.
                let whole = over_tcp(server, self.name, kind, id, self.last, trace);
                let reply = match whole {
                    Err(_) if !part.is_empty() => Ok(Reply::Addresses(part)),
                    whole => whole,
                };
                self.settle(server, kind, reply, trace);
            }
            Some((kind, _, reply)) => self.settle(server, kind, Ok(reply), trace),
            // A late answer to a question that another server has settled is none of that.
            None if !asked_server.owed.is_empty() => note(&mut self.errors, server, ServerError::Gibberish),
            None => {}
        }
        true
    }

    /// Notes what `server` said about `kind`.
    fn settle(
        &mut self,
        server: SocketAddr,
        kind: RecordType,
        reply: Result<Reply, ServerError>,
        trace: &mut Trace,
    ) {
        let error = match reply {
            Ok(Reply::Refusal(code)) => ServerError::Refusal(code),
            Err(error) => error,
            Ok(reply) => {
                trace.step(|| format!("{server} says {} for {}", reply.shown(), kind.name()));
                // RFC 8020: no such name for one kind means none for any. Some servers say so of AAAA only, wrongly.
                let tells = match &reply {
                    Reply::Addresses(_) => true,
                    Reply::NoSuchName => kind == RecordType::A,
                    Reply::NoData | Reply::Truncated(_) | Reply::Refusal(_) => false,
                };
                if tells && self.enough.is_none() {
                    self.enough = Some(self.last.at_most(GRACE));
                }
                for asked_server in &mut self.servers {
                    asked_server.owed.retain(|(owed, _)| *owed != kind);
                }
                if let Some(asked) = self.questions.iter_mut().find(|asked| asked.kind == kind) {
                    asked.settled.get_or_insert((server, reply));
                }
                return;
            }
        };
        trace.step(|| format!("{server} says {} for {}", error.shown(server), kind.name()));
        if let Some(asked_server) =
            self.servers.iter_mut().find(|asked_server| asked_server.address == server)
        {
            asked_server.owed.retain(|(owed, _)| *owed != kind);
        }
        note(&mut self.errors, server, error);
    }

    /// What all of it amounts to.
    fn into_answer(mut self) -> Answer {
        let mut found = Vec::new();
        let (mut no_data, mut no_such_name) = (None, None);
        let mut open = false;
        for asked in self.questions {
            match asked.settled {
                Some((_, Reply::Addresses(addresses))) => found.extend(addresses),
                Some((server, Reply::NoSuchName)) if asked.kind == RecordType::A => {
                    no_such_name = Some(server);
                }
                Some((server, Reply::NoSuchName)) => no_such_name = no_such_name.or(Some(server)),
                Some((server, _)) => no_data = Some(server),
                None => open = true,
            }
        }
        if !found.is_empty() {
            return Answer::Addresses(found);
        }
        let waited_enough = self.enough.is_some();
        match (no_data, no_such_name) {
            (_, Some(server)) if open && waited_enough => return Answer::NoSuchName(server),
            (Some(server), _) if !open => return Answer::NoData(server),
            (None, Some(server)) if !open => return Answer::NoSuchName(server),
            _ => {}
        }
        for asked_server in self.servers.iter().filter(|asked_server| !asked_server.owed.is_empty()) {
            if !self.errors.iter().any(|(server, _)| *server == asked_server.address) {
                self.errors.push((asked_server.address, ServerError::Silent));
            }
        }
        Answer::Unknown(self.errors)
    }
}

/// Notes that `server` has this error, once.
fn note(errors: &mut Vec<(SocketAddr, ServerError)>, server: SocketAddr, error: ServerError) {
    if !errors.contains(&(server, error)) {
        errors.push((server, error));
    }
}

impl NameServer {
    /// A socket that takes datagrams from `server` only, and unguessable ids for `kinds`.
    fn open(server: SocketAddr, kinds: impl Iterator<Item = RecordType>) -> Result<Self, ServerError> {
        let family = if server.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket =
            socket::socket(family, SockType::Datagram, flags, None).map_err(ServerError::of_socket)?;
        // The kernel picks a port that cannot be guessed either (RFC 5452).
        socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(server))
            .map_err(ServerError::Unreachable)?;
        let mut owed = Vec::with_capacity(2);
        for kind in kinds {
            let mut id = [0; 2];
            random::fill(&mut id).map_err(|_| ServerError::Broken(Errno::EAGAIN))?;
            owed.push((kind, u16::from_ne_bytes(id)));
        }
        Ok(Self { address: server, socket, has_answered: false, owed })
    }
}

impl ServerError {
    /// A socket that could not be made: for want of resources, or of the address family.
    fn of_socket(errno: Errno) -> Self {
        match errno {
            Errno::EAFNOSUPPORT => Self::Unreachable(errno),
            other => Self::Broken(other),
        }
    }

    /// Cause first, server last.
    pub(super) fn shown(self, server: SocketAddr) -> String {
        let place = server.ip();
        match self {
            Self::Refusal(code) => format!("{code} from {place}"),
            Self::Unreachable(Errno::ECONNREFUSED) => format!("connection refused at {server}"),
            Self::Unreachable(errno) => format!("{} at {server}", errno.desc().to_lowercase()),
            Self::Gibberish => format!("no usable answer from {place}"),
            Self::NoTcp => format!("no answer over TCP from {place}"),
            Self::Silent => format!("no answer from {place}"),
            Self::Broken(errno) => format!("{} for {server}", errno.desc().to_lowercase()),
        }
    }
}

impl Reply {
    /// In a few words.
    fn shown(&self) -> String {
        match self {
            Self::Addresses(addresses) | Self::Truncated(addresses) => {
                addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            Self::NoData => "no data".into(),
            Self::NoSuchName => "NXDOMAIN".into(),
            Self::Refusal(code) => (*code).into(),
        }
    }
}

/// Asks `server` over TCP (RFC 7766).
fn over_tcp(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    id: u16,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Reply, ServerError> {
    // Half of the time is for what comes after a server that does not answer.
    let deadline = deadline.at_most(deadline.remaining() / 2);
    let message = message::question(name, kind, id)
        .and_then(|question| transfer(server, &question, deadline, trace))
        .ok_or(ServerError::NoTcp)?;
    match message::read(&message, name, kind, id) {
        Some(Reply::Truncated(part)) if !part.is_empty() => Ok(Reply::Addresses(part)),
        Some(Reply::Truncated(_)) | None => Err(ServerError::Gibberish),
        Some(reply) => Ok(reply),
    }
}

/// Sends `question` and takes one message, each with its length before it; none when that fails for whatever reason.
fn transfer(server: SocketAddr, question: &[u8], deadline: Deadline, trace: &mut Trace) -> Option<Vec<u8>> {
    // What the trace names is where the probe connects to, not how it got there.
    let address = trace.address.take();
    let stream = connect::tcp_to(server, deadline, trace);
    trace.address = address;
    let mut stream = stream.ok()?;
    let mut framed = u16::try_from(question.len()).ok()?.to_be_bytes().to_vec();
    framed.extend(question);
    stream.write_all(&framed).ok()?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let length = u16::from_be_bytes(length);
    // Grows with what comes, not with what is announced.
    let mut message = Vec::new();
    let amount = stream.take(length.into()).read_to_end(&mut message).ok()?;
    (amount == usize::from(length)).then_some(message)
}
