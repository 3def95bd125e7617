//! php-fpm's ping.

use super::{Call, Given, options};
use crate::translate::notation::plain;
use crate::translate::semantics::{Check, Exit, Output, Refusal, Semantics};

/// What a cgi-fcgi asks.
pub(super) fn cgi_fcgi(call: &Call) -> Result<Semantics, Refusal> {
    let (mut place, mut bound) = (None, false);
    let args: Vec<String> =
        call.args.iter().map(|arg| arg.replace("-connect", "--connect").replace("-bind", "--bind")).collect();
    for given in options(&args, &["connect"])? {
        match given {
            Given::Option(name, value) if name == "connect" => place = value,
            Given::Option(name, _) if name == "bind" => bound = true,
            _ => return Err(Refusal::new("cgi-fcgi with more than -bind and -connect")),
        }
    }
    let (Some(place), true) = (place, bound) else {
        return Err(Refusal::new("cgi-fcgi without -bind -connect PLACE"));
    };
    let script = call.variable("SCRIPT_NAME").or_else(|| call.variable("SCRIPT_FILENAME"));
    let script = script.ok_or_else(|| Refusal::new("cgi-fcgi without SCRIPT_NAME"))?;
    let query = call.variable("QUERY_STRING").filter(|query| !query.is_empty());
    let target = if place.starts_with('/') {
        format!("fcgi+unix:{place}?{script}")
    } else if place.starts_with(':') {
        format!("fcgi://127.0.0.1{place}{script}")
    } else {
        format!("fcgi://{place}{script}")
    };
    let is_ping = plain(script).is_some_and(|script| script.ends_with("ping")) && query.is_none();
    if !is_ping {
        return Err(Refusal::with(
            "only php-fpm's ping page says by itself that all is well",
            "sexton check fcgi://HOST:9000/ping, with ping.path = /ping in the pool",
        ));
    }
    let check = Check::of(target)
        .note("verdict gets stricter: the page must answer pong; cgi-fcgi is content with any answer");
    Ok(Semantics { check, exit: Exit::Check, output: Output::Says("pong".into(), Exit::Check) })
}

/// What the usual script around it asks.
pub(super) fn healthcheck(call: &Call) -> Result<Semantics, Refusal> {
    if !call.args.is_empty() {
        return Err(Refusal::with(
            "php-fpm-healthcheck with limits of its own",
            "sexton check fcgi://127.0.0.1:9000/ping",
        ));
    }
    Err(Refusal::with(
        "php-fpm-healthcheck asks the status page",
        "sexton check fcgi://127.0.0.1:9000/ping, with ping.path = /ping in the pool",
    ))
}
