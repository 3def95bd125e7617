//! What a target means: the table of schemes, and one file or folder for each kind of check.
//!
//! A new kind is a file here and a row of [`SCHEMES`].

mod amqp;
mod cassandra;
mod dir;
mod dns;
mod fcgi;
mod file;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
#[cfg(any(fuzzing, test))]
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

use crate::deadline::Deadline;
use crate::outcome::{Outcome, Trace};
use crate::target::{Target, TargetText};

use self::kind::Kind;
use self::options::{Group, Options};

/// One check, ready to be run any number of times.
#[derive(Debug)]
pub(crate) struct Probe {
    /// What it is called in all output: its name, or the masked target.
    label: String,
    /// Who chose the label.
    labelled: Labelled,
    /// The row of the scheme table that it came from.
    scheme: &'static Scheme,
    /// What to do.
    kind: Box<dyn Kind>,
    /// Whether a system call of it may never return.
    may_hang: bool,
}

/// Where the label of a probe comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Labelled {
    /// `name=` before the target.
    ByUser,
    /// The target.
    ByTarget,
}

/// A row of the scheme table.
#[derive(Debug)]
struct Scheme {
    /// What stands before the colon.
    name: &'static str,
    /// What the help shows of it; empty for a second name.
    example: &'static str,
    /// When it passes.
    about: &'static str,
    /// The groups of options that mean something to it.
    uses: &'static [Group],
    /// Makes the probe; an error is one sentence for the user.
    parse: Parse,
}

/// Makes a probe of a target by options.
type Parse = fn(&Target<'_>, &Options) -> Result<Box<dyn Kind>, String>;

/// Every scheme there is; the order is that of the documentation.
const SCHEMES: &[Scheme] = &[
    Scheme {
        name: "http",
        example: "http://127.0.0.1:8080/health",
        about: "the status is 200-299 (--status) and the body has what is asked for",
        uses: &[Group::Headers, Group::Http, Group::Content, Group::Network, Group::UnixSocket],
        parse: http::parse,
    },
    Scheme {
        name: "https",
        example: "https://example.com/",
        about: "the same over TLS",
        uses: &[Group::Headers, Group::Http, Group::Content, Group::Network, Group::Tls, Group::UnixSocket],
        parse: http::parse,
    },
    Scheme {
        name: "tcp",
        example: "tcp://db:5432",
        about: "a connection is accepted; with --send and --expect, it answers",
        uses: &[Group::Network, Group::Payload],
        parse: tcp::parse,
    },
    Scheme {
        name: "unix",
        example: "unix:/run/app.sock",
        about: "the same for a unix socket; unix:@name is an abstract one",
        uses: &[Group::Payload],
        parse: unix::parse,
    },
    Scheme {
        name: "udp",
        example: "udp://127.0.0.1:53",
        about: "a datagram is answered by what --expect says",
        uses: &[Group::Network, Group::Payload],
        parse: udp::parse,
    },
    Scheme {
        name: "grpc",
        example: "grpc://127.0.0.1:50051/service",
        about: "grpc.health.v1 answers SERVING",
        uses: &[Group::Headers, Group::Network, Group::UnixSocket],
        parse: grpc::parse,
    },
    Scheme {
        name: "grpcs",
        example: "grpcs://api:443",
        about: "the same over TLS",
        uses: &[Group::Headers, Group::Network, Group::Tls, Group::UnixSocket],
        parse: grpc::parse,
    },
    Scheme {
        name: "redis",
        example: "redis://:${PASSWORD}@cache:6379/0",
        about: "PING is answered by PONG",
        uses: &[Group::Login, Group::Network, Group::UnixSocket],
        parse: redis::parse,
    },
    Scheme {
        name: "rediss",
        example: "rediss://cache:6380",
        about: "the same over TLS",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: redis::parse,
    },
    Scheme {
        name: "redis+unix",
        example: "redis+unix:/run/redis.sock",
        about: "the same on a unix socket",
        uses: &[Group::Login],
        parse: redis::parse_unix,
    },
    Scheme {
        name: "postgres",
        example: "postgres://app:${PASSWORD}@db/app",
        about: "the server accepts connections, and the login if there is a password",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: postgres::parse,
    },
    Scheme {
        name: "postgresql",
        example: "",
        about: "",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: postgres::parse,
    },
    Scheme {
        name: "mysql",
        example: "mysql://app:${PASSWORD}@db/app",
        about: "the server accepts connections, and the login if there is a password",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mysql::parse,
    },
    Scheme {
        name: "mariadb",
        example: "",
        about: "",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mysql::parse,
    },
    Scheme {
        name: "memcached",
        example: "memcached://cache:11211",
        about: "it tells its version",
        uses: &[Group::Network, Group::UnixSocket],
        parse: memcached::parse,
    },
    Scheme {
        name: "amqp",
        example: "amqp://app:${PASSWORD}@mq/",
        about: "RabbitMQ starts a connection, and accepts the login if there is one",
        uses: &[Group::Login, Group::Network, Group::UnixSocket],
        parse: amqp::parse,
    },
    Scheme {
        name: "amqps",
        example: "amqps://mq:5671",
        about: "the same over TLS",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: amqp::parse,
    },
    Scheme {
        name: "mongodb",
        example: "mongodb://app:${PASSWORD}@db/",
        about: "the server serves as standalone, primary, secondary or mongos; takes the login",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mongodb::parse,
    },
    Scheme {
        name: "kafka",
        example: "kafka://broker:9092",
        about: "the broker knows a cluster with a controller; takes the login",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: kafka::parse,
    },
    Scheme {
        name: "cassandra",
        example: "cassandra://db:9042",
        about: "the server is ready for queries, and takes the login",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: cassandra::parse,
    },
    Scheme {
        name: "nats",
        example: "nats://mq:4222",
        about: "PING is answered by PONG",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: nats::parse,
    },
    Scheme {
        name: "mqtt",
        example: "mqtt://mq:1883",
        about: "the broker accepts a connection",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mqtt::parse,
    },
    Scheme {
        name: "mqtts",
        example: "mqtts://mq:8883",
        about: "the same over TLS",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: mqtt::parse,
    },
    Scheme {
        name: "smtp",
        example: "smtp://mail:25",
        about: "the server greets with 220 and takes EHLO",
        uses: &[Group::Network, Group::Tls, Group::UnixSocket],
        parse: smtp::parse,
    },
    Scheme {
        name: "smtps",
        example: "smtps://mail:465",
        about: "the same over TLS",
        uses: &[Group::Network, Group::Tls, Group::UnixSocket],
        parse: smtp::parse,
    },
    Scheme {
        name: "ldap",
        example: "ldap://directory:389",
        about: "the server takes a bind",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: ldap::parse,
    },
    Scheme {
        name: "ldaps",
        example: "ldaps://directory:636",
        about: "the same over TLS",
        uses: &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket],
        parse: ldap::parse,
    },
    Scheme {
        name: "zookeeper",
        example: "zookeeper://zk:2181",
        about: "the server serves, alone or in a quorum",
        uses: &[Group::Network, Group::Tls, Group::UnixSocket],
        parse: zookeeper::parse,
    },
    Scheme {
        name: "fcgi",
        example: "fcgi://127.0.0.1:9000/ping",
        about: "the ping page of php-fpm answers",
        uses: &[Group::Network, Group::UnixSocket],
        parse: fcgi::parse,
    },
    Scheme {
        name: "fcgi+unix",
        example: "fcgi+unix:/run/php.sock?/ping",
        about: "the same on a unix socket",
        uses: &[],
        parse: fcgi::parse_unix,
    },
    Scheme {
        name: "file",
        example: "file:/run/heartbeat",
        about: "the file exists; --max-age, --contains and others ask for more",
        uses: &[Group::File, Group::Content],
        parse: file::parse,
    },
    Scheme { name: "dir", example: "dir:/data", about: "the directory exists", uses: &[], parse: dir::parse },
    Scheme {
        name: "pid",
        example: "pid:/run/app.pid",
        about: "the process of this pid file is alive",
        uses: &[],
        parse: pid::parse,
    },
    Scheme {
        name: "process",
        example: "process:nginx",
        about: "such a process is alive; process:/REGEX/ matches command lines",
        uses: &[],
        parse: process::parse,
    },
    Scheme {
        name: "zombies",
        example: "zombies:5",
        about: "there are at most 5 zombies (zombies: none)",
        uses: &[],
        parse: zombies::parse,
    },
    Scheme {
        name: "pids",
        example: "pids:80",
        about: "less than 80% of the PIDs that cgroups allow are in use (pids: 90%)",
        uses: &[],
        parse: pids::parse,
    },
    Scheme {
        name: "dns",
        example: "dns:db.internal",
        about: "the name resolves",
        uses: &[Group::Network],
        parse: dns::parse,
    },
];

