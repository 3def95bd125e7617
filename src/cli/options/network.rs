//! Names and addresses.

use clap::Args;

use crate::net::{Family, Reach};
use crate::probe::{Group, Options};

use super::Given;

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
}

impl Words {
    /// Sets what was given.
    pub(super) fn apply(self, options: &mut Options, given: &mut Given) {
        if self.ipv4 {
            given.note("-4", Group::Network);
            options.via.family = Family::V4;
        }
        if self.ipv6 {
            given.note("-6", Group::Network);
            options.via.family = Family::V6;
        }
        if self.loopback_only {
            // A promise about the whole run, so no target makes it useless.
            options.via.reach = Reach::LoopbackOnly;
        }
    }
}
