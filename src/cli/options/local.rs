//! Files.

use clap::Args;

use crate::probe::options::{FileSize, Group, Options};

use super::{Given, duration};

/// What a file must be like.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "Files")]
pub(super) struct Words {
    /// The file must have been modified within this time
    #[arg(long, value_name = "DURATION")]
    max_age: Option<String>,
    /// The file must not be empty
    #[arg(long)]
    non_empty: bool,
}

impl Words {
    /// Sets what was given.
    pub(super) fn apply(self, options: &mut Options, given: &mut Given) -> Result<(), String> {
        if let Some(text) = self.max_age {
            given.note("--max-age", Group::File);
            options.file.max_age = Some(duration(&text, "--max-age")?);
        }
        if self.non_empty {
            given.note("--non-empty", Group::File);
            options.file.size = FileSize::NonEmpty;
        }
        Ok(())
    }
}
