//! The targets of an init: what it waits for before the start, and what it watches after it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::init::plan::{self, Address, OnUnhealthy, Watch};
use crate::init::signals::Signal;
use crate::probe::Probe;

use super::init::{duration, switch, value, variable};
use super::options;
use super::wait::{PaceWords, limit};

/// What an init waits for.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub(super) struct Before {
    /// Wait for this target before the start (repeatable)
    #[arg(long, value_name = "TARGET")]
    wait: Vec<String>,
    /// Limit of all of --wait; 0 waits for ever [default: 60s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    wait_timeout: Option<String>,
}

/// What an init watches.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub(super) struct Words {
    /// Check this target while CMD runs (repeatable); one that is unhealthy ends CMD
    #[arg(long, value_name = "TARGET")]
    watch: Vec<String>,
    /// Failures in a row that mean unhealthy [default: 3]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    retries: Option<String>,
    /// So long after the start failures do not count, until a success [default: 0s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    start_period: Option<String>,
    /// Pause between two checks in that time [default: 5s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    start_interval: Option<String>,
    /// Instead of ending CMD: signal:SIGHUP, or report, which only tells [default: stop]
    #[arg(long, value_name = "WHAT")]
    on_unhealthy: Option<String>,
    /// Exit code of an init whose CMD was unhealthy [default: 1]
    #[arg(long, value_name = "CODE", allow_hyphen_values = true)]
    unhealthy_exit: Option<String>,
    /// Keep the verdict in this file, as one JSON line
    #[arg(long, value_name = "PATH")]
    status_file: Option<String>,
    /// Serve /healthz and /metrics there; :9180 is 127.0.0.1:9180
    #[arg(long, value_name = "ADDR|unix:PATH")]
    listen: Option<String>,
}

/// What is waited for.
pub(super) struct Awaited {
    /// The targets; may be none.
    pub(super) targets: Vec<String>,
    /// The limit of all.
    pub(super) timeout: Option<Duration>,
}

impl Before {
    /// The words, or the environment.
    pub(super) fn read(self) -> Result<Awaited, String> {
        let targets = list(self.wait, "WAIT")?;
        let timeout = match value(self.wait_timeout, "--wait-timeout", "WAIT_TIMEOUT")? {
            Some((_, flag)) if targets.is_empty() => return Err(format!("{flag} needs --wait")),
            Some((text, flag)) => limit(&text, &flag)?,
            None => limit("60s", "--wait-timeout")?,
        };
        Ok(Awaited { targets, timeout })
    }
}

/// Fills in what the environment says of the pace.
pub(super) fn environment(pace: &mut PaceWords) -> Result<(), String> {
    let fill = |word: &mut Option<String>, name: &str| -> Result<(), String> {
        if word.is_none() {
            *word = variable(name)?.map(|(text, _)| text);
        }
        Ok(())
    };
    fill(&mut pace.interval, "INTERVAL")?;
    fill(&mut pace.wait_interval, "WAIT_INTERVAL")?;
    fill(&mut pace.max_interval, "MAX_INTERVAL")?;
    fill(&mut pace.attempt_timeout, "ATTEMPT_TIMEOUT")?;
    if let (None, Some((text, name))) = (pace.stable, variable("STABLE")?) {
        pace.stable = Some(number(&text, &name)?);
    }
    for (word, name) in [
        (&mut pace.backoff, "BACKOFF"),
        (&mut pace.any, "ANY"),
        (&mut pace.invert, "INVERT"),
        (&mut pace.or_run, "OR_RUN"),
        (&mut pace.quiet, "QUIET"),
        (&mut pace.json, "JSON"),
    ] {
        *word = *word || switch(name)?;
    }
    Ok(())
}

