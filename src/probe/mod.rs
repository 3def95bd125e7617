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

/// HTTP in clear.
const HTTP: &[Group] = &[Group::Headers, Group::Http, Group::Content, Group::Network, Group::UnixSocket];
/// HTTP over TLS.
const HTTPS: &[Group] =
    &[Group::Headers, Group::Http, Group::Content, Group::Network, Group::Tls, Group::UnixSocket];
/// A conversation over TCP or UDP.
const SOCKET: &[Group] = &[Group::Network, Group::Payload];
/// A conversation over a unix socket.
const PAYLOAD: &[Group] = &[Group::Payload];
/// gRPC in clear.
const GRPC: &[Group] = &[Group::Headers, Group::Network, Group::UnixSocket];
/// gRPC over TLS.
const GRPCS: &[Group] = &[Group::Headers, Group::Network, Group::Tls, Group::UnixSocket];
/// A service with a login.
const SERVICE: &[Group] = &[Group::Login, Group::Network, Group::UnixSocket];
/// A service with a login, that can speak TLS.
const SERVICE_TLS: &[Group] = &[Group::Login, Group::Network, Group::Tls, Group::UnixSocket];
/// A login over a unix socket.
const LOGIN: &[Group] = &[Group::Login];
/// A service without a login.
const NETWORK: &[Group] = &[Group::Network, Group::UnixSocket];
/// A service without a login, that can speak TLS.
const NETWORK_TLS: &[Group] = &[Group::Network, Group::Tls, Group::UnixSocket];
/// No options.
const NONE: &[Group] = &[];
/// A file and what it holds.
const FILE: &[Group] = &[Group::File, Group::Content];
/// A name.
const NAME: &[Group] = &[Group::Network];

/// A row of the table: what stands before the colon, an example, the groups of options that mean something, and the parser.
const fn scheme(name: &'static str, example: &'static str, uses: &'static [Group], parse: Parse) -> Scheme {
    Scheme { name, example, about: "", uses, parse }
}

impl Scheme {
    /// The same, with when it passes.
    const fn passes_when(self, about: &'static str) -> Self {
        Self { about, ..self }
    }
}

