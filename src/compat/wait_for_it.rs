//! `wait-for-it.sh host:port [-s] [-q] [-t seconds] [-- CMD ARG...]`
//! (<https://github.com/vishnubob/wait-for-it>): its flags and exit codes, without bash, nc and timeout.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::check::Require;
use crate::cli::Usage;
use crate::command::Command;
use crate::exit::ExitStatus;
use crate::init::plan::{Init, MainChild, StartupWait};
use crate::probe::Probe;
use crate::probe::options::Options;
use crate::report::Verbosity;
use crate::sys::process;
use crate::wait::{OnTimeout, Plan, RetryInterval, Wait, WaitFor};

/// Its own default.
const TIMEOUT: Duration = Duration::from_secs(15);

/// It tries once a second, each time for as long as `timeout` lets it; ours has a limit.
const INTERVAL: Duration = Duration::from_secs(1);

/// What its `--help` says, in our args; like the original's it ends with 1.
const HELP: &str = "\
usage: wait-for-it.sh host:port [-s] [-q] [-t seconds] [-- CMD ARG...]; -h HOST and -p PORT for host:port; \
-s runs CMD only if the port was reached; -q says nothing; -t 0 waits for ever (default 15)";

/// What was said so far.
struct WaitForItArgs {
    host: Option<String>,
    port: Option<String>,
    timeout: Option<Duration>,
    on_timeout: OnTimeout,
    verbosity: Verbosity,
    command: Vec<OsString>,
}

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    read(args)
        .map(|wait| if process::own_pid() == 1 { under_init(wait) } else { Box::new(wait) })
        .map_err(|why| Usage::bare(ExitStatus::Unhealthy, format!("wait-for-it: {why}")))
}

/// As PID 1 the command is not left alone with its orphans.
fn under_init(wait: Wait) -> Box<dyn Command> {
    if wait.command.is_empty() {
        return Box::new(wait);
    }
    let before = StartupWait { plan: wait.plan, on_timeout: wait.on_timeout };
    Box::new(Init { wait: Some(before), ..Init::new(MainChild::Command(wait.command)) })
}

/// Turns its args into a wait.
fn read(args: Vec<OsString>) -> Result<Wait, String> {
    let args = parse_args(args)?;
    let (Some(host), Some(port)) = (args.host, args.port) else {
        return Err("you need to provide a host and port to test, as in wait-for-it.sh db:5432".into());
    };
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let probe = Probe::parse(&format!("tcp://{host}:{port}"), &Options::default())?;
    let plan = Plan {
        probes: vec![Arc::new(probe)],
        require: Require::All,
        wait_for: WaitFor::Passing,
        stable: NonZeroU32::MIN,
        interval: RetryInterval::Constant(INTERVAL),
        attempt_timeout: TIMEOUT,
        timeout: args.timeout,
        verbosity: args.verbosity,
    };
    Ok(Wait { plan, on_timeout: args.on_timeout, command: args.command })
}

/// Sorts argv.
fn parse_args(words: Vec<OsString>) -> Result<WaitForItArgs, String> {
    let mut args = WaitForItArgs {
        host: None,
        port: None,
        timeout: Some(TIMEOUT),
        on_timeout: OnTimeout::RunAnyway,
        verbosity: Verbosity::Lines,
        command: Vec::new(),
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            args.command = words.collect();
            break;
        }
        let word = word.into_string().map_err(|word| format!("{} is not UTF-8", word.display()))?;
        let mut value = |flag: &str| {
            words.next().and_then(|value| value.into_string().ok()).ok_or(format!("{flag} lacks its value"))
        };
        match word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value))) {
            ("-q" | "--quiet", None) => args.verbosity = Verbosity::Quiet,
            ("-s" | "--strict", None) => args.on_timeout = OnTimeout::Exit,
            ("-h", None) => args.host = Some(value("-h")?),
            ("--host", Some(host)) => args.host = Some(host.to_owned()),
            ("-p", None) => args.port = Some(value("-p")?),
            ("--port", Some(port)) => args.port = Some(port.to_owned()),
            ("-t", None) => args.timeout = seconds(&value("-t")?)?,
            ("--timeout", Some(text)) => args.timeout = seconds(text)?,
            ("--help", None) => return Err(HELP.into()),
            _ if !word.starts_with('-') && word.contains(':') => {
                let (host, port) = word.rsplit_once(':').unwrap_or_default();
                (args.host, args.port) = (Some(host.to_owned()), Some(port.to_owned()));
            }
            _ => return Err(format!("unknown argument {word}; {HELP}")),
        }
    }
    Ok(args)
}

/// Reads whole seconds; 0 is for ever.
fn seconds(text: &str) -> Result<Option<Duration>, String> {
    let seconds: u32 = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(line: &str) -> Result<Wait, String> {
        read(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn both_ways_to_name_a_port_are_read() {
        for line in ["db:5432", "-h db -p 5432", "--host=db --port=5432"] {
            assert_eq!(wait(line).unwrap().plan.probes[0].label(), "tcp://db:5432", "{line}");
        }
        assert_eq!(wait("::1:80").unwrap().plan.probes[0].label(), "tcp://[::1]:80");
    }

    #[test]
    fn the_command_runs_anyway_unless_it_is_strict() {
        assert_eq!(wait("db:1 -- app -t 3").unwrap().on_timeout, OnTimeout::RunAnyway);
        let strict = wait("db:1 -s -t 3 -- app -q").unwrap();
        assert_eq!(strict.on_timeout, OnTimeout::Exit);
        assert_eq!(strict.plan.timeout, Some(Duration::from_secs(3)));
        assert_eq!(
            (strict.plan.verbosity, strict.command),
            (Verbosity::Lines, vec!["app".into(), "-q".into()])
        );
        assert_eq!(wait("db:1 --timeout=0 -q").unwrap().plan.timeout, None);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for line in ["", "db", "-t x db:1", "-x db:1", "db:0", "-h db", "-t"] {
            assert!(wait(line).is_err(), "{line}");
        }
    }
}
