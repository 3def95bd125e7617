//! `dns:name`: the name resolves, by the hosts file or DNS, just as it would for a connection.

use std::fmt::Write as _;

use crate::deadline::Deadline;
use crate::net::{self, Host, Via};
use crate::outcome::{Outcome, Trail};

use super::target::{Target, parse_host};
use super::{Kind, Options};

/// The most addresses that are shown.
const SHOWN_MAX: usize = 8;

/// Looks a name up.
#[derive(Debug)]
pub(super) struct Dns {
    host: Host,
    via: Via,
}

/// Reads `name`; `//` may stand before it.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Kind, String> {
    let name = target.rest.strip_prefix("//").unwrap_or(target.rest);
    match parse_host(name)? {
        Host::Address(address) => Err(format!("{address} is an address, which needs no resolving,")),
        host @ Host::Name(_) => Ok(Kind::Dns(Dns { host, via: options.via.clone() })),
    }
}

impl Dns {
    /// Passes when the name has an address of the family that is asked for.
    pub(super) fn run(&self, deadline: Deadline, trail: &mut Trail) -> Outcome {
        let addresses = net::addresses(&self.host, &self.via, deadline, trail)?;
        let mut shown =
            addresses.iter().take(SHOWN_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(more) = addresses.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let _ = write!(shown, " and {more} more");
        }
        Ok(format!("resolves to {shown}"))
    }
}
