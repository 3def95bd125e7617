//! `dns:name`: the name resolves, by the hosts file or DNS, just as it would for a connection; `dns:name@server` by that
//! name server.

use std::fmt::Write as _;

use crate::deadline::Deadline;
use crate::net::{self, ConnectOptions, Family, Host};
use crate::outcome::{Outcome, Trace};

use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::{Target, parse_host, parse_place};

/// The most addresses that are shown.
const SHOWN_MAX: usize = 8;

/// Where a name server listens.
const PORT: u16 = 53;

/// Looks a name up.
#[derive(Debug)]
pub(super) struct Dns {
    name: String,
    /// The name server to ask, instead of those of this machine.
    server: Option<(Host, u16)>,
    connect: ConnectOptions,
}

/// Reads `name[@server[:port]][?type=A|AAAA]`; `//` may stand before it.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let text = target.rest.strip_prefix("//").unwrap_or(target.rest);
    let (place, query) = text.split_once('?').map_or((text, None), |(place, query)| (place, Some(query)));
    let (name, server) = place.split_once('@').map_or((place, None), |(name, server)| (name, Some(server)));
    let name = match parse_host(name)? {
        Host::Name(name) => name,
        address => return Err(format!("{address} is an address, which needs no resolving,")),
    };
    let server = server.map(|server| parse_place(server, PORT)).transpose()?;
    let mut connect = options.dial.connect.clone();
    if let Some(query) = query {
        let family = match query {
            "type=A" => Family::V4,
            "type=AAAA" => Family::V6,
            _ => return Err(format!("`?{query}`, where ?type=A or ?type=AAAA can be,")),
        };
        if connect.family != Family::Any && connect.family != family {
            return Err(format!("`?{query}`, which is not the family that -4 or -6 wants,"));
        }
        connect.family = family;
    }
    Ok(Box::new(Dns { name, server, connect }))
}

impl Kind for Dns {
    /// Passes when the name has an address of the family that is asked for.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let addresses = match &self.server {
            None => net::addresses(&Host::Name(self.name.clone()), &self.connect, deadline, trace)?,
            Some((server, port)) => {
                // The server's own family is not what is asked about.
                let connect = ConnectOptions { family: Family::Any, ..self.connect.clone() };
                let servers = net::socket_addresses(server, *port, &connect, deadline, trace)?;
                net::dns::lookup_at(&self.name, servers, &self.connect, deadline, trace)?
            }
        };
        let mut shown =
            addresses.iter().take(SHOWN_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(more) = addresses.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let _ = write!(shown, " and {more} more");
        }
        Ok(format!("resolves to {shown}"))
    }

    /// The hosts file and resolv.conf, unless a name server is asked whose address is known.
    fn touches_files(&self) -> bool {
        self.server.as_ref().is_none_or(|(server, _)| server.is_looked_up())
    }
}
