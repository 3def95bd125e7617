//! What an init watches while its command runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::init::plan::{Address, OnUnhealthy, Watch};
use crate::init::signals::Signal;
use crate::probe::Probe;

use super::args::{Args, Reaction};
use super::option::{Given, Opt, Origin, Table};
use super::targets;

/// The pause between two checks, unless it is said: as most Compose files have it.
const INTERVAL: Duration = Duration::from_secs(10);

/// The options.
pub(super) const TABLE: Table = Table {
    heading: Some("Watching"),
    options: &[
        Opt::value(
            "watch",
            "TARGET",
            "Check this while CMD runs; if unhealthy, stop CMD (repeatable)",
            |args, given| {
                args.watch.targets.extend(named_targets(given));
                Ok(())
            },
        )
        .env("SEXTON_INIT_WATCH")
        .many(),
        Opt::value("retries", "N", "Consecutive failures that mean unhealthy", |args, given| {
            args.watch.retries = given.count()?;
            Ok(())
        })
        .env("SEXTON_INIT_RETRIES")
        .default("3")
        .needs(&["watch"]),
        Opt::value(
            "start-period",
            "DURATION",
            "Ignore failures this long after start, until the first success",
            |args, given| {
                args.watch.start_period = given.duration()?;
                Ok(())
            },
        )
        .env("SEXTON_INIT_START_PERIOD")
        .default("0s")
        .needs(&["watch"]),
        Opt::value("start-interval", "DURATION", "Pause between two checks in that time", |args, given| {
            args.watch.start_interval = given.positive_duration()?;
            Ok(())
        })
        .env("SEXTON_INIT_START_INTERVAL")
        .default("5s")
        .needs(&["watch"]),
        Opt::value(
            "on-unhealthy",
            "ACTION",
            "stop, signal:SIGNAL[,then=stop:TIMES], or report: print a line",
            |args, given| {
                args.watch.reaction = reaction(given)?;
                Ok(())
            },
        )
        .env("SEXTON_INIT_ON_UNHEALTHY")
        .default("stop")
        .needs(&["watch"]),
        Opt::value("unhealthy-exit", "CODE", "Exit code after stopping an unhealthy CMD", |args, given| {
            args.watch.unhealthy_exit = exit_code(given)?;
            Ok(())
        })
        .env("SEXTON_INIT_UNHEALTHY_EXIT")
        .default("1")
        .needs(&["watch"]),
        Opt::value(
            "status-file",
            "PATH",
            "Keep the verdict in this file, as one line of JSON",
            |args, given| {
                args.watch.status_file = Some(given.path()?);
                Ok(())
            },
        )
        .env("SEXTON_INIT_STATUS_FILE")
        .needs(&["watch"]),
        Opt::value("status-file-mode", "OCTAL", "Permissions of that file", |args, given| {
            args.watch.status_file_mode = file_mode(given)?;
            Ok(())
        })
        .env("SEXTON_INIT_STATUS_FILE_MODE")
        .default("600")
        .needs(&["status-file"]),
        Opt::value(
            "listen",
            "ADDR|unix:PATH",
            "Serve /livez, /readyz, /healthz, /metrics here; :9180 is 127.0.0.1:9180",
            |args, given| {
                args.watch.listen = Some(address(given)?);
                Ok(())
            },
        )
        .env("SEXTON_INIT_LISTEN")
        .needs(&["watch"]),
    ],
};

/// Turns `args` into a watch of `probes`, if there are some; `unhealthy_exit` is where its code was given.
pub(super) fn plan(
    args: &Args,
    probes: Vec<Arc<Probe>>,
    unhealthy_exit: Option<&Given>,
) -> Result<Option<Watch>, String> {
    if probes.is_empty() {
        return Ok(None);
    }
    let watch = &args.watch;
    let on_unhealthy = match (watch.reaction, unhealthy_exit) {
        (Reaction::Stop, _) => OnUnhealthy::Stop { exit: watch.unhealthy_exit },
        (Reaction::SignalThenStop(signal, times), _) => {
            OnUnhealthy::SignalThenStop { signal, times, exit: watch.unhealthy_exit }
        }
        (_, Some(given)) => return Err(format!("{given} needs --on-unhealthy stop")),
        (Reaction::Signal(signal), None) => OnUnhealthy::Signal(signal),
        (Reaction::Report, None) => OnUnhealthy::Report,
    };
    Ok(Some(Watch {
        probes,
        interval: args.retry.interval.unwrap_or(INTERVAL),
        start_interval: watch.start_interval,
        start_period: watch.start_period,
        retries: watch.retries,
        attempt_timeout: args.retry.attempt_timeout,
        on_unhealthy,
        status_file: watch.status_file.clone(),
        status_file_mode: watch.status_file_mode,
        listen: watch.listen.clone(),
    }))
}

