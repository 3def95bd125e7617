//! Lines of etcd, `ClickHouse`, `RabbitMQ`, `MongoDB`, Kafka, Cassandra and of what looks up names, beside their translation:
//! by the programs themselves where the distribution has them, else by a stand-in over the real client library.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::states::{NONE, Row, compare, has, is_healthy, says_healthy, translated};
use crate::services::{amqp, scripted};
use crate::support::peers::{Recipe, free_port, program};
use crate::support::servers::{Refusing, Server};
use crate::support::temp::Folder;

/// The PATH of the distribution's own programs.
const PATH: &str = "/usr/bin:/bin";

/// What a line and its translation say, with each of `moved` put in its place in the latter: first the original's.
fn both(line: &str, path: &str, moved: &[(&str, String)], limit: (&str, &str)) -> (bool, bool, String) {
    let (words, notes) = translated(line).unwrap_or_else(|said| panic!("{line}: {said}"));
    let put = |word: &String| moved.iter().fold(word.clone(), |word, (from, to)| word.replace(from, to));
    let words: Vec<String> = words.iter().map(put).collect();
    let theirs = is_healthy(line, path, limit.0);
    let (ours, said) = says_healthy(&words, limit.1);
    (theirs, ours, format!("{line}: {theirs}, ours {ours}: {words:?} {notes:?} {said}"))
}

/// Asserts that both say `healthy`.
#[track_caller]
fn agree(line: &str, path: &str, moved: &[(&str, String)], healthy: bool) {
    let (theirs, ours, said) = both(line, path, moved, ("60", "30s"));
    assert_eq!((theirs, ours), (healthy, healthy), "{said}");
}

