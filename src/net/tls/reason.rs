//! Why TLS did not come about, in sentences that name the remedy.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, OtherError, PeerIncompatible};

use crate::outcome::{Cause, Failure, Phase};
use crate::shown::Shown;

use super::certificate::{self, Issuer};
use super::client_certificate::NoClientCertificate;
use super::roots::RootSource;

/// What to do about a certificate that nobody vouches for.
const TRUST_IT: &str = "--cacert FILE trusts it, --insecure trusts anything";

/// What to do about a certificate that nobody can verify.
const TRUST_ANY: &str = "--insecure trusts anything";

/// The most names of a certificate that are told.
const NAMES_MAX: usize = 5;

/// Why a certificate is not trusted, on its way through the TLS library.
#[derive(Debug)]
pub(super) struct UntrustedReason(pub(super) String);

impl fmt::Display for UntrustedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UntrustedReason {}

impl From<UntrustedReason> for Error {
    fn from(reason: UntrustedReason) -> Self {
        CertificateError::Other(OtherError(Arc::new(reason))).into()
    }
}

/// What a certificate is in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The server's own.
    Leaf,
    /// One between, and whose it is.
    Intermediate(String),
    /// A trusted one, whose it is, and where it comes from.
    Authority(String, String),
}

impl Role {
    /// The role of a certificate that the peer sent beside its own.
    pub(super) fn intermediate(der: &[u8]) -> Self {
        Self::Intermediate(certificate::subject(der).unwrap_or_default())
    }

    /// The role of a trusted certificate.
    pub(super) fn authority(der: &[u8], source: &RootSource) -> Self {
        Self::Authority(certificate::subject(der).unwrap_or_default(), source_name(source))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf => f.write_str("the certificate"),
            Self::Intermediate(name) => write!(f, "the intermediate certificate {name:?}"),
            Self::Authority(name, source) => write!(f, "the CA certificate {name:?} of {source}"),
        }
    }
}

/// What the peer presented, and what that was measured by.
#[derive(Debug)]
pub(super) struct PresentedChain<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) anchors: &'a [CertificateDer<'static>],
    pub(super) name: &'a ServerName<'a>,
}

/// Where roots come from, as a sentence has it.
pub(super) fn source_name(source: &RootSource) -> String {
    match source {
        RootSource::Bundled => "the bundled roots".into(),
        RootSource::File(file) => format!("{} {}", file.named_by, file.path.display()),
    }
}

/// The refusal of a server whose certificate is of a kind that the TLS library has not.
pub(super) fn unsupported_leaf(leaf: &CertificateDer<'_>) -> Option<Error> {
    certificate::unsupported(leaf).map(|why| {
        UntrustedReason(format!("the certificate is of a kind that is not supported: {why}")).into()
    })
}

/// The failure that an I/O error means in `phase`, where it is one of TLS.
pub(crate) fn failure_of(error: &io::Error, phase: Phase) -> Option<Failure> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let (cause, reason) = sentence(error);
    Some(Failure::new(phase, cause, reason))
}

/// The failure that an I/O error means in the handshake with a peer whose first bytes were `first`.
pub(super) fn of_handshake(error: &io::Error, first: &[u8], client: &NoClientCertificate) -> Failure {
    let Some(mut failure) = failure_of(error, Phase::Tls) else {
        return crate::net::failure_of(error, Phase::Tls);
    };
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidMessage(_)) if first.starts_with(b"HTTP/") || first.starts_with(b"<") => {
            failure.reason = "the peer does not speak TLS but plain HTTP; is it http://?".into();
        }
        Some(Error::InvalidMessage(_)) if is_text(first) => {
            failure.reason = format!(
                "the peer does not speak TLS: its answer begins with `{}`",
                Shown::new(first.trim_ascii())
            );
        }
        Some(Error::AlertReceived(alert))
            if client.was_requested() && *alert != AlertDescription::CertificateRequired =>
        {
            failure
                .reason
                .push_str("; it asked for a client certificate: --cert FILE and --key FILE give one");
        }
        _ => {}
    }
    failure
}

