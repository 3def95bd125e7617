//! `mysql://` against `MariaDB`. Two servers for all, since making one takes seconds.

use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::support::network::in_own_network;
use crate::support::peers::{Peer, Recipe, certificate, free_port, program};
use crate::support::{Run, eventually, sexton};

/// A `MariaDB` server with `sql` done and `args` added.
pub(crate) fn mariadb(sql: &str, args: &[&str]) -> Option<(Peer, u16)> {
    let (server, install) =
        (program("mariadbd", "mariadb-server")?, program("mariadb-install-db", "mariadb-server")?);
    let port = free_port();
    let (certificate, key) = certificate();
    let recipe = Recipe::new(&server, Some("mysql")).file("init.sql", sql);
    let recipe = recipe.file("cert.pem", certificate).file("key.pem", key);
    let folder = recipe.folder().path().display().to_string();
    let datadir = format!("--datadir={folder}/data");
    let mut install = recipe.command(&install);
    install.args(["--no-defaults", &datadir, "--skip-test-db", "--skip-name-resolve"]);
    install.arg("--auth-root-authentication-method=normal").stdout(Stdio::null()).stderr(Stdio::null());
    assert!(install.status().expect("it starts").success(), "{install:?}");
    let recipe = recipe
        .args(["--no-defaults", &datadir, "--bind-address=0.0.0.0", "--max-connect-errors=10"])
        .args([
            format!("--port={port}"),
            format!("--socket={folder}/mysql.sock"),
            format!("--init-file={folder}/init.sql"),
            format!("--ssl-cert={folder}/cert.pem"),
            format!("--ssl-key={folder}/key.pem"),
        ])
        .args(args);
    let peer = recipe.start().until("it is ready", |peer| peer.output().contains("ready for connections"));
    Some((peer, port))
}

#[test]
fn a_greeting_is_healthy_and_a_login_goes_to_its_end() {
    let sql = "CREATE DATABASE shop;\nCREATE USER health@'%';\n\
               CREATE USER app@'%' IDENTIFIED BY 'hunter2 é/';\nGRANT ALL ON shop.* TO app@'%';\n\
               CREATE USER strict@'%' IDENTIFIED BY 'hunter2' REQUIRE SSL;\n\
               CREATE USER locked@'%' IDENTIFIED BY 'hunter2' ACCOUNT LOCK;\n\
               INSTALL SONAME 'auth_ed25519';\nCREATE USER curve@'%' IDENTIFIED VIA ed25519 USING PASSWORD('hunter2');\n\
               CREATE USER longer@'%' IDENTIFIED VIA ed25519 USING PASSWORD('a password é of more than 64 bytes, which is a block of its key');\n";
    let Some((peer, port)) = mariadb(sql, &["--max-connections=10"]) else { return };
    let check = |options: &[&str], login: &str, path: &str| -> Run {
        sexton([&["check"], options, &[&format!("mysql://{login}127.0.0.1:{port}{path}")]].concat())
    };
    let greets = "healthy: greets as 1";
    check(&[], "", "").said(0, greets);
    sexton(["check", &format!("mariadb://localhost:{port}")]).said(0, greets);

    for (login, path) in
        [("health@", ""), ("app:hunter2%20%c3%a9%2f@", ""), ("app:hunter2%20%c3%a9%2F@", "/shop")]
    {
        let run = check(&[], login, path);
        assert!(run.said(0, greets).contains(" and takes this login (mysql://***@"), "{run:?}");
    }
    for login in [
        "curve:hunter2@",
        "longer:a%20password%20%c3%a9%20of%20more%20than%2064%20bytes%2c%20which%20is%20a%20block%20of%20its%20key@",
    ] {
        // Once in the way of the login, once over TLS and once in clear.
        for path in ["", "?ssl-mode=required", "?ssl-mode=disabled"] {
            check(&[], login, path).said(0, greets);
        }
    }
    let log = peer.output();
    assert!(!log.contains("Access denied"), "{log}");

    let file = peer.folder().join("password");
    fs::write(&file, "hunter2 é/\n").unwrap();
    check(&["--password-file", file.to_str().unwrap()], "app@", "/shop").said(0, greets);

    for (login, path, reason) in [
        (
            "app:hunter3@",
            "",
            "access denied for this user and password (1045); an account that needs TLS takes ?ssl",
        ),
        ("nobody@", "", "access denied for this user and password (1045)"),
        ("app@", "", "access denied for this user and password (1045)"),
        ("health@", "/shop", "access denied for this user to this database (1044)"),
        ("app:hunter2%20%c3%a9%2f@", "/nowhere", "access denied for this user to this database (1044)"),
        ("locked:hunter2@", "", "the account of this user is locked (4151)"),
        ("curve:hunter3@", "", "access denied for this user and password (1045)"),
        ("curve@", "", "access denied for this user and password (1045)"),
    ] {
        let run = check(&[], login, path);
        run.said(1, &format!("unhealthy: {reason}"));
        assert!(!run.stdout.contains("hunter"), "{run:?}");
    }

    // An account that wants TLS gets it without being asked for.
    check(&[], "strict:hunter2@", "").said(0, greets);
    let cacert = peer.folder().join("cert.pem");
    let trusting = ["--cacert", cacert.to_str().unwrap()];
    check(&trusting, "strict:hunter2@", "?ssl-mode=REQUIRED").said(0, greets);
    check(&["--insecure"], "strict:hunter2@", "?ssl-mode=required").said(0, greets);
    let untrusted = check(&[], "strict:hunter2@", "?ssl-mode=verify_identity");
    assert!(untrusted.said(1, "unhealthy: ").contains("--insecure"), "{untrusted:?}");

    let taken: Vec<_> = (0..12).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    let mut last = String::new();
    eventually("every connection is taken", || check(&[], "", "").code == Some(1));
    last.push_str(&check(&[], "", "").stdout);
    assert!(last.starts_with("unhealthy: too many connections (1040); raise max_connections"), "{last}");
    drop(taken);
    eventually("the connections are free again", || check(&[], "", "").code == Some(0));
}

