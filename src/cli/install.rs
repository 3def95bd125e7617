//! `sexton install`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, FromArgMatches};

use crate::command::{Document, Parsed};
use crate::exit::ExitStatus;
use crate::install::Install;

use super::Usage;

/// The first line of the help.
const ABOUT: &str =
    "Copies sexton to PATH, mode 755, in one step: to PATH/sexton in a directory, else to PATH";

/// The last lines of the help.
const EXAMPLES: &str = "\
A path that ends with / is a directory, and is made where it is missing.

Examples:
  sexton install /probes
  sexton install /probes --as curl,wget,sh
  docker run --rm -v probes:/probes sexton install /probes";

/// What can be said about a copy.
#[derive(Args, Debug)]
#[group(skip)]
struct InstallArgs {
    /// Link these names to it: the copy behaves as the program whose name it is called by
    #[arg(long = "as", value_name = "NAME,..", value_delimiter = ',')]
    names: Vec<String>,
    /// A directory, or the file itself
    #[arg(required = true, value_name = "PATH")]
    path: PathBuf,
}

/// Reads what follows `install`; `known` are the names that we answer to.
pub(super) fn parse(args: impl Iterator<Item = OsString>, known: &[&str]) -> Result<Parsed<Install>, Usage> {
    let command = InstallArgs::augment_args(clap::Command::new("sexton install").no_binary_name(true));
    let command = command.about(ABOUT).after_help(EXAMPLES);
    let refuse = |error: &clap::Error| Usage::from_clap("install", ExitStatus::Unhealthy, error);
    let matches = match command.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
            return Ok(Parsed::Print(Document::stdout(format!("{}\n", error.to_string().trim_end()))));
        }
        Err(error) => return Err(refuse(&error)),
    };
    let InstallArgs { mut names, path } =
        InstallArgs::from_arg_matches(&matches).map_err(|error| refuse(&error))?;
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let known = known.join(", ");
        let why = format!("--as: sexton answers to no such name as `{unknown}`; it answers to {known}");
        return Err(Usage::new(ExitStatus::Unhealthy, why));
    }
    names.sort_unstable();
    names.dedup();
    Ok(Parsed::Run(Install { path, names }))
}
