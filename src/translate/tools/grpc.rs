//! `grpc_health_probe`.

use std::time::Duration;

use super::Call;
use crate::compat::{go, grpc_health_probe};
use crate::translate::semantics::{Check, Flag, Limit, Refusal, Semantics};

/// What it asks.
pub(super) fn ask(call: &Call) -> Result<Semantics, Refusal> {
    let args = call.args.iter().map(Into::into).collect();
    let given =
        grpc_health_probe::flags(args).map_err(|why| Refusal::new(format!("{}: {why}", call.name)))?;
    let value = |name: &str| given.last(name).map(str::to_owned);
    let address = value("addr").ok_or_else(|| Refusal::new("grpc_health_probe without -addr"))?;
    let service = value("service").unwrap_or_default();
    let mut flags = Vec::new();
    if given.is_on("tls-no-verify") {
        flags.push(Flag("--insecure", None));
    }
    for (name, ours) in [
        ("tls-ca-cert", "--cacert"),
        ("tls-client-cert", "--cert"),
        ("tls-client-key", "--key"),
        ("tls-server-name", "--server-name"),
        ("rpc-header", "--header"),
        ("user-agent", "--user-agent"),
    ] {
        flags.extend(given.all(name).map(|value| Flag(ours, Some(value.to_owned()))));
    }
    if address.starts_with("unix:") {
        return Err(Refusal::with("a unix socket", "sexton check --unix-socket PATH grpc://localhost"));
    }
    let address = ["passthrough:///", "dns:///", "dns:"]
        .iter()
        .find_map(|resolver| address.strip_prefix(resolver))
        .unwrap_or(&address);
    let host = if address.starts_with(':') { "localhost" } else { "" };
    let path = if service.is_empty() { String::new() } else { format!("/{service}") };
    let scheme = if given.is_on("tls") { "grpcs" } else { "grpc" };
    let mut check = Check::of(format!("{scheme}://{host}{address}{path}"));
    check.flags = flags;
    let length = |name: &str| value(name).map_or(Some(Duration::from_secs(1)), |text| go::duration(&text));
    let limit = match (length("connect-timeout"), length("rpc-timeout")) {
        (Some(connect), Some(answer)) => Limit::Length(connect + answer),
        _ => Limit::Variable(value("rpc-timeout").or(value("connect-timeout")).unwrap_or_default()),
    };
    Ok(Semantics::by_exit(check.limit(limit)))
}
