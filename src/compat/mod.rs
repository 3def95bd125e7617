//! Called by another program's name, sexton speaks its command line: one file or folder for each program, with the parser
//! from its argv to a [`Command`] and with what the command does. All of them read argv by [`getopt`].

mod catatonit;
pub(crate) mod curl;
pub(crate) mod dockerize;
mod dumb_init;
pub(crate) mod getopt;
pub(crate) mod go;
pub(crate) mod grep;
pub(crate) mod grpc_health_probe;
pub(crate) mod long_options;
pub(crate) mod nc;
mod number;
pub(crate) mod sh;
mod tini;
mod transfer;
pub(crate) mod wait_for;
pub(crate) mod wait_for_it;
mod wait_then_run;
pub(crate) mod wget;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use crate::cli::{Usage, read_duration, variable_os};
use crate::command::Command;
use crate::exit::ExitStatus;

/// What a line becomes.
type Parsed = Result<Box<dyn Command>, Usage>;

/// A parser of another program's command line.
#[derive(Clone, Copy)]
pub(crate) enum Personality {
    /// It reads what follows the program's name.
    Args(fn(Vec<OsString>) -> Parsed),
    /// The same, beside the name as it was called, which it says.
    Argv(fn(&OsStr, Vec<OsString>) -> Parsed),
}

impl Personality {
    /// Reads `argv`.
    pub(crate) fn parse(self, mut argv: Vec<OsString>) -> Parsed {
        let args = argv.split_off(argv.len().min(1));
        match self {
            Self::Args(parse) => parse(args),
            Self::Argv(parse) => parse(&argv.pop().unwrap_or_default(), args),
        }
    }
}

/// By the name that we are called.
const PERSONALITIES: &[(&str, Personality)] = &[
    ("tini", Personality::Argv(tini::parse)),
    ("tini-static", Personality::Argv(tini::parse)),
    ("docker-init", Personality::Argv(tini::parse)),
    // Where podman puts the program of its --init-path.
    ("podman-init", Personality::Argv(catatonit::parse)),
    ("dumb-init", Personality::Argv(dumb_init::parse)),
    ("catatonit", Personality::Argv(catatonit::parse)),
    ("curl", Personality::Args(curl::parse)),
    ("wget", Personality::Args(wget::parse)),
    ("nc", Personality::Args(nc::parse)),
    ("netcat", Personality::Args(nc::parse)),
    ("ncat", Personality::Args(nc::parse_ncat)),
    ("sh", Personality::Args(sh::parse)),
    ("ash", Personality::Args(sh::parse)),
    ("bash", Personality::Args(sh::parse_bash)),
    ("grpc_health_probe", Personality::Args(grpc_health_probe::parse)),
    ("grpc-health-probe", Personality::Args(grpc_health_probe::parse)),
    ("dockerize", Personality::Args(dockerize::parse)),
    ("wait-for", Personality::Args(wait_for::parse)),
    ("wait-for-it", Personality::Args(wait_for_it::parse)),
    ("wait-for-it.sh", Personality::Args(wait_for_it::parse)),
];

/// The personality that `program`, argv's first word, asks for; none when it is our own name or an unknown one.
pub(crate) fn personality(program: Option<&OsString>) -> Option<Personality> {
    let name = Path::new(program?).file_name().and_then(OsStr::to_str)?;
    PERSONALITIES.iter().find(|(known, _)| *known == name).map(|(_, personality)| *personality)
}

/// Every name that we answer to.
pub(crate) fn names() -> Vec<&'static str> {
    PERSONALITIES.iter().map(|(name, _)| *name).collect()
}

/// How a command of another program's name ended.
#[derive(Debug)]
pub(crate) struct RunResult {
    /// Its exit code.
    pub(crate) exit: ExitStatus,
    /// Why it failed, whether or not it has said so itself.
    pub(crate) reason: Option<String>,
    /// Whether it would have tried again, had its deadline left time for that.
    pub(crate) out_of_time: bool,
}

impl RunResult {
    /// Exit code 0.
    pub(crate) fn success() -> Self {
        Self { exit: ExitStatus::Healthy, reason: None, out_of_time: false }
    }

    /// This code, for this reason.
    pub(crate) fn failed(code: u8, reason: &str) -> Self {
        Self { exit: ExitStatus::Code(code), reason: Some(reason.to_owned()), out_of_time: false }
    }
}

/// The most bytes that go through a pipe or a substitution of a shell.
const PIPE_MAX: u64 = 1024 * 1024;

/// The limit of what has none of its own: below all that a platform gives a check.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The limit of a transfer that names none: `SEXTON_TIMEOUT`, or ours.
fn limit() -> Result<Duration, String> {
    let text = variable_os(OsStr::new("SEXTON_TIMEOUT")).unwrap_or_default();
    match text.to_str() {
        Some("") => Ok(TIMEOUT),
        Some(text) => read_duration(text, "SEXTON_TIMEOUT"),
        None => Err("the value of SEXTON_TIMEOUT in the environment is not UTF-8".into()),
    }
}

/// Reads a format of curl's `-w`.
#[cfg(any(fuzzing, test))]
pub(crate) fn read_write_out(format: &str) {
    curl::read_format(format);
}

/// Reads a line as `sh -c` does.
#[cfg(any(fuzzing, test))]
pub(crate) fn shell_line(line: &str) {
    let _ = sh::parse(vec!["-c".into(), line.into()]);
}
