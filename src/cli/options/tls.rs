//! Certificates.

use std::net::IpAddr;

use crate::cli::expand::variable_os;
use crate::cli::option::{Opt, Table};
use crate::net::Host;
use crate::net::tls::{CaFile, Verify};
use crate::probe::options::Group;
use crate::target::parse_host;

/// The options.
pub(super) const TABLE: Table = Table {
    heading: Some("TLS"),
    options: &[
        Opt::value(
            "cacert",
            "FILE",
            "Trusted CA certificates, PEM [default: built-in roots]",
            |args, given| {
                args.probe.dial.tls.cacert = Some(given.path()?.into());
                Ok(())
            },
        )
        .of(Group::Tls)
        .excludes(&["insecure"]),
        Opt::value("cert", "FILE", "Client certificate, PEM", |args, given| {
            args.probe.dial.tls.cert = Some(given.path()?);
            Ok(())
        })
        .of(Group::Tls),
        Opt::value(
            "key",
            "FILE",
            "Key of the client certificate, PEM [default: in --cert]",
            |args, given| {
                args.probe.dial.tls.key = Some(given.path()?);
                Ok(())
            },
        )
        .of(Group::Tls)
        .needs(&["cert"]),
        Opt::switch("insecure", "Accept any certificate", |args, _| {
            args.probe.dial.tls.verify = Verify::Off;
            Ok(())
        })
        .short('k')
        .of(Group::Tls),
        Opt::value("server-name", "NAME", "Name to ask for and verify [default: the host]", |args, given| {
            let name = given.text()?;
            args.probe.dial.tls.server_name = Some(match name.parse::<IpAddr>() {
                Ok(address) => Host::Address(address),
                Err(_) => parse_host(&name).map_err(|why| given.refuse(why))?,
            });
            Ok(())
        })
        .of(Group::Tls),
        Opt::value(
            "min-validity",
            "DURATION",
            "Fail when a certificate expires within this time",
            |args, given| {
                args.probe.dial.tls.min_validity = Some(given.positive_duration()?);
                Ok(())
            },
        )
        .of(Group::Tls),
    ],
};

/// The file of trusted certificates that the first of `variables` names that is set.
pub(crate) fn ca_variable(variables: &[&'static str]) -> Option<CaFile> {
    let file = |named_by| {
        let path = variable_os(named_by).filter(|path| !path.is_empty())?;
        let path = std::path::absolute(&path).unwrap_or_else(|_| path.into());
        Some(CaFile { path, named_by })
    };
    variables.iter().copied().find_map(file)
}
