//! `wait-for HOST:PORT|URL [-t SECONDS] [-q] [-- COMMAND ARG...]` (<https://github.com/eficode/wait-for>): its options and
//! exit codes, without a shell, nc and wget.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Usage;
use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::http::Follow;
use crate::probe::Probe;
use crate::probe::options::Options;
use crate::report::Verbosity;

use super::wait_then_run::WaitThenRun;

/// The version whose options these are.
const VERSION: &str = "2.2.4\n";

/// Its default limit.
const TIMEOUT: Duration = Duration::from_secs(15);

/// It tries once a second, each time for a second.
const INTERVAL: Duration = Duration::from_secs(1);

/// wget's limit of redirects.
const REDIRECTS: u8 = 20;

/// What `--help` says.
const HELP: &str = "\
usage: wait-for HOST:PORT|URL [-t SECONDS] [-q] [-- COMMAND ARG...]   (sexton, as eficode's wait-for)
  -t SECONDS  --timeout=SECONDS  give up after this long, 0 never (default 15)
  -q  --quiet                    say nothing while waiting
  -v  --version                  print the version
";

/// Exit codes of a wrong command line: an unknown option, no target, an invalid timeout.
const UNKNOWN: u8 = 1;
const NO_TARGET: u8 = 2;
const BAD_TIMEOUT: u8 = 3;

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    read(args).map_err(|(code, why)| Usage::bare(ExitStatus::Code(code), format!("wait-for: {why}")))
}

fn read(args: Vec<OsString>) -> Result<Box<dyn Command>, (u8, String)> {
    let (mut target, mut timeout, mut command) = (None, Some(TIMEOUT), Vec::new());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            command = args.collect();
            break;
        }
        let mut arg =
            arg.into_string().map_err(|arg| (UNKNOWN, format!("{} is not UTF-8", arg.display())))?;
        // -qt5 is -q -t5.
        if let Some(rest) = arg.strip_prefix("-q").filter(|rest| !rest.is_empty() && !rest.starts_with('-')) {
            arg = format!("-{rest}");
        }
        match arg.as_str() {
            "-q" | "--quiet" => {}
            "-v" | "--version" => return Ok(Box::new(Document::stdout(VERSION))),
            "--help" => return Ok(Box::new(Document::stderr(HELP))),
            "-t" | "--timeout" => {
                let value = args.next().unwrap_or_default().into_string().unwrap_or_default();
                timeout = seconds(&value)?;
            }
            text => match text.strip_prefix("--timeout=").or_else(|| text.strip_prefix("-t")) {
                Some(value) => timeout = seconds(value)?,
                None if text.starts_with('-') => return Err((UNKNOWN, format!("unknown option: {text}"))),
                None if text.contains(':') => target = Some(text.to_owned()),
                None => return Err((UNKNOWN, format!("unknown argument: {text}"))),
            },
        }
    }
    let target = target.ok_or((NO_TARGET, "you need to provide a host and port to test".to_owned()))?;
    let mut options = Options::default();
    options.http.follow = Follow::AtMost(REDIRECTS);
    let target = if target.starts_with("http://") || target.starts_with("https://") {
        target
    } else {
        format!("tcp://{target}")
    };
    let probe = Probe::parse(&target, &options).map_err(|why| (NO_TARGET, why))?;
    Ok(Box::new(WaitThenRun {
        probes: vec![Arc::new(probe)],
        interval: INTERVAL,
        attempt_timeout: INTERVAL,
        timeout,
        // As in the script: nothing is said before the limit has passed.
        verbosity: Verbosity::Quiet,
        timeout_line: "Operation timed out".into(),
        command,
        exec_failure: None,
    }))
}

/// Reads whole seconds; 0 is for ever.
fn seconds(text: &str) -> Result<Option<Duration>, (u8, String)> {
    let seconds: u32 = text.parse().map_err(|_| (BAD_TIMEOUT, format!("invalid timeout '{text}'")))?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds.into())))
}
