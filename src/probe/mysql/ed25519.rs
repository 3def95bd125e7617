//! `client_ed25519`, `MariaDB`'s own: the server's nonce is signed by the password
//! (<https://mariadb.com/kb/en/authentication-plugin-ed25519/>).
//!
//! It's Ed25519 (RFC 8032, 5.1.6), but the 64 bytes of the secret key are the SHA-512 of a password of any length, not of
//! 32 bytes: no library's interface for signing takes that.

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use ring::digest::{self, SHA512};

/// The signature of `message` by the key that `password` is.
pub(super) fn sign(password: &[u8], message: &[u8]) -> Vec<u8> {
    let [secret, prefix] = halves(hash(&[password]));
    let secret = Scalar::from_bytes_mod_order(clamp_integer(secret));
    let public = EdwardsPoint::mul_base(&secret).compress().to_bytes();
    let once = Scalar::from_bytes_mod_order_wide(&hash(&[&prefix, message]));
    let commitment = EdwardsPoint::mul_base(&once).compress().to_bytes();
    let challenge = Scalar::from_bytes_mod_order_wide(&hash(&[&commitment, &public, message]));
    [commitment, (challenge * secret + once).to_bytes()].concat()
}

/// SHA-512 of all `parts`.
fn hash(parts: &[&[u8]]) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes.copy_from_slice(digest::digest(&SHA512, &parts.concat()).as_ref());
    bytes
}

/// Both halves.
fn halves(bytes: [u8; 64]) -> [[u8; 32]; 2] {
    let mut halves = [[0; 32]; 2];
    for (half, piece) in halves.iter_mut().zip(bytes.chunks_exact(32)) {
        half.copy_from_slice(piece);
    }
    halves
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    #[test]
    fn a_password_of_32_bytes_signs_as_the_key_of_that_seed() {
        for seed in [[0; 32], [7; 32], *b"0123456789abcdef0123456789abcdef"] {
            let key = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
            for message in [&b""[..], &[1; 32], b"a nonce of some other length than that"] {
                assert_eq!(sign(&seed, message), key.sign(message).as_ref());
            }
            assert_eq!(key.public_key().as_ref().len(), 32);
        }
        assert_ne!(sign(b"hunter2", &[1; 32]), sign(b"hunter3", &[1; 32]));
    }
}
