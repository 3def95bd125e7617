//! `zookeeper://` against `ZooKeeper`.

use std::fs;

use crate::support::peers::{Peer, Recipe, free_port, program};
use crate::support::{eventually, sexton};

/// A server with `lines` in its configuration.
pub(crate) fn zookeeper(port: u16, lines: &str) -> Option<Peer> {
    let java = program("java", "zookeeper")?;
    if fs::metadata("/usr/share/java/zookeeper.jar").is_err() {
        program("zookeeper-server", "zookeeper")?;
    }
    let recipe = Recipe::new(&java, Some("nobody"));
    let data = recipe.folder().join("data");
    fs::create_dir(&data).unwrap();
    recipe.own(&data);
    fs::write(data.join("myid"), "1\n").unwrap();
    recipe.own(&data.join("myid"));
    let conf = format!(
        "tickTime=2000\ninitLimit=5\nsyncLimit=2\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n\
         admin.enableServer=false\n{lines}",
        data.display()
    );
    let recipe = recipe.file("zoo.cfg", conf);
    let class = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    let recipe = recipe.args(["-Xmx64m", "-cp", "/usr/share/java/zookeeper.jar", class, "zoo.cfg"]);
    Some(recipe.start())
}

#[test]
fn a_server_tells_its_mode() {
    let port = free_port();
    let Some(peer) = zookeeper(port, "4lw.commands.whitelist=srvr\n") else { return };
    let _peer = peer.listening(port);
    let target = format!("zookeeper://127.0.0.1:{port}");
    eventually("it serves", || sexton(["check", &target]).code == Some(0));
    sexton(["check", &target]).said(0, "healthy: zookeeper 3.");
    assert!(sexton(["check", &target]).stdout.contains(", standalone ("));
}

#[test]
fn a_server_without_its_ensemble_is_unhealthy() {
    let port = free_port();
    let others: Vec<_> = (1..=3)
        .map(|id| {
            format!(
                "server.{id}=127.0.0.1:{}:{}
",
                free_port(),
                free_port()
            )
        })
        .collect();
    let lines = format!("4lw.commands.whitelist=srvr\n{}", others.concat());
    let Some(peer) = zookeeper(port, &lines) else { return };
    let _peer = peer.listening(port);
    let target = format!("zookeeper://127.0.0.1:{port}");
    eventually("it says so", || sexton(["check", &target]).stdout.contains("no quorum yet"));
    sexton(["check", &target]).said(1, "unhealthy: zookeeper is not serving requests: it has no quorum yet");
}
