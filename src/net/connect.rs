//! Opening connections by a deadline.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, UnixAddr, connect, getsockname, getsockopt,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeSpec, TimeVal};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trace};

use super::{Stream, socket_address};

/// How long an address may stay silent before the next one is tried beside it (RFC 8305, 5).
const STAGGER: Duration = Duration::from_millis(250);

/// The shortest time that the kernel takes for a limit: none would mean no limit.
const TICK: Duration = Duration::from_micros(1);

/// The most addresses that a reason names.
const SHOWN_MAX: usize = 3;

/// One connection under way.
struct Pending {
    socket: OwnedFd,
    address: SocketAddr,
}

/// Connects to the first of `addresses` that accepts. IPv6 and IPv4 take turns, each gets a head start of [`STAGGER`]
/// at most, and one that is refused makes room for the next at once. Link-local ones are on the interface `zone`.
pub(super) fn tcp(
    addresses: &[IpAddr],
    port: u16,
    zone: u32,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Stream, Failure> {
    let socket_addresses: Vec<_> =
        in_turns(addresses).into_iter().map(|address| socket_address(address, port, zone)).collect();
    race(&socket_addresses, deadline, trace)
}

/// Connects to `place`.
pub(super) fn tcp_to(place: SocketAddr, deadline: Deadline, trace: &mut Trace) -> Result<Stream, Failure> {
    race(&[place], deadline, trace)
}

/// Connects to the first of `socket_addresses` that accepts.
fn race(socket_addresses: &[SocketAddr], deadline: Deadline, trace: &mut Trace) -> Result<Stream, Failure> {
    let mut waiting = socket_addresses.iter().copied();
    let mut pending: Vec<Pending> = Vec::new();
    let mut refused: Vec<(SocketAddr, Errno)> = Vec::new();

    loop {
        if let Some(address) = waiting.next() {
            trace.address = Some(address.to_string());
            trace.step(|| format!("connecting to {address}"));
            match start(&SockaddrStorage::from(address), address.is_ipv6()) {
                Ok(socket) => pending.push(Pending { socket, address }),
                Err(errno) => {
                    trace.step(|| sentence(&(address, errno)));
                    refused.push((address, errno));
                    continue;
                }
            }
        } else if pending.is_empty() {
            let failure = unreachable(&mut refused);
            trace.address = refused.first().map(|(address, _)| address.to_string());
            return Err(failure);
        }

        let left = waiting.len();
        let next = if left == 0 {
            deadline
        } else {
            // A black-holed address must leave time for each one after it, however short the limit.
            let share = u32::try_from(left + 1).map_or(STAGGER, |parts| deadline.remaining() / parts);
            deadline.at_most(STAGGER.min(share))
        };
        loop {
            let before = pending.len();
            if let Some(connected) = settle(&mut pending, &mut refused, next)? {
                trace.address = Some(connected.address.to_string());
                return Ok(Stream::new(connected.socket, deadline));
            }
            if pending.len() < before || next.has_passed() {
                break;
            }
        }
        if deadline.has_passed() {
            return Err(late(&pending, &refused));
        }
    }
}

/// Starts a connection without waiting for it, also when it stands at once: poll(2) then says so.
fn start(address: &SockaddrStorage, v6: bool) -> Result<OwnedFd, Errno> {
    let family = if v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Stream, flags, None)?;
    // A request goes out in few, small writes: none of them may wait for the answer to the one before.
    setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
    match connect(socket.as_raw_fd(), address) {
        Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(socket),
        Err(errno) => Err(errno),
    }
}

/// Waits until one of `pending` is decided, at most until `next`. One that failed moves to `refused`.
fn settle(
    pending: &mut Vec<Pending>,
    refused: &mut Vec<(SocketAddr, Errno)>,
    next: Deadline,
) -> Result<Option<Pending>, Failure> {
    let mut fds: Vec<_> =
        pending.iter().map(|one| PollFd::new(one.socket.as_fd(), PollFlags::POLLOUT)).collect();
    match poll(&mut fds, PollTimeout::from(next.poll_timeout())) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(None),
        Err(errno) => {
            return Err(Failure::new(Phase::Connect, Cause::Broken, format!("poll: {}", errno.desc())));
        }
    }
    let decided = fds.iter().position(|fd| fd.any() != Some(false));
    let Some(one) = decided.map(|index| pending.remove(index)) else { return Ok(None) };
    let result = getsockopt(&one.socket, sockopt::SocketError).map(Errno::from_raw);
    match result {
        Ok(Errno::UnknownErrno) if is_self_connected(&one) => {
            refused.push((one.address, Errno::ECONNREFUSED));
            Ok(None)
        }
        // A reset that has come by now is one of a connection that was accepted: whoever uses it finds out, and whoever only
        // wants to know that somebody accepts is told so, however soon the reset comes.
        Ok(Errno::UnknownErrno | Errno::ECONNRESET | Errno::EPIPE) => Ok(Some(one)),
        Ok(errno) | Err(errno) => {
            refused.push((one.address, errno));
            Ok(None)
        }
    }
}

