//! What is sent as it is, and what must come back.

use clap::Args;

use crate::cli::expand;
use crate::client::payload::unescape;
use crate::probe::options::{Group, Options};

use super::Given;

/// What to say, and what to hear.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "tcp, udp, unix")]
pub(super) struct Words {
    /// Send this; \r \n \t \0 \\ \xNN are bytes
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    send: Option<String>,
    /// This must be in the first 64 KiB that come; with the escapes of --send
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    expect: Option<String>,
}

impl Words {
    /// Sets what was given.
    pub(super) fn apply(self, options: &mut Options, given: &mut Given) -> Result<(), String> {
        if let Some(text) = self.send {
            given.note("--send", Group::Payload);
            options.payload.send = Some(read(&text, "--send")?);
        }
        if let Some(text) = self.expect {
            given.note("--expect", Group::Payload);
            let expect = read(&text, "--expect")?;
            if expect.is_empty() {
                return Err("--expect is empty, and that is in everything".into());
            }
            options.payload.expect = Some(expect);
        }
        Ok(())
    }
}

/// Replaces variables, then escapes; a backslash in a variable's value is itself.
fn read(text: &str, flag: &str) -> Result<Vec<u8>, String> {
    let text = expand::expanded_in(text, |value| value.replace('\\', "\\\\"))?;
    unescape(&text).map_err(|why| format!("{flag}: {why}"))
}
