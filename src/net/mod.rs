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
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::outcome::{Failure, Trace};

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
}

impl fmt::Display for Host {
    /// As a URL has it: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
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
pub(crate) struct Via {
    /// Which addresses of a name to use.
    pub(crate) family: Family,
    /// What may be connected to.
    pub(crate) reach: Reach,
    /// How long resolving and connecting may take, less than the whole.
    pub(crate) connect_timeout: Option<Duration>,
    /// Addresses to take for a host and port without looking the name up.
    pub(crate) pins: Vec<Pin>,
}

/// What to take for a name instead of looking it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
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
pub(crate) enum Reach {
    /// Anything.
    #[default]
    Anywhere,
    /// Loopback addresses and unix sockets, for images whose owners do not want a tool that talks to others.
    LoopbackOnly,
}

/// Connects to `endpoint`, over by `deadline`; the stream keeps the deadline too.
pub(crate) fn connect(
    endpoint: &Endpoint,
    via: &Via,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Stream, Failure> {
    let sooner = via.connect_timeout.map_or(deadline, |timeout| deadline.at_most(timeout));
    let stream = match endpoint {
        Endpoint::Unix(path) => connect::unix(path, sooner, trace)?,
        Endpoint::Tcp { host, port } => {
            let addresses = match resolve::pinned(host, *port, via) {
                Some(pinned) => resolve::admitted(host, pinned, via)?,
                None => addresses(host, via, sooner, trace)?,
            };
            connect::tcp(&addresses, *port, sooner, trace)?
        }
    };
    Ok(stream.until(deadline))
}
