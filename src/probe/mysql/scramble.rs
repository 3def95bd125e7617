//! How passwords are proven to `MySQL` without being sent.

use ring::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::outcome::{Failure, Phase};

use super::{Session, ed25519};
use crate::client::dial::Confidentiality;
use crate::client::secret::Secret;
use crate::client::wire;

/// `mysql_native_password`: `MariaDB`'s own, and `MySQL`'s up to 5.7.
pub(super) const NATIVE: &[u8] = b"mysql_native_password";
/// `caching_sha2_password`: `MySQL`'s own from 8.0 on.
const CACHING: &[u8] = b"caching_sha2_password";
/// `mysql_clear_password`: the password itself, for LDAP and PAM.
const CLEAR: &[u8] = b"mysql_clear_password";

/// `client_ed25519`: `MariaDB`'s, where it was asked for.
const ED25519: &[u8] = b"client_ed25519";

/// Whether `plugin` may come with the first packet.
pub(super) fn knows(plugin: &[u8]) -> bool {
    matches!(plugin, NATIVE | CACHING)
}

/// What to answer to `plugin` and its `salt`.
pub(super) fn answer(plugin: &[u8], salt: &[u8], session: &Session<'_>) -> Result<Vec<u8>, Failure> {
    let password = session.password.map(Secret::expose).unwrap_or_default();
    match plugin {
        NATIVE | CACHING if password.is_empty() => Ok(Vec::new()),
        NATIVE => Ok(native(password, salt)),
        CACHING => Ok(caching(password, salt)),
        ED25519 => Ok(ed25519::sign(password, salt)),
        CLEAR if session.confidentiality != Confidentiality::None => Ok([password, b"\0"].concat()),
        CLEAR => Err(Failure::answer(
            Phase::Response,
            "the account wants the password in clear (mysql_clear_password), which is only sent over TLS; add \
             ?ssl-mode=required",
        )),
        other => Err(Failure::answer(
            Phase::Response,
            format!(
                "the account logs in by `{}`, which is not supported; give the check an account with \
                 mysql_native_password, caching_sha2_password or ed25519",
                wire::quote(other, session.password)
            ),
        )),
    }
}

/// SHA1(password) xor SHA1(salt + SHA1(SHA1(password))).
fn native(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let hash = |parts: &[&[u8]]| hashed(&SHA1_FOR_LEGACY_USE_ONLY, parts);
    let once = hash(&[password]);
    xor(&once, &hash(&[salt, &hash(&[&once])]))
}

/// SHA256(password) xor SHA256(SHA256(SHA256(password)) + salt).
fn caching(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let hash = |parts: &[&[u8]]| hashed(&SHA256, parts);
    let once = hash(&[password]);
    xor(&once, &hash(&[&hash(&[&once]), salt]))
}

/// The digest of all `parts`.
fn hashed(algorithm: &'static Algorithm, parts: &[&[u8]]) -> Vec<u8> {
    digest::digest(algorithm, &parts.concat()).as_ref().to_vec()
}

/// `a` xor `b`.
fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrambles_are_those_of_another_implementation() {
        // By Python's hashlib.
        let salt: Vec<u8> = (1..=20).collect();
        assert_eq!(wire::hex(&native(b"hunter2", &salt)), "be2cbec13fd268cf921774da8dde99447d699455");
        assert_eq!(
            wire::hex(&caching(b"hunter2", &salt)),
            "04917479a40a673ae2388df86966d1b73768b4452df9a624881d93be865dc44c"
        );
    }
}
