//! The programs whose checks are known: one row each, and one file for each family.

mod brokers;
mod code;
mod curl;
mod databases;
mod files;
mod grpc;
mod mysql;
mod names;
mod nc;
mod node;
mod php;
mod postgres;
mod processes;
mod python;
mod redis;
mod servers;
mod stores;
mod wget;

use percent_encoding::utf8_percent_encode;

use crate::target::RESERVED;

use super::notation::{is_placeholder, is_script, plain};
use super::options::{Given, all as options};
use super::semantics::{Refusal, Semantics};

/// A command line in one state of a script.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    /// The program, without its path.
    pub(super) name: String,
    /// Its arguments, in our notation.
    pub(super) args: Vec<String>,
    /// Variables that the script sets.
    pub(super) env: Vec<(String, String)>,
    /// What it reads, where that is known.
    pub(super) input: Option<String>,
    /// Whether its errors go where its output goes.
    pub(super) merged: bool,
}

impl Call {
    /// The variable `name`, where the script sets it.
    fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a command line as its program does.
type Recognizer = fn(&Call) -> Result<Semantics, Refusal>;

/// By the name of the program, without its path and a `.sh` at its end.
const TOOLS: &[(&[&str], Recognizer)] = &[
    (&["curl"], curl::ask),
    (&["wget"], wget::ask),
    (&["nc", "ncat", "netcat"], nc::ask),
    (&["pg_isready"], postgres::is_ready),
    (&["psql"], postgres::psql),
    (&["redis-cli", "valkey-cli", "keydb-cli"], redis::ask),
    (&["mysqladmin", "mariadb-admin"], mysql::admin),
    (&["mysql", "mariadb"], mysql::client),
    (&["healthcheck"], mysql::healthcheck),
    (&["mongosh", "mongo"], databases::mongo),
    (&["cqlsh"], databases::cqlsh),
    (&["clickhouse-client", "clickhouse"], databases::clickhouse),
    (&["rabbitmq-diagnostics", "rabbitmqctl"], brokers::rabbitmq),
    (&["kafka-topics", "kafka-broker-api-versions", "kafka-cluster"], brokers::kafka),
    (&["cub"], brokers::cub),
    (&["etcdctl"], stores::etcd),
    (&["mc"], stores::minio),
    (&["grpc_health_probe", "grpc-health-probe"], grpc::ask),
    (&["traefik"], servers::traefik),
    (&["influx"], servers::influx),
    (&["temporal", "tctl"], servers::temporal),
    (&["zkServer"], servers::zookeeper),
    (&["dig", "drill"], names::dig),
    (&["nslookup", "host"], names::lookup),
    (&["getent"], names::getent),
    (&["pgrep"], processes::pgrep),
    (&["pidof"], processes::pidof),
    (&["ps"], processes::ps),
    (&["cat"], files::cat),
    (&["grep", "egrep", "fgrep"], files::grep),
    (&["ls", "stat"], files::look),
    (&["find"], files::find),
    (&["python", "python2", "python3"], python::ask),
    (&["node", "nodejs", "bun"], node::ask),
    (&["cgi-fcgi"], php::cgi_fcgi),
    (&["php-fpm-healthcheck"], php::healthcheck),
];

/// What comes nearest to programs whose checks have no translation.
const NEAREST: &[(&[&str], &str)] = &[
    (&["supervisorctl", "s6-svstat", "sv", "service", "systemctl"], "sexton check process:NAME"),
    (&["nginx", "apachectl", "httpd", "php-fpm", "haproxy"], "sexton check http://127.0.0.1:PORT/PATH"),
    (&["ping", "telnet", "ss", "netstat", "lsof", "nmap"], "sexton check tcp://HOST:PORT"),
    (&["openssl"], "sexton check --min-validity 7d https://HOST/"),
    (&["vault"], "sexton check --status 200,429,472,473 http://127.0.0.1:8200/v1/sys/health"),
    (&["consul"], "sexton check http://127.0.0.1:8500/v1/status/leader"),
    (&["nomad"], "sexton check http://127.0.0.1:4646/v1/agent/health"),
    (&["celery"], "sexton check --max-age 1m file:/HEARTBEAT"),
    (
        &["java", "http", "https", "xh", "php", "rails", "bundle", "dotnet"],
        "sexton check http://127.0.0.1:PORT/PATH",
    ),
    (&["smbclient"], "sexton check tcp://127.0.0.1:445"),
    (&["sqlcmd"], "sexton check tcp://127.0.0.1:1433"),
    (&["isql", "sqlplus"], "sexton check tcp://127.0.0.1:PORT"),
    (&["ldapsearch", "ldapwhoami"], "sexton check ldap://127.0.0.1"),
    (&["mosquitto_sub", "mosquitto_pub"], "sexton check mqtt://127.0.0.1"),
    (&["memcached-tool", "memcstat", "memcping"], "sexton check memcached://127.0.0.1:11211"),
    (&["nodetool"], "sexton check cassandra://127.0.0.1"),
    (&["cockroach"], "sexton check http://127.0.0.1:8080/health?ready=1"),
    (&["cypher-shell"], "sexton check http://127.0.0.1:7474"),
    (&["rpk"], "sexton check http://127.0.0.1:9644/v1/status/ready"),
    (&["solr"], "sexton check http://127.0.0.1:8983/solr/admin/info/system"),
    (&["surreal"], "sexton check http://127.0.0.1:8000/health"),
    (&["arangosh"], "sexton check http://127.0.0.1:8529/_api/version"),
    (&["cloudflared"], "sexton check http://127.0.0.1:PORT/ready"),
    (&["squid", "squidclient"], "sexton check tcp://127.0.0.1:3128"),
    (&["ak"], "sexton check http://127.0.0.1:9000/-/health/live/"),
    (&["immich-healthcheck"], "sexton check http://127.0.0.1:2283/api/server/ping"),
    (&["gitlab-healthcheck"], "sexton check http://127.0.0.1/-/readiness"),
];

/// What `call` asks.
pub(super) fn ask(call: &Call) -> Result<Semantics, Refusal> {
    let name = call.name.strip_suffix(".sh").unwrap_or(&call.name);
    if let Some((_, recognizer)) = TOOLS.iter().find(|(names, _)| names.contains(&name)) {
        return recognizer(call);
    }
    let why = format!("what `{}` asks is not known here", call.name);
    match NEAREST.iter().find(|(names, _)| names.contains(&name)) {
        Some((_, nearest)) => Err(Refusal::with(why, *nearest)),
        None if is_script(&call.name) => Err(Refusal::with(why, "sexton translate FILE, with that script")),
        None => Err(Refusal::new(why)),
    }
}

/// `word` inside the userinfo or the path of a target: %-encoded but for variables, whose values are literal there.
fn encoded(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("$$") {
            out.push_str("%24");
            rest = after;
            continue;
        }
        if let Some((variable, after)) = rest.split_once('}').filter(|_| rest.starts_with("${")) {
            out.push_str(variable);
            out.push('}');
            rest = after;
            continue;
        }
        if is_placeholder(c) {
            out.push(c);
        } else {
            out.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), RESERVED));
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

/// `user:password@`, or less.
pub(super) fn userinfo(user: Option<&str>, password: Option<&str>) -> String {
    match (user, password) {
        (None, None) => String::new(),
        (user, None) => format!("{}@", encoded(user.unwrap_or_default())),
        (user, Some(password)) => format!("{}:{}@", encoded(user.unwrap_or_default()), encoded(password)),
    }
}

/// A host in a target.
fn host(host: &str) -> String {
    let is_address = host.contains(':') && !host.contains("${") && !host.starts_with('[');
    if is_address { format!("[{host}]") } else { host.to_owned() }
}

/// `:port`, unless it is the usual one.
fn port(port: Option<&str>, usual: &str) -> String {
    match port {
        None => String::new(),
        Some(port) if port == usual => String::new(),
        Some(port) => format!(":{port}"),
    }
}

/// The text of `word`, or why it cannot be read.
fn known(word: &str, what: &str) -> Result<String, Refusal> {
    plain(word).ok_or_else(|| Refusal::new(format!("{what} is in a variable")))
}
