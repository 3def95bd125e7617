//! What a target means: one file per kind of check.
//!
//! A new kind is a file here, a variant of [`Kind`] and a row of [`SCHEMES`].

mod amqp;
mod cgroup;
mod clock;
mod condition;
mod dial;
mod dns;
mod fcgi;
mod file;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
#[cfg(fuzzing)]
pub(crate) mod fuzzing_local;
mod grpc;
pub(crate) mod http;
mod json_pointer;
mod login;
mod memcached;
mod mysql;
mod payload;
mod pid;
mod pids;
mod postgres;
mod process;
mod procfs;
mod redis;
mod regular;
mod scram;
mod secret;
mod status;
mod target;
mod tcp;
mod udp;
mod unix;
mod wire;
mod zombies;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::net::{Via, tls};
use crate::outcome::{Outcome, Trail};

pub(crate) use self::condition::Condition;
pub(crate) use self::file::{Options as FileOptions, Size as FileSize};
pub(crate) use self::http::Options as HttpOptions;
pub(crate) use self::json_pointer::JsonPointer;
pub(crate) use self::login::Options as LoginOptions;
pub(crate) use self::payload::{Payload, unescape};
pub(crate) use self::status::StatusSet;
use self::target::Target;
pub(crate) use self::target::parse_host;

/// One check, ready to be run any number of times.
#[derive(Debug)]
pub(crate) struct Probe {
    /// The target as it may be shown: no userinfo, no control characters.
    label: String,
    /// The row of the scheme table that it came from.
    scheme: &'static Scheme,
    /// What to do.
    kind: Kind,
}

/// The kinds of check.
#[derive(Debug)]
enum Kind {
    Amqp(amqp::Amqp),
    Dns(dns::Dns),
    Grpc(Box<grpc::Grpc>),
    Http(Box<http::Http>),
    Fcgi(fcgi::Fcgi),
    Memcached(memcached::Memcached),
    Mysql(mysql::Mysql),
    Postgres(postgres::Postgres),
    Redis(redis::Redis),
    Tcp(tcp::Tcp),
    Udp(udp::Udp),
    Unix(unix::Unix),
    File(file::File),
    Pid(pid::PidFile),
    Pids(pids::Pids),
    Process(process::Process),
    Zombies(zombies::Zombies),
}

/// A row of the scheme table.
#[derive(Debug)]
struct Scheme {
    /// What stands before the colon.
    name: &'static str,
    /// The groups of options that mean something to it.
    uses: &'static [Group],
    /// Makes the probe; an error is one sentence for the user.
    parse: fn(&Target<'_>, &Options) -> Result<Kind, String>,
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
    Scheme { name: "fcgi", uses: &[Group::Network, Group::UnixSocket], parse: fcgi::parse },
    Scheme { name: "fcgi+unix", uses: &[], parse: fcgi::parse_unix },
    Scheme { name: "file", uses: &[Group::File, Group::Content], parse: file::parse },
    Scheme { name: "pid", uses: &[], parse: pid::parse },
    Scheme { name: "process", uses: &[], parse: process::parse },
    Scheme { name: "zombies", uses: &[], parse: zombies::parse },
    Scheme { name: "pids", uses: &[], parse: pids::parse },
    Scheme { name: "dns", uses: &[Group::Network], parse: dns::parse },
];

/// What an option is for. One that no target has a use for is refused, not ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// Headers of HTTP, metadata of gRPC.
    Headers,
    /// Requests and answers of HTTP.
    Http,
    /// Users and passwords.
    Login,
    /// Names and addresses.
    Network,
    /// Certificates.
    Tls,
    /// What stands in an answer or a file.
    Content,
    /// Files.
    File,
    /// Bytes as they are.
    Payload,
    /// A unix socket instead of the target's host.
    UnixSocket,
}

/// Everything that options say about probes, whatever their kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// How to get to the peer.
    pub(crate) via: Via,
    /// What to ask in HTTP, and which answer is good.
    pub(crate) http: HttpOptions,
    /// What the body of an answer or a file must have.
    pub(crate) conditions: Vec<Condition>,
    /// Where passwords are.
    pub(crate) login: LoginOptions,
    /// Connect here for HTTP and gRPC, whatever the target's host.
    pub(crate) unix_socket: Option<PathBuf>,
    /// How long an answer may take once the connection stands, less than the whole.
    pub(crate) answer_timeout: Option<Duration>,
    /// Whom to trust.
    pub(crate) tls: tls::Options,
    /// What a file must be like.
    pub(crate) file: FileOptions,
    /// What to say to whom nothing more is known of.
    pub(crate) payload: Payload,
}

/// Whether `name` is in the scheme table.
fn is_known(name: &str) -> bool {
    SCHEMES.iter().any(|scheme| scheme.name == name)
}

impl Probe {
    /// Reads a target; an error is one sentence that says what is wrong and what would be right.
    pub(crate) fn parse(text: &str, options: &Options) -> Result<Self, String> {
        let target = Target::split(text)?;
        let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == target.scheme) else {
            return Err(format!(
                "unknown scheme in {}; known are {}",
                target.label(),
                Self::schemes().join(", ")
            ));
        };
        let label = target.label();
        let kind = (scheme.parse)(&target, options).map_err(|why| format!("{why} in {label}"))?;
        Ok(Self { label, scheme, kind })
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

    /// Tries once. Over by `deadline`; what was met on the way is in `trail`, whatever comes of it.
    pub(crate) fn run(&self, deadline: Deadline, trail: &mut Trail) -> Outcome {
        match &self.kind {
            Kind::Amqp(probe) => probe.run(deadline, trail),
            Kind::Dns(probe) => probe.run(deadline, trail),
            Kind::Grpc(probe) => probe.run(deadline, trail),
            Kind::Http(probe) => probe.run(deadline, trail),
            Kind::Fcgi(probe) => probe.run(deadline, trail),
            Kind::Memcached(probe) => probe.run(deadline, trail),
            Kind::Mysql(probe) => probe.run(deadline, trail),
            Kind::Postgres(probe) => probe.run(deadline, trail),
            Kind::Redis(probe) => probe.run(deadline, trail),
            Kind::Tcp(probe) => probe.run(deadline, trail),
            Kind::Udp(probe) => probe.run(deadline, trail),
            Kind::Unix(probe) => probe.run(deadline, trail),
            Kind::File(probe) => probe.run(deadline, trail),
            Kind::Pid(probe) => probe.run(deadline, trail),
            Kind::Pids(probe) => probe.run(deadline, trail),
            Kind::Process(probe) => probe.run(deadline, trail),
            Kind::Zombies(probe) => probe.run(deadline, trail),
        }
    }
}
