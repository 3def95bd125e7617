//! TLS over a connection that stands.

#[cfg(feature = "tls")]
pub(crate) mod leaf;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "tls")]
mod reason;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod trust;

use std::path::PathBuf;
use std::time::Duration;

use super::Host;

#[cfg(feature = "tls")]
pub(crate) use self::reason::failure_of;
#[cfg(feature = "tls")]
pub(super) use self::session::{Session, shake_hands};

/// How to trust a peer, and how to be trusted by it. Files are read at each attempt, so that renewed ones are seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// PEM certificates to trust instead of the bundled roots.
    pub(crate) cacert: Option<PathBuf>,
    /// Our own certificate chain, PEM.
    pub(crate) cert: Option<PathBuf>,
    /// The key of `cert`, PEM; in the file of `cert` when there is no other.
    pub(crate) key: Option<PathBuf>,
    /// Whether the peer's certificate must be good.
    pub(crate) verify: Verify,
    /// The name to ask for and to verify, instead of the target's host.
    pub(crate) server_name: Option<Host>,
    /// How long the peer's certificate must still be valid.
    pub(crate) min_validity: Option<Duration>,
}

/// Whether the peer's certificate must be good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verify {
    /// It must.
    #[default]
    Full,
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

/// What to say of a target that needs TLS, in a build without it.
pub(crate) const MISSING: &str = "this sexton was built without TLS";

/// Refuses a target that needs TLS, in a build without it.
pub(crate) fn required() -> Result<(), String> {
    if cfg!(feature = "tls") { Ok(()) } else { Err(format!("{MISSING}, which is needed")) }
}
