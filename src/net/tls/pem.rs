//! Certificates and keys out of PEM files (RFC 7468).

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::system::file;

/// All certificates of the file that `flag` names, in its order; at least one.
pub(super) fn certificates(flag: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = file::of_option(flag, path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| format!("{flag} {}: broken PEM", path.display()))?;
    if found.is_empty() {
        return Err(format!("{flag} {}: no PEM certificate in it", path.display()));
    }
    Ok(found)
}

/// The first private key of the file that `flag` names.
pub(super) fn key(flag: &str, path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = file::of_option(flag, path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let why = if text.windows(9).any(|part| part == b"ENCRYPTED") {
            "the key has a passphrase, which cannot be used"
        } else if flag == "--cert" {
            "no PEM private key in it; --key FILE names it"
        } else {
            "no PEM private key in it"
        };
        format!("{flag} {}: {why}", path.display())
    })
}
