//! Names and addresses.

use std::path::PathBuf;

use crate::cli::option::{Opt, Table};
use crate::net::{AddressPolicy, Family};
use crate::probe::options::Group;

/// The options.
pub(super) const TABLE: Table = Table {
    heading: Some("Network"),
    options: &[
        Opt::switch("ipv4", "Use IPv4 only", |args, _| {
            args.probe.dial.connect.family = Family::V4;
            Ok(())
        })
        .short('4')
        .of(Group::Network)
        .excludes(&["ipv6"]),
        Opt::switch("ipv6", "Use IPv6 only", |args, _| {
            args.probe.dial.connect.family = Family::V6;
            Ok(())
        })
        .short('6')
        .of(Group::Network),
        // A promise about the whole run, so no target makes it useless.
        Opt::switch("loopback-only", "Refuse anything but loopback addresses and unix sockets", |args, _| {
            args.probe.dial.connect.policy = AddressPolicy::LoopbackOnly;
            Ok(())
        }),
        Opt::value(
            "unix-socket",
            "PATH",
            "Connect to this socket instead of the target's host",
            |args, given| {
                let path = given.some_text()?;
                args.probe.dial.unix_socket =
                    Some(if path.starts_with('@') { PathBuf::from(path) } else { given.absolute(&path)? });
                Ok(())
            },
        )
        .of(Group::UnixSocket),
    ],
};
