//! Files.

use crate::cli::option::{Opt, Table};
use crate::probe::options::{FileSize, Group};

/// The options.
pub(super) const TABLE: Table = Table {
    heading: Some("Files"),
    options: &[
        Opt::value(
            "max-age",
            "DURATION",
            "The file must have been modified within this time",
            |args, given| {
                args.probe.file.max_age = Some(given.positive_duration()?);
                Ok(())
            },
        )
        .of(Group::File),
        Opt::switch("non-empty", "The file must not be empty", |args, _| {
            args.probe.file.size = FileSize::NonEmpty;
            Ok(())
        })
        .of(Group::File),
    ],
};