impl Words {
    /// Turns words and the environment into what is waited for and what is watched.
    pub(super) fn into_plans(
        self,
        options: options::Words,
        before: &Awaited,
        pace: PaceWords,
    ) -> Result<(Option<plan::StartupWait>, Option<Watch>), String> {
        let watched = list(self.watch.clone(), "WATCH")?;
        let mut probes = options.into_probes(&[before.targets.as_slice(), &watched].concat())?;
        let watched = probes.split_off(before.targets.len());
        let is_watched = !watched.is_empty();
        let watch = self.into_watch(watched, &pace)?;
        if probes.is_empty() {
            useless(&pace, is_watched)?;
            return Ok((None, watch));
        }
        let (plan, on_timeout) = pace.plan(probes, before.timeout, is_watched)?;
        Ok((Some(plan::StartupWait { plan, on_timeout }), watch))
    }

    /// What is watched, if something is.
    fn into_watch(self, probes: Vec<Arc<Probe>>, pace: &PaceWords) -> Result<Option<Watch>, String> {
        let length = |text: &Option<String>, default: u64, flag: &str, name: &str| match value(
            text.clone(),
            flag,
            name,
        )? {
            Some((text, flag)) => options::duration(&text, &flag),
            None => Ok(Duration::from_secs(default)),
        };
        let retries = value(self.retries, "--retries", "RETRIES")?;
        let start_period = value(self.start_period, "--start-period", "START_PERIOD")?;
        let start_interval = value(self.start_interval, "--start-interval", "START_INTERVAL")?;
        let on_unhealthy = value(self.on_unhealthy, "--on-unhealthy", "ON_UNHEALTHY")?;
        let exit = value(self.unhealthy_exit, "--unhealthy-exit", "UNHEALTHY_EXIT")?;
        let status_file = value(self.status_file, "--status-file", "STATUS_FILE")?;
        let listen = value(self.listen, "--listen", "LISTEN")?;
        let given = [&retries, &start_period, &start_interval, &on_unhealthy, &exit, &status_file, &listen];
        if probes.is_empty() {
            return match given.into_iter().flatten().next() {
                Some((_, flag)) => Err(format!("{flag} needs --watch")),
                None => Ok(None),
            };
        }
        let exit = match exit {
            Some((text, flag)) => Some(
                text.parse().map_err(|_| format!("{flag} `{text}` is no exit code; those are 0 to 255"))?,
            ),
            None => None,
        };
        let on_unhealthy = match on_unhealthy {
            None => OnUnhealthy::Stop { exit: exit.unwrap_or(1) },
            Some((text, flag)) => reaction(&text, &flag, exit)?,
        };
        Ok(Some(Watch {
            probes,
            interval: length(&pace.interval, 10, "--interval", "INTERVAL")?,
            start_interval: match start_interval {
                Some((text, flag)) => options::duration(&text, &flag)?,
                None => Duration::from_secs(5),
            },
            start_period: match start_period {
                Some((text, flag)) => duration(&text, &flag)?,
                None => Duration::ZERO,
            },
            retries: match retries {
                Some((text, flag)) => number(&text, &flag)?,
                None => RETRIES,
            },
            attempt_timeout: length(&pace.attempt_timeout, 4, "--attempt-timeout", "ATTEMPT_TIMEOUT")?,
            on_unhealthy,
            status_file: status_file.map(|(path, _)| PathBuf::from(path)),
            listen: listen.map(|(text, flag)| address(&text, &flag)).transpose()?,
        }))
    }
}

/// As many as Docker has.
const RETRIES: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// Refuses words of a wait where there is none: bad input is never ignored.
fn useless(pace: &PaceWords, is_watched: bool) -> Result<(), String> {
    let words = [
        (pace.interval.is_some() && !is_watched, "--interval"),
        (pace.attempt_timeout.is_some() && !is_watched, "--attempt-timeout"),
        (pace.wait_interval.is_some(), "--wait-interval"),
        (pace.backoff, "--backoff"),
        (pace.max_interval.is_some(), "--max-interval"),
        (pace.stable.is_some(), "--stable"),
        (pace.any, "--any"),
        (pace.invert, "--invert"),
        (pace.or_run, "--or-run"),
        (pace.quiet, "--quiet"),
        (pace.json, "--json"),
    ];
    match words.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, flag @ ("--interval" | "--attempt-timeout"))) => {
            Err(format!("{flag} needs --wait or --watch"))
        }
        Some((_, flag)) => Err(format!("{flag} needs --wait")),
        None => Ok(()),
    }
}

