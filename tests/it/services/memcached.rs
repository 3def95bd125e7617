//! `memcached://` against memcached.

use crate::support::peers::{Peer, Recipe, free_port, program};
use crate::support::sexton;

/// memcached with `args` on a port of its own.
pub(super) fn memcached(args: &[&str]) -> Option<(Peer, u16)> {
    let program = program("memcached", "memcached")?;
    let port = free_port();
    let recipe = Recipe::new(&program, Some("nobody")).args(["-l", "127.0.0.1", "-p", &port.to_string()]);
    Some((recipe.file("users", "u:p\n").args(args).start().listening(port), port))
}

#[test]
fn memcached_tells_its_version() {
    let Some((_peer, port)) = memcached(&[]) else { return };
    let run = sexton(["check", &format!("memcached://127.0.0.1:{port}")]);
    run.said(0, "healthy: memcached 1.");
}

#[test]
fn a_memcached_that_wants_a_login_is_named() {
    let Some((_peer, port)) = memcached(&["-Y", "users"]) else { return };
    let run = sexton(["check", &format!("memcached://127.0.0.1:{port}")]);
    run.said(
        1,
        "unhealthy: memcached wants a login (--auth-file), which is not supported; check tcp:// instead (",
    );
}

#[test]
fn a_memcached_that_is_not_there_is_refused() {
    let port = free_port();
    let run = sexton(["check", &format!("memcached://127.0.0.1:{port}")]);
    run.said(1, &format!("unhealthy: connection refused at 127.0.0.1:{port} ("));
}

#[test]
fn what_memcached_has_no_use_for_is_refused() {
    let run = sexton(["check", "memcached://u:p@127.0.0.1"]);
    run.refused("memcached://***@127.0.0.1: a user, which memcached has no use for");
    let run = sexton(["check", "memcached://127.0.0.1/0"]);
    run.refused("memcached://127.0.0.1/0: `/0`, which memcached has no use for");
}