/// The targets of an option: one on the line, a list in the environment.
pub(super) fn named_targets(given: &Given) -> Vec<String> {
    match given.origin {
        Origin::Variable(_) => targets::list(given.raw()),
        _ => vec![given.raw().to_owned()],
    }
}

/// Reads an exit code.
fn exit_code(given: &Given) -> Result<u8, String> {
    let text = given.text()?;
    text.parse().map_err(|_| given.refuse(format_args!("invalid exit code `{text}` (0-255)")))
}

/// Reads what follows an unhealthy target.
fn reaction(given: &Given) -> Result<Reaction, String> {
    let text = given.text()?;
    let misread = || {
        given.refuse(format_args!(
            "invalid action `{text}`; write stop, report or for example signal:SIGHUP or signal:SIGHUP,then=stop:3"
        ))
    };
    let read = |name: &str| Signal::parse(name).map_err(|why| given.refuse(why));
    match text.split_once(':') {
        None if text == "stop" => Ok(Reaction::Stop),
        None if text == "report" => Ok(Reaction::Report),
        Some(("signal", rest)) => match rest.split_once(',') {
            None => read(rest).map(Reaction::Signal),
            Some((name, then)) => {
                let times = then.strip_prefix("then=stop:").and_then(|times| times.parse().ok());
                Ok(Reaction::SignalThenStop(read(name)?, times.ok_or_else(misread)?))
            }
        },
        _ => Err(misread()),
    }
}

/// Reads `600`, `0644`.
fn file_mode(given: &Given) -> Result<u32, String> {
    let text = given.text()?;
    match u32::from_str_radix(&text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err(given.refuse(format_args!("invalid mode `{text}`; write for example 600 or 644"))),
    }
}

/// Reads `9180`, `:9180`, `127.0.0.1:9180`, `[::]:9180`, `*:9180`, `unix:/run/health.sock`. Port 0 is any that is free.
fn address(given: &Given) -> Result<Address, String> {
    let text = given.text()?;
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.trim_start_matches("//") {
            "" => Err(given.refuse("no path after unix:")),
            _ => given.absolute(path).map(Address::Unix),
        };
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", &text));
    let host = match host {
        "" | "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        // Both families, where there are both.
        "*" => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        host => host.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    };
    match (host, port.parse()) {
        (Some(host), Ok(port)) => Ok(Address::Tcp(SocketAddr::new(host, port))),
        _ => Err(given.refuse(format_args!(
            "invalid address `{text}`; write for example 9180, 0.0.0.0:9180 or unix:/run/health.sock"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` as it is given to the option `name`.
    fn given(name: &str, text: &str) -> Given {
        let option = TABLE.options.iter().find(|option| option.name == name).unwrap();
        Given::new(option, Origin::Line, text)
    }

    #[test]
    fn an_address_is_on_loopback_unless_it_says_otherwise() {
        for (text, wanted) in [
            ("9180", Some("127.0.0.1:9180")),
            (":9180", Some("127.0.0.1:9180")),
            ("localhost:9180", Some("127.0.0.1:9180")),
            ("0.0.0.0:1", Some("0.0.0.0:1")),
            ("[::]:1", Some("[::]:1")),
            ("*:9185", Some("[::]:9185")),
            (":0", Some("127.0.0.1:0")),
            ("", None),
            ("x:1", None),
            (":65536", None),
        ] {
            let wanted = wanted.map(|text| Address::Tcp(text.parse().unwrap()));
            assert_eq!(address(&given("listen", text)).ok(), wanted, "{text}");
        }
        assert_eq!(address(&given("listen", "unix:/a")), Ok(Address::Unix("/a".into())));
        assert!(address(&given("listen", "unix:")).is_err());
    }

    #[test]
    fn a_reaction_is_read() {
        let read = |text| reaction(&given("on-unhealthy", text));
        assert_eq!(read("stop"), Ok(Reaction::Stop));
        assert_eq!(read("signal:SIGHUP"), Ok(Reaction::Signal(Signal::HUP)));
        assert_eq!(read("report"), Ok(Reaction::Report));
        let times = std::num::NonZeroU32::new(3).unwrap();
        assert_eq!(read("signal:HUP,then=stop:3"), Ok(Reaction::SignalThenStop(Signal::HUP, times)));
        for bad in
            ["", "restart", "signal", "signal:NOPE", "report:x", "signal:HUP,then=stop:0", "signal:HUP,x"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
