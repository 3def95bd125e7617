//! `fcgi://` and `fcgi+unix:` against php-fpm.

use std::fs;

use crate::support::peers::{Peer, Recipe, free_port, program};
use crate::support::{Run, sexton};

/// php-fpm that listens on `listen`, where `{}` is its folder, with `settings` for its pool.
pub(crate) fn php_fpm(listen: &str, settings: &str) -> Option<Peer> {
    // The distribution names it by its version.
    let names = fs::read_dir("/usr/sbin").into_iter().flatten().flatten();
    let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let name = names.find(|name| name.starts_with("php-fpm")).unwrap_or("php-fpm".into());
    let program = program(&name, "php-fpm")?;
    let recipe = Recipe::new(&program, Some("www-data"));
    let folder = recipe.folder().path().display().to_string();
    let listen = listen.replace("{}", &folder);
    let pool = format!(
        "[global]\nerror_log = /proc/self/fd/2\ndaemonize = no\n[www]\nlisten = {listen}\npm = static\n\
         pm.max_children = 1\ncatch_workers_output = yes\n{settings}\n"
    );
    let recipe = recipe.file("pool.conf", pool);
    let recipe = recipe.args(["-n", "-F", "-O", "-y", &format!("{folder}/pool.conf")]);
    Some(recipe.start().until("it is ready", |peer| peer.output().contains("ready to handle connections")))
}

/// A check of `target`.
fn check(target: &str) -> Run {
    sexton(["check", target])
}

#[test]
fn the_ping_page_answers_pong() {
    let port = free_port();
    let settings = "ping.path = /ping\npm.status_path = /status";
    let Some(peer) = php_fpm(&format!("127.0.0.1:{port}"), settings) else { return };
    let place = format!("fcgi://127.0.0.1:{port}");
    check(&place).said(0, &format!("healthy: pong ({place}, "));
    check(&format!("{place}/ping")).said(0, "healthy: pong (");
    check(&format!("{place}/status?json")).said(0, "healthy: status 200 (");
    check(&format!("{place}/fpm-ping"))
        .said(1, "unhealthy: status 404: Primary script unknown; set ping.path in the pool");
    for (code, body) in [("204", ""), ("503", "no database"), ("301", "")] {
        let script = peer.folder().join(format!("{code}.php"));
        fs::write(&script, format!("<?php http_response_code({code}); error_log('hello'); echo '{body}';"))
            .unwrap();
        let run = check(&format!("{place}{}", script.display()));
        match code {
            "204" => run.said(0, "healthy: status 204 ("),
            _ => run.said(1, &format!("unhealthy: status {code}, wanted 200-299")),
        };
    }
    let large = peer.folder().join("large.php");
    fs::write(&large, "<?php for ($i = 0; $i < 100000; $i++) echo '0123456789';").unwrap();
    check(&format!("{place}{}", large.display())).said(0, "healthy: status 200 (");
    // The one child is well after all that.
    check(&place).said(0, "healthy: pong (");
}

#[test]
fn a_unix_socket_is_asked_as_well() {
    let Some(peer) = php_fpm("{}/fpm.sock", "ping.path = /fpm-ping") else { return };
    let socket = peer.folder().join("fpm.sock");
    let socket = socket.display();
    check(&format!("fcgi+unix:{socket}?/fpm-ping"))
        .said(0, &format!("healthy: pong (fcgi+unix:{socket}?***, "));
    check(&format!("fcgi+unix://{socket}?/fpm-ping")).said(0, "healthy: pong (");
    check(&format!("fcgi+unix:{socket}"))
        .said(1, "unhealthy: status 404: Primary script unknown; set ping.path");
    let run = sexton(["check", "--unix-socket", &socket.to_string(), "fcgi://localhost/fpm-ping"]);
    run.said(0, "healthy: pong (fcgi://localhost/fpm-ping, ");
    check("fcgi+unix:fpm.sock").refused("fcgi+unix:fpm.sock: the path of the socket must be absolute");
    check("fcgi+unix:/s?ping").refused("fcgi+unix:/s?***: `***`, which is no page: it must begin with a /");
}
