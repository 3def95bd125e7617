//! `curl [options] URL...` (<https://curl.se/docs/manpage.html>): the options that healthchecks use, and its exit codes.

pub(crate) mod flags;
mod options;
mod request;
mod run;
mod write_out;

#[cfg(any(fuzzing, test))]
pub(super) use self::write_out::read_format;

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::{Usage, ca_variable};
use crate::command::{Command, Document, Parsed};
use crate::compat::curl::run::Curl;
use crate::compat::transfer::Transfers;
use crate::exit::ExitStatus;

use self::options::CurlArgs;
use super::limit;

/// Misused: an unknown option, a missing value, no URL.
const MISUSED: ExitStatus = ExitStatus::Code(2);

/// What `curl -V` begins with; scripts look at the first two args.
const VERSION: &str = concat!(
    "curl 7.88.1 (sexton ",
    env!("CARGO_PKG_VERSION"),
    ")\nProtocols: http https\nFeatures: IPv6 SSL UnixSockets\n"
);

/// What its `--help` says, in our args.
const HELP: &str = "\
usage: curl [options] URL...   (sexton, as curl)
  -f --fail  --fail-with-body  -s --silent  -S --show-error  -v --verbose  -L --location  --max-redirs N
  -X --request METHOD  -H --header 'NAME: VALUE'  -d --data TEXT|@FILE  --json TEXT  -G --get  -I --head
  -A --user-agent NAME  -u --user NAME:PASSWORD  -b --cookie 'NAME=VALUE'  -e --referer URL  -r --range RANGE
  -o --output FILE  -O --remote-name  -i --include  -D --dump-header FILE  -w --write-out FORMAT
  -m --max-time SECONDS  --connect-timeout SECONDS  --retry N  --retry-delay SECONDS  --retry-max-time SECONDS
  --retry-connrefused  --retry-all-errors  --fail-early  --data-urlencode [NAME=]TEXT
  -k --insecure  --cacert FILE  --cert FILE  --key FILE  --resolve HOST:PORT:ADDRESS  --unix-socket FILE
  -x --proxy URL  --noproxy LIST  -4 --ipv4  -6 --ipv6  -V --version
without -m all of it is over after SEXTON_TIMEOUT, or 4 seconds
";

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    transfers(args).map(Parsed::into_command)
}

/// The same, for a line of several commands.
pub(super) fn transfers(args: Vec<OsString>) -> Result<Parsed<Transfers>, Usage> {
    read(args).map_err(|(code, why)| Usage::bare(ExitStatus::Code(code), format!("curl: {why}")))
}

/// What it refuses, with its code.
type UsageError = (u8, String);

/// Refused as misuse.
fn usage_error(why: impl Into<String>) -> UsageError {
    (u8::try_from(MISUSED.code()).unwrap_or(2), why.into())
}

/// Turns its args into transfers.
fn read(words: Vec<OsString>) -> Result<Parsed<Transfers>, UsageError> {
    let mut args = CurlArgs::read(words)?;
    if args.version {
        return Ok(Parsed::Print(Document::stdout(VERSION)));
    }
    if args.help {
        return Ok(Parsed::Print(Document::stdout(HELP)));
    }
    if args.urls.is_empty() {
        return Err(usage_error("no URL specified; name one, as in curl -f http://127.0.0.1:8080/"));
    }
    let default_limit = limit().map_err(usage_error)?;
    let named_limit = args.max_time.map(|timeout| {
        // Each try of each URL has this long, and then there are the pauses.
        let tries = args.retry.times.saturating_add(1);
        let pauses = (1..tries.min(1000)).map(|tries| args.retry.pause(tries));
        let pauses = pauses.fold(Duration::ZERO, Duration::saturating_add);
        let each = args.retry_max_time.map_or_else(
            || timeout.saturating_mul(tries).saturating_add(pauses),
            |most| most.saturating_add(timeout),
        );
        each.saturating_mul(u32::try_from(args.urls.len()).unwrap_or(u32::MAX))
    });
    if args.route.tls.cacert.is_none() {
        args.route.tls.cacert = ca_variable(&["CURL_CA_BUNDLE", "SSL_CERT_FILE"]);
    }
    let curl = Curl { args };
    Ok(Parsed::Run(Transfers { named_limit, default_limit, tool: Box::new(curl) }))
}