/// Asserts that both call what does not answer, closes or refuses unhealthy; `{PORT}` is its port.
#[track_caller]
fn agree_when_down(line: &str, path: &str, moved: impl Fn(u16) -> Vec<(&'static str, String)>) {
    let (silent, closing, refusing) = (Server::silent(), Server::closing(), Refusing::new());
    for port in [silent.port(), closing.port(), refusing.address().port()] {
        let line = line.replace("{PORT}", &port.to_string());
        let (theirs, ours, said) = both(&line, path, &moved(port), ("2", "1s"));
        assert_eq!((theirs, ours), (false, false), "{said}");
    }
}

#[test]
fn lines_of_etcdctl_and_their_translations_agree() {
    let Some(etcd) = program("etcd", "etcd-server") else { return };
    if !has(&[("etcdctl", "etcd-client")]) {
        return;
    }
    let (port, peers) = (free_port(), free_port());
    let (clients, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
    let etcd = Recipe::new(&etcd, None).args([
        "--data-dir=data",
        &format!("--listen-client-urls={clients}"),
        &format!("--advertise-client-urls={clients}"),
        &format!("--listen-peer-urls={peers}"),
        &format!("--initial-advertise-peer-urls={peers}"),
        &format!("--initial-cluster=default={peers}"),
    ]);
    let _peer =
        etcd.start().until("etcd is ready", |peer| peer.output().contains("ready to serve client requests"));
    for line in [
        "etcdctl --endpoints=http://127.0.0.1:{PORT} endpoint health",
        "etcdctl --endpoints 127.0.0.1:{PORT} endpoint health || exit 1",
        "etcdctl endpoint health --endpoints=127.0.0.1:{PORT} 2>&1 | grep -q 'is healthy'",
        "ETCDCTL_API=3 etcdctl --endpoints=http://127.0.0.1:{PORT} endpoint status",
    ] {
        agree(&line.replace("{PORT}", &port.to_string()), PATH, &[], true);
    }
    agree_when_down("etcdctl --endpoints=http://127.0.0.1:{PORT} endpoint health", PATH, |_| Vec::new());
}

#[test]
fn lines_of_clickhouse_and_their_translations_agree() {
    let Some(server) = program("clickhouse-server", "clickhouse-server") else { return };
    if !has(&[("clickhouse-client", "clickhouse-client")]) {
        return;
    }
    let (http, native) = (free_port(), free_port());
    let recipe = Recipe::new(&server, None);
    let folder = recipe.folder().path().display().to_string();
    let config = format!(
        "<yandex><logger><level>warning</level><console>1</console></logger><http_port>{http}</http_port>\
         <tcp_port>{native}</tcp_port><listen_host>127.0.0.1</listen_host><path>{folder}/data/</path>\
         <tmp_path>{folder}/tmp/</tmp_path><users_config>users.xml</users_config><mark_cache_size>1000000\
         </mark_cache_size><default_profile>default</default_profile><default_database>default\
         </default_database></yandex>"
    );
    let user = |name: &str, password: &str| {
        format!(
            "<{name}><password>{password}</password><networks><ip>::/0</ip></networks><profile>default\
             </profile><quota>default</quota></{name}>"
        )
    };
    let users = format!(
        "<yandex><profiles><default/></profiles><quotas><default/></quotas><users>{}{}</users></yandex>",
        user("default", ""),
        user("app", "hunter2")
    );
    let config_file = format!("--config-file={folder}/config.xml");
    let recipe = recipe.file("config.xml", config).file("users.xml", users).args([config_file]);
    let _peer = recipe.start().listening(native).listening(http);
    let moved = [(":8123", format!(":{http}"))];
    for (line, healthy) in [
        ("clickhouse-client --host 127.0.0.1 --port {PORT} --query 'SELECT 1'", true),
        ("clickhouse-client -h 127.0.0.1 --port {PORT} -q 'SELECT 1' || exit 1", true),
        ("clickhouse-client -h 127.0.0.1 --port {PORT} -u app --password hunter2 -q 'SELECT 1'", true),
        ("clickhouse-client -h 127.0.0.1 --port {PORT} -u app --password wrong -q 'SELECT 1'", false),
        ("clickhouse-client -h 127.0.0.1 --port {PORT} -u nobody -q 'SELECT 1'", false),
    ] {
        agree(&line.replace("{PORT}", &native.to_string()), PATH, &moved, healthy);
    }
    let line = "clickhouse-client --host 127.0.0.1 --port {PORT} --query 'SELECT 1'";
    agree_when_down(line, PATH, |port| vec![(":8123", format!(":{port}"))]);
}

#[test]
fn lines_of_rabbitmq_and_their_translations_agree() {
    if program("rabbitmq-diagnostics", "rabbitmq-server").is_none() {
        return;
    }
    let Some((peer, port, _epmd)) = amqp::rabbitmq("") else { return };
    let environment = fs::read(format!("/proc/{}/environ", peer.pid())).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    let names = environment.split('\0').find_map(|each| each.strip_prefix("ERL_EPMD_PORT=")).unwrap();
    let surroundings = format!(
        "HOME={} RABBITMQ_NODENAME=sexton{port}@localhost ERL_EPMD_PORT={names}",
        peer.folder().path().display()
    );
    let path = "/usr/lib/rabbitmq/bin:/usr/bin:/bin";
    let moved = [("127.0.0.1", format!("127.0.0.1:{port}"))];
    for line in ["rabbitmq-diagnostics -q ping", "rabbitmq-diagnostics -q check_running || exit 1"] {
        agree(&format!("{surroundings} {line}"), path, &moved, true);
    }
    drop(peer);
    agree(&format!("{surroundings} rabbitmq-diagnostics -q ping"), path, &moved, false);
}

/// A folder with stand-ins for programs that no package has: each asks by the real client library, and exits with 0 or 1 as
/// the documentation of the program has it. None where Python lacks the libraries.
fn stand_ins() -> Option<Folder> {
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    let python = String::from_utf8(python.stdout).ok()?;
    let folder = Folder::new();
    for (name, kind) in [
        ("mongosh", "mongodb"),
        ("kafka-topics.sh", "kafka"),
        ("kafka-broker-api-versions", "kafka"),
        ("cqlsh", "cassandra"),
    ] {
        let script = format!(
            "#!{}\nimport re, subprocess, sys\nargs = sys.argv[1:]\nafter = lambda name: args[args.index(name) \
             + 1:][:1] if name in args else []\nport = after('--port') or re.findall(r'(?:^|:)([0-9]{{4,5}})(?:/\\S*)?$', \
             '\\n'.join(args), re.M)\nlogin = after('-u') + after('-p')\nasked = subprocess.run([sys.executable, \
             {:?}, 'ask', {kind:?}, port[0], *login], capture_output=True, text=True)\nsys.exit(0 if 'accepted' in \
             asked.stdout else 1)\n",
            python.trim(),
            scripted::SCRIPT,
        );
        let path = folder.join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    Some(folder)
}

#[test]
fn lines_of_mongosh_kafkas_tools_and_cqlsh_and_their_translations_agree() {
    let Some(folder) = stand_ins() else { return };
    for (kind, state) in [("mongodb", "primary"), ("kafka", "up"), ("cassandra", "up")] {
        assert!(scripted::Server::start(kind, state).is_accepted(&[]), "{kind}");
    }
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    for (kind, state, line, healthy) in [
        (
            "mongodb",
            "primary",
            "mongosh --host 127.0.0.1 --port {PORT} --quiet --eval \"db.adminCommand('ping')\"",
            true,
        ),
        ("mongodb", "primary", "mongosh 127.0.0.1:{PORT}/test --eval 'db.runCommand(\"ping\").ok'", true),
        ("mongodb", "login", "mongosh --port {PORT} -u u -p hunter2 --eval 'db.runCommand({ping:1})'", true),
        ("mongodb", "login", "mongosh --port {PORT} -u u -p wrong --eval 'db.runCommand({ping:1})'", false),
        ("kafka", "up", "kafka-topics.sh --bootstrap-server 127.0.0.1:{PORT} --list", true),
        (
            "kafka",
            "up",
            "/opt/kafka/bin/kafka-topics.sh --list --bootstrap-server 127.0.0.1:{PORT} || exit 1",
            true,
        ),
        (
            "kafka",
            "up",
            "kafka-broker-api-versions --bootstrap-server 127.0.0.1:{PORT} > /dev/null 2>&1",
            true,
        ),
        ("kafka", "login", "kafka-topics.sh --bootstrap-server 127.0.0.1:{PORT} --list", false),
        ("cassandra", "up", "cqlsh 127.0.0.1 {PORT} -e 'describe keyspaces'", true),
        ("cassandra", "login", "cqlsh -u u -p hunter2 127.0.0.1 {PORT} -e 'DESC KEYSPACES;'", true),
        ("cassandra", "login", "cqlsh -u u -p wrong 127.0.0.1 {PORT} -e 'describe keyspaces'", false),
    ] {
        let server = scripted::Server::start(kind, state);
        let line = line
            .replace("{PORT}", &server.port)
            .replace("/opt/kafka/bin", &folder.path().display().to_string());
        agree(&line, &path, &[], healthy);
    }
    for line in [
        "mongosh --host 127.0.0.1 --port {PORT} --eval \"db.adminCommand('ping')\"",
        "kafka-topics.sh --bootstrap-server 127.0.0.1:{PORT} --list",
        "cqlsh 127.0.0.1 {PORT} -e 'describe keyspaces'",
    ] {
        agree_when_down(line, &path, |_| Vec::new());
    }
}

/// Programs that ask their own server by HTTP, as their sources have it: the request, and what counts as success.
const OVER_HTTP: &[(&str, &str)] = &[
    // GET /ping, any 2xx (influx-cli, clients/ping).
    ("influx", "exec curl -sfL -o /dev/null \"$3/ping\"\n"),
    // HEAD /ping, 200 within five seconds (traefik, cmd/healthcheck).
    ("traefik", "[ \"$(curl -sIL -m 5 -o /dev/null -w '%{http_code}' \"http://${3#*=}/ping\")\" = 200 ]\n"),
];

#[test]
fn lines_of_influx_and_traefik_and_their_translations_agree() {
    let folder = Folder::new();
    for (name, script) in OVER_HTTP {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let rows: &[Row] = &[
        ("influx ping --host http://{AT}", NONE),
        ("influx ping --host http://{AT} || exit 1", NONE),
        ("traefik healthcheck --ping --entryPoints.traefik.address={AT}", NONE),
    ];
    compare(rows, &format!("{}:/usr/bin:/bin", folder.path().display()));
}

#[test]
fn lines_that_look_up_names_and_their_translations_agree() {
    let Some(dnsmasq) = program("dnsmasq", "dnsmasq-base") else { return };
    if !has(&[("dig", "bind9-dnsutils"), ("nslookup", "bind9-dnsutils")]) {
        return;
    }
    let port = free_port();
    let recipe = Recipe::new(&dnsmasq, None).args([
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--log-facility=-",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--local=/test/",
        "--host-record=db.test,10.1.2.3",
        &format!("--port={port}"),
    ]);
    let _peer = recipe.start().listening(port);
    let with = |line: &str| line.replace("{PORT}", &port.to_string());
    for line in [
        "dig -p {PORT} @127.0.0.1 db.test",
        "dig +short +time=5 +tries=1 -p {PORT} @127.0.0.1 db.test A || exit 1",
        "dig +short -p {PORT} @127.0.0.1 db.test | grep -q .",
        "nslookup -port={PORT} db.test 127.0.0.1",
        "nslookup -timeout=5 -port={PORT} db.test. 127.0.0.1 || exit 1",
    ] {
        agree(&with(line), PATH, &[], true);
    }
    agree(&with("nslookup -port={PORT} nowhere.test 127.0.0.1"), PATH, &[], false);
    agree(&with("dig +short -p {PORT} @127.0.0.1 nowhere.test | grep -q ."), PATH, &[], false);
    // dig is content with "no such name", and a note says that ours is not.
    let (theirs, ours, said) = both(&with("dig -p {PORT} @127.0.0.1 nowhere.test"), PATH, &[], ("60", "30s"));
    assert!(theirs && !ours && said.contains("stricter"), "{said}");
    let nobody = free_port();
    let line = format!("dig +time=1 +tries=1 -p {nobody} @127.0.0.1 db.test");
    agree(&line, PATH, &[], false);
}
