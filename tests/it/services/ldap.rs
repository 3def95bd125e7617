//! `ldap://` and `ldaps://` against slapd.

use std::fs;

use crate::support::peers::{Peer, Recipe, certificate, free_port, program};
use crate::support::sexton;

/// slapd with `lines` in its configuration; its port, and the one for TLS.
fn slapd(lines: &str) -> Option<(Peer, u16, u16)> {
    let server = program("slapd", "slapd")?;
    let (port, tls) = (free_port(), free_port());
    let (certificate, key) = certificate();
    let recipe = Recipe::new(&server, Some("nobody")).file("cert.pem", certificate).file("key.pem", key);
    let folder = recipe.folder().path().display().to_string();
    let data = recipe.folder().join("data");
    fs::create_dir(&data).unwrap();
    recipe.own(&data);
    let conf = format!(
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         TLSCertificateFile {folder}/cert.pem\nTLSCertificateKeyFile {folder}/key.pem\n{lines}\
         database mdb\nsuffix dc=test\nrootdn cn=admin,dc=test\nrootpw hunter2\ndirectory {folder}/data\n"
    );
    let urls = format!("ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls}/");
    let recipe = recipe.file("slapd.conf", conf);
    let peer = recipe.args(["-d", "256", "-f", "slapd.conf", "-h", &urls]).start();
    Some((peer.listening(port).listening(tls), port, tls))
}

#[test]
fn a_bind_is_taken_in_clear_and_over_tls() {
    let Some((peer, port, tls)) = slapd("") else { return };
    sexton(["check", &format!("ldap://127.0.0.1:{port}")]).said(0, "healthy: takes a bind (ldap://");
    let ca = peer.folder().join("cert.pem").display().to_string();
    let check = |login: &str| sexton(["check", "--cacert", &ca, &format!("ldaps://{login}localhost:{tls}")]);
    check("").said(0, "healthy: takes a bind (ldaps://");
    check("cn=admin%2Cdc=test:hunter2@").said(0, "healthy: takes a bind and this login (ldaps://***@");
    check("cn=admin%2Cdc=test:hunter3@").said(1, "unhealthy: the server refuses this user or password (49)");
    let clear = sexton(["check", &format!("ldap://cn=admin%2Cdc=test:hunter2@127.0.0.1:{port}")]);
    clear.refused(&format!(
        "ldap://***@127.0.0.1:{port}: a password, which would go out in clear; write ldaps://"
    ));
}

#[test]
fn a_server_that_refuses_strangers_says_so() {
    let Some((_peer, port, _)) = slapd("disallow bind_anon\n") else { return };
    let run = sexton(["check", &format!("ldap://127.0.0.1:{port}")]);
    run.said(1, "unhealthy: the server takes no anonymous bind; write ldaps://DN:password@host");
}
