//! Servers that their own program asks.

use super::{Call, Given, options};
use crate::translate::semantics::{Check, Exit, Flag, Limit, Output, Refusal, Semantics, Statuses};
use crate::translate::waits::TEMPORAL;

/// What a `traefik healthcheck --ping` asks: the ping of its entry point, which is port 8080 unless it is said otherwise.
pub(super) fn traefik(call: &Call) -> Result<Semantics, Refusal> {
    let nearest = "sexton check --method HEAD http://127.0.0.1:8080/ping";
    let [first, args @ ..] = call.args.as_slice() else { return Err(Refusal::with("traefik", nearest)) };
    let (mut pings, mut entry, mut addresses) = (false, "traefik".to_owned(), Vec::new());
    for arg in args {
        let option = arg.trim_start_matches('-').to_ascii_lowercase();
        let (name, value) = option.split_once('=').unwrap_or((&option, "true"));
        match name.split('.').collect::<Vec<_>>().as_slice() {
            ["ping"] => pings = value == "true",
            ["ping", "entrypoint"] => value.clone_into(&mut entry),
            ["entrypoint" | "entrypoints", name, "address"] => {
                addresses.push(((*name).to_owned(), value.to_owned()));
            }
            _ => return Err(Refusal::with(format!("traefik {arg}"), nearest)),
        }
    }
    let address = addresses.iter().find(|(name, _)| *name == entry).map(|(_, address)| address.as_str());
    let address = address.or_else(|| (entry == "traefik").then_some(":8080"));
    let (true, "healthcheck", Some(address)) = (pings, first.as_str(), address) else {
        return Err(Refusal::with("where Traefik answers pings is in its own configuration", nearest));
    };
    let place = address.split('/').next().unwrap_or_default();
    let host = if place.starts_with(':') { "127.0.0.1" } else { "" };
    let mut check = Check::of(format!("http://{host}{place}/ping"))
        .flag("--method", "HEAD")
        .limit(Limit::seconds("5")?)
        .note("a file of static configuration may name another entry point for the ping");
    check.flags.push(Flag("--follow", None));
    Ok(Semantics {
        check,
        exit: Exit::Http(Statuses::range(200..=200)),
        output: Output::Says("OK".into(), Exit::Check),
    })
}

/// What an `influx ping` asks.
pub(super) fn influx(call: &Call) -> Result<Semantics, Refusal> {
    let (mut place, mut words) = ("http://127.0.0.1:8086".to_owned(), Vec::new());
    let mut flags = vec![Flag("--follow", None)];
    for given in options(&call.args, &["host", "t", "token", "c", "active-config", "configs-path"])? {
        match given {
            Given::Operand(word) => words.push(word),
            Given::Option(name, value) => match name.as_str() {
                "host" => place = value.unwrap_or_default(),
                "skip-verify" => flags.push(Flag("--insecure", None)),
                "t" | "token" => {}
                _ => {
                    return Err(Refusal::with(
                        format!("influx {name}"),
                        "sexton check http://127.0.0.1:8086/ping",
                    ));
                }
            },
        }
    }
    if words != ["ping"] {
        return Err(Refusal::with(
            format!("influx {} is not a question that a check asks", words.join(" ")),
            "sexton check http://127.0.0.1:8086/ping",
        ));
    }
    let mut check = Check::of(format!("{}/ping", place.trim_end_matches('/')));
    check.flags = flags;
    Ok(Semantics {
        check,
        exit: Exit::Http(Statuses::range(200..=299)),
        output: Output::Says("OK".into(), Exit::Check),
    })
}

/// What a `temporal operator cluster health` or a `tctl cluster health` asks: gRPC's health service.
pub(super) fn temporal(call: &Call) -> Result<Semantics, Refusal> {
    let (mut address, mut words) = ("127.0.0.1:7233".to_owned(), Vec::new());
    for given in options(&call.args, &["address", "ad", "namespace", "n", "ns"])? {
        match given {
            Given::Operand(word) => words.push(word),
            Given::Option(name, value) => match name.as_str() {
                "address" | "ad" => address = value.unwrap_or_default(),
                "namespace" | "n" | "ns" => {}
                _ => {
                    return Err(Refusal::with(
                        format!("{} --{name}", call.name),
                        format!("sexton check grpcs://{address}/{TEMPORAL}"),
                    ));
                }
            },
        }
    }
    let check = Check::of(format!("grpc://{address}/{TEMPORAL}"));
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["operator", "cluster", "health"] | ["cluster", "health"] => Ok(Semantics {
            check: check.note(
                "an address in the environment (TEMPORAL_ADDRESS, TEMPORAL_CLI_ADDRESS) is not seen here",
            ),
            exit: Exit::Check,
            output: Output::Says(format!("{TEMPORAL}: SERVING"), Exit::Check),
        }),
        words => Err(Refusal::with(
            format!("{} {} is not a question that a check asks", call.name, words.join(" ")),
            format!("sexton check {}", check.target),
        )),
    }
}

/// What a `zkServer.sh status` asks.
pub(super) fn zookeeper(call: &Call) -> Result<Semantics, Refusal> {
    if call.args != ["status"] {
        return Err(Refusal::with(
            "zkServer.sh with more than status",
            "sexton check zookeeper://127.0.0.1:2181",
        ));
    }
    let check = Check::of("zookeeper://127.0.0.1:2181").note("its clientPort is taken to be 2181");
    Ok(Semantics { check, exit: Exit::Check, output: Output::Says("Mode: standalone".into(), Exit::Check) })
}
