//! The recipes of docs/check.md for services that speak HTTP: against the servers themselves where Debian has them, else
//! against answers as their documentation has them.

use std::path::Path;

use crate::support::peers::{Peer, Recipe, free_port, program};
use crate::support::servers::Server;
use crate::support::{Run, eventually, sexton};

/// A check by the recipes of `service`, each of the targets in its row, at `port` in place of its own.
fn check(service: &str, nth: usize, port: u16) -> Run {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let row =
        page.lines().find(|line| line.starts_with(&format!("| {service}"))).expect("a row of this service");
    let target = row.split('`').skip(1).step_by(2).nth(nth).expect("a target in it");
    let (_, path) =
        target.strip_prefix("http://127.0.0.1:").expect("on this machine").split_once('/').expect("a path");
    sexton(["check", &format!("http://127.0.0.1:{port}/{path}")])
}

/// A server that answers `status` and `body` to requests that begin with `GET path`, and 404 to any other.
fn answering(path: &'static str, status: &'static str, body: &'static str) -> Server {
    Server::new(move |client| {
        let Some(head) = client.next_head() else { return };
        let is_meant = head.strip_prefix("GET ").is_some_and(|rest| rest.starts_with(path));
        let (status, body) = if is_meant { (status, body) } else { ("404 Not Found", "no such page") };
        let length = body.len();
        client.send(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes());
        client.close();
    })
}

