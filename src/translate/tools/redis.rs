//! `redis-cli`.

use super::{Call, Given, host, options, port, userinfo};
use crate::translate::notation::plain;
use crate::translate::semantics::{Check, Exit, Flag, Output, Refusal, Semantics};

/// Its options that take a value.
const VALUED: &[&str] = &[
    "h",
    "p",
    "t",
    "s",
    "a",
    "u",
    "r",
    "i",
    "n",
    "x",
    "d",
    "D",
    "user",
    "pass",
    "cacert",
    "cacertdir",
    "cert",
    "key",
    "sni",
    "tls-ciphers",
];

/// What a redis-cli asks.
pub(super) fn ask(call: &Call) -> Result<Semantics, Refusal> {
    let (mut name, mut number, mut user, mut password) = (None, None, None, None);
    let (mut uri, mut path, mut tls, mut flags, mut words) = (None, None, false, Vec::new(), Vec::new());
    // It reads one dash before a long name, too.
    let args: Vec<_> =
        call.args.iter().map(|arg| arg.replace("-no-auth-warning", "no-auth-warning")).collect();
    let args: Vec<_> = args
        .into_iter()
        .map(|arg| if arg.ends_with("no-auth-warning") { "--no-auth-warning".to_owned() } else { arg })
        .collect();
    for given in options(&args, VALUED)? {
        match given {
            Given::Operand(word) => words.push(word),
            Given::Option(option, value) => match option.as_str() {
                "h" => name = value,
                "p" => number = value,
                "s" => path = value,
                "a" | "pass" => password = value,
                "user" => user = value,
                "u" => uri = value,
                "tls" => tls = true,
                "insecure" => flags.push(Flag("--insecure", None)),
                "cacert" => flags.push(Flag("--cacert", value)),
                "cert" => flags.push(Flag("--cert", value)),
                "key" => flags.push(Flag("--key", value)),
                "sni" => flags.push(Flag("--server-name", value)),
                "n" | "t" | "raw" | "no-raw" | "no-auth-warning" | "e" | "c" | "csv" | "3" => {}
                other => return Err(Refusal::new(format!("redis-cli -{other} is not known here"))),
            },
        }
    }
    let password = password.or_else(|| call.variable("REDISCLI_AUTH").map(str::to_owned));
    let login = userinfo(user.as_deref(), password.as_deref());
    let place =
        format!("{}{}", host(&name.unwrap_or_else(|| "127.0.0.1".into())), port(number.as_deref(), "6379"));
    let scheme = if tls { "rediss" } else { "redis" };
    let is_plain = uri.is_none() && path.is_none();
    let target = match (uri, path) {
        (Some(uri), _) => uri,
        (_, Some(path)) => format!("redis+unix:{path}"),
        _ => format!("{scheme}://{login}{place}"),
    };
    if words.is_empty() {
        words = call.input.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    }
    let words: Vec<String> =
        words.iter().filter_map(|word| plain(word)).map(|word| word.to_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut check = Check::of(target);
    check.flags = flags;
    let stricter = "verdict gets stricter: an error such as NOAUTH, LOADING or a wrong password is a failure";
    let (check, said) = match words.as_slice() {
        ["ping"] => (check.note(stricter), "PONG"),
        // Counts up a key named ping: a check that writes.
        ["incr", "ping"] => (
            check
                .note(stricter)
                .note("nothing is written; incr fails on what takes no writes, PING does not"),
            "1",
        ),
        ["info"] | ["info", "server"] => (check.note(stricter), "redis_version:"),
        ["cluster", "info"] => {
            let query = if check.target.contains('?') { "&cluster=ok" } else { "?cluster=ok" };
            check.target.push_str(query);
            let refusal = Refusal::with(
                "redis-cli exits with 0 whatever the state of the cluster is",
                format!("sexton check {}", check.target),
            );
            let output = Output::Says("cluster_state:ok".into(), Exit::Check);
            return Ok(Semantics { check: check.note(stricter), exit: Exit::Other(refusal), output });
        }
        // As words on a line, which redis reads as well: the answer is looked through.
        ["info", "replication"] if !tls && login.is_empty() && is_plain => {
            check.target = if place.contains("]:") || (!place.contains(']') && place.contains(':')) {
                format!("tcp://{place}")
            } else {
                format!("tcp://{place}:6379")
            };
            check.flags.push(Flag("--send", Some(format!("{}\\r\\n", words.join(" ")))));
            let refusal = Refusal::with("redis-cli exits with 0 whatever the answer is", "a grep after it");
            return Ok(Semantics { check, exit: Exit::Other(refusal), output: Output::Reply });
        }
        _ => {
            return Err(Refusal::with(
                format!("redis-cli {} is not a question that a check asks", words.join(" ")),
                format!("sexton check {}", check.target),
            ));
        }
    };
    Ok(Semantics { check, exit: Exit::Check, output: Output::Says(said.into(), Exit::Check) })
}