#[test]
fn a_server_that_insists_on_tls_gets_it() {
    let sql = "CREATE USER app@'%' IDENTIFIED BY 'hunter2';\n";
    let Some((peer, port)) = mariadb(sql, &["--require-secure-transport=ON"]) else { return };
    let cacert = peer.folder().join("cert.pem");
    let check = |path: &str| {
        let target = format!("mysql://app:hunter2@127.0.0.1:{port}{path}");
        sexton(["check", "--cacert", cacert.to_str().unwrap(), &target])
    };
    check("?ssl-mode=required").said(0, "healthy: greets as 1");
    // TLS comes first wherever the server offers it, as with its own client.
    check("").said(0, "healthy: greets as 1");
    let target = format!("mysql://app:hunter2@127.0.0.1:{port}");
    sexton(["check", &target]).said(0, "healthy: greets as 1");
    sexton(["check", &format!("{target}?ssl-mode=disabled")])
        .said(1, "unhealthy: access denied for this user and password (1045)");
    sexton(["check", &format!("{target}?ssl-mode=verify_identity")]).said(1, "unhealthy: ");
}

#[test]
fn checks_lock_nobody_out_where_a_user_is_named() {
    in_own_network(|etc| {
        // The server only counts against hosts whose name it could find out.
        etc.hosts("127.0.0.1 localhost\n10.99.0.1 app.example\n");
        let added = Command::new("ip").args(["address", "add", "10.99.0.1/32", "dev", "lo"]).status();
        assert!(added.expect("iproute2 is installed").success());
        let Some((peer, port)) = mariadb("CREATE USER health@'%';\n", &[]) else { return };
        let check = |target: &str| sexton(["check", &format!("mysql://{target}:{port}")]);

        for _ in 0..200 {
            assert_eq!(check("127.0.0.1").code, Some(0));
            assert_eq!(check("health@10.99.0.1").code, Some(0));
        }
        let log = peer.output();
        assert!(!log.contains("Access denied"), "{log}");

        // What a user is for: without one, the server loses patience with any host but loopback.
        let blocked = (0..50).map(|_| check("10.99.0.1")).find(|run| run.code == Some(1));
        let blocked = blocked.expect("the server lets everybody in, so the above proves nothing");
        blocked.said(
            1,
            "unhealthy: the server has blocked this host after too many aborted connections (1129); FLUSH",
        );
        assert_eq!(check("127.0.0.1").code, Some(0));
    });
}

#[test]
fn what_takes_a_user_is_refused_without_one() {
    for (target, reason) in [
        (
            "mysql://h/shop",
            "mysql://h/shop: a database, which takes a user to be looked at; write mysql://user@host",
        ),
        ("mariadb://:p@h", "mariadb://***@h: a password without a user; write mariadb://user@host"),
        (
            "mysql://u@h?ssl-mode=maybe",
            "mysql://***@h?***: ssl-mode=***, where only disable, disabled, allow, prefer, preferred, require, required, verify-ca, verify-full, verify-identity can be",
        ),
    ] {
        sexton(["check", target]).refused(reason);
    }
}
