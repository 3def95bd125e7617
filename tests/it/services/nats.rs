//! `nats://` against nats-server.

use std::fs;

use nix::sys::signal::{Signal, kill};

use crate::support::peers::{Peer, Recipe, certificate, free_port, program};
use crate::support::{eventually, sexton};

/// nats-server with `args` on a port of its own; a certificate lies in its folder.
pub(super) fn nats(args: &[&str]) -> Option<(Peer, u16)> {
    let program = program("nats-server", "nats-server")?;
    let port = free_port();
    let (certificate, key) = certificate();
    let recipe = Recipe::new(&program, Some("nobody")).file("cert.pem", certificate).file("key.pem", key);
    let recipe = recipe.args(["-a", "127.0.0.1", "-p", &port.to_string()]).args(args);
    Some((recipe.start().listening(port), port))
}

#[test]
fn nats_answers_a_ping_until_it_is_about_to_leave() {
    let Some((peer, port)) = nats(&[]) else { return };
    let target = format!("nats://127.0.0.1:{port}");
    sexton(["check", &target]).said(0, "healthy: nats 2.");
    assert!(!peer.output().contains("[ERR]"), "{}", peer.output());
    sexton(["check", "--insecure", &target]).said(1, "unhealthy: the server has no TLS");
    // Lame duck mode: the listener closes, or says so.
    kill(peer.pid(), Signal::SIGUSR2).unwrap();
    eventually("it takes nobody any more", || sexton(["check", &target]).code == Some(1));
}

#[test]
fn nats_takes_users_and_tokens() {
    let Some((_peer, port)) = nats(&["--user", "u", "--pass", "hunter2"]) else { return };
    let check = |login: &str| sexton(["check", &format!("nats://{login}127.0.0.1:{port}")]);
    check("u:hunter2@").said(0, "healthy: nats 2.");
    check("").said(1, "unhealthy: nats wants a login; write nats://user:password@host");
    check("u:hunter3@").said(1, "unhealthy: nats refuses this login (Authorization Violation)");
    let Some((_peer, port)) = nats(&["--auth", "t0ken"]) else { return };
    sexton(["check", &format!("nats://t0ken@127.0.0.1:{port}")]).said(0, "healthy: nats 2.");
    sexton(["check", &format!("nats://other@127.0.0.1:{port}")])
        .said(1, "unhealthy: nats refuses this login");
}

#[test]
fn nats_is_asked_over_tls_when_it_says_so() {
    let Some((peer, port)) = nats(&["--tls", "--tlscert", "cert.pem", "--tlskey", "key.pem"]) else { return };
    let target = format!("nats://localhost:{port}");
    let ca = peer.folder().join("cert.pem");
    assert!(fs::metadata(&ca).is_ok());
    sexton(["check", "--cacert", ca.to_str().unwrap(), &target]).said(0, "healthy: nats 2.");
    sexton(["check", "--insecure", &target]).said(0, "healthy: nats 2.");
    sexton(["check", &target]).said(1, "unhealthy: ");
}

#[test]
fn what_is_no_nats_is_named() {
    let redis = program("redis-server", "redis-server");
    let Some(redis) = redis else { return };
    let port = free_port();
    let recipe = Recipe::new(&redis, Some("nobody")).args(["--port", &port.to_string(), "--save", ""]);
    let _peer = recipe.start().listening(port);
    // Redis waits for a command, as nats' client waits for the introduction.
    let run = sexton(["check", "-t", "500ms", &format!("nats://127.0.0.1:{port}")]);
    run.said(1, "unhealthy: timed out waiting for the response");
}
