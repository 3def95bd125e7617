//! Whom we trust, and who we are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::{Options, Verify, leaf, pem, reason};

/// A certificate chain of ours, and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What decides on the peer's certificate.
pub(super) fn verifier(
    options: &Options,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if options.verify == Verify::Off {
        let schemes = provider.signature_verification_algorithms.supported_schemes();
        return Ok(Arc::new(Anybody { schemes }));
    }
    let (roots, given) = roots(options)?;
    let vouched = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider))
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(Known { roots: vouched, given, source: source(options) }))
}

/// Who we are, if `--cert` says so.
pub(super) fn identity(options: &Options) -> Result<Option<Identity>, String> {
    let Some(cert) = &options.cert else { return Ok(None) };
    let chain = pem::certificates("--cert", cert)?;
    let key = match &options.key {
        Some(key) => pem::key("--key", key)?,
        None => pem::key("--cert", cert)?,
    };
    Ok(Some((chain, key)))
}

/// Where the trusted certificates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The public ones that this program carries.
    Bundled,
    /// `--cacert`.
    Given,
}

/// Where `options` take the trusted certificates from.
fn source(options: &Options) -> Source {
    if options.cacert.is_some() { Source::Given } else { Source::Bundled }
}

/// The trusted certificates, and those among them that were given by `--cacert`.
fn roots(options: &Options) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), String> {
    let Some(path) = &options.cacert else {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        return Ok((roots, Vec::new()));
    };
    let given = pem::certificates("--cacert", path)?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(given.iter().cloned());
    if added == 0 {
        return Err(format!("--cacert {}: no certificate in it can be read", path.display()));
    }
    Ok((roots, given))
}

/// Trusts whom the roots vouch for, and the very certificates that were given.
#[derive(Debug)]
struct Known {
    roots: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
    source: Source,
}

impl Known {
    /// Decides on a certificate that is itself among the given ones. `openssl req -x509` makes certificates that are
    /// an authority and a server at once, and path building refuses these as servers, whoever vouches for them.
    fn verify_given(
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = leaf::read(certificate).ok_or(CertificateError::BadEncoding)?;
        if now.as_secs() > leaf.not_after {
            let not_after = UnixTime::since_unix_epoch(std::time::Duration::from_secs(leaf.not_after));
            return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
        }
        if now.as_secs() < leaf.not_before {
            let not_before = UnixTime::since_unix_epoch(std::time::Duration::from_secs(leaf.not_before));
            return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let given = self.given.iter().any(|one| one.as_ref() == certificate.as_ref());
        let verdict = if given {
            Self::verify_given(certificate, name, now)
        } else {
            self.roots.verify_server_cert(certificate, intermediates, name, ocsp_response, now)
        };
        verdict.map_err(|error| reason::distrust(&error, certificate, name, self.source))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.supported_verify_schemes()
    }
}

/// Trusts anybody: `--insecure`.
#[derive(Debug)]
struct Anybody {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Has no certificate to show, and remembers whether one was asked for: a refusal then has a reason.
#[derive(Debug, Default)]
pub(super) struct Asked(AtomicBool);

impl Asked {
    /// Whether the peer wanted a certificate that we do not have.
    pub(super) fn in_vain(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
