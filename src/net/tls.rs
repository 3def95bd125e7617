//! TLS over a connection that stands.

use std::path::PathBuf;
use std::time::Duration;

/// How to trust a peer, and how to be trusted by it. Files are read at each attempt, so that renewed ones are seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// PEM certificates to trust instead of the bundled roots.
    pub(crate) cacert: Option<PathBuf>,
    /// Our own certificate chain, PEM.
    pub(crate) cert: Option<PathBuf>,
    /// The key of `cert`, PEM.
    pub(crate) key: Option<PathBuf>,
    /// Whether the peer's certificate must be good.
    pub(crate) verify: Verify,
    /// The name to ask for and to verify, instead of the target's host.
    pub(crate) server_name: Option<String>,
    /// How long the certificate must still be valid.
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
