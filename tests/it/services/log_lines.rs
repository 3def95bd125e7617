//! What a healthy check leaves in a server's log, as docs/check.md has it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{amqp, memcached, mysql, nats, postgres, redis};
use crate::support::peers::Peer;
use crate::support::process::held_within;
use crate::support::sexton;

/// For how long nothing more must come, so that a line that is written late is counted.
const QUIET: Duration = Duration::from_millis(400);

/// How long a busy server may take for its lines.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many checks are counted together. Fewer lines than that which are nobody's, since a server says something by itself or
/// writes a line of the first check late, change nothing.
const CHECKS: usize = 5;

/// Asserts that each healthy check of `target` adds as many lines to what `peer` writes as the page says of `name`. The
/// first check is not counted: some servers say once that somebody came.
fn leaves(peer: &Peer, name: &str, target: &str) {
    let check = || {
        sexton(["check", "--timeout", "30s", target]).said(0, "healthy: ");
    };
    check();
    let (before, wanted) = (settled(peer), documented(name));
    for _ in 0..CHECKS {
        check();
    }
    held_within(PATIENCE, || peer.output().lines().count() >= before + wanted * CHECKS);
    let added = settled(peer) - before;
    assert_eq!(added / CHECKS, wanted, "{name}: {added} lines after {CHECKS} checks\n{}", peer.output());
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
        leaves(&peer, "redis", &format!("redis://127.0.0.1:{port}"));
    }
    if let Some((peer, port)) = memcached::memcached(&[]) {
        leaves(&peer, "memcached", &format!("memcached://127.0.0.1:{port}"));
    }
    if let Some((peer, port)) = nats::nats(&[]) {
        leaves(&peer, "nats-server", &format!("nats://127.0.0.1:{port}"));
    }
    if let Some(cluster) = postgres::Cluster::new("host all all 127.0.0.1/32 trust\n") {
        let running = cluster.ready();
        let target = format!("postgres://postgres@127.0.0.1:{}/postgres", running.port);
        leaves(&running.peer, "PostgreSQL", &target);
    }
    if let Some((peer, port)) = mysql::mariadb("CREATE USER health@'%';\n", &[]) {
        leaves(&peer, "MariaDB, with a user", &format!("mysql://health@127.0.0.1:{port}"));
        leaves(&peer, "MariaDB, without", &format!("mysql://127.0.0.1:{port}"));
    }
    if let Some((peer, port, _epmd)) = amqp::rabbitmq("") {
        leaves(&peer, "RabbitMQ, with a user", &format!("amqp://guest:guest@127.0.0.1:{port}"));
        leaves(&peer, "RabbitMQ, without", &format!("amqp://127.0.0.1:{port}"));
    }
}
