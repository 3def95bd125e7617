//! A password that only the server can read: RSA with OAEP by SHA-1 (RFC 8017, 7.1.1), as `caching_sha2_password` has it in
//! clear. Whoever could put another key in the server's place could be the server, too: a listener learns nothing.

use num_bigint::BigUint;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA1_OUTPUT_LEN, digest};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

use crate::client::ber::{BITS, INTEGER, SEQUENCE, take};
use crate::client::wire::Fields;
use crate::outcome::{Cause, Failure, Phase};
use crate::sys::random;

/// The longest modulus that is computed with; MySQL makes keys of 256 bytes.
const MODULUS_MAX: usize = 1024;

/// `password`, disguised by `salt`, for the owner of the key in the PEM text `key` alone.
pub(super) fn encrypt(key: &[u8], password: &[u8], salt: &[u8]) -> Result<Vec<u8>, Failure> {
    let broken = |why: &str| Failure::new(Phase::Response, Cause::Protocol, why);
    let key = SubjectPublicKeyInfoDer::from_pem_slice(key)
        .map_err(|_| broken("the server's public key cannot be read"))?;
    let (modulus, exponent) =
        parts(&key).ok_or_else(|| broken("the server's public key is not an RSA key"))?;
    let message: Vec<u8> =
        [password, b"\0"].concat().iter().zip(salt.iter().cycle()).map(|(byte, salt)| byte ^ salt).collect();
    let mut seed = [0; SHA1_OUTPUT_LEN];
    let dry = |_| Failure::new(Phase::Local, Cause::Broken, "the kernel gives no random numbers");
    random::fill(&mut seed).map_err(dry)?;
    let padded = padded(&message, modulus.len(), &seed)
        .ok_or_else(|| broken("the server's public key is too short for the password"))?;
    let number = BigUint::from_bytes_be(&padded);
    let number = number.modpow(&BigUint::from_bytes_be(exponent), &BigUint::from_bytes_be(modulus));
    let digits = number.to_bytes_be();
    Ok([vec![0; modulus.len().saturating_sub(digits.len())], digits].concat())
}

/// The modulus, without leading zeros, and the exponent of an RSA key (RFC 5280, 4.1; RFC 8017, A.1.1).
fn parts(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut info = Fields(take(&mut Fields(key), SEQUENCE)?);
    let _algorithm = take(&mut info, SEQUENCE)?;
    // Bits that are bytes: none is left over.
    let bits = take(&mut info, BITS)?.strip_prefix(b"\0")?;
    let mut key = Fields(take(&mut Fields(bits), SEQUENCE)?);
    let modulus = take(&mut key, INTEGER)?;
    let modulus = modulus.get(modulus.iter().position(|byte| *byte != 0)?..)?;
    let exponent = take(&mut key, INTEGER)?;
    let is_fit = (64..=MODULUS_MAX).contains(&modulus.len()) && (1..=8).contains(&exponent.len());
    is_fit.then_some((modulus, exponent))
}

/// EME-OAEP with an empty label; none when `length` has no room for `message`.
fn padded(message: &[u8], length: usize, seed: &[u8; SHA1_OUTPUT_LEN]) -> Option<Vec<u8>> {
    let zeros = length.checked_sub(message.len() + 2 * SHA1_OUTPUT_LEN + 2)?;
    let label = digest(&SHA1_FOR_LEGACY_USE_ONLY, b"");
    let block = [label.as_ref(), &vec![0; zeros], b"\x01", message].concat();
    let block = xor(&block, &mask(seed, block.len()));
    let seed = xor(seed, &mask(&block, SHA1_OUTPUT_LEN));
    Some([&b"\0"[..], &seed, &block].concat())
}

/// MGF1 (RFC 8017, B.2.1).
fn mask(seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::new();
    let mut counter = 0_u32;
    while mask.len() < length {
        mask.extend_from_slice(
            digest(&SHA1_FOR_LEGACY_USE_ONLY, &[seed, &counter.to_be_bytes()].concat()).as_ref(),
        );
        counter += 1;
    }
    mask.truncate(length);
    mask
}

/// `a` xor `b`.
fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl genrsa 1024 | openssl rsa -pubout`.
    const KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDWQEw+uNbizu4lCBVXap6n1vV8
+4JEFOPTCiQ41eJHJMDGd2LBkUPjybDw6equr2V7WblwcoG6EPXW8gUlMrnWxD2o
4bC82p6iqtytxslg9Lc0LIL7cH4sNVH0KmoFS2Ox6BKdgDPZv+rg9FFeK1cEWRLJ
JMGck96kSXGH8LIheQIDAQAB
-----END PUBLIC KEY-----
";

    #[test]
    fn a_padded_message_can_be_taken_apart_again() {
        let seed = [7; SHA1_OUTPUT_LEN];
        let padded = padded(b"message", 128, &seed).unwrap();
        assert_eq!((padded.len(), padded[0]), (128, 0));
        let (masked_seed, block) = padded[1..].split_at(SHA1_OUTPUT_LEN);
        assert_eq!(xor(masked_seed, &mask(block, SHA1_OUTPUT_LEN)), seed);
        assert!(xor(block, &mask(&seed, block.len())).ends_with(b"\0\x01message"));
        assert_eq!(super::padded(&[0; 100], 128, &seed), None);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(encrypt(KEY.as_bytes(), b"hunter2", &[1; 20]).unwrap().len(), 128);
        assert_ne!(
            encrypt(KEY.as_bytes(), b"hunter2", &[1; 20]).unwrap(),
            encrypt(KEY.as_bytes(), b"hunter2", &[1; 20]).unwrap()
        );
        for bad in ["", "-----BEGIN", "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"] {
            assert!(encrypt(bad.as_bytes(), b"", b"x").is_err(), "{bad}");
        }
        assert!(encrypt(KEY.as_bytes(), &[b'x'; 90], b"x").unwrap_err().reason.contains("too short"));
    }
}
