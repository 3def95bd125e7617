//! Datagrams, and their answers by a deadline.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, connect, recv, send, socket,
};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trace};

/// How long an answer may take before the datagram is sent again: one that is lost is lost in silence.
const AGAIN: Duration = Duration::from_secs(1);

/// The most bytes of a datagram over IPv4 or IPv6, without jumbograms.
const SIZE_MAX: usize = 64 * 1024;

/// Why there was no answer that was taken.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The deadline came.
    TimedOut,
    /// Nobody can answer: no port, no way there.
    Refused(Failure),
}

/// Somebody who was asked.
struct Peer {
    socket: OwnedFd,
    address: SocketAddr,
}

/// Sends `payload` to all of `addresses`, again and again until `take` accepts what one of them says.
pub(crate) fn ask(
    addresses: &[SocketAddr],
    payload: &[u8],
    deadline: Deadline,
    trace: &mut Trace,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), NoAnswer> {
    let mut refused: Vec<(SocketAddr, Errno)> = Vec::new();
    let mut peers: Vec<Peer> = Vec::new();
    for &address in addresses {
        trace.address = Some(address.to_string());
        trace.step(|| format!("sending a datagram to {address}"));
        match open(address) {
            Ok(socket) => peers.push(Peer { socket, address }),
            Err(errno) => refused.push((address, errno)),
        }
    }
    let mut buffer = vec![0; SIZE_MAX];
    while !deadline.has_passed() {
        peers.retain(|peer| match send(peer.socket.as_raw_fd(), payload, MsgFlags::MSG_DONTWAIT) {
            // A full queue is one more loss.
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => true,
            Err(errno) => {
                refused.push((peer.address, errno));
                false
            }
        });
        let round = deadline.at_most(AGAIN);
        loop {
            if peers.is_empty() {
                return Err(NoAnswer::Refused(unreachable(&refused)));
            }
            if let Some(peer) = listen(&mut peers, &mut refused, round, &mut buffer, &mut take) {
                trace.address = Some(peer.to_string());
                return Ok(());
            }
            if round.has_passed() {
                break;
            }
        }
    }
    Err(NoAnswer::TimedOut)
}

/// A socket that only `address` can send to.
fn open(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Datagram, flags, None)?;
    connect(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket)
}

/// Waits until something comes, at most until `round`; returns who said what was taken. Those that refuse move to
/// `refused`.
fn listen(
    peers: &mut Vec<Peer>,
    refused: &mut Vec<(SocketAddr, Errno)>,
    round: Deadline,
    buffer: &mut [u8],
    take: &mut impl FnMut(&[u8]) -> bool,
) -> Option<SocketAddr> {
    let mut fds: Vec<_> =
        peers.iter().map(|one| PollFd::new(one.socket.as_fd(), PollFlags::POLLIN)).collect();
    if !matches!(poll(&mut fds, PollTimeout::from(round.poll_timeout())), Ok(1..)) {
        return None;
    }
    let mut taken = None;
    peers.retain(|peer| match recv(peer.socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
        Ok(amount) => {
            if taken.is_none() && take(buffer.get(..amount).unwrap_or_default()) {
                taken = Some(peer.address);
            }
            true
        }
        Err(Errno::EAGAIN | Errno::EINTR) => true,
        // An ICMP message about what was sent before (udp(7)).
        Err(errno) => {
            refused.push((peer.address, errno));
            false
        }
    });
    taken
}

/// The sentence for addresses of which none can answer.
fn unreachable(refused: &[(SocketAddr, Errno)]) -> Failure {
    let sentence = |(address, errno): &(SocketAddr, Errno)| match errno {
        Errno::ECONNREFUSED => format!("nothing listens at {address}"),
        Errno::EMSGSIZE => format!("--send is too long for a datagram to {address}"),
        other => format!("{} at {address}", other.desc().to_lowercase()),
    };
    let reason = refused.iter().map(sentence).collect::<Vec<_>>().join(", ");
    let nobody_listens = refused.iter().all(|(_, errno)| *errno == Errno::ECONNREFUSED);
    let cause = if nobody_listens { Cause::Refused } else { Cause::Unreachable };
    Failure::new(Phase::Request, cause, reason)
}
