//! Which authorities are trusted.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::outcome::{Cause, Failure, Phase};

use super::{CaFile, Options, pem};

/// The trusted authorities.
#[derive(Debug)]
pub(super) struct Roots {
    /// All of them.
    pub(super) store: Arc<RootCertStore>,
    /// Those of a file; empty for the bundled ones.
    pub(super) given: Vec<CertificateDer<'static>>,
    /// Where they come from.
    pub(super) source: RootSource,
}

/// Where the trusted authorities come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RootSource {
    /// The public ones that this program carries.
    Bundled,
    /// A file.
    File(CaFile),
}

/// The authorities that `options` trust.
pub(super) fn load(options: &Options) -> Result<Roots, Failure> {
    let Some(file) = &options.cacert else {
        let store = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        return Ok(Roots { store: Arc::new(store), given: Vec::new(), source: RootSource::Bundled });
    };
    let unusable = |why| Failure::new(Phase::Tls, Cause::CaFile, why);
    let given = pem::certificates(file.named_by, &file.path).map_err(unusable)?;
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(given.iter().cloned());
    if added == 0 {
        let (flag, path) = (file.named_by, file.path.display());
        return Err(unusable(format!("{flag} {path}: no certificate in it can be read")));
    }
    Ok(Roots { store: Arc::new(store), given, source: RootSource::File(file.clone()) })
}
