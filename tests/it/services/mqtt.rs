//! `mqtt://` and `mqtts://` against mosquitto.

use crate::support::peers::{Peer, Recipe, certificate, free_port, program};
use crate::support::sexton;

/// mosquitto with `lines` in its configuration on a port of its own; a certificate and a file of users lie beside it.
fn mosquitto(lines: &str) -> Option<(Peer, u16)> {
    let server = program("mosquitto", "mosquitto")?;
    let port = free_port();
    let (certificate, key) = certificate();
    let recipe = Recipe::new(&server, Some("nobody")).file("cert.pem", certificate).file("key.pem", key);
    let conf = format!("listener {port} 127.0.0.1\n{lines}");
    let recipe = recipe.file("mosquitto.conf", conf).file("users", "u:hunter2\n");
    let passwd = program("mosquitto_passwd", "mosquitto")?;
    let users = recipe.folder().join("users");
    assert!(recipe.command(&passwd).arg("-U").arg(users).status().unwrap().success());
    Some((recipe.args(["-v", "-c", "mosquitto.conf"]).start().listening(port), port))
}

#[test]
fn a_broker_that_accepts_us_is_healthy_and_logs_no_loss() {
    let Some((peer, port)) = mosquitto("allow_anonymous true\n") else { return };
    sexton(["check", &format!("mqtt://127.0.0.1:{port}")]).said(0, "healthy: accepts connections (mqtt://");
    let log = peer.output();
    assert!(log.contains("as sexton-") && !log.contains("error"), "{log}");
    let tls = sexton(["check", &format!("mqtts://127.0.0.1:{port}")]);
    assert!(tls.said(1, "unhealthy: ").contains("TLS"), "{tls:?}");
}

#[test]
fn a_broker_that_wants_a_login_takes_the_right_one() {
    let Some((_peer, port)) = mosquitto("allow_anonymous false\npassword_file users\n") else { return };
    let check = |login: &str| sexton(["check", &format!("mqtt://{login}127.0.0.1:{port}")]);
    check("").said(1, "unhealthy: the broker wants a login; write mqtt://user:password@host");
    check("u:hunter2@").said(0, "healthy: accepts connections (mqtt://***@");
    check("u:hunter3@").said(
        1,
        "unhealthy: the broker does not let this user connect, or refuses the password (code 5) (mqtt://***@",
    );
}

#[test]
fn a_broker_with_tls_is_verified() {
    let Some((peer, port)) = mosquitto("allow_anonymous true\ncertfile cert.pem\nkeyfile key.pem\n") else {
        return;
    };
    let ca = peer.folder().join("cert.pem").display().to_string();
    let target = format!("mqtts://localhost:{port}");
    sexton(["check", "--cacert", &ca, &target]).said(0, "healthy: accepts connections");
    sexton(["check", &target]).said(1, "unhealthy: ");
    let plain = sexton(["check", "-t", "500ms", &format!("mqtt://127.0.0.1:{port}")]);
    assert_eq!(plain.code, Some(1), "{plain:?}");
}

#[test]
fn what_mqtt_has_no_use_for_is_refused() {
    sexton(["check", "mqtt://:p@h"])
        .refused("mqtt://***@h: a password without a user; write mqtt://user:password@host");
    sexton(["check", "mqtt://h/topic"]).refused("mqtt://h/topic: `/topic`, which mqtt has no use for");
}