impl Probe {
    /// Reads a target; an error is one sentence that says what is wrong and what would be right.
    pub(crate) fn parse(text: &str, options: &Options) -> Result<Self, String> {
        let target = Target::split(text, |name| SCHEMES.iter().any(|scheme| scheme.name == name))?;
        let label = target.label();
        let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == target.scheme) else {
            return Err(format!("{label}: unknown scheme `{}`; see sexton help targets", target.scheme));
        };
        let text = TargetText::new(text);
        let kind = (scheme.parse)(&target, options)
            .map_err(|why| format!("{label}: {}", text.redact(why.trim_end_matches(','))))?;
        // A path to a socket is one of a file system, too.
        let may_hang =
            kind.touches_files() || scheme.name.ends_with("unix") || options.name_files(scheme.uses);
        Ok(Self { label, labelled: Labelled::ByTarget, scheme, kind, may_hang })
    }

    /// Whether it touches files: on a file system whose server is gone a system call may never return.
    pub(crate) fn may_hang(&self) -> bool {
        self.may_hang
    }

    /// An example of each scheme, and when it passes.
    pub(crate) fn schemes() -> impl Iterator<Item = (&'static str, &'static str)> {
        SCHEMES
            .iter()
            .filter(|scheme| !scheme.example.is_empty())
            .map(|scheme| (scheme.example, scheme.about))
    }

    /// The same, called `name` if there is one.
    pub(crate) fn named(self, name: Option<String>) -> Self {
        match name {
            Some(label) => Self { label, labelled: Labelled::ByUser, ..self },
            None => self,
        }
    }

    /// Whether the user has named it.
    pub(crate) fn is_named(&self) -> bool {
        self.labelled == Labelled::ByUser
    }

    /// Calls it `label`, where its own is another's, too.
    pub(crate) fn relabel(&mut self, label: String) {
        self.label = label;
    }

    /// What it is called in all output; holds no secret.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The groups of options that mean something to one of `probes`.
    pub(crate) fn groups(probes: &[Self]) -> BTreeSet<Group> {
        probes.iter().flat_map(|probe| probe.scheme.uses).copied().collect()
    }

    /// Tries once. Over by `deadline`; what was met on the way is in `trace`, whatever comes of it.
    pub(crate) fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        self.kind.run(deadline, trace)
    }
}
