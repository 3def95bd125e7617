//! The little that must be read out of a certificate and that the TLS library does not tell: when it is valid, whose it is,
//! and what its key is. The bytes come from the peer, so every length is checked.

use std::ops::Range;

/// What a certificate says of itself (RFC 5280, 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The first second of its validity, since 1970.
    pub(crate) not_before: u64,
    /// The last one.
    pub(crate) not_after: u64,
    /// Who signed it, by name.
    pub(crate) issuer: Issuer,
}

/// Who signed a certificate, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// Its own subject.
    Itself,
    /// Somebody else.
    Another,
}

/// DER's tags, as far as they are met (X.690, 8.1.2).
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
/// `[0] EXPLICIT Version`.
const VERSION: u8 = 0xa0;

/// Object identifiers (RFC 5280, appendix A; RFC 5480; RFC 8410).
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const RSA_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P521: &[u8] = &[0x2b, 0x81, 4, 0, 0x23];
const ED448: &[u8] = &[0x2b, 0x65, 0x71];

/// The elements of a certificate, as bytes.
struct Elements<'a> {
    has_version: bool,
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: &'a [u8],
    key: &'a [u8],
}

/// Takes `der` apart; nothing when it is no certificate.
fn elements(der: &[u8]) -> Option<Elements<'_>> {
    let mut certificate = der;
    let mut rest = expect(&mut certificate, SEQUENCE)?;
    let mut tbs = expect(&mut rest, SEQUENCE)?;
    let has_version = tbs.first() == Some(&VERSION);
    if has_version {
        expect(&mut tbs, VERSION)?;
    }
    expect(&mut tbs, INTEGER)?;
    expect(&mut tbs, SEQUENCE)?;
    let issuer = expect(&mut tbs, SEQUENCE)?;
    let validity = expect(&mut tbs, SEQUENCE)?;
    let subject = expect(&mut tbs, SEQUENCE)?;
    let key = expect(&mut tbs, SEQUENCE)?;
    Some(Elements { has_version, issuer, validity, subject, key })
}

/// Reads `der`; nothing when it is no certificate.
pub(crate) fn read(der: &[u8]) -> Option<Certificate> {
    let Elements { issuer, mut validity, subject, .. } = elements(der)?;
    Some(Certificate {
        not_before: time(&mut validity)?,
        not_after: time(&mut validity)?,
        issuer: if issuer == subject { Issuer::Itself } else { Issuer::Another },
    })
}

/// Whether the certificate `issuer` can have signed the certificate `der`, by their names.
pub(super) fn is_issued_by(der: &[u8], issuer: &[u8]) -> bool {
    matches!((elements(der), elements(issuer)), (Some(one), Some(other)) if one.issuer == other.subject)
}

/// The name of whom a certificate is for, as a person knows it: the common name, or else the last part of the subject.
pub(super) fn subject(der: &[u8]) -> Option<String> {
    let mut subject = elements(der)?.subject;
    let mut last = None;
    while let Some((SET, mut part)) = element(&mut subject) {
        let mut attribute = expect(&mut part, SEQUENCE)?;
        let kind = expect(&mut attribute, OBJECT)?;
        let (_, value) = element(&mut attribute)?;
        last = Some(String::from_utf8_lossy(value).into_owned());
        if kind == COMMON_NAME {
            break;
        }
    }
    last
}

/// What the TLS library cannot do about a certificate, if there is such a thing.
pub(super) fn unsupported(der: &[u8]) -> Option<String> {
    let Elements { has_version, mut key, .. } = elements(der)?;
    let mut algorithm = expect(&mut key, SEQUENCE)?;
    let kind = expect(&mut algorithm, OBJECT)?;
    if kind == ED448 {
        return Some("its key is Ed448".into());
    }
    if kind == EC_KEY && expect(&mut algorithm, OBJECT)? == P521 {
        return Some("its key is on the curve P-521".into());
    }
    if kind == RSA_KEY {
        let bits = expect(&mut key, BIT_STRING)?.strip_prefix(&[0])?;
        let mut numbers = expect(&mut { bits }, SEQUENCE)?;
        let modulus = expect(&mut numbers, INTEGER)?;
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let bits = (modulus.len() - zeros) * 8;
        if bits < 2048 {
            return Some(format!("its key is RSA with {bits} bits, and 2048 are the least"));
        }
    }
    (!has_version).then(|| "it is of X.509 version 1".into())
}

