//! Certificates.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::cli::expand::variable_os;
use crate::http::Follow;
use crate::net::Host;
use crate::net::tls::{CaFile, Verify};
use crate::probe::options::{Group, Options};
use crate::target::parse_host;

use super::{Given, duration, expanded};

/// Whom to trust in TLS, and who we are.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "TLS")]
pub(super) struct Words {
    /// PEM certificates to trust [default: `SSL_CERT_FILE`, or the bundled roots]
    #[arg(long, value_name = "FILE")]
    cacert: Option<String>,
    /// Our own certificate, PEM
    #[arg(long, value_name = "FILE")]
    cert: Option<String>,
    /// The key of --cert, PEM [default: the one in --cert's file]
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// Accept any certificate
    #[arg(short = 'k', long)]
    insecure: bool,
    /// The name to ask for and to verify [default: the target's host]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Fail when the certificate expires within this time
    #[arg(long, value_name = "DURATION")]
    min_validity: Option<String>,
}

impl Words {
    /// Sets what was given.
    pub(super) fn apply(self, options: &mut Options, given: &mut Given) -> Result<(), String> {
        // A redirect can lead from http to https, so that with --follow an http target has a use for these, too.
        let group = if options.http.follow == Follow::No { Group::Tls } else { Group::Http };
        let tls = &mut options.dial.tls;
        let mut file = |word: Option<String>, flag| match word {
            Some(path) => {
                given.note(flag, group);
                match expanded(&path)? {
                    path if path.is_empty() => Err(format!("{flag} is empty; it wants a file")),
                    path => Ok(Some(PathBuf::from(path))),
                }
            }
            None => Ok(None),
        };
        tls.cacert = file(self.cacert, "--cacert")?.map(Into::into);
        tls.cert = file(self.cert, "--cert")?;
        tls.key = file(self.key, "--key")?;
        if tls.key.is_some() && tls.cert.is_none() {
            return Err("--key without --cert; --cert FILE names the certificate of the key".into());
        }
        if self.insecure {
            given.note("--insecure", group);
            if tls.cacert.is_some() {
                return Err(
                    "--insecure trusts anything, so --cacert is of no use; leave one of them out".into()
                );
            }
            tls.verify = Verify::Off;
        }
        if let Some(name) = self.server_name {
            given.note("--server-name", group);
            let name = expanded(&name)?;
            tls.server_name = Some(match name.parse::<IpAddr>() {
                Ok(address) => Host::Address(address),
                Err(_) => parse_host(&name).map_err(|why| format!("--server-name: {why}"))?,
            });
        }
        if tls.cacert.is_none() && tls.verify == Verify::Full {
            tls.cacert = ca_variable(&["SSL_CERT_FILE"]);
        }
        if let Some(length) = self.min_validity {
            given.note("--min-validity", group);
            tls.min_validity = Some(duration(&length, "--min-validity")?);
        }
        Ok(())
    }
}

/// The file of trusted certificates that the first of `variables` names that is set.
pub(crate) fn ca_variable(variables: &[&'static str]) -> Option<CaFile> {
    let file = |named_by| {
        let path = variable_os(named_by).filter(|path| !path.is_empty())?;
        let path = std::path::absolute(&path).unwrap_or_else(|_| path.into());
        Some(CaFile { path, named_by })
    };
    variables.iter().copied().find_map(file)
}
