//! RabbitMQ's and Kafka's tools.

use super::{Call, Given, options};
use crate::translate::semantics::{Check, Exit, Limit, Output, Refusal, Semantics};

/// What a rabbitmq-diagnostics asks.
pub(super) fn rabbitmq(call: &Call) -> Result<Semantics, Refusal> {
    let valued = &["n", "node", "t", "timeout", "p", "vhost", "formatter"];
    let (mut words, mut limit) = (Vec::new(), Limit::None);
    for given in options(&call.args, valued)? {
        match given {
            Given::Operand(word) => words.push(word),
            Given::Option(name, value) => match name.as_str() {
                "t" | "timeout" => limit = Limit::seconds(&value.unwrap_or_default())?,
                "n" | "node" => return Err(Refusal::with("another node", "sexton check amqp://HOST")),
                _ => {}
            },
        }
    }
    let check = Check::of("amqp://127.0.0.1").limit(limit);
    match words.first().map(String::as_str) {
        Some("ping" | "status" | "check_running" | "is_running" | "node_health_check" | "is_booting") => {
            let check = check.note("verdict gets stricter: the node must take AMQP connections at port 5672");
            Ok(Semantics {
                check,
                exit: Exit::Check,
                output: Output::Says("Ping succeeded".into(), Exit::Check),
            })
        }
        Some("check_port_connectivity") => {
            let check = check.note("of the listeners, AMQP's at port 5672 alone is asked");
            Ok(Semantics::by_exit(check))
        }
        Some("check_local_alarms" | "check_alarms") => Err(Refusal::with(
            "alarms are told only to who has logged in",
            "sexton check amqp://USER:PASSWORD@127.0.0.1, which fails while memory or disk is short",
        )),
        other => Err(Refusal::with(
            format!("{} {} is not a question that a check asks", call.name, other.unwrap_or_default()),
            "sexton check amqp://127.0.0.1",
        )),
    }
}

/// What one of Kafka's tools asks.
pub(super) fn kafka(call: &Call) -> Result<Semantics, Refusal> {
    let valued = &["bootstrap-server", "command-config", "zookeeper", "topic", "timeout", "config"];
    let (mut server, mut has_login, mut writes, mut topic) = (None, false, false, false);
    for given in options(&call.args, valued)? {
        let Given::Option(name, value) = given else { continue };
        match name.as_str() {
            "bootstrap-server" => server = value,
            "command-config" | "config" => has_login = true,
            "zookeeper" => {
                return Err(Refusal::with(
                    "it asks ZooKeeper",
                    format!("sexton check zookeeper://{}", value.unwrap_or_default()),
                ));
            }
            "create" | "delete" | "alter" => writes = true,
            "topic" => topic = true,
            _ => {}
        }
    }
    let Some(server) = server else { return Err(Refusal::new("no --bootstrap-server")) };
    if writes || topic {
        return Err(Refusal::with(
            "it is about one topic",
            format!("sexton check kafka://{server}, which asks whether there is a controller"),
        ));
    }
    if has_login || server.contains(',') {
        return Err(Refusal::with("several brokers, or a login in a file", "sexton check kafka://HOST:9092"));
    }
    let server = server.split_once("://").map_or(server.as_str(), |(_, rest)| rest);
    let check = Check::of(format!("kafka://{}", server.trim_end_matches(":9092")))
        .note("verdict gets stricter: the cluster must have a controller");
    Ok(Semantics { check, exit: Exit::Check, output: Output::Unknown })
}

/// What Confluent's `cub` asks.
pub(super) fn cub(call: &Call) -> Result<Semantics, Refusal> {
    match call.args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["zk-ready", place, seconds] => {
            let check = Check::of(format!("zookeeper://{place}")).limit(Limit::seconds(seconds)?);
            Ok(Semantics::by_exit(check))
        }
        ["kafka-ready", "-b", place, "1", seconds] => {
            let check = Check::of(format!("kafka://{place}")).limit(Limit::seconds(seconds)?);
            Ok(Semantics::by_exit(check))
        }
        _ => Err(Refusal::with("a number of brokers", "sexton check kafka://HOST:9092")),
    }
}
