//! etcd's and `MinIO`'s tools.

use super::{Call, Given, options};
use crate::translate::semantics::{Check, Exit, Flag, Limit, Output, Refusal, Semantics};

/// What an etcdctl asks.
pub(super) fn etcd(call: &Call) -> Result<Semantics, Refusal> {
    let valued =
        &["endpoints", "cacert", "cert", "key", "user", "command-timeout", "dial-timeout", "w", "write-out"];
    let (mut endpoint, mut flags, mut words, mut limit) =
        ("http://127.0.0.1:2379".to_owned(), Vec::new(), Vec::new(), Limit::None);
    for given in options(&call.args, valued)? {
        match given {
            Given::Operand(word) => words.push(word),
            Given::Option(name, value) => match name.as_str() {
                "endpoints" => endpoint = value.unwrap_or_default(),
                "cacert" => flags.push(Flag("--cacert", value)),
                "cert" => flags.push(Flag("--cert", value)),
                "key" => flags.push(Flag("--key", value)),
                "insecure-skip-tls-verify" => flags.push(Flag("--insecure", None)),
                "command-timeout" => limit = Limit::seconds(&value.unwrap_or_default())?,
                "cluster" => {
                    return Err(Refusal::with(
                        "each member of a cluster",
                        "sexton check http://MEMBER:2379/health...",
                    ));
                }
                _ => {}
            },
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if !matches!(words.as_slice(), ["endpoint", "health" | "status"] | ["cluster-health"])
        || endpoint.contains(',')
    {
        return Err(Refusal::with(
            format!("etcdctl {}", words.join(" ")),
            "sexton check --json-path /health=true http://127.0.0.1:2379/health",
        ));
    }
    let endpoint = if endpoint.contains("://") { endpoint } else { format!("http://{endpoint}") };
    let mut check = Check::of(format!("{}/health", endpoint.trim_end_matches('/')))
        .flag("--json-path", "/health=true")
        .limit(limit);
    check.flags.splice(0..0, flags);
    if words.last() == Some(&"status") {
        check = check.note("verdict gets stricter: the member must be healthy, not only answer");
    }
    Ok(Semantics { check, exit: Exit::Check, output: Output::Says("is healthy".into(), Exit::Check) })
}

/// What an mc asks.
pub(super) fn minio(call: &Call) -> Result<Semantics, Refusal> {
    let mut words = Vec::new();
    for given in options(&call.args, &["config-dir", "C"])? {
        if let Given::Operand(word) = given {
            words.push(word);
        }
    }
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ready", "local"] => Ok(Semantics::by_exit(
            Check::of("http://127.0.0.1:9000/minio/health/cluster")
                .note("the alias `local` is port 9000 of this machine"),
        )),
        ["ready", alias] => Err(Refusal::with(
            format!("where the alias {alias} leads is in mc's own file"),
            "sexton check http://HOST:9000/minio/health/cluster",
        )),
        words => Err(Refusal::with(
            format!("mc {}", words.join(" ")),
            "sexton check http://127.0.0.1:9000/minio/health/live",
        )),
    }
}
