//! nc, ncat and netcat.

use super::Call;
use crate::compat::nc;
use crate::net::Family;
use crate::translate::semantics::{Check, Exit, Flag, Limit, Output, Refusal, Semantics};
use crate::translate::sockets;

/// What an nc asks.
pub(super) fn ask(call: &Call) -> Result<Semantics, Refusal> {
    let args = call.args.iter().map(Into::into).collect();
    let given = nc::args(&call.name, args).map_err(|why| Refusal::new(format!("{}: {why}", call.name)))?;
    if given.datagrams {
        return Err(Refusal::with(
            "nc -u says that all is well whether or not anybody is there",
            "sexton check --send TEXT --expect TEXT udp://HOST:PORT",
        ));
    }
    let scans = given.scans;
    let limit = given.idle.as_deref().map_or(Ok(Limit::None), Limit::seconds)?;
    let family = match given.family {
        Family::Any => None,
        Family::V4 => Some("-4"),
        Family::V6 => Some("-6"),
    };
    let target = match given.operands.as_slice() {
        [path] if given.unix => format!("unix:{path}"),
        [_, port] if port.contains('-') && !port.contains("${") => {
            return Err(Refusal::with("nc with a range of ports", "sexton check tcp://HOST:PORT..."));
        }
        [host, port] => sockets::tcp(host, port),
        _ => return Err(Refusal::new("nc without one host and one port")),
    };
    let mut check = match &call.input {
        Some(text) if !scans => sockets::reply(target, text),
        _ => Check::of(target),
    };
    check.flags.extend(family.map(|family| Flag(family, None)));
    let check = check.limit(limit);
    if scans {
        // OpenBSD's, ncat's and busybox's words for it.
        let said = Output::Says("succeeded! open Connected".into(), Exit::Check);
        let output = if call.merged { said } else { Output::Nothing };
        return Ok(Semantics { check, exit: Exit::Check, output });
    }
    // ZooKeeper answers, and closes.
    let asks_zookeeper = call.input.as_deref().map(str::trim_end) == Some("ruok");
    let nearest =
        if asks_zookeeper { check.target.replacen("tcp:", "zookeeper:", 1) } else { check.target.clone() };
    let refusal = Refusal::with(
        "nc without -z goes on until the server closes, and is content with any answer",
        format!("sexton check {nearest}"),
    );
    Ok(Semantics { check, exit: Exit::Other(refusal), output: Output::Reply })
}
