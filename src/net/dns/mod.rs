//! DNS, as a stub resolver: the name servers of /etc/resolv.conf are asked for the addresses of a name.

mod config;
pub(crate) mod message;
mod query;
mod silent;

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase, Trace};
use crate::sys::random;

use self::config::{AaaaLookup, Config, Order, Origin};
use self::message::RecordType;
use self::query::{Answer, ServerError};
use super::{AddressPolicy, ConnectOptions, Family};

/// The addresses of `name` in DNS; at least one. The search list is applied unless it ends with a dot.
pub(super) fn lookup(
    name: &str,
    options: &ConnectOptions,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Vec<IpAddr>, Failure> {
    lookup_by(&Config::read(), name, options, deadline, trace)
}

/// The addresses of `name`, as `servers` know them; no search list is applied.
pub(crate) fn lookup_at(
    name: &str,
    servers: Vec<SocketAddr>,
    options: &ConnectOptions,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Vec<IpAddr>, Failure> {
    lookup_by(&Config::asking(servers), name, options, deadline, trace)
}

/// The addresses of `name` in DNS as `config` has it.
fn lookup_by(
    config: &Config,
    name: &str,
    options: &ConnectOptions,
    deadline: Deadline,
    trace: &mut Trace,
) -> Result<Vec<IpAddr>, Failure> {
    let mut servers = servers(config, options.policy)?;
    let kinds = kinds(options.family, config.aaaa);
    let mut candidates = config.candidates(name);
    // A search domain may make a name that is too long, or be none itself.
    candidates.retain(|full| message::question(full, RecordType::A, 0).is_some());
    let searched = candidates.iter().filter(|full| !is_same(full, name)).count();
    let mut verdict = None;
    let mut aside = None;
    for full in &candidates {
        // One that was silent a moment ago costs its time once, not once for each search domain and each target.
        silent::last(&mut servers);
        let failure = match query::ask(full, kinds, &servers, config, deadline, trace) {
            Answer::Addresses(addresses) => return Ok(addresses),
            Answer::NoData(server) => no_data(full, kinds, server),
            Answer::NoSuchName(server) => no_such_name(full, server),
            Answer::Unknown(errors) => {
                let failure = unknown(full, &errors, config.origin);
                let refused =
                    |(_, error): &(SocketAddr, ServerError)| matches!(error, ServerError::Refusal(_));
                if !errors.iter().all(refused) || errors.is_empty() {
                    // Nobody answers, so nobody will for the next name.
                    return Err(failure);
                }
                failure
            }
        };
        // The name as it was given is what the user means; then what sounds most like it exists.
        let rank = (is_same(full, name), failure.cause != Cause::NotFound);
        if failure.cause == Cause::Answer {
            aside.get_or_insert_with(|| failure.reason.clone());
        }
        if verdict.as_ref().is_none_or(|(best, _)| rank > *best) {
            verdict = Some((rank, failure));
        }
    }
    let Some((_, mut failure)) = verdict else {
        return Err(Failure::new(Phase::Resolve, Cause::NotFound, format!("{name} is not a DNS name")));
    };
    if failure.cause == Cause::NotFound {
        match searched {
            0 => {}
            1 => failure.reason.push_str(", nor with the search domain"),
            more => {
                let _ = write!(failure.reason, ", nor with {more} search domains");
            }
        }
        if let Some(aside) = aside {
            let _ = write!(failure.reason, "; {aside}");
        }
    }
    Err(failure)
}

/// The names that are asked for when `name` is looked up and resolv.conf holds `bytes`.
#[cfg(any(fuzzing, test))]
pub(crate) fn candidates(bytes: &[u8], name: &str) -> Vec<String> {
    Config::parse(bytes).candidates(name)
}

/// Whether `full` is `name` itself.
fn is_same(full: &str, name: &str) -> bool {
    full == name.strip_suffix('.').unwrap_or(name)
}

/// Which kinds of addresses to ask for.
fn kinds(family: Family, aaaa: AaaaLookup) -> &'static [RecordType] {
    match (family, aaaa) {
        (Family::Any, AaaaLookup::Asked) => &[RecordType::A, RecordType::Aaaa],
        (Family::Any, AaaaLookup::Skipped) | (Family::V4, _) => &[RecordType::A],
        (Family::V6, _) => &[RecordType::Aaaa],
    }
}

/// The servers to ask, in order, as far as they may be talked to.
fn servers(config: &Config, policy: AddressPolicy) -> Result<Vec<SocketAddr>, Failure> {
    let mut servers = config.servers.clone();
    let outside = servers.iter().map(SocketAddr::ip).find(|address| !address.to_canonical().is_loopback());
    if let (AddressPolicy::LoopbackOnly, Some(outside)) = (policy, outside) {
        let reason = format!("the name server {outside} is not on loopback, and --loopback-only is set");
        return Err(Failure::new(Phase::Resolve, Cause::Forbidden, reason));
    }
    if config.order == Order::Rotated {
        let mut first = [0];
        // Without a random number the first is as good as any.
        let _ = random::fill(&mut first);
        let [first] = first;
        let turns = usize::from(first) % servers.len().max(1);
        servers.rotate_left(turns);
    }
    Ok(servers)
}

/// The name exists, without such an address.
fn no_data(name: &str, kinds: &[RecordType], server: SocketAddr) -> Failure {
    let kinds = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ");
    let reason = format!("{name} exists without an {kinds} record, says {}", server.ip());
    Failure::new(Phase::Resolve, Cause::NotFound, reason)
}

/// The name does not exist.
fn no_such_name(name: &str, server: SocketAddr) -> Failure {
    let reason = format!("no such name: {name} (NXDOMAIN from {})", server.ip());
    Failure::new(Phase::Resolve, Cause::NotFound, reason)
}

/// No server said anything about the name.
fn unknown(name: &str, errors: &[(SocketAddr, ServerError)], origin: Origin) -> Failure {
    let all = errors.iter().map(|(server, error)| error.shown(*server)).collect::<Vec<_>>().join(", ");
    let any = |is: fn(&ServerError) -> bool| errors.iter().any(|(_, error)| is(error));
    let why = match origin {
        Origin::File | Origin::Given => "",
        Origin::NoFile => "; there is no /etc/resolv.conf",
        Origin::Unreadable => "; /etc/resolv.conf cannot be read",
        Origin::NoServer => "; /etc/resolv.conf names no server",
    };
    let (cause, reason) = if errors.is_empty() {
        (Cause::TimedOut, format!("timed out resolving {name}"))
    } else if any(|error| matches!(error, ServerError::Refusal(_))) {
        (Cause::Answer, format!("{all} for {name}"))
    } else if any(|error| matches!(error, ServerError::Silent | ServerError::Gibberish | ServerError::NoTcp))
    {
        (Cause::TimedOut, format!("timed out resolving {name}: {all}{why}"))
    } else if any(|error| matches!(error, ServerError::Unreachable(_))) {
        (Cause::Unreachable, format!("no name server for {name}: {all}{why}"))
    } else {
        (Cause::Broken, format!("cannot ask for {name}: {all}"))
    };
    Failure::new(Phase::Resolve, cause, reason)
}
