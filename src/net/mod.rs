//! What probes share: the addresses of a name, a connection by a deadline, TLS over it.

mod connect;
pub(crate) mod datagram;
pub(crate) mod dns;
pub(crate) mod hosts;
mod resolve;
mod socket;
mod stream;
pub(crate) mod tls;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;
use std::time::Duration;

use nix::net::if_::if_nametoindex;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trace};

pub(crate) use self::resolve::addresses;
pub(crate) use self::socket::Interest;
pub(crate) use self::stream::{Stream, failure_of};

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// To be resolved.
    Name(String),
    /// To be used as it is.
    Address(IpAddr),
    /// A link-local address, and the interface that it is on: `fe80::1%eth0` (RFC 4007, 11).
    Zoned(Ipv6Addr, String),
}

impl Host {
    /// Whether its addresses are looked up in files of this machine, and by DNS: a file system whose server is gone does not
    /// answer.
    pub(crate) fn is_looked_up(&self) -> bool {
        matches!(self, Self::Name(name) if !resolve::is_localhost(name))
    }
}

impl fmt::Display for Host {
    /// As a URL has it: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            // The zone means nothing to anybody else (RFC 6874, 4).
            Self::Address(IpAddr::V6(address)) | Self::Zoned(address, _) => write!(f, "[{address}]"),
        }
    }
}

/// Where a connection goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// TCP.
    Tcp {
        /// Whom.
        host: Host,
        /// Never 0.
        port: u16,
    },
    /// A unix socket; a path that begins with `@` is an abstract one.
    Unix(PathBuf),
}

/// How to get to an endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectOptions {
    /// Which addresses of a name to use.
    pub(crate) family: Family,
    /// What may be connected to.
    pub(crate) policy: AddressPolicy,
    /// How long resolving and connecting may take, less than the whole.
    pub(crate) connect_timeout: Option<Duration>,
    /// Addresses to take for a host and port without looking the name up.
    pub(crate) overrides: Vec<ResolveOverride>,
}

/// What to take for a name instead of looking it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResolveOverride {
    /// The name; all names where there is none.
    pub(crate) name: Option<String>,
    /// Only for this port.
    pub(crate) port: u16,
    /// In the order to try them; at least one.
    pub(crate) addresses: Vec<IpAddr>,
}

/// Which addresses of a name to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv6 and IPv4, tried in turns.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// Whether `address` is of this family.
    pub(crate) fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// What may be connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AddressPolicy {
    /// Anything.
    #[default]
    Any,
    /// Loopback addresses and unix sockets, for images whose owners do not want a tool that talks to others.
    LoopbackOnly,
}

/// The index of the interface of a link-local address; 0 for any other host.
fn zone_index(host: &Host) -> Result<u32, Failure> {
    let Host::Zoned(address, zone) = host else { return Ok(0) };
    if let Ok(index) = zone.parse() {
        return Ok(index);
    }
    if_nametoindex(zone.as_str()).map_err(|_| {
        let reason = format!("no network interface `{zone}` for {address}%{zone}");
        Failure::new(Phase::Connect, Cause::Forbidden, reason)
    })
}

/// `address` and `port`, on the interface `zone` where that matters.
fn socket_address(address: IpAddr, port: u16, zone: u32) -> SocketAddr {
    match address {
        IpAddr::V6(address) if zone != 0 => SocketAddrV6::new(address, port, 0, zone).into(),
        address => SocketAddr::new(address, port),
    }
}

/// The places of `host` at `port` that `options` admits, in the order to try them; at least one.
pub(crate) fn socket_addresses(
    host: &Host,
    port: u16,
    options: &ConnectOptions,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Vec<SocketAddr>, Failure> {
    let zone = zone_index(host)?;
    let addresses = addresses(host, options, deadline, trace)?;
    Ok(addresses.into_iter().map(|address| socket_address(address, port, zone)).collect())
}

/// Connects to `endpoint`, over by `deadline`; the stream keeps the deadline too.
pub(crate) fn connect(
    endpoint: &Endpoint,
    options: &ConnectOptions,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Stream, Failure> {
    let sooner = options.connect_timeout.map_or(deadline, |timeout| deadline.at_most(timeout));
    let stream = match endpoint {
        Endpoint::Unix(path) => connect::unix(path, sooner, trace)?,
        Endpoint::Tcp { host, port } => {
            let addresses = match resolve::overridden(host, *port, options) {
                Some(overridden) => resolve::admitted(host, overridden, options)?,
                None => addresses(host, options, sooner, trace)?,
            };
            connect::tcp(&addresses, *port, zone_index(host)?, sooner, trace)?
        }
    };
    Ok(stream.until(deadline))
}