/// Whether a peer that begins with `first` speaks to people.
fn is_text(first: &[u8]) -> bool {
    !first.is_empty() && first.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// A refusal of the peer's certificate, with its reason.
pub(super) fn untrusted(error: &Error, presented: &PresentedChain<'_>, source: &RootSource) -> Error {
    let Error::InvalidCertificate(why) = error else { return error.clone() };
    let leaf = certificate::read(presented.leaf);
    let unsupported = unsupported_chain(presented);
    let reason = match why {
        CertificateError::Other(OtherError(other)) if other.is::<UntrustedReason>() => return error.clone(),
        CertificateError::ExpiredContext { not_after, .. } => {
            let is_it = |der: &&CertificateDer<'_>| {
                certificate::read(der).is_some_and(|one| one.not_after == not_after.as_secs())
            };
            let role = match presented.intermediates.iter().find(is_it) {
                Some(one) if !is_it(&presented.leaf) => Role::intermediate(one),
                _ => Role::Leaf,
            };
            format!("{role} expired on {}; renew it", date(not_after.as_secs()))
        }
        CertificateError::NotValidYetContext { not_before, time } => format!(
            "the certificate is not valid before {}, and the clock here says {}",
            date(not_before.as_secs()),
            date(time.as_secs())
        ),
        CertificateError::NotValidForNameContext { presented: names, .. } => {
            wrong_name(presented.name, names)
        }
        _ if leaf.is_some_and(|leaf| leaf.issuer == Issuer::Itself) => match source {
            RootSource::Bundled => format!("the certificate is self-signed; {TRUST_IT}"),
            RootSource::File(_) => {
                format!("the certificate is self-signed and not the one of {}", source_name(source))
            }
        },
        _ if unsupported.is_some() => unsupported.unwrap_or_default(),
        CertificateError::UnknownIssuer => match source {
            RootSource::Bundled => {
                format!(
                    "the certificate is signed by an unknown authority, none of the bundled roots; {TRUST_IT}"
                )
            }
            RootSource::File(_) => {
                format!("the certificate is not signed by an authority of {}", source_name(source))
            }
        },
        other => unusable(other),
    };
    UntrustedReason(reason).into()
}

/// The sentence for a chain with a certificate of a kind that the TLS library has not.
fn unsupported_chain(presented: &PresentedChain<'_>) -> Option<String> {
    let why = |role: Role, why: String| format!("{role} is of a kind that is not supported: {why}");
    if let Some(reason) = certificate::unsupported(presented.leaf) {
        return Some(why(Role::Leaf, reason));
    }
    let others = presented.intermediates.iter().chain(presented.anchors);
    others.into_iter().find_map(|one| Some(why(Role::intermediate(one), certificate::unsupported(one)?)))
}

/// The sentence for a certificate of somebody else.
fn wrong_name(name: &ServerName<'_>, presented: &[String]) -> String {
    let wanted = name.to_str();
    // They come as `DnsName("a.test")` and `IpAddress(192.0.2.1)`.
    let names: Vec<_> = presented
        .iter()
        .map(|name| {
            let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
            inner.trim_matches('"')
        })
        .collect();
    if names.is_empty() {
        return format!(
            "the certificate is not for {wanted}: it has no subject alternative name at all; {TRUST_ANY}"
        );
    }
    let more = names.len().saturating_sub(NAMES_MAX);
    let shown = names.iter().take(NAMES_MAX).copied().collect::<Vec<_>>().join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "the certificate is for {shown}{more}, not for {wanted}; --server-name NAME asks for another name"
    )
}

