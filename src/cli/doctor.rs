//! `sexton doctor`.

use std::ffi::OsString;

use clap::{Args, FromArgMatches};

use crate::command::{Document, Parsed};
use crate::doctor::Doctor;
use crate::exit::ExitStatus;

use super::Usage;

/// The first line of the help.
const ABOUT: &str =
    "Says what is wrong in this container, whose fault it is, and what fixes it; exit 1 if anything is";

/// The last lines of the help.
const EXAMPLES: &str = "\
It looks twice, a second apart, and only reads: PID 1 and its signals, zombies and their parents, adopted orphans, the
PID cgroup, descriptors. Passwords and tokens on command lines are not shown.

Examples:
  docker exec app /sexton doctor
  kubectl exec app -- /probes/sexton doctor --json";

/// What can be said about it.
#[derive(Args, Debug)]
#[group(skip)]
struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Reads what follows `doctor`.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Parsed<Doctor>, Usage> {
    let command = DoctorArgs::augment_args(clap::Command::new("sexton doctor").no_binary_name(true));
    let command = command.about(ABOUT).after_help(EXAMPLES);
    let refuse = |error: &clap::Error| Usage::from_clap("doctor", ExitStatus::Unhealthy, error);
    let matches = match command.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
            return Ok(Parsed::Print(Document::stdout(format!("{}\n", error.to_string().trim_end()))));
        }
        Err(error) => return Err(refuse(&error)),
    };
    let DoctorArgs { json } = DoctorArgs::from_arg_matches(&matches).map_err(|error| refuse(&error))?;
    Ok(Parsed::Run(Doctor { json }))
}
