//! Users and passwords.

use clap::Args;

use crate::probe::options::{Group, Options};

use super::{Given, expanded};

/// Where passwords are.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "Login")]
pub(super) struct Words {
    /// A file whose first line is the password of the target's user
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
}

impl Words {
    /// Sets what was given.
    pub(super) fn apply(self, options: &mut Options, given: &mut Given) -> Result<(), String> {
        if let Some(path) = self.password_file {
            given.note("--password-file", Group::Login);
            let path = expanded(&path)?;
            if path.is_empty() {
                return Err("--password-file lacks its value".into());
            }
            options.login.password_file = Some(path.into());
        }
        Ok(())
    }
}