/// The kind of cause, and the sentence for a person.
pub(super) fn sentence(error: &Error) -> (Cause, String) {
    let protocol = |reason: &str| (Cause::Protocol, reason.to_owned());
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            (Cause::Certificate, "the peer cannot prove that it has the key of its certificate".into())
        }
        Error::InvalidCertificate(other) => (Cause::Certificate, unusable(other)),
        Error::NoCertificatesPresented => (Cause::Certificate, "the peer showed no certificate".into()),
        Error::AlertReceived(alert) if is_about_us(*alert) => {
            (Cause::ClientCertificateWanted, refusal(*alert))
        }
        Error::AlertReceived(alert) => (Cause::Protocol, refusal(*alert)),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => protocol("the peer does not speak TLS"),
        Error::InvalidMessage(_) => protocol("the peer's TLS is malformed"),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            protocol("the peer's TLS messages come out of turn")
        }
        Error::DecryptError => {
            protocol("what the peer sent over TLS cannot be decrypted; it was damaged on its way")
        }
        Error::PeerSentOversizedRecord => protocol("the peer's TLS records are longer than TLS allows"),
        Error::NoApplicationProtocol => (Cause::Protocol, refusal(AlertDescription::NoApplicationProtocol)),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => protocol("the peer speaks only TLS older than 1.2"),
        Error::PeerIncompatible(why) => {
            (Cause::Protocol, format!("the peer's TLS has too little in common with ours ({})", words(why)))
        }
        Error::PeerMisbehaved(why) => {
            (Cause::Protocol, format!("the peer breaks the rules of TLS ({})", words(why)))
        }
        Error::FailedToGetCurrentTime => (Cause::Broken, "the clock here is before 1970; set it".into()),
        Error::FailedToGetRandomBytes => (Cause::Broken, "the kernel gives no random numbers".into()),
        // Our own words.
        Error::General(why) => protocol(why),
        _ => protocol("TLS came to an end that nobody can explain"),
    }
}

/// The sentence for a certificate that is no good for a reason of its own.
fn unusable(error: &CertificateError) -> String {
    use CertificateError as E;
    let why = match error {
        E::Other(OtherError(other)) => match other.downcast_ref::<webpki::Error>() {
            Some(error) => unusual(error),
            None => return other.to_string(),
        },
        E::BadEncoding => "is malformed",
        E::Expired => "ends before it begins",
        E::UnhandledCriticalExtension => "has a critical extension that is not supported",
        E::BadSignature => "has a signature that does not match its issuer",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            return "the certificate is not meant for servers (its extended key usage says so)".into();
        }
        E::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: id, .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { signature_algorithm_id: id, .. } => {
            let name = certificate::signature_name(id);
            return format!("the certificate is signed by {name}, which is not supported; {TRUST_ANY}");
        }
        _ => "cannot be verified",
    };
    format!("the certificate, or one of its chain, {why}; {TRUST_ANY}")
}

/// What is wrong with a certificate that hardly anybody has.
fn unusual(error: &webpki::Error) -> &'static str {
    use webpki::Error as E;
    match error {
        E::CaUsedAsEndEntity => "is that of an authority and not of a server",
        E::EndEntityUsedAsCa => "is signed by one that is not an authority's",
        E::NameConstraintViolation => "is for a name that its authority may not vouch for",
        E::PathLenConstraintViolated | E::MaximumPathDepthExceeded => {
            "is further from its root than is allowed"
        }
        E::MaximumSignatureChecksExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumNameConstraintComparisonsExceeded => "leads to more signatures than anybody can verify",
        E::UnsupportedCertVersion => "is not of X.509 version 3",
        E::UnsupportedCriticalExtension => "has a critical extension that is not supported",
        E::SignatureAlgorithmMismatch => "names two algorithms for one signature",
        E::EmptyEkuExtension => "has an empty extended key usage",
        E::MalformedNameConstraint | E::InvalidNetworkMaskConstraint => "has a malformed name constraint",
        E::MalformedDnsIdentifier | E::UnsupportedNameType => "has a malformed name",
        E::InvalidSerialNumber => "has a malformed serial number",
        E::CertDistrusted => "is of an authority that nobody trusts any more",
        _ => "is malformed",
    }
}

/// Whether an alert of the peer is about our certificate.
fn is_about_us(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::CertificateRevoked
            | Alert::UnsupportedCertificate
            | Alert::AccessDenied
    )
}

/// The error that `error` is after the handshake, of a peer that wanted a certificate which we did not show: in TLS 1.3 it
/// says so only then, and some say that it was bad.
pub(super) fn after_handshake(error: io::Error, client: &NoClientCertificate) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::AlertReceived(_)) if client.was_requested() => {
            io::Error::new(error.kind(), Error::AlertReceived(AlertDescription::CertificateRequired))
        }
        _ => error,
    }
}

