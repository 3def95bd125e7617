//! What a hand that knows another tool meant.

use crate::shown::Shown;

use super::help::Grammar;
use super::option::Opt;

/// Options of other tools, and what to write instead.
const OPTIONS: &[(&[&str], &str)] = &[
    (&["--max-time", "-m", "--connect-timeout", "-w", "-T", "--wait"], "write --timeout 4s"),
    (
        &["-f", "--fail", "--fail-with-body"],
        "leave it out: a status outside --status (200-299) fails already",
    ),
    (&["-L", "--location", "--max-redirs"], "write --follow"),
    (
        &["--retry", "--retries", "--tries", "--interval", "--retry-connrefused"],
        "a check is one attempt; sexton wait retries",
    ),
    (&["-s", "-S", "--silent", "--show-error", "-sS", "-nv"], "write --quiet to print nothing"),
    (
        &["-o", "--output", "-O", "--spider", "--output-document"],
        "leave it out: a response is never printed or kept",
    ),
    (&["-I", "--head"], "write --method HEAD"),
    (&["-A", "--agent"], "write --user-agent"),
    (&["--request"], "write --method"),
    (&["-x"], "write --proxy"),
    (&["-b", "--cookie"], "write --header 'Cookie: NAME=VALUE'"),
    (&["--data-raw", "--post-data", "--json-data", "--data-binary"], "write --data"),
    (&["--no-check-certificate", "--no-check-certificates"], "write --insecure"),
    (&["--ca-certificate", "--ca-cert"], "write --cacert"),
    (&["-E"], "write --cert"),
    (&["-z"], "write a target like tcp://HOST:PORT"),
    (&["--password", "-p", "-a", "--pass"], "write --password-file FILE, or user:${PASSWORD}@ in the target"),
    (&["-U", "--username"], "write the user into the target, as in postgres://USER@HOST/DB"),
    (&["--port", "--host"], "write them into the target, as in tcp://HOST:PORT"),
    (&["--expect-status", "--code", "--status-code"], "write --status"),
    (&["-c", "--command"], "there is no shell here; write a target like http://HOST:PORT/"),
];

/// Commands of other tools, and what to write instead.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &["curl", "wget", "get", "http", "healthcheck", "health", "probe", "ping", "test"],
        "sexton check http://127.0.0.1:8080/",
    ),
    (&["nc", "tcp", "port", "telnet"], "sexton check tcp://HOST:PORT"),
    (&["pg_isready", "psql"], "sexton check postgres://HOST:5432"),
    (&["redis-cli"], "sexton check redis://HOST:6379"),
    (&["mysqladmin", "mysql", "mariadb-admin"], "sexton check mysql://HOST:3306"),
    (&["grpc_health_probe"], "sexton check grpc://HOST:PORT"),
    (&["pgrep", "pidof", "ps"], "sexton check process:NAME"),
    (&["dig", "nslookup", "getent", "host"], "sexton check dns:NAME"),
    (
        &["wait-for-it", "wait-for-it.sh", "wait-for", "dockerize", "until"],
        "sexton wait tcp://HOST:PORT -- CMD",
    ),
    (&["tini", "dumb-init", "catatonit", "run", "exec", "entrypoint", "start"], "sexton init -- CMD"),
    (&["watch", "monitor"], "sexton init --watch TARGET -- CMD"),
    (&["zombies"], "sexton check zombies:"),
];

/// Why `option` is refused, with what was probably meant.
pub(super) fn unknown_option(grammar: &Grammar, option: &str) -> String {
    let refused = format!("unknown option {option}");
    // What a long option is close to is likelier meant than what another tool calls it.
    if let Some(similar) = similar(grammar, option) {
        return format!("{refused}; did you mean --{}?", similar.name);
    }
    match lookup(OPTIONS, option).filter(|_| grammar.command != "init") {
        Some(hint) => format!("{refused}; {hint}"),
        None => refused,
    }
}

/// What to say of the variable `name`, which is one of `prefix` and stands for no option.
pub(super) fn unknown_variable(grammar: &Grammar, prefix: &str, name: &str) -> String {
    let option = name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase().replace('_', "-");
    let ignored =
        format!("the environment variable {} is ignored: there is no such option", Shown::new(name));
    match similar(grammar, &format!("--{option}")).and_then(|option| option.variable) {
        Some(variable) => format!("{ignored}; did you mean {variable}?"),
        None => ignored,
    }
}

/// Why `command` is refused, with what was probably meant.
pub(super) fn unknown_command(command: &str, known: &[&str]) -> String {
    let refused = format!("unknown command `{command}`");
    if let Some(hint) = lookup(COMMANDS, command) {
        return format!("{refused}; write for example {hint}");
    }
    if command.contains("://") {
        return format!("{refused}; did you mean sexton check TARGET?");
    }
    let (last, others) = known.split_last().unwrap_or((&"", &[]));
    format!("{refused}; there are {} and {last} (see sexton --help)", others.join(", "))
}

/// The row of `table` that has `word`.
fn lookup(table: &'static [(&[&str], &str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(words, _)| words.contains(&word)).map(|(_, hint)| *hint)
}

/// The option that `option` is likely a misspelling of.
fn similar(grammar: &Grammar, option: &str) -> Option<&'static Opt> {
    /// What clap takes for similar, too.
    const CONFIDENCE: f64 = 0.7;
    if lookup(OPTIONS, option).is_some() && grammar.command != "init" {
        return None;
    }
    let name = option.strip_prefix("--")?;
    let options = grammar.options().map(|option| (strsim::jaro(name, option.name), option));
    let similar = options.filter(|(confidence, _)| *confidence > CONFIDENCE);
    similar.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, option)| option)
}
