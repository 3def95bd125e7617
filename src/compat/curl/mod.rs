//! `curl [options] URL...` (<https://curl.se/docs/manpage.html>): the options that healthchecks use, and its exit codes.

mod options;
mod request;
mod run;

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::Usage;
use crate::command::{Command, Document, Parsed};
use crate::compat::curl::run::{Curl, Item};
use crate::compat::transfer::Fetch;
use crate::compat::transfer::exchange::{Keep, Redirects};
use crate::compat::transfer::sink::Place;
use crate::exit::ExitStatus;

use self::options::Words;
use super::limit;

/// Misused: an unknown option, a missing value, no URL.
const MISUSED: ExitStatus = ExitStatus::Code(2);

/// What `curl -V` begins with; scripts look at the first two words.
const VERSION: &str = concat!(
    "curl 7.88.1 (sexton ",
    env!("CARGO_PKG_VERSION"),
    ")\nProtocols: http https\nFeatures: IPv6 SSL UnixSockets\n"
);

/// What its `--help` says, in our words.
const HELP: &str = "\
usage: curl [options] URL...   (sexton, in the manners of curl)
  -f --fail  --fail-with-body  -s --silent  -S --show-error  -v --verbose  -L --location  --max-redirs N
  -X --request METHOD  -H --header 'NAME: VALUE'  -d --data TEXT|@FILE  --json TEXT  -G --get  -I --head
  -A --user-agent NAME  -u --user NAME:PASSWORD  -b --cookie 'NAME=VALUE'  -e --referer URL  -r --range RANGE
  -o --output FILE  -O --remote-name  -i --include  -D --dump-header FILE  -w --write-out FORMAT
  -m --max-time SECONDS  --connect-timeout SECONDS  --retry N  --retry-delay SECONDS  --retry-max-time SECONDS
  --retry-connrefused  --retry-all-errors  --fail-early
  -k --insecure  --cacert FILE  --cert FILE  --key FILE  --resolve HOST:PORT:ADDRESS  --unix-socket FILE
  -x --proxy URL  --noproxy LIST  -4 --ipv4  -6 --ipv6  -V --version
without -m all of it is over after SEXTON_TIMEOUT, or 4 seconds
";

/// Reads its argv.
pub(super) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    transfers(args).map(Parsed::into_command)
}

/// The same, for a line of several commands.
pub(super) fn transfers(args: Vec<OsString>) -> Result<Parsed<Fetch>, Usage> {
    read(args).map_err(|(code, why)| Usage::bare(ExitStatus::Code(code), format!("curl: {why}")))
}

/// What it refuses, with its code.
type Refusal = (u8, String);

/// Refused as misuse.
fn misused(why: impl Into<String>) -> Refusal {
    (u8::try_from(MISUSED.code()).unwrap_or(2), why.into())
}

/// Turns its words into transfers.
fn read(args: Vec<OsString>) -> Result<Parsed<Fetch>, Refusal> {
    let words = Words::read(args)?;
    if words.version {
        return Ok(Parsed::Print(Document::stdout(VERSION)));
    }
    if words.help {
        return Ok(Parsed::Print(Document::stdout(HELP)));
    }
    if words.urls.is_empty() {
        return Err(misused("no URL specified; name one, as in curl -f http://127.0.0.1:8080/"));
    }
    let whole = limit().map_err(misused)?;
    let template = request::Template::new(&words)?;
    let mut places = words.places.iter();
    let mut items = Vec::new();
    for given in &words.urls {
        let request = template.of(given);
        let place = match places.next() {
            None => Place::Stdout,
            Some(Some(place)) => place.clone(),
            Some(None) => request::remote_name(given)?,
        };
        items.push(Item { request, given: given.clone(), place });
    }
    let timeout = words.max_time.map_or(whole, |timeout| {
        // Each try of each URL has this long, and then there are the pauses.
        let tries = words.retry.times.saturating_add(1);
        let pauses = (1..tries.min(1000)).map(|tries| words.retry.pause(tries));
        let pauses = pauses.fold(Duration::ZERO, Duration::saturating_add);
        let each = words.retry_max_time.map_or_else(
            || timeout.saturating_mul(tries).saturating_add(pauses),
            |most| most.saturating_add(timeout),
        );
        each.saturating_mul(u32::try_from(items.len()).unwrap_or(u32::MAX))
    });
    let mut route = words.route;
    if request::without_proxy(&items, &words.proxy_never_for) {
        route.proxy = None;
    }
    let keep = if words.method.is_some() { Keep::Method } else { Keep::Nothing };
    let curl = Curl {
        items,
        route,
        redirects: if words.follow { words.redirects } else { Redirects::Shown },
        keep,
        max_time: words.max_time,
        fail: words.fail,
        heads: words.heads,
        dump: words.dump,
        write_out: words.write_out,
        voice: options::voice(words.silent, words.show_error, words.verbose),
        after_failure: words.after_failure,
        retry: words.retry,
    };
    Ok(Parsed::Run(Fetch { timeout, manners: Box::new(curl) }))
}
