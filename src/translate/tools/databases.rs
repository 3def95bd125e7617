//! `MongoDB`'s, Cassandra's and `ClickHouse`'s shells.

use super::{Call, Given, host, options, port, userinfo};
use crate::translate::notation::plain;
use crate::translate::semantics::{Check, Exit, Limit, Output, Refusal, Semantics};

/// What a mongosh asks.
pub(super) fn mongo(call: &Call) -> Result<Semantics, Refusal> {
    let valued = &[
        "eval",
        "host",
        "port",
        "u",
        "username",
        "p",
        "password",
        "authenticationDatabase",
        "tlsCAFile",
        "tlsCertificateKeyFile",
        "authenticationMechanism",
    ];
    let (mut name, mut number, mut user, mut password, mut eval) =
        (None, None, None, None, call.input.clone());
    let (mut uri, mut source) = (None, None);
    for given in options(&call.args, valued)? {
        match given {
            Given::Operand(word) => uri = Some(word),
            Given::Option(option, value) => match option.as_str() {
                "eval" => eval = value,
                "host" => name = value,
                "port" => number = value,
                "u" | "username" => user = value,
                "p" | "password" => password = value,
                "authenticationDatabase" => source = value,
                "quiet" | "norc" | "nodb" | "json" => {}
                "tls" | "ssl" | "tlsCAFile" | "tlsAllowInvalidCertificates" | "tlsCertificateKeyFile" => {
                    return Err(Refusal::with(
                        "mongosh with TLS",
                        "sexton check --cacert FILE mongodb://HOST, or --insecure",
                    ));
                }
                other => return Err(Refusal::new(format!("mongosh --{other} is not known here"))),
            },
        }
    }
    let login = userinfo(user.as_deref(), password.as_deref());
    let query = match (&source, user.is_some()) {
        (Some(source), true) => format!("/?authSource={source}"),
        _ => String::new(),
    };
    let target = match uri {
        Some(uri) if uri.starts_with("mongodb+srv:") => {
            return Err(Refusal::with("mongodb+srv", "sexton check mongodb://HOST"));
        }
        Some(uri) if uri.contains("://") => uri,
        // `localhost:27017/test`, or a database of this machine.
        Some(uri) if uri.contains([':', '/']) => {
            let place = uri.split('/').next().unwrap_or_default();
            format!("mongodb://{login}{}{query}", place.trim_end_matches(":27017"))
        }
        _ => {
            let name = host(&name.unwrap_or_else(|| "127.0.0.1".into()));
            format!("mongodb://{login}{name}{}{query}", port(number.as_deref(), "27017"))
        }
    };
    let check = Check::of(target);
    let code = eval.as_deref().and_then(plain).unwrap_or_default();
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect::<String>().replace('\'', "\"");
    let code = code.trim_end_matches(';').to_lowercase();
    let asks_whether_it_lives = [
        "db.admincommand(\"ping\")",
        "db.runcommand(\"ping\")",
        "db.admincommand({ping:1})",
        "db.runcommand({ping:1})",
        "db.stats()",
        "db.version()",
        "db.hello()",
        "db.ismaster()",
        "db.serverstatus()",
        "db.getmongo()",
        "db.admincommand({\"ping\":1})",
        "db.runcommand({\"ping\":1})",
    ];
    let said = code.strip_suffix(".ok").unwrap_or(&code);
    let said = said
        .strip_prefix("quit(")
        .map_or(said, |inner| inner.split_once(".ok?0:").map_or(said, |(inner, _)| inner));
    if !asks_whether_it_lives.contains(&said) {
        return Err(Refusal::with(
            "mongosh runs code of your own",
            format!("sexton check {}, which asks whether the server is ready", check.target),
        ));
    }
    let check = check
        .note("verdict gets stricter: a member of a replica set that still starts or recovers is not ready");
    let output = if code.strip_suffix(".ok").is_some() { "1" } else { "{ ok: 1 }" };
    Ok(Semantics { check, exit: Exit::Check, output: Output::Says(output.into(), Exit::Check) })
}