/// The sentence for an alert of the peer (RFC 8446, 6.2).
fn refusal(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            "the peer wants a client certificate; --cert FILE and --key FILE give one".into()
        }
        AlertDescription::UnrecognisedName => {
            "the peer does not know the name that it was asked for; --server-name NAME asks for another"
                .into()
        }
        AlertDescription::ProtocolVersion => "the peer speaks neither TLS 1.2 nor 1.3".into(),
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied => {
            format!("the peer does not accept our certificate ({})", words(alert))
        }
        AlertDescription::NoApplicationProtocol => {
            "the peer does not speak the protocol over TLS that it was asked for".into()
        }
        AlertDescription::HandshakeFailure => {
            "the peer refused the TLS handshake (handshake failure); CBC ciphers, RSA key exchange and keys on P-521 \
             are not supported"
                .into()
        }
        other => format!("the peer refused the TLS handshake ({})", words(other)),
    }
}

/// A name of TLS in words: `UnknownCA` as `unknown ca`.
fn words(name: impl fmt::Debug) -> String {
    let name = format!("{name:?}");
    let mut words = String::with_capacity(name.len() + 4);
    let mut before = 'A';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
        before = c;
    }
    words
}

/// A second since 1970 as a date and a time, in UTC.
pub(super) fn date(seconds: u64) -> String {
    // The year 10000 and later cannot be told, and no certificate has them.
    let latest = 253_402_300_799;
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds.min(latest))).to_string()
}

/// A length of time as a person plans with it: whole days, where it is two or more.
pub(super) fn roughly(length: Duration) -> String {
    match length.as_secs() / 86_400 {
        0 | 1 => humantime::format_duration(Duration::from_secs(length.as_secs())).to_string(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use rustls::{PeerMisbehaved, pki_types::UnixTime};

    use super::*;

    #[test]
    fn every_error_that_a_peer_can_cause_has_a_sentence() {
        let certificate = |error| Error::InvalidCertificate(error);
        let webpki = |error: webpki::Error| certificate(CertificateError::Other(OtherError(Arc::new(error))));
        let unsupported = |id: &[u8]| CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: [&[6, u8::try_from(id.len()).unwrap()], id].concat(),
            public_key_algorithm_id: Vec::new(),
        };
        for (error, expected) in [
            (
                certificate(unsupported(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5])),
                "the certificate is signed by RSA with SHA-1, which is not supported; --insecure trusts anything",
            ),
            (
                certificate(unsupported(&[1, 2])),
                "the certificate is signed by an algorithm, which is not supported; --insecure trusts anything",
            ),
            (
                certificate(CertificateError::BadSignature),
                "the peer cannot prove that it has the key of its certificate",
            ),
            (
                certificate(CertificateError::BadEncoding),
                "the certificate, or one of its chain, is malformed; --insecure trusts anything",
            ),
            (
                certificate(CertificateError::ExpiredRevocationListContext {
                    time: UnixTime::now(),
                    next_update: UnixTime::now(),
                }),
                "the certificate, or one of its chain, cannot be verified; --insecure trusts anything",
            ),
            (
                webpki(webpki::Error::CaUsedAsEndEntity),
                "the certificate, or one of its chain, is that of an authority and not of a server; --insecure trusts anything",
            ),
            (
                webpki(webpki::Error::UnsupportedCriticalExtension),
                "the certificate, or one of its chain, has a critical extension that is not supported; --insecure trusts anything",
            ),
            (
                webpki(webpki::Error::UnsupportedRevocationReason),
                "the certificate, or one of its chain, is malformed; --insecure trusts anything",
            ),
            (Error::InvalidMessage(InvalidMessage::MissingKeyExchange), "the peer's TLS is malformed"),
            (
                Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedKxGroup),
                "the peer breaks the rules of TLS (selected unoffered kx group)",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon),
                "the peer's TLS has too little in common with ours (no signature schemes in common)",
            ),
            (
                Error::InappropriateMessage {
                    expect_types: Vec::new(),
                    got_type: rustls::ContentType::ApplicationData,
                },
                "the peer's TLS messages come out of turn",
            ),
            (Error::PeerSentOversizedRecord, "the peer's TLS records are longer than TLS allows"),
            (
                Error::DecryptError,
                "what the peer sent over TLS cannot be decrypted; it was damaged on its way",
            ),
            (Error::HandshakeNotComplete, "TLS came to an end that nobody can explain"),
        ] {
            assert_eq!(sentence(&error).1, expected);
        }
    }
}
