//! `dns:name`: the name resolves, by the hosts file or DNS, just as it would for a connection.

use std::fmt::Write as _;

use crate::deadline::Deadline;
use crate::net::{self, Host, Via};
use crate::outcome::{Outcome, Trace};

use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::{Target, parse_host};

/// The most addresses that are shown.
const SHOWN_MAX: usize = 8;

/// Looks a name up.
#[derive(Debug)]
pub(super) struct Dns {
    host: Host,
    via: Via,
}

/// Reads `name`; `//` may stand before it.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let name = target.rest.strip_prefix("//").unwrap_or(target.rest);
    match parse_host(name)? {
        Host::Address(address) => Err(format!("{address} is an address, which needs no resolving,")),
        host @ Host::Name(_) => Ok(Box::new(Dns { host, via: options.dial.via.clone() })),
    }
}

impl Kind for Dns {
    /// Passes when the name has an address of the family that is asked for.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let addresses = net::addresses(&self.host, &self.via, deadline, trace)?;
        let mut shown =
            addresses.iter().take(SHOWN_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(more) = addresses.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let _ = write!(shown, " and {more} more");
        }
        Ok(format!("resolves to {shown}"))
    }
}
