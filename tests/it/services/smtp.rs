//! `smtp://` and `smtps://` against exim4.

use std::fs;

use crate::support::peers::{Peer, Recipe, certificate, free_port, program};
use crate::support::sexton;

/// exim4 with `lines` in its configuration; its port, and the one for TLS from the first byte.
fn exim(lines: &str) -> Option<(Peer, u16, u16)> {
    let server = program("exim4", "exim4-daemon-light")?;
    let (port, tls) = (free_port(), free_port());
    let (certificate, key) = certificate();
    let recipe = Recipe::new(&server, None).file("cert.pem", certificate).file("key.pem", key);
    let folder = recipe.folder().path().display().to_string();
    let conf = format!(
        "primary_hostname = mail.test\nlocal_interfaces = 127.0.0.1\ndaemon_smtp_ports = {port} : {tls}\n\
         tls_on_connect_ports = {tls}\nlog_file_path = {folder}/%slog\nspool_directory = {folder}/spool\n\
         pid_file_path = {folder}/pid\n{lines}"
    );
    fs::create_dir(recipe.folder().join("spool")).unwrap();
    // It gives up being root at once.
    for path in [folder.as_str(), &format!("{folder}/spool"), &format!("{folder}/key.pem")] {
        assert!(std::process::Command::new("chmod").args(["0777", path]).status().unwrap().success());
    }
    let recipe = recipe.file("exim.conf", conf);
    let conf = format!("{folder}/exim.conf");
    let peer = recipe.args(["-bdf", "-C", &conf]).start();
    Some((peer.listening(port).listening(tls), port, tls))
}

/// What exim has written about its clients.
fn log(peer: &Peer) -> String {
    fs::read_to_string(peer.folder().join("mainlog")).unwrap_or_default()
}

#[test]
fn a_server_that_greets_us_is_healthy() {
    let Some((peer, port, _)) = exim("tls_advertise_hosts =\n") else { return };
    let target = format!("smtp://127.0.0.1:{port}");
    sexton(["check", &target]).said(0, "healthy: greets as mail.test (smtp://");
    assert!(!log(&peer).contains("lost") && !log(&peer).contains("unexpected"), "{}", log(&peer));
    let run = sexton(["check", &format!("{target}/?starttls=true")]);
    run.said(1, "unhealthy: the server offers no STARTTLS");
}

#[test]
fn starttls_and_tls_from_the_first_byte_are_verified() {
    let Some((server, folder)) = program("exim4", "exim4-daemon-light").map(|_| {
        let folder = crate::support::temp::Folder::new();
        let (certificate, key) = certificate();
        fs::write(folder.join("cert.pem"), certificate).unwrap();
        fs::write(folder.join("key.pem"), key).unwrap();
        assert!(
            std::process::Command::new("chmod")
                .args(["-R", "a+rX"])
                .arg(folder.path())
                .status()
                .unwrap()
                .success()
        );
        let lines = format!(
            "tls_advertise_hosts = *\ntls_certificate = {0}/cert.pem\ntls_privatekey = {0}/key.pem\n",
            folder.path().display()
        );
        (exim(&lines), folder)
    }) else {
        return;
    };
    let (_peer, port, tls) = server.expect("it is installed");
    let ca = folder.join("cert.pem").display().to_string();
    let check = |target: &str| sexton(["check", "--cacert", &ca, target]);
    check(&format!("smtp://localhost:{port}")).said(0, "healthy: greets as mail.test, over TLS (smtp://");
    check(&format!("smtps://localhost:{tls}")).said(0, "healthy: greets as mail.test (smtps://");
    sexton(["check", &format!("smtp://localhost:{port}?starttls=true")]).said(1, "unhealthy: ");
    let plain = sexton(["check", "-t", "500ms", &format!("smtp://127.0.0.1:{tls}")]);
    assert_eq!(plain.code, Some(1), "{plain:?}");
}
