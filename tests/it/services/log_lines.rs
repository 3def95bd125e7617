//! What a healthy check leaves in a server's log, as docs/check.md has it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{amqp, memcached, mysql, nats, postgres, redis};
use crate::support::peers::Peer;
use crate::support::sexton;

/// For how long nothing more must come, so that a line that is written late is counted.
const QUIET: Duration = Duration::from_millis(400);

/// How many lines a healthy check of `target` adds to what `peer` writes. The first check is not counted: some servers
/// say once that somebody came.
fn added(peer: &Peer, target: &str) -> usize {
    sexton(["check", target]).said(0, "healthy: ");
    settled(peer);
    let before = settled(peer);
    sexton(["check", target]).said(0, "healthy: ");
    settled(peer) - before
}

/// The lines of `peer` once no more come.
fn settled(peer: &Peer) -> usize {
    let (mut lines, mut since) = (peer.output().lines().count(), Instant::now());
    while since.elapsed() < QUIET {
        thread::sleep(Duration::from_millis(10));
        let now = peer.output().lines().count();
        if now != lines {
            (lines, since) = (now, Instant::now());
        }
    }
    lines
}

/// The row of `name` in the page's table.
fn documented(name: &str) -> usize {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md");
    let page = fs::read_to_string(page).unwrap();
    page.lines()
        .filter_map(|line| line.strip_prefix(&format!("| {name} | ")))
        .find_map(|rest| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("docs/check.md has no row for {name}"))
}

#[test]
fn a_healthy_check_leaves_what_the_page_says() {
    if let Some((peer, port)) = redis::redis(&[]) {
        assert_eq!(added(&peer, &format!("redis://127.0.0.1:{port}")), documented("redis"), "redis");
    }
    if let Some((peer, port)) = memcached::memcached(&[]) {
        assert_eq!(
            added(&peer, &format!("memcached://127.0.0.1:{port}")),
            documented("memcached"),
            "memcached"
        );
    }
    if let Some((peer, port)) = nats::nats(&[]) {
        assert_eq!(added(&peer, &format!("nats://127.0.0.1:{port}")), documented("nats-server"), "nats");
    }
    if let Some(cluster) = postgres::Cluster::new("host all all 127.0.0.1/32 trust\n") {
        let running = cluster.ready();
        let target = format!("postgres://postgres@127.0.0.1:{}/postgres", running.port);
        assert_eq!(added(&running.peer, &target), documented("PostgreSQL"), "PostgreSQL");
    }
    if let Some((peer, port)) = mysql::mariadb("CREATE USER health@'%';\n", &[]) {
        let target = format!("mysql://health@127.0.0.1:{port}");
        assert_eq!(added(&peer, &target), documented("MariaDB, with a user"), "MariaDB");
        let target = format!("mysql://127.0.0.1:{port}");
        assert_eq!(added(&peer, &target), documented("MariaDB, without"), "MariaDB");
    }
    if let Some((peer, port, _epmd)) = amqp::rabbitmq("") {
        let target = format!("amqp://guest:guest@127.0.0.1:{port}");
        assert_eq!(added(&peer, &target), documented("RabbitMQ, with a user"), "RabbitMQ");
        let target = format!("amqp://127.0.0.1:{port}");
        assert_eq!(added(&peer, &target), documented("RabbitMQ, without"), "RabbitMQ");
    }
}
