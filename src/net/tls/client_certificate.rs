//! Our own certificate, and whether the peer wants one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{Options, pem};

/// A certificate chain of ours, and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Our certificate, if `--cert` names one.
pub(super) fn load(options: &Options) -> Result<Option<Identity>, String> {
    let Some(cert) = &options.cert else { return Ok(None) };
    let chain = pem::certificates("--cert", cert)?;
    let key = match &options.key {
        Some(key) => pem::key("--key", key)?,
        None => pem::key("--cert", cert)?,
    };
    Ok(Some((chain, key)))
}

/// Has no certificate to show, and remembers whether one was requested: a refusal then has a reason.
#[derive(Debug, Default)]
pub(super) struct NoClientCertificate {
    requested: AtomicBool,
}

impl NoClientCertificate {
    /// Whether the peer wanted a certificate.
    pub(super) fn was_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for NoClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.requested.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
