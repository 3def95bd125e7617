//! What a target means: the table of schemes, and one file or folder for each kind of check.
//!
//! A new kind is a file here and a row of [`SCHEMES`].

mod amqp;
mod cassandra;
mod dns;
mod fcgi;
mod file;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
#[cfg(fuzzing)]
pub(crate) mod fuzzing_local;
mod grpc;
mod http;
mod kafka;
mod kind;
mod ldap;
mod memcached;
mod mongodb;
mod mqtt;
mod mysql;
mod nats;
pub(crate) mod options;
mod pid;
mod pids;
mod postgres;
mod process;
mod redis;
mod smtp;
mod tcp;
mod udp;
mod unix;
mod zombies;
mod zookeeper;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::deadline::Deadline;
use crate::outcome::{Outcome, Trace};
use crate::target::Target;

use self::kind::Kind;
use self::options::{Group, Options};

/// One check, ready to be run any number of times.
#[derive(Debug)]
pub(crate) struct Probe {
    /// The target as it may be shown: no userinfo, no control characters.
    label: String,
    /// The row of the scheme table that it came from.
    scheme: &'static Scheme,
    /// What to do.
    kind: Box<dyn Kind>,
    /// Whether a system call of it may never return.
    may_hang: bool,
}

/// A row of the scheme table.
#[derive(Debug)]
struct Scheme {
    /// What stands before the colon.
    name: &'static str,
    /// The groups of options that mean something to it.
    uses: &'static [Group],
    /// Makes the probe; an error is one sentence for the user.
    parse: fn(&Target<'_>, &Options) -> Result<Box<dyn Kind>, String>,
}

/// Every scheme there is; the order is that of the documentation.
const SCHEMES: &[Scheme] = &[
    Scheme {
        name: "http",
        uses: &[Group::Headers, Group::Http, Group::Content, Group::Network, Group::UnixSocket],
        parse: http::parse,
    },
    Scheme {
        name: "https",
        uses: &[Group::Headers, Group::Http, Group::Content, Group::Network, Group::Tls, Group::UnixSocket],
        parse: http::parse,
    },
    Scheme { name: "tcp", uses: &[Group::Network, Group::Payload], parse: tcp::parse },
    Scheme { name: "unix", uses: &[Group::Payload], parse: unix::parse },
    Scheme { name: "udp", uses: &[Group::Network, Group::Payload], parse: udp::parse },
    Scheme { name: "grpc", uses: &[Group::Headers, Group::Network, Group::UnixSocket], parse: grpc::parse },
    Scheme {
        name: "grpcs",
        uses: &[Group::Headers, Group::Network, Group::Tls, Group::UnixSocket],
        parse: grpc::parse,
    },
    Scheme { name: "redis", uses: &[Group::Login, Group::Network, Group::UnixSocket], parse: redis::parse },
    Scheme {
        name: "rediss",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: redis::parse,
    },
    Scheme { name: "redis+unix", uses: &[Group::Login], parse: redis::parse_unix },
    Scheme {
        name: "postgres",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: postgres::parse,
    },
    Scheme {
        name: "postgresql",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: postgres::parse,
    },
    Scheme {
        name: "mysql",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mysql::parse,
    },
    Scheme {
        name: "mariadb",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mysql::parse,
    },
    Scheme { name: "memcached", uses: &[Group::Network, Group::UnixSocket], parse: memcached::parse },
    Scheme { name: "amqp", uses: &[Group::Login, Group::Network, Group::UnixSocket], parse: amqp::parse },
    Scheme {
        name: "amqps",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: amqp::parse,
    },
    Scheme {
        name: "mongodb",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mongodb::parse,
    },
    Scheme {
        name: "kafka",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: kafka::parse,
    },
    Scheme {
        name: "cassandra",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: cassandra::parse,
    },
    Scheme {
        name: "nats",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: nats::parse,
    },
    Scheme {
        name: "mqtt",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mqtt::parse,
    },
    Scheme {
        name: "mqtts",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mqtt::parse,
    },
    Scheme { name: "smtp", uses: &[Group::Network, Group::Tls, Group::UnixSocket], parse: smtp::parse },
    Scheme { name: "smtps", uses: &[Group::Network, Group::Tls, Group::UnixSocket], parse: smtp::parse },
    Scheme {
        name: "ldap",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: ldap::parse,
    },
    Scheme {
        name: "ldaps",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: ldap::parse,
    },
    Scheme {
        name: "zookeeper",
        uses: &[Group::Network, Group::Tls, Group::UnixSocket],
        parse: zookeeper::parse,
    },
    Scheme { name: "fcgi", uses: &[Group::Network, Group::UnixSocket], parse: fcgi::parse },
    Scheme { name: "fcgi+unix", uses: &[], parse: fcgi::parse_unix },
    Scheme { name: "file", uses: &[Group::File, Group::Content], parse: file::parse },
    Scheme { name: "pid", uses: &[], parse: pid::parse },
    Scheme { name: "process", uses: &[], parse: process::parse },
    Scheme { name: "zombies", uses: &[], parse: zombies::parse },
    Scheme { name: "pids", uses: &[], parse: pids::parse },
    Scheme { name: "dns", uses: &[Group::Network], parse: dns::parse },
];

impl Probe {
    /// Reads a target; an error is one sentence that says what is wrong and what would be right.
    pub(crate) fn parse(text: &str, options: &Options) -> Result<Self, String> {
        let target = Target::split(text, |name| SCHEMES.iter().any(|scheme| scheme.name == name))?;
        let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == target.scheme) else {
            return Err(format!(
                "unknown scheme in {}; known are {}",
                target.label(),
                Self::schemes().join(", ")
            ));
        };
        let label = target.label();
        let kind = (scheme.parse)(&target, options).map_err(|why| format!("{why} in {label}"))?;
        // A path to a socket is one of a file system, too.
        let may_hang = kind.touches_files() || scheme.name.ends_with("unix") || options.name_files();
        Ok(Self { label, scheme, kind, may_hang })
    }

    /// Whether it touches files: on a file system whose server is gone a system call may never return.
    pub(crate) fn may_hang(&self) -> bool {
        self.may_hang
    }

    /// What may stand before the colon of a target.
    pub(crate) fn schemes() -> Vec<&'static str> {
        SCHEMES.iter().map(|scheme| scheme.name).collect()
    }

    /// The target as it may be shown.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The groups of options that mean something to one of `probes`.
    pub(crate) fn groups(probes: &[Arc<Self>]) -> BTreeSet<Group> {
        probes.iter().flat_map(|probe| probe.scheme.uses).copied().collect()
    }

    /// Tries once. Over by `deadline`; what was met on the way is in `trace`, whatever comes of it.
    pub(crate) fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        self.kind.run(deadline, trace)
    }
}
