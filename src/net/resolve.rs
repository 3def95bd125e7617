//! The addresses of a name: itself, the hosts file, DNS. Never getaddrinfo, which has no deadline and, linked
//! statically against glibc, loads libraries that an image may not have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trace};

use super::{AddressPolicy, ConnectOptions, Family, Host, ResolveOverride, dns, hosts};

/// The addresses of `host` that `options` admits, in the order to try them; at least one.
pub(crate) fn addresses(
    host: &Host,
    options: &ConnectOptions,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Vec<IpAddr>, Failure> {
    let found = match host {
        Host::Address(address) => vec![*address],
        Host::Zoned(address, _) => vec![(*address).into()],
        Host::Name(name) => lookup(name, options, deadline, trace)?,
    };
    admitted(host, found, options)
}

/// What `options` pins `host` and `port` to.
pub(super) fn overridden(host: &Host, port: u16, options: &ConnectOptions) -> Option<Vec<IpAddr>> {
    let Host::Name(wanted) = host else { return None };
    let is_meant = |entry: &&ResolveOverride| {
        entry.port == port && entry.name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(wanted))
    };
    options.overrides.iter().find(is_meant).map(|entry| entry.addresses.clone())
}

/// Those of `found`, the addresses of `host`, that `options` admits; at least one.
pub(super) fn admitted(
    host: &Host,
    found: Vec<IpAddr>,
    options: &ConnectOptions,
) -> Result<Vec<IpAddr>, Failure> {
    let outside = found.iter().find(|address| !address.to_canonical().is_loopback());
    if let (AddressPolicy::LoopbackOnly, Some(outside)) = (options.policy, outside) {
        let reason = format!("{outside} is not a loopback address, and --loopback-only is set");
        return Err(Failure::new(Phase::Resolve, Cause::Forbidden, reason));
    }
    let admitted: Vec<_> = found.into_iter().filter(|address| options.family.admits(*address)).collect();
    if admitted.is_empty() {
        let (is, flag) = match options.family {
            Family::V6 => ("IPv4", "-6"),
            Family::V4 | Family::Any => ("IPv6", "-4"),
        };
        let reason = format!("{host} is an {is} address, and {flag} is set");
        return Err(Failure::new(Phase::Resolve, Cause::Forbidden, reason));
    }
    Ok(admitted)
}

/// What is known without asking, then the hosts file, then DNS.
fn lookup(
    name: &str,
    options: &ConnectOptions,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Vec<IpAddr>, Failure> {
    let admitted = |mut addresses: Vec<IpAddr>| {
        addresses.retain(|address| options.family.admits(*address));
        addresses
    };
    let loopback = || admitted(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
    // Fixed by RFC 6761, 6.3, so that the commonest name costs no file and needs none.
    if is_localhost(name) {
        return Ok(loopback());
    }
    let listed = admitted(hosts::lookup(name));
    if !listed.is_empty() {
        trace.step(|| format!("{name} is in /etc/hosts"));
        return Ok(listed);
    }
    if is_under_localhost(name) {
        return Ok(loopback());
    }
    dns::lookup(name, options, deadline, trace)
}

/// Whether `name` is `localhost`, in any case, with or without the dot at the end.
pub(super) fn is_localhost(name: &str) -> bool {
    name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case("localhost")
}

/// Whether `name` is `*.localhost`.
fn is_under_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn localhost_and_what_is_under_it_are_loopback_without_a_file() {
        let deadline = Deadline::after(Duration::from_secs(1));
        let all = |name: &str, family| {
            let options = ConnectOptions { family, ..ConnectOptions::default() };
            addresses(&Host::Name(name.into()), &options, deadline, &mut Trace::default()).unwrap()
        };
        let (aaaa, four) = (IpAddr::from(Ipv6Addr::LOCALHOST), IpAddr::from(Ipv4Addr::LOCALHOST));
        for name in ["localhost", "LocalHost.", "app.localhost", "a.b.LOCALHOST."] {
            assert_eq!(all(name, Family::Any), [aaaa, four], "{name}");
            assert_eq!(all(name, Family::V4), [four], "{name}");
            assert_eq!(all(name, Family::V6), [aaaa], "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "mylocalhost.example"] {
            assert!(!is_localhost(name) && !is_under_localhost(name), "{name}");
        }
    }

    #[test]
    fn an_address_of_the_other_family_is_refused_by_name() {
        let options = ConnectOptions { family: Family::V6, ..ConnectOptions::default() };
        let deadline = Deadline::after(Duration::from_secs(1));
        let host = Host::Address(Ipv4Addr::LOCALHOST.into());
        let failure = addresses(&host, &options, deadline, &mut Trace::default()).unwrap_err();
        assert_eq!(failure.reason, "127.0.0.1 is an IPv4 address, and -6 is set");
    }
}