/// The algorithms of signatures that the TLS library has not (RFC 8017, A.2; RFC 5758; RFC 8410).
const SIGNATURES: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4], "RSA with MD5"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], "RSA with SHA-1"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 14], "RSA with SHA-224"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1], "ECDSA with SHA-1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4], "ECDSA with SHA-512"),
    (ED448, "Ed448"),
];

/// The name of the algorithm with the identifier `id` (RFC 5280, 4.1.1.2, without its outer tag).
pub(super) fn signature_name(mut id: &[u8]) -> &'static str {
    let object = expect(&mut id, OBJECT).unwrap_or_default();
    SIGNATURES.iter().find(|(known, _)| *known == object).map_or("an algorithm", |(_, name)| name)
}

/// Takes one element off `input`, which must be of `tag`, and gives its content.
fn expect<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, content) = element(input)?;
    (found == tag).then_some(content)
}

/// Takes one element off `input`: its tag and its content, of at most 16 MiB (X.690, 8.1.3).
fn element<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, first], rest) = input.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some((tag, content))
}

/// Takes a time off `input`: `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ` (RFC 5280, 4.1.2.5). Before 1970 is 1970.
fn time(input: &mut &[u8]) -> Option<u64> {
    let (tag, text) = element(input)?;
    let number = |range: Range<usize>| {
        let digits = text.get(range)?;
        digits.iter().try_fold(0_i64, |number, digit| match digit {
            b'0'..=b'9' => Some(number * 10 + i64::from(digit - b'0')),
            _ => None,
        })
    };
    let (year, at) = match (tag, text.len()) {
        (UTC_TIME, 13) => {
            let year = number(0..2)?;
            (year + if year < 50 { 2000 } else { 1900 }, 2)
        }
        (GENERALIZED_TIME, 15) => (number(0..4)?, 4),
        _ => return None,
    };
    let (month, day) = (number(at..at + 2)?, number(at + 2..at + 4)?);
    let (hour, minute, second) = (number(at + 4..at + 6)?, number(at + 6..at + 8)?, number(at + 8..at + 10)?);
    let sound = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && text.last() == Some(&b'Z');
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    sound.then(|| u64::try_from(seconds).unwrap_or(0))
}

/// The days from 1970-01-01 to a date of the Gregorian calendar. A year is counted from March, so that the leap day is
/// its last, and 400 years are always 146,097 days.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<u64> {
        time(&mut [&[UTC_TIME, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat().as_slice())
    }

    fn generalized(text: &str) -> Option<u64> {
        time(
            &mut [&[GENERALIZED_TIME, u8::try_from(text.len()).unwrap()], text.as_bytes()]
                .concat()
                .as_slice(),
        )
    }

    #[test]
    fn times_are_seconds_since_1970() {
        for (is, seconds) in [
            (utc("700101000000Z"), 0),
            (utc("491231235959Z"), 2_524_607_999),
            (utc("000229120000Z"), 951_825_600),
            (generalized("20500101000000Z"), 2_524_608_000),
            (generalized("21000301000000Z"), 4_107_542_400),
            (generalized("99991231235959Z"), 253_402_300_799),
            (generalized("19000101000000Z"), 0),
        ] {
            assert_eq!(is, Some(seconds));
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "7001010000Z",
            "70010100000xZ",
            "701301000000Z",
            "700100000000Z",
            "700101240000Z",
            "7001010000000",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
    }

    #[test]
    fn a_real_certificate_is_read_and_no_part_of_one_is() {
        let mut params = rcgen::CertificateParams::new(vec!["a.test".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 2, 29);
        params.not_after = rcgen::date_time_ymd(2051, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let der: &[u8] = certificate.der();
        let leaf = read(der).unwrap();
        assert_eq!(
            leaf,
            Certificate { not_before: 1_582_934_400, not_after: 2_556_144_000, issuer: Issuer::Itself }
        );
        assert_eq!((subject(der).as_deref(), unsupported(der)), (Some("rcgen self signed cert"), None));
        for end in 0..der.len() {
            assert_eq!(read(&der[..end]), None, "{end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let _ = (read(&bytes), subject(&bytes), unsupported(&bytes));
        }
    }
}