/// The targets that were given, or those of the environment, where commas or blanks are between them.
fn list(given: Vec<String>, name: &str) -> Result<Vec<String>, String> {
    if !given.is_empty() {
        return Ok(given);
    }
    let text = variable(name)?.map(|(text, _)| text).unwrap_or_default();
    let targets = text.split(|c: char| c == ',' || c.is_whitespace());
    Ok(targets.filter(|target| !target.is_empty()).map(str::to_owned).collect())
}

/// Reads a number of times, at least 1.
fn number(text: &str, flag: &str) -> Result<NonZeroU32, String> {
    NonZeroU32::from_str(text).map_err(|_| format!("{flag} `{text}`: write a number from 1 on"))
}

/// Reads what follows on unhealthy.
fn reaction(text: &str, flag: &str, exit: Option<u8>) -> Result<OnUnhealthy, String> {
    let reaction = match text.split_once(':') {
        None if text == "stop" => return Ok(OnUnhealthy::Stop { exit: exit.unwrap_or(1) }),
        None if text == "report" => OnUnhealthy::Report,
        Some(("signal", name)) => {
            OnUnhealthy::Signal(Signal::parse(name).map_err(|why| format!("{flag}: {why}"))?)
        }
        _ => return Err(format!("{flag} `{text}`: write stop, report or for example signal:SIGHUP")),
    };
    if exit.is_some() {
        return Err(format!("--unhealthy-exit means nothing with {flag} {text}"));
    }
    Ok(reaction)
}

/// Reads `9180`, `:9180`, `127.0.0.1:9180`, `[::]:9180`, `unix:/run/health.sock`.
fn address(text: &str, flag: &str) -> Result<Address, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.trim_start_matches("//") {
            "" => Err(format!("{flag} `{text}` names no path")),
            _ => Ok(Address::Unix(path.into())),
        };
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let host = match host {
        "" | "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    };
    match (host, port.parse()) {
        (Some(host), Ok(port)) => Ok(Address::Tcp(SocketAddr::new(host, port))),
        _ => Err(format!("{flag} `{text}`: write for example 9180, 0.0.0.0:9180 or unix:/run/health.sock")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_on_loopback_unless_it_says_otherwise() {
        for (text, wanted) in [
            ("9180", Some("127.0.0.1:9180")),
            (":9180", Some("127.0.0.1:9180")),
            ("localhost:9180", Some("127.0.0.1:9180")),
            ("0.0.0.0:1", Some("0.0.0.0:1")),
            ("[::]:1", Some("[::]:1")),
            ("", None),
            ("x:1", None),
            (":65536", None),
        ] {
            let wanted = wanted.map(|text| Address::Tcp(text.parse().unwrap()));
            assert_eq!(address(text, "--listen").ok(), wanted, "{text}");
        }
        assert_eq!(address("unix:/a", "--listen"), Ok(Address::Unix("/a".into())));
        assert!(address("unix:", "--listen").is_err());
    }

    #[test]
    fn a_reaction_is_read() {
        assert_eq!(reaction("stop", "", Some(7)), Ok(OnUnhealthy::Stop { exit: 7 }));
        assert_eq!(reaction("signal:SIGHUP", "", None), Ok(OnUnhealthy::Signal(Signal::HUP)));
        assert_eq!(reaction("report", "", None), Ok(OnUnhealthy::Report));
        for bad in ["", "restart", "signal", "signal:NOPE", "report:x"] {
            assert!(reaction(bad, "--on-unhealthy", None).is_err(), "{bad}");
        }
    }
}