/// What a service answers in a state: its row, which target of it, the path, status and body, and what the check says.
type State = (&'static str, usize, &'static str, &'static str, &'static str, i32, &'static str);

const STATES: &[State] = &[
    // <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-cluster-health>
    (
        "Elasticsearch",
        0,
        "/_cluster/health?wait_for_status=yellow&timeout=1s ",
        "200 OK",
        r#"{"cluster_name":"c","status":"green","timed_out":false,"number_of_nodes":1}"#,
        0,
        "healthy: status 200",
    ),
    (
        "Elasticsearch",
        0,
        "/_cluster/health?",
        "200 OK",
        r#"{"cluster_name":"c","status":"yellow","timed_out":false,"number_of_nodes":1}"#,
        0,
        "healthy: status 200",
    ),
    // Version 7 says 408 to a cluster that stays red, version 8 says 200.
    (
        "Elasticsearch",
        0,
        "/_cluster/health?",
        "408 Request Timeout",
        r#"{"cluster_name":"c","status":"red","timed_out":true}"#,
        1,
        "unhealthy: status 408, wanted 200-299: {\"cluster_name\":\"c\",\"status\":\"red\"",
    ),
    (
        "Elasticsearch",
        0,
        "/_cluster/health?",
        "200 OK",
        r#"{"cluster_name":"c","status":"red","timed_out":true}"#,
        1,
        "unhealthy: /timed_out is `true`, wanted `false`",
    ),
    (
        "Elasticsearch",
        0,
        "/_cluster/health?",
        "503 Service Unavailable",
        r#"{"error":{"type":"master_not_discovered_exception"},"status":503}"#,
        1,
        "unhealthy: status 503, wanted 200-299: {\"error\"",
    ),
    (
        "Elasticsearch",
        0,
        "/_cluster/health?",
        "401 Unauthorized",
        r#"{"error":{"type":"security_exception"},"status":401}"#,
        1,
        "unhealthy: status 401, wanted 200-299",
    ),
    // <https://clickhouse.com/docs/interfaces/http>
    ("ClickHouse", 0, "/ping ", "200 OK", "Ok.\n", 0, "healthy: status 200"),
    (
        "ClickHouse",
        1,
        "/replicas_status ",
        "503 Service Unavailable",
        "db.table:\tAbsolute delay: 900. Relative delay: 900.\n",
        1,
        "unhealthy: status 503, wanted 200-299: db.table: Absolute delay: 900.",
    ),
    // <https://etcd.io/docs/latest/op-guide/monitoring/>
    ("etcd", 0, "/health ", "200 OK", r#"{"health":"true","reason":""}"#, 0, "healthy: status 200"),
    (
        "etcd",
        0,
        "/health ",
        "503 Service Unavailable",
        r#"{"health":"false","reason":"RAFT NO LEADER"}"#,
        1,
        "unhealthy: status 503, wanted 200-299: {\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}",
    ),
    // <https://min.io/docs/minio/linux/operations/monitoring/healthcheck-probe.html>
    ("MinIO", 0, "/minio/health/live ", "200 OK", "", 0, "healthy: status 200"),
    (
        "MinIO",
        0,
        "/minio/health/live ",
        "503 Service Unavailable",
        "",
        1,
        "unhealthy: status 503, wanted 200-299",
    ),
    ("MinIO", 1, "/minio/health/cluster ", "200 OK", "", 0, "healthy: status 200"),
    (
        "MinIO",
        1,
        "/minio/health/cluster ",
        "503 Service Unavailable",
        "",
        1,
        "unhealthy: status 503, wanted 200-299",
    ),
    // <https://developer.hashicorp.com/vault/api-docs/system/health>
    (
        "Vault",
        0,
        "/v1/sys/health?standbyok=true&perfstandbyok=true ",
        "200 OK",
        r#"{"initialized":true,"sealed":false,"standby":true}"#,
        0,
        "healthy: status 200",
    ),
    (
        "Vault",
        0,
        "/v1/sys/health?",
        "503 Service Unavailable",
        r#"{"initialized":true,"sealed":true,"standby":true}"#,
        1,
        "unhealthy: status 503, wanted 200-299: {\"initialized\":true,\"sealed\":true,\"standby\":true}",
    ),
    (
        "Vault",
        0,
        "/v1/sys/health?",
        "501 Not Implemented",
        r#"{"initialized":false,"sealed":true,"standby":true}"#,
        1,
        "unhealthy: status 501, wanted 200-299: {\"initialized\":false",
    ),
    // Where standby nodes are to fail, the parameters are left out.
    (
        "Vault",
        0,
        "/v1/sys/health?",
        "429 Too Many Requests",
        "{}",
        1,
        "unhealthy: status 429, wanted 200-299: {}",
    ),
    // <https://developer.hashicorp.com/consul/api-docs/status>
    ("Consul", 0, "/v1/status/leader ", "200 OK", "\"10.1.10.12:8300\"", 0, "healthy: status 200"),
    ("Consul", 0, "/v1/status/leader ", "200 OK", "\"\"", 1, "unhealthy: `\"\"` is in the body"),
    (
        "Consul",
        0,
        "/v1/status/leader ",
        "500 Internal Server Error",
        "No cluster leader",
        1,
        "unhealthy: status 500, wanted 200-299: No cluster leader",
    ),
    // <https://www.keycloak.org/observability/health>
    (
        "Keycloak",
        0,
        "/health/ready ",
        "200 OK",
        "{\n  \"status\": \"UP\",\n  \"checks\": []\n}",
        0,
        "healthy: status 200",
    ),
    (
        "Keycloak",
        0,
        "/health/ready ",
        "503 Service Unavailable",
        r#"{"status":"DOWN","checks":[]}"#,
        1,
        "unhealthy: status 503, wanted 200-299: {\"status\":\"DOWN\",\"checks\":[]}",
    ),
    ("Keycloak", 0, "/health ", "200 OK", "", 1, "unhealthy: status 404, wanted 200-299: no such page"),
];

#[test]
fn each_recipe_has_the_verdict_of_each_state_that_its_service_documents() {
    for &(service, nth, path, status, body, code, line) in STATES {
        let server = answering(path, status, body);
        let run = check(service, nth, server.port());
        assert_eq!(run.code, Some(code), "{service}, {status} {body}: {run:?}");
        run.said(code, line);
    }
    let silent = Server::silent();
    for service in ["Elasticsearch", "ClickHouse", "etcd", "MinIO", "Vault", "Consul", "Keycloak"] {
        let run = check(service, 0, free_port());
        run.said(1, "unhealthy: connection refused at 127.0.0.1:");
    }
    check("etcd", 0, silent.port()).said(1, "unhealthy: timed out waiting for the response");
}

/// etcd on ports of its own, as one of `members` of a cluster.
fn etcd(members: usize) -> Option<(Peer, u16)> {
    let server = program("etcd", "etcd-server")?;
    let (port, peer) = (free_port(), free_port());
    let (client, own) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
    let others = (1..members).map(|number| format!(",m{number}=http://127.0.0.1:{}", free_port()));
    let cluster = format!("m0={own}{}", others.collect::<String>());
    let recipe = Recipe::new(&server, Some("nobody")).args(["--name", "m0", "--data-dir", "data"]);
    let recipe = recipe.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    let recipe = recipe.args(["--listen-peer-urls", &own, "--initial-advertise-peer-urls", &own]);
    Some((recipe.args(["--initial-cluster", &cluster]).start(), port))
}

#[test]
fn etcd_is_healthy_with_a_leader() {
    let Some((_peer, port)) = etcd(1) else { return };
    eventually("it has a leader", || check("etcd", 0, port).code == Some(0));
    check("etcd", 0, port).said(0, "healthy: status 200 (http://127.0.0.1:");

    let Some((peer, port)) = etcd(3) else { return };
    let _peer = peer.until("it looks for the others", |peer| peer.output().contains("raft"));
    check("etcd", 0, port).said(1, "unhealthy: ");
}

#[test]
fn clickhouse_is_healthy_once_it_listens() {
    let Some(server) = program("clickhouse-server", "clickhouse-server") else { return };
    let (http, tcp) = (free_port(), free_port());
    let config = format!(
        "<yandex><logger><level>error</level><console>1</console></logger><http_port>{http}</http_port>\
         <tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host><path>./data/</path><tmp_path>./tmp/</tmp_path>\
         <users_config>users.xml</users_config><default_profile>default</default_profile>\
         <default_database>default</default_database><mark_cache_size>1048576</mark_cache_size></yandex>"
    );
    let users = "<yandex><profiles><default/></profiles><users><default><password/><networks><ip>::/0</ip></networks>\
                 <profile>default</profile><quota>default</quota></default></users><quotas><default/></quotas></yandex>";
    let recipe = Recipe::new(&server, Some("nobody")).file("config.xml", config).file("users.xml", users);
    let _peer = recipe.args(["--config-file=config.xml"]).start().listening(http);
    for nth in [0, 1] {
        check("ClickHouse", nth, http).said(0, "healthy: status 200 (http://127.0.0.1:");
    }
    // Its own port is not for HTTP, and says so.
    check("ClickHouse", 0, tcp).said(1, "unhealthy: ");
}
