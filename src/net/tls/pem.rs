//! Certificates and keys out of PEM files (RFC 7468).

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::system::file;

/// All certificates of the file that `flag` names, in its order; at least one.
pub(super) fn certificates(flag: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = file::of_option(flag, path)?;
    certificates_in(&text).map_err(|why| format!("{flag} {}: {why}", path.display()))
}

/// All certificates of `text`; at least one.
pub(crate) fn certificates_in(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|_| "broken PEM")?;
    if found.is_empty() { Err("no PEM certificate in it") } else { Ok(found) }
}

/// The first private key of the file that `flag` names.
pub(super) fn key(flag: &str, path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = file::of_option(flag, path)?;
    key_in(flag, &text).map_err(|why| format!("{flag} {}: {why}", path.display()))
}

/// The first private key of `text`, which `flag` names.
pub(crate) fn key_in(flag: &str, text: &[u8]) -> Result<PrivateKeyDer<'static>, &'static str> {
    PrivateKeyDer::from_pem_slice(text).map_err(|_| {
        if text.windows(9).any(|part| part == b"ENCRYPTED") {
            "the key has a passphrase, which cannot be used"
        } else if flag == "--cert" {
            "no PEM private key in it; --key FILE names it"
        } else {
            "no PEM private key in it"
        }
    })
}