/// Whether the connection is one with itself. The kernel may pick the very port that is connected to as our own, and
/// where nobody listens TCP then opens from both ends at once (RFC 9293, 3.5): a check that passes with nobody there.
fn is_self_connected(one: &Pending) -> bool {
    let own: Option<SockaddrStorage> = getsockname(one.socket.as_raw_fd()).ok();
    own.is_some_and(|own| own == SockaddrStorage::from(one.address))
}

/// `addresses` with the families taking turns, IPv6 first (RFC 8305, 4).
fn in_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (mut six, mut four): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(IpAddr::is_ipv6);
    six.reverse();
    four.reverse();
    let mut turns = Vec::with_capacity(addresses.len());
    while !(six.is_empty() && four.is_empty()) {
        turns.extend(six.pop());
        turns.extend(four.pop());
    }
    turns
}

/// The failure of connections that all failed; sorts them, the one that tells most first.
fn unreachable(refused: &mut [(SocketAddr, Errno)]) -> Failure {
    refused.sort_by_cached_key(|(_, errno)| usize::from(is_noise(*errno)));
    let broken =
        refused.iter().all(|(_, errno)| matches!(errno, Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM));
    // The others are not known not to live.
    let mut real = refused.iter().filter(|(_, errno)| !is_noise(*errno)).peekable();
    let nobody_listens = real.peek().is_some() && real.all(|(_, errno)| *errno == Errno::ECONNREFUSED);
    let cause = match (broken, nobody_listens) {
        (true, _) => Cause::Broken,
        (_, true) => Cause::Refused,
        _ => Cause::Unreachable,
    };
    Failure::new(Phase::Connect, cause, sentences(refused))
}

/// The failure of connections that are not decided by the deadline.
fn late(pending: &[Pending], refused: &[(SocketAddr, Errno)]) -> Failure {
    let silent = pending.iter().map(|one| one.address.to_string()).take(SHOWN_MAX).collect::<Vec<_>>();
    let mut failure = Failure::timed_out(Phase::Connect);
    if !silent.is_empty() {
        let _ = write!(failure.reason, " to {}", silent.join(", "));
    }
    let telling: Vec<_> = refused.iter().filter(|(_, errno)| !is_noise(*errno)).copied().collect();
    if !telling.is_empty() {
        let _ = write!(failure.reason, "; {}", sentences(&telling));
    }
    failure
}

/// Whether `errno` says no more than that this machine has no such addresses itself, as is usual for IPv6.
fn is_noise(errno: Errno) -> bool {
    matches!(errno, Errno::ENETUNREACH | Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT)
}

/// The first few of `refused` as sentences.
fn sentences(refused: &[(SocketAddr, Errno)]) -> String {
    let mut shown = refused.iter().take(SHOWN_MAX).map(sentence).collect::<Vec<_>>().join(", ");
    if let Some(more) = refused.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        let _ = write!(shown, " and {more} more");
    }
    shown
}

/// Why one address failed.
fn sentence((address, errno): &(SocketAddr, Errno)) -> String {
    match errno {
        Errno::ECONNREFUSED => format!("connection refused at {address}"),
        other => format!("{} at {address}", other.desc().to_lowercase()),
    }
}

