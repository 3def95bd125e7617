//! The options of probes, the same for `check`, `wait` and `init`: one file per group.

mod http;
mod local;
mod login;
mod network;
mod payload;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::probe::Probe;
use crate::probe::options::{Group, Options};

pub(crate) use self::http::read_header;
pub(crate) use self::tls::ca_variable;
use super::expand::expanded;

/// The words of all groups.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub(super) struct Words {
    #[command(flatten)]
    http: http::Words,
    #[command(flatten)]
    login: login::Words,
    #[command(flatten)]
    network: network::Words,
    #[command(flatten)]
    tls: tls::Words,
    #[command(flatten)]
    local: local::Words,
    #[command(flatten)]
    payload: payload::Words,
}

/// The kinds of target for a help, in lines of a screen's width.
pub(super) fn schemes() -> String {
    let mut text = String::from("Targets:");
    let mut width = usize::MAX;
    for scheme in Probe::schemes() {
        if width.saturating_add(scheme.len()) > 90 {
            text.push_str("\n ");
            width = 1;
        }
        text.push(' ');
        text.push_str(scheme);
        text.push(':');
        width += scheme.len() + 2;
    }
    text
}

/// Adds the words of all groups to `command`.
pub(super) fn augment(command: Command) -> Command {
    Words::augment_args(command)
}

impl Words {
    /// What was matched, or nothing given.
    pub(super) fn from_optional(matches: Option<&ArgMatches>) -> Result<Self, clap::Error> {
        matches.map_or_else(|| Ok(Self::default()), Self::from_arg_matches)
    }

    /// Turns words and `targets` into probes.
    pub(super) fn into_probes(self, targets: &[String]) -> Result<Vec<Arc<Probe>>, String> {
        let mut given = Given::default();
        let options = self.into_options(&mut given)?;
        let probes = targets
            .iter()
            .map(|target| Probe::parse(&expanded(target)?, &options).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        given.refuse_useless(&probes)?;
        Ok(probes)
    }

    /// Turns words into options of probes, and notes in `given` which ones there were.
    fn into_options(self, given: &mut Given) -> Result<Options, String> {
        let mut options = Options::default();
        self.http.apply(&mut options, given)?;
        self.login.apply(&mut options, given)?;
        self.network.apply(&mut options, given)?;
        self.tls.apply(&mut options, given)?;
        self.local.apply(&mut options, given)?;
        self.payload.apply(&mut options, given)?;
        Ok(options)
    }
}

/// The options that were given, each with its group.
#[derive(Debug, Default)]
struct Given(Vec<(&'static str, Group)>);

impl Given {
    /// Notes that `flag` was given.
    fn note(&mut self, flag: &'static str, group: Group) {
        self.0.push((flag, group));
    }

    /// Refuses an option that none of `probes` has a use for: bad input is never ignored.
    fn refuse_useless(&self, probes: &[Arc<Probe>]) -> Result<(), String> {
        let useful = Probe::groups(probes);
        match self.0.iter().find(|(_, group)| !useful.contains(group)) {
            Some((flag, _)) => Err(format!("{flag} means nothing to the targets given")),
            None => Ok(()),
        }
    }
}

/// Reads a length of time that is more than none, after its variables are replaced.
pub(crate) fn duration(text: &str, flag: &str) -> Result<Duration, String> {
    let text = expanded(text)?;
    match humantime::parse_duration(&text) {
        Ok(length) if length.is_zero() => Err(format!("{flag} must be more than 0")),
        Ok(length) => Ok(length),
        Err(_) => Err(format!("{flag} `{text}` is no duration; write for example 500ms, 4s or 1m 30s")),
    }
}