/// What a cqlsh asks.
pub(super) fn cqlsh(call: &Call) -> Result<Semantics, Refusal> {
    let valued = &[
        "u",
        "username",
        "p",
        "password",
        "e",
        "execute",
        "k",
        "connect-timeout",
        "request-timeout",
        "f",
        "file",
    ];
    let (mut user, mut password, mut limit, mut place, mut statement) =
        (None, None, Limit::None, Vec::new(), None);
    for given in options(&call.args, valued)? {
        match given {
            Given::Operand(word) => place.push(word),
            Given::Option(name, value) => match name.as_str() {
                "u" | "username" => user = value,
                "p" | "password" => password = value,
                "e" | "execute" => statement = value,
                "connect-timeout" => limit = Limit::seconds(&value.unwrap_or_default())?,
                "f" | "file" | "ssl" => {
                    return Err(Refusal::with("cqlsh with a file or TLS", "sexton check cassandra://HOST"));
                }
                _ => {}
            },
        }
    }
    let name = host(place.first().map_or("127.0.0.1", String::as_str));
    let number = port(place.get(1).map(String::as_str), "9042");
    let login = userinfo(user.as_deref(), password.as_deref());
    let check = Check::of(format!("cassandra://{login}{name}{number}")).limit(limit);
    let text = statement.as_deref().or(call.input.as_deref()).and_then(plain).unwrap_or_default();
    let text = text.trim().trim_end_matches(';').to_lowercase();
    let is_trivial = text.is_empty()
        || text.starts_with("desc")
        || text.starts_with("select now() from system.local")
        || text.starts_with("select release_version from system.local")
        || text == "exit"
        || text == "show version"
        || text == "show host";
    if !is_trivial {
        return Err(Refusal::with(
            "cqlsh runs a statement of your own",
            format!("sexton check {}", check.target),
        ));
    }
    let check = if user.is_some() {
        check
    } else {
        check.note(
            "verdict gets looser: a server that wants a login is healthy without one; \
             cassandra://USER:PASSWORD@HOST has it tried",
        )
    };
    Ok(Semantics { check, exit: Exit::Check, output: Output::Unknown })
}

/// What a clickhouse-client asks.
pub(super) fn clickhouse(call: &Call) -> Result<Semantics, Refusal> {
    let mut args = call.args.as_slice();
    if call.name == "clickhouse" {
        match args.split_first() {
            Some((first, rest)) if first == "client" => args = rest,
            _ => return Err(Refusal::new("clickhouse is not a client here")),
        }
    }
    let valued =
        &["h", "host", "port", "u", "user", "password", "q", "query", "d", "database", "connect_timeout"];
    let (mut name, mut query, mut user, mut password) = (None, call.input.clone(), None, None);
    for given in options(args, valued)? {
        match given {
            Given::Operand(word) => query = query.or(Some(word)),
            Given::Option(option, value) => match option.as_str() {
                "h" | "host" => name = value,
                "q" | "query" => query = value,
                "u" | "user" => user = value,
                "password" => password = value,
                _ => {}
            },
        }
    }
    let name = host(&name.unwrap_or_else(|| "127.0.0.1".into()));
    let mut check = Check::of(format!("http://{name}:8123/?query=SELECT%201"));
    if user.is_some() || password.is_some() {
        let user = user.unwrap_or_else(|| "default".into());
        check = check.flag("--user", format!("{user}:{}", password.unwrap_or_default()));
    }
    let text = query.as_deref().and_then(plain).unwrap_or_default();
    let text = text.trim().trim_end_matches(';').to_lowercase();
    if !matches!(text.as_str(), "select 1" | "select version()" | "show databases" | "show tables") {
        return Err(Refusal::with(
            "clickhouse-client runs a query of your own",
            format!("sexton check {}", check.target),
        ));
    }
    let check = check.note("by the HTTP interface at port 8123");
    Ok(Semantics { check, exit: Exit::Check, output: Output::Says("1".into(), Exit::Check) })
}
