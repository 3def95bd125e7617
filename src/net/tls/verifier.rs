//! What decides on the peer's certificate.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::Verify;
use super::certificate;
use super::reason::{self, PresentedChain, Role, UntrustedReason};
use super::roots::{RootSource, Roots};

/// Trusts the chains that end at a root, and the very certificates that a file gives.
#[derive(Debug)]
pub(super) struct ChainVerifier {
    chains: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
    source: RootSource,
    /// Whether the name counts, too.
    verify: Verify,
    provider: Arc<CryptoProvider>,
}

impl ChainVerifier {
    /// Trusts `roots`.
    pub(super) fn new(roots: Roots, verify: Verify, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let chains = WebPkiServerVerifier::builder_with_provider(roots.store, Arc::clone(provider))
            .build()
            .map_err(|_| "none of the roots can be used".to_owned())?;
        Ok(Self { chains, given: roots.given, source: roots.source, verify, provider: Arc::clone(provider) })
    }

    /// Which certificate of the chain will not be valid at `at`, of a chain that is valid now; its last second beside it.
    pub(super) fn first_to_expire(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        at: UnixTime,
    ) -> Option<(Role, u64)> {
        let (leaf, intermediates) = chain.split_first()?;
        self.verify_at(leaf, intermediates, name, at).err()?;
        self.expired(leaf, intermediates, at)
    }

    /// Decides as of `at`.
    fn verify_at(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        at: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.given.iter().any(|one| one.as_ref() == leaf.as_ref()) {
            return self.but_for_its_name(verify_given(leaf, name, at));
        }
        let verified = self.chains.verify_server_cert(leaf, intermediates, name, &[], at);
        let verified = self.but_for_its_name(verified)?;
        self.verify_anchor(leaf, intermediates, name, at).map(|()| verified)
    }

    /// `verified`, or its error unless that is the name, which is looked at last, and the name does not count.
    fn but_for_its_name(
        &self,
        verified: Result<ServerCertVerified, Error>,
    ) -> Result<ServerCertVerified, Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        match verified {
            Err(Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if self.verify == Verify::Chain =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    /// Decides whether a chain that is good but for its anchor has one that is valid at `at`: path building does not look.
    fn verify_anchor(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        at: UnixTime,
    ) -> Result<(), Error> {
        let is_valid = |anchor: &&CertificateDer<'_>| {
            certificate::read(anchor)
                .is_none_or(|one| (one.not_before..=one.not_after).contains(&at.as_secs()))
        };
        let valid: Vec<_> = self.given.iter().filter(is_valid).cloned().collect();
        if valid.len() == self.given.len() {
            return Ok(());
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(valid);
        let chains =
            WebPkiServerVerifier::builder_with_provider(store.into(), Arc::clone(&self.provider)).build();
        let is_good = |chains: Arc<WebPkiServerVerifier>| {
            self.but_for_its_name(chains.verify_server_cert(leaf, intermediates, name, &[], at)).is_ok()
        };
        if chains.is_ok_and(is_good) {
            return Ok(());
        }
        let why = if let Some((role, not_after)) = self.expired(leaf, intermediates, at) {
            format!("{role} expired on {}; renew it", reason::date(not_after))
        } else {
            format!("the CA certificate of {} is not valid yet", reason::source_name(&self.source))
        };
        Err(UntrustedReason(why).into())
    }

    /// The certificate of a chain that is expired at `at`: the leaf, then an intermediate, then the anchor.
    fn expired(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        at: UnixTime,
    ) -> Option<(Role, u64)> {
        let not_after = |der: &CertificateDer<'_>| {
            certificate::read(der).map(|one| one.not_after).filter(|&not_after| not_after < at.as_secs())
        };
        if let Some(not_after) = not_after(leaf) {
            return Some((Role::Leaf, not_after));
        }
        let chain = || std::iter::once(leaf).chain(intermediates);
        let intermediate =
            intermediates.iter().find_map(|one| Some((Role::intermediate(one), not_after(one)?)));
        let anchor = || {
            let is_of_chain = |anchor: &&CertificateDer<'_>| {
                chain().any(|one| certificate::is_issued_by(one, anchor) && one.as_ref() != anchor.as_ref())
            };
            let anchors = self.given.iter().filter(is_of_chain);
            let mut expired =
                anchors.filter_map(|one| Some((Role::authority(one, &self.source), not_after(one)?)));
            expired.next()
        };
        intermediate.or_else(anchor)
    }
}

/// Decides on a certificate that is itself among the given ones. `openssl req -x509` makes certificates that are
/// an authority and a server at once, and path building refuses these as servers, whoever vouches for them.
fn verify_given(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    at: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let read = certificate::read(leaf).ok_or(CertificateError::BadEncoding)?;
    if at.as_secs() > read.not_after {
        let not_after = UnixTime::since_unix_epoch(Duration::from_secs(read.not_after));
        return Err(CertificateError::ExpiredContext { time: at, not_after }.into());
    }
    if at.as_secs() < read.not_before {
        let not_before = UnixTime::since_unix_epoch(Duration::from_secs(read.not_before));
        return Err(CertificateError::NotValidYetContext { time: at, not_before }.into());
    }
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
    Ok(ServerCertVerified::assertion())
}

impl ServerCertVerifier for ChainVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify_at(leaf, intermediates, name, now).map_err(|error| {
            let presented = PresentedChain { leaf, intermediates, anchors: &self.given, name };
            reason::untrusted(&error, &presented, &self.source)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains
            .verify_tls12_signature(message, leaf, signature)
            .map_err(|error| reason::unsupported_leaf(leaf).unwrap_or(error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains
            .verify_tls13_signature(message, leaf, signature)
            .map_err(|error| reason::unsupported_leaf(leaf).unwrap_or(error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Accepts any certificate: `--insecure`.
#[derive(Debug)]
pub(super) struct AcceptAnyCertificate {
    schemes: Vec<SignatureScheme>,
}

/// What nobody here can verify, and nobody has to.
const UNVERIFIABLE: [SignatureScheme; 4] = [
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1_Legacy,
];

impl AcceptAnyCertificate {
    /// Accepts what `provider` can verify, and what it cannot.
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        let mut schemes = provider.signature_verification_algorithms.supported_schemes();
        schemes.extend(UNVERIFIABLE);
        Self { schemes }
    }
}

impl ServerCertVerifier for AcceptAnyCertificate {
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
