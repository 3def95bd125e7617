//! `amqp://` against RabbitMQ, which takes seconds to begin: one broker that is well, and one that is not.

use crate::support::peers::{Peer, Recipe, free_port, program};
use crate::support::{eventually, sexton};

/// A broker with `config`, its port, and the name server that it wants.
pub(crate) fn rabbitmq(config: &str) -> Option<(Peer, u16, Peer)> {
    let server = program("rabbitmq-server", "rabbitmq-server")?;
    // Not the wrapper in /usr/sbin, which insists on the system's own broker.
    let server = server.with_file_name("../lib/rabbitmq/bin/rabbitmq-server");
    let (port, distribution, names) = (free_port(), free_port(), free_port());
    // The broker would start one that outlives it.
    let epmd = program("epmd", "erlang-base")?;
    let epmd = Recipe::new(&epmd, None).args(["-address", "127.0.0.1", "-port", &names.to_string()]);
    let epmd = epmd.start().listening(names);
    let recipe = Recipe::new(&server, None);
    let folder = recipe.folder().path().to_owned();
    let peer = recipe
        .file("plugins", "[].")
        .file("rabbitmq.conf", config)
        .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", &folder)
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_NODENAME", format!("sexton{port}@localhost"))
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        .env("ERL_EPMD_PORT", names.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_PID_FILE", folder.join("pid"))
        // One scheduler that does not spin: other tests need the processor, too.
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none")
        .start()
        .until("the broker is up", |peer| peer.output().contains("Server startup complete"));
    Some((peer, port, epmd))
}

#[test]
fn a_broker_that_blocks_its_publishers_is_unhealthy_to_those_who_log_in() {
    let Some((_peer, port, _epmd)) = rabbitmq("disk_free_limit.absolute = 900000GB\n") else { return };
    let check = |login: &str| sexton(["check", &format!("amqp://{login}127.0.0.1:{port}")]);
    // The broker looks at its disk for the first time a moment after its start.

    eventually("the alarm is on", || check("guest:guest@").code == Some(1));
    check("guest:guest@").said(1, "unhealthy: the broker blocks publishers by an alarm (low on disk");
    check("").said(0, "healthy: accepts AMQP 0-9-1 connections (amqp://");
}

#[test]
fn rabbitmq_starts_a_connection_and_takes_a_login_to_its_end() {
    let Some((peer, port, _epmd)) = rabbitmq("") else { return };
    let check = |login: &str, path: &str| sexton(["check", &format!("amqp://{login}127.0.0.1:{port}{path}")]);
    check("", "").said(0, "healthy: accepts AMQP 0-9-1 connections (amqp://127.0.0.1:");
    check("guest:guest@", "")
        .said(0, "healthy: accepts AMQP 0-9-1 connections and this login (amqp://***@127");
    check("guest:guest@", "/%2f").said(0, "healthy: accepts AMQP 0-9-1 connections and this login (");
    check("guest:hunter2@", "").said(1, "unhealthy: the broker refuses this user, password or vhost (403) (");
    let nowhere = check("guest:guest@", "/nowhere");
    nowhere.said(
        1,
        "unhealthy: the broker closes the connection: NOT_ALLOWED - vhost nowhere not found (530) (",
    );
    check("", "/v").refused(&format!(
        "amqp://127.0.0.1:{port}/v: a vhost, which takes a login to be looked at; write \
         amqp://user:password@host/vhost"
    ));

    // A login that went to its end leaves no complaint, however often: the next ones are the only thing in the log.
    let before = peer.output().len();
    for _ in 0..40 {
        check("guest:guest@", "").said(0, "healthy: ");
    }
    let peer = peer.until("the broker has seen them go", |peer| {
        peer.output()[before..].matches("closing AMQP").count() == 40
    });
    let log = peer.output();
    assert!(!log[before..].contains("[warning]") && !log[before..].contains("[error]"), "{}", &log[before..]);
}
