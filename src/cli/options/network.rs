//! Names and addresses.

use std::path::PathBuf;

use clap::Args;

use crate::net::{Family, Reach};
use crate::probe::options::{Group, Options};

use super::{Given, expanded};

/// How to get there.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "Network")]
pub(super) struct Words {
    /// Use IPv4 only
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6')]
    ipv6: bool,
    /// Refuse to talk to anything but loopback addresses and unix sockets
    #[arg(long)]
    loopback_only: bool,
    /// Connect to this unix socket instead of the target's host
    #[arg(long, value_name = "PATH")]
    unix_socket: Option<String>,
}

impl Words {
    /// Sets what was given.
    pub(super) fn apply(self, options: &mut Options, given: &mut Given) -> Result<(), String> {
        if self.ipv4 {
            given.note("-4", Group::Network);
            options.dial.via.family = Family::V4;
        }
        if self.ipv6 {
            given.note("-6", Group::Network);
            options.dial.via.family = Family::V6;
        }
        if self.loopback_only {
            // A promise about the whole run, so no target makes it useless.
            options.dial.via.reach = Reach::LoopbackOnly;
            if options.http.proxy.is_some() {
                return Err("--proxy talks to others for us, and --loopback-only is set".into());
            }
        }
        if let Some(path) = self.unix_socket {
            given.note("--unix-socket", Group::UnixSocket);
            let path = expanded(&path)?;
            if !path.starts_with(['/', '@']) {
                return Err(format!("--unix-socket `{path}` is no absolute path"));
            }
            if options.http.proxy.is_some() {
                return Err("--unix-socket and --proxy are two ways; leave one of them out".into());
            }
            options.dial.unix_socket = Some(PathBuf::from(path));
        }
        Ok(())
    }
}
