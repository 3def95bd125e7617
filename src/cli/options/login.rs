//! Users and passwords.

use crate::cli::option::{Opt, Table};
use crate::probe::options::Group;

/// The options.
pub(super) const TABLE: Table = Table {
    heading: Some("Login"),
    options: &[Opt::value(
        "password-file",
        "FILE",
        "File whose first line is the password, read at each attempt",
        |args, given| {
            args.probe.login.password_file = Some(given.path()?);
            Ok(())
        },
    )
    .of(Group::Login)],
};
