//! Programs that look up a name.

use super::Call;
use crate::translate::semantics::{Check, Exit, Limit, Output, Refusal, Semantics};

/// What was asked for.
#[derive(Default)]
struct Query {
    name: Option<String>,
    server: Option<String>,
    port: Option<String>,
    limit: Limit,
}

impl Query {
    /// Takes a word that is no option: the name, then for some the server.
    fn word(&mut self, word: &str, takes_server: bool) -> Result<(), Refusal> {
        match word.to_ascii_uppercase().as_str() {
            "A" | "AAAA" | "IN" => {}
            "ANY" | "CAA" | "CNAME" | "MX" | "NS" | "PTR" | "SOA" | "SRV" | "TXT" => return Err(kind(word)),
            _ if self.name.is_none() => self.name = Some(word.trim_end_matches('.').to_owned()),
            _ if takes_server && self.server.is_none() => self.server = Some(word.to_owned()),
            _ => return Err(Refusal::with("several names", "sexton check dns:NAME...")),
        }
        Ok(())
    }

    /// The check that the name resolves.
    fn check(self) -> Result<Check, Refusal> {
        let name = self.name.ok_or_else(|| Refusal::with("no name", "sexton check dns:NAME"))?;
        let server = self.server.map(|server| super::host(&server)).map_or(String::new(), |server| {
            let port = self.port.filter(|port| port != "53").map_or(String::new(), |port| format!(":{port}"));
            format!("@{server}{port}")
        });
        Ok(Check::of(format!("dns:{name}{server}")).limit(self.limit))
    }
}

/// Why another record than an address is not asked for.
fn kind(word: &str) -> Refusal {
    Refusal::with(format!("a record of type {word}"), "sexton check dns:NAME, which asks for its addresses")
}

/// What a dig or a drill asks: `[@SERVER] [-p PORT] [+OPTION]... NAME [TYPE]`.
pub(super) fn dig(call: &Call) -> Result<Semantics, Refusal> {
    let (mut query, mut is_short, mut tries) = (Query::default(), false, 3);
    let mut args = call.args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "-4" | "-6" | "+norecurse" | "+norec" | "+recurse" | "+noall" | "+answer" => {}
            "+short" => is_short = true,
            "-p" => query.port = args.next().map(str::to_owned),
            "-t" | "-q" => query.word(args.next().unwrap_or_default(), false)?,
            _ => match (arg.strip_prefix('@'), arg.split_once('=')) {
                (Some(server), _) => query.server = Some(server.to_owned()),
                (_, Some(("+time" | "+timeout", seconds))) => query.limit = Limit::seconds(seconds)?,
                (_, Some(("+tries", number))) => tries = number.parse().unwrap_or(3),
                (_, Some(("+retry", number))) => tries = number.parse().map_or(3, |retries: u32| retries + 1),
                _ if arg.starts_with(['+', '-']) => {
                    return Err(Refusal::with(format!("{} {arg}", call.name), "sexton check dns:NAME"));
                }
                _ => query.word(arg, false)?,
            },
        }
    }
    if let Limit::Length(length) = &mut query.limit {
        *length *= tries;
    }
    let check = query.check()?;
    // What +short writes is an address, where the name has one.
    let output = if is_short { Output::Lines(Exit::Check) } else { Output::Unknown };
    Ok(Semantics { check: check.note(STRICTER), exit: Exit::Check, output })
}

/// How ours differs from dig.
const STRICTER: &str = "verdict gets stricter: the name must have an address; dig is content with any answer";

/// What an nslookup or a host asks: `[-OPTION=VALUE]... NAME [SERVER]`.
pub(super) fn lookup(call: &Call) -> Result<Semantics, Refusal> {
    let mut query = Query::default();
    let mut args = call.args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg.split_once('=').unwrap_or((arg, "")) {
            ("-t", "") => query.word(args.next().unwrap_or_default(), false)?,
            ("-W", "") => query.limit = Limit::seconds(args.next().unwrap_or_default())?,
            ("-4" | "-6", "") => {}
            ("-timeout", seconds) => query.limit = Limit::seconds(seconds)?,
            ("-port", port) => query.port = Some(port.to_owned()),
            ("-type" | "-query" | "-q" | "-querytype", kind) => query.word(kind, false)?,
            (option, _) if option.starts_with('-') => {
                return Err(Refusal::with(format!("{} {option}", call.name), "sexton check dns:NAME"));
            }
            _ => query.word(arg, true)?,
        }
    }
    Ok(Semantics::by_exit(query.check()?))
}

/// What a getent asks.
pub(super) fn getent(call: &Call) -> Result<Semantics, Refusal> {
    match call.args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["hosts" | "ahosts" | "ahostsv4" | "ahostsv6", name] => Ok(Semantics {
            check: Check::of(format!("dns:{name}")),
            exit: Exit::Check,
            output: Output::Lines(Exit::Check),
        }),
        _ => Err(Refusal::with("getent of something else than hosts", "sexton check dns:NAME")),
    }
}
