//! `grpc_health_probe`.

use super::Call;
use crate::translate::asked::{Asked, Check, Flag, Limit, Refusal};

/// What it asks.
pub(super) fn ask(call: &Call) -> Result<Asked, Refusal> {
    let (mut address, mut service, mut tls) = (None, String::new(), false);
    let (mut flags, mut connect, mut answer) = (Vec::new(), "1s".to_owned(), "1s".to_owned());
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        let option = arg.trim_start_matches('-');
        let (name, value) =
            option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value.to_owned())));
        let mut value = || value.clone().or_else(|| args.next().cloned()).unwrap_or_default();
        match name {
            "addr" => address = Some(value()),
            "service" => service = value(),
            "connect-timeout" => connect = value(),
            "rpc-timeout" => answer = value(),
            "tls" => tls = true,
            "tls-no-verify" => flags.push(Flag("--insecure", None)),
            "tls-ca-cert" => flags.push(Flag("--cacert", Some(value()))),
            "tls-client-cert" => flags.push(Flag("--cert", Some(value()))),
            "tls-client-key" => flags.push(Flag("--key", Some(value()))),
            "tls-server-name" => flags.push(Flag("--server-name", Some(value()))),
            "rpc-header" => flags.push(Flag("--header", Some(value()))),
            "user-agent" => flags.push(Flag("--user-agent", Some(value()))),
            "v" | "gzip" => {}
            other => return Err(Refusal::new(format!("grpc_health_probe -{other} is not known here"))),
        }
    }
    let address = address.ok_or_else(|| Refusal::new("grpc_health_probe without -addr"))?;
    if address.starts_with("unix:") {
        return Err(Refusal::with("a unix socket", "sexton check --unix-socket PATH grpc://localhost"));
    }
    let address = ["passthrough:///", "dns:///", "dns:"]
        .iter()
        .find_map(|resolver| address.strip_prefix(resolver))
        .unwrap_or(&address);
    let host = if address.starts_with(':') { "localhost" } else { "" };
    let path = if service.is_empty() { String::new() } else { format!("/{service}") };
    let scheme = if tls { "grpcs" } else { "grpc" };
    let mut check = Check::of(format!("{scheme}://{host}{address}{path}"));
    check.flags = flags;
    let limit = match (humantime::parse_duration(&connect), humantime::parse_duration(&answer)) {
        (Ok(connect), Ok(answer)) => Limit::Length(connect + answer),
        _ => Limit::Variable(answer),
    };
    Ok(Asked::by_exit(check.limit(limit)))
}