/// Every scheme there is; the order is that of the documentation.
const SCHEMES: &[Scheme] = &[
    scheme("http", "http://127.0.0.1:8080/health", HTTP, http::parse)
        .passes_when("the status is 200-299 (--status) and the body meets --contains and --json-path"),
    scheme("https", "https://example.com/", HTTPS, http::parse).passes_when("the same over TLS"),
    scheme("tcp", "tcp://db:5432", SOCKET, tcp::parse)
        .passes_when("a connection is accepted; with --send and --expect, it answers"),
    scheme("unix", "unix:/run/app.sock", PAYLOAD, unix::parse)
        .passes_when("the same for a unix socket; unix:@name is an abstract one"),
    scheme("udp", "udp://127.0.0.1:53", SOCKET, udp::parse)
        .passes_when("the reply to --send matches --expect"),
    scheme("grpc", "grpc://127.0.0.1:50051/service", GRPC, grpc::parse)
        .passes_when("grpc.health.v1 answers SERVING"),
    scheme("grpcs", "grpcs://api:443", GRPCS, grpc::parse).passes_when("the same over TLS"),
    scheme("redis", "redis://:${PASSWORD}@cache:6379/0", SERVICE, redis::parse)
        .passes_when("PING is answered by PONG"),
    scheme("rediss", "rediss://cache:6380", SERVICE_TLS, redis::parse).passes_when("the same over TLS"),
    scheme("redis+unix", "redis+unix:/run/redis.sock", LOGIN, redis::parse_unix)
        .passes_when("the same on a unix socket"),
    scheme("postgres", "postgres://app:${PASSWORD}@db/app", SERVICE_TLS, postgres::parse)
        .passes_when("the server accepts connections, and the login if there is a password"),
    scheme("postgresql", "", SERVICE_TLS, postgres::parse),
    scheme("mysql", "mysql://app:${PASSWORD}@db/app", SERVICE_TLS, mysql::parse)
        .passes_when("the server accepts connections, and the login if there is a password"),
    scheme("mariadb", "", SERVICE_TLS, mysql::parse),
    scheme("memcached", "memcached://cache:11211", NETWORK, memcached::parse)
        .passes_when("it tells its version"),
    scheme("amqp", "amqp://app:${PASSWORD}@mq/", SERVICE, amqp::parse)
        .passes_when("RabbitMQ starts a connection, and accepts the login if there is one"),
    scheme("amqps", "amqps://mq:5671", SERVICE_TLS, amqp::parse).passes_when("the same over TLS"),
    scheme("mongodb", "mongodb://app:${PASSWORD}@db/", SERVICE_TLS, mongodb::parse)
        .passes_when("the server serves as standalone, primary, secondary or mongos; takes the login"),
    scheme("kafka", "kafka://broker:9092", SERVICE_TLS, kafka::parse)
        .passes_when("the broker knows a cluster with a controller; takes the login"),
    scheme("cassandra", "cassandra://db:9042", SERVICE_TLS, cassandra::parse)
        .passes_when("the server is ready for queries, and takes the login"),
    scheme("nats", "nats://mq:4222", SERVICE_TLS, nats::parse).passes_when("PING is answered by PONG"),
    scheme("mqtt", "mqtt://mq:1883", SERVICE_TLS, mqtt::parse).passes_when("the broker accepts a connection"),
    scheme("mqtts", "mqtts://mq:8883", SERVICE_TLS, mqtt::parse).passes_when("the same over TLS"),
    scheme("smtp", "smtp://mail:25", NETWORK_TLS, smtp::parse)
        .passes_when("the server greets with 220 and takes EHLO"),
    scheme("smtps", "smtps://mail:465", NETWORK_TLS, smtp::parse).passes_when("the same over TLS"),
    scheme("ldap", "ldap://directory:389", SERVICE_TLS, ldap::parse).passes_when("the server takes a bind"),
    scheme("ldaps", "ldaps://directory:636", SERVICE_TLS, ldap::parse).passes_when("the same over TLS"),
    scheme("zookeeper", "zookeeper://zk:2181", NETWORK_TLS, zookeeper::parse)
        .passes_when("the server serves, alone or in a quorum"),
    scheme("fcgi", "fcgi://127.0.0.1:9000/ping", NETWORK, fcgi::parse)
        .passes_when("the ping page of php-fpm answers"),
    scheme("fcgi+unix", "fcgi+unix:/run/php.sock?/ping", NONE, fcgi::parse_unix)
        .passes_when("the same on a unix socket"),
    scheme("file", "file:/run/heartbeat", FILE, file::parse)
        .passes_when("the file exists; --max-age, --contains and others ask for more"),
    scheme("dir", "dir:/data", NONE, dir::parse).passes_when("the directory exists"),
    scheme("pid", "pid:/run/app.pid", NONE, pid::parse).passes_when("the process of this pid file is alive"),
    scheme("process", "process:nginx", NONE, process::parse)
        .passes_when("such a process is alive; process:/REGEX/ matches command lines"),
    scheme("zombies", "zombies:5", NONE, zombies::parse)
        .passes_when("there are at most 5 zombies (zombies: none)"),
    scheme("pids", "pids:80", NONE, pids::parse)
        .passes_when("less than 80% of the PIDs that cgroups allow are in use (pids: 90%)"),
    scheme("dns", "dns:db.internal", NAME, dns::parse).passes_when("the name resolves"),
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
        // The hosts file and resolv.conf are files, and a path to a socket is one of a file system, too.
        let is_looked_up = scheme.uses.contains(&Group::Network)
            && target.authority().is_ok_and(|authority| authority.host.is_looked_up());
        let may_hang = kind.touches_files()
            || is_looked_up
            || scheme.name.ends_with("unix")
            || options.name_files(scheme.uses);
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
