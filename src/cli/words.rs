//! clap, at the cost of the words that are used.

use std::ffi::OsString;

use clap::{ArgMatches, Command};

/// What was found on the command line.
pub(super) struct Matches {
    /// The words that the command always has.
    pub(super) core: ArgMatches,
    /// The further ones, where they were needed to understand the line. The same matches as `core` then.
    pub(super) more: Option<ArgMatches>,
}

/// Parses `args` by `core` alone, and by all words of `augment` only when that fails. clap's cost is that of building
/// its arguments, and most checks use few; a line that `core` understands means the same with more words.
pub(super) fn parse(
    core: Command,
    augment: impl FnOnce(Command) -> Command,
    args: &[OsString],
) -> Result<Matches, clap::Error> {
    if let Ok(core) = core.clone().try_get_matches_from(args) {
        return Ok(Matches { core, more: None });
    }
    let all = augment(core).try_get_matches_from(args)?;
    Ok(Matches { core: all.clone(), more: Some(all) })
}
