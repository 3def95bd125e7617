//! TLS over a connection that stands.

pub(crate) mod certificate;
mod client_certificate;
pub(crate) mod pem;
mod reason;
mod roots;
mod session;
mod verifier;

use std::path::PathBuf;
use std::time::Duration;

use crate::outcome::{Cause, Failure, Phase};

use super::Host;

pub(crate) use self::reason::failure_of;
pub(super) use self::session::{Session, shake_hands};

/// How to trust a peer, and how to be trusted by it. Files are read at each attempt, so that renewed ones are seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// PEM certificates to trust instead of the bundled roots.
    pub(crate) cacert: Option<CaFile>,
    /// Our own certificate chain, PEM.
    pub(crate) cert: Option<PathBuf>,
    /// The key of `cert`, PEM; in the file of `cert` when there is no other.
    pub(crate) key: Option<PathBuf>,
    /// Whether the peer's certificate must be good.
    pub(crate) verify: Verify,
    /// The name to ask for and to verify, instead of the target's host.
    pub(crate) server_name: Option<Host>,
    /// How long every certificate of the chain must still be valid.
    pub(crate) min_validity: Option<Duration>,
}

impl Options {
    /// Whether the files that are named are of any use.
    pub(crate) fn check_files(&self) -> Result<(), Failure> {
        if self.verify == Verify::Full {
            roots::load(self)?;
        }
        let unusable = |why| Failure::new(Phase::Tls, Cause::ClientCertificate, why);
        client_certificate::load(self).map(|_| ()).map_err(unusable)
    }

    /// Whether certificates or a key are read from files.
    pub(crate) fn names_files(&self) -> bool {
        self.cacert.is_some() || self.cert.is_some() || self.key.is_some()
    }

    /// Whether an option names whom to trust.
    pub(crate) fn names_authority(&self) -> bool {
        self.cacert.as_ref().is_some_and(CaFile::is_an_option)
    }

    /// Whether any of them was given: whoever says how TLS must be wants TLS. A variable of the environment says so for
    /// targets that have TLS anyway.
    pub(crate) fn is_given(&self) -> bool {
        let Self { cacert, cert, key, verify, server_name, min_validity } = self;
        cacert.as_ref().is_some_and(CaFile::is_an_option)
            || cert.is_some()
            || key.is_some()
            || *verify != Verify::default()
            || server_name.is_some()
            || min_validity.is_some()
    }
}

/// A file with the certificates to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The option or the variable that names it.
    pub(crate) named_by: &'static str,
}

impl CaFile {
    /// Whether an option names it, and not a variable.
    fn is_an_option(&self) -> bool {
        self.named_by.starts_with("--")
    }
}

impl From<PathBuf> for CaFile {
    /// One that `--cacert` names.
    fn from(path: PathBuf) -> Self {
        Self { path, named_by: "--cacert" }
    }
}

/// Whether the peer's certificate must be good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verify {
    /// It must.
    #[default]
    Full,
    /// A root that we trust must vouch for it, whatever its name: `sslmode=verify-ca`.
    Chain,
    /// Anything will do: `--insecure`.
    Off,
}

/// The protocol to name in the handshake (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpn {
    /// None: what the port is for.
    Unnamed,
    /// HTTP/2, as gRPC needs it.
    H2,
}
