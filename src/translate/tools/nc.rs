//! nc, ncat and netcat.

use super::{Call, Given, options};
use crate::translate::asked::{Asked, Check, Exit, Flag, Limit, Output, Refusal};
use crate::translate::sockets;

/// What an nc asks.
pub(super) fn ask(call: &Call) -> Result<Asked, Refusal> {
    let (mut scans, mut is_path, mut limit, mut place) = (false, false, Limit::None, Vec::new());
    let mut family = None;
    for given in options(&call.args, &["w", "i", "q", "p", "s", "X", "x", "wait", "idle-timeout"])? {
        match given {
            Given::Operand(word) => place.push(word),
            Given::Option(name, value) => match name.as_str() {
                "z" => scans = true,
                "U" => is_path = true,
                "w" | "wait" => limit = Limit::seconds(&value.unwrap_or_default())?,
                "4" => family = Some("-4"),
                "6" => family = Some("-6"),
                "v" | "n" | "N" | "q" | "i" | "t" | "C" | "idle-timeout" => {}
                "u" => {
                    return Err(Refusal::with(
                        "nc -u says that all is well whether or not anybody is there",
                        "sexton check --send TEXT --expect TEXT udp://HOST:PORT",
                    ));
                }
                other => return Err(Refusal::new(format!("nc -{other} is not known here"))),
            },
        }
    }
    let target = match place.as_slice() {
        [path] if is_path => format!("unix:{path}"),
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
        return Ok(Asked { check, exit: Exit::Check, output });
    }
    let refusal = Refusal::with(
        "nc without -z goes on until the server closes",
        format!("sexton check {}", check.target),
    );
    Ok(Asked { check, exit: Exit::Other(refusal), output: Output::Reply })
}