/// Connects to a unix socket. One whose backlog is full answers EAGAIN to a non-blocking connect(2) and cannot be
/// polled, so this one blocks, bounded by `SO_SNDTIMEO` (unix(7)).
pub(super) fn unix(path: &Path, deadline: Deadline, trace: &mut Trace) -> Result<Stream, Failure> {
    trace.address = Some(path.display().to_string());
    trace.step(|| format!("connecting to {}", path.display()));
    let failed = |errno: Errno| {
        let (cause, what) = match errno {
            Errno::EAGAIN | Errno::EINPROGRESS => return Failure::timed_out(Phase::Connect),
            Errno::ENOENT => (Cause::NotFound, "no socket"),
            Errno::ECONNREFUSED => not_a_socket(path)
                .map_or((Cause::Refused, "connection refused"), |what| (Cause::Unreachable, what)),
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => (Cause::Broken, errno.desc()),
            other => (Cause::Unreachable, other.desc()),
        };
        Failure::new(Phase::Connect, cause, format!("{} at {}", what.to_lowercase(), path.display()))
    };
    let address = unix_address(path).map_err(failed)?;
    let socket =
        socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).map_err(failed)?;
    loop {
        let left = deadline.remaining();
        if left.is_zero() {
            return Err(Failure::timed_out(Phase::Connect));
        }
        let left = TimeSpec::from_duration(left.max(TICK));
        #[allow(clippy::useless_conversion, reason = "not on 32 bits")]
        let left = TimeVal::new(left.tv_sec(), (left.tv_nsec() / 1000).into());
        setsockopt(&socket, sockopt::SendTimeout, &left).map_err(failed)?;
        match connect(socket.as_raw_fd(), &address) {
            Ok(()) => return Ok(Stream::new(socket, deadline)),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
}

/// What `path` is when it is no socket: connect(2) says that it refused, whatever it is.
fn not_a_socket(path: &Path) -> Option<&'static str> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    match (kind.is_socket(), kind.is_dir()) {
        (true, _) => None,
        (_, true) => Some("not a socket, but a directory,"),
        _ => Some("not a socket, but a file,"),
    }
}

/// `path` as the kernel takes it: at most 107 bytes, abstract when it begins with `@`.
fn unix_address(path: &Path) -> Result<UnixAddr, Errno> {
    match path.to_str().and_then(|path| path.strip_prefix('@')) {
        Some(name) => UnixAddr::new_abstract(name.as_bytes()),
        None => UnixAddr::new(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_ipv6_first_and_keep_their_order() {
        for (given, tried) in [
            (&[][..], &[][..]),
            (&["10.0.0.1", "10.0.0.2"], &["10.0.0.1", "10.0.0.2"]),
            (&["fd00::1", "fd00::2"], &["fd00::1", "fd00::2"]),
            (
                &["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2"],
                &["fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2", "10.0.0.3"],
            ),
        ] {
            assert_eq!(in_turns(&addresses(given)), addresses(tried));
        }
    }

    #[test]
    fn what_this_machine_lacks_is_told_last_and_descriptors_that_ran_out_are_our_fault() {
        let place = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (six, four) = (place("[fd00::1]:80"), place("10.0.0.1:80"));
        let mut refused = [(six, Errno::ENETUNREACH), (four, Errno::ECONNREFUSED)];
        let failure = unreachable(&mut refused);
        // A family that this machine has not hides nobody.
        assert_eq!(failure.cause, Cause::Refused);
        assert_eq!(
            failure.reason,
            "connection refused at 10.0.0.1:80, network is unreachable at [fd00::1]:80"
        );
        let failure = unreachable(&mut [(six, Errno::EMFILE), (four, Errno::EMFILE)]);
        assert_eq!(failure.cause, Cause::Broken);
        let failure = late(&[], &[(six, Errno::EADDRNOTAVAIL), (four, Errno::EHOSTUNREACH)]);
        assert_eq!(failure.reason, "timed out connecting; no route to host at 10.0.0.1:80");
        let many = vec![(four, Errno::ECONNREFUSED); 200];
        assert!(sentences(&many).ends_with(", connection refused at 10.0.0.1:80 and 197 more"));
        assert!(sentences(&many).len() < 200);
    }

    #[test]
    fn a_race_without_a_runner_or_without_time_ends_at_once() {
        let mut trace = Trace::default();
        let started = std::time::Instant::now();
        let none = race(&[], Deadline::after(Duration::from_secs(60)), &mut trace);
        assert!(none.is_err());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        // Whichever comes first, the connection or the deadline.
        let _ = race(&[place; 32], Deadline::after(Duration::ZERO), &mut trace);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}
