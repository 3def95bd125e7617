//! The encoding of LDAP and of keys: BER and DER (X.690).

use crate::client::wire::Fields;

/// The tag of a SEQUENCE in BER.
pub(crate) const SEQUENCE: u8 = 0x30;

/// The tag of an INTEGER.
pub(crate) const INTEGER: u8 = 0x02;

/// The tag of an OCTET STRING.
pub(crate) const OCTETS: u8 = 0x04;
/// The tag of a BIT STRING.
pub(crate) const BITS: u8 = 0x03;

/// One element of BER: its tag, its length, what is in it.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => bytes.push(length),
        _ => {
            let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
            bytes.push(0x84);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// What is in the next element, which must have `tag`.
pub(crate) fn take<'a>(fields: &mut Fields<'a>, tag: u8) -> Option<&'a [u8]> {
    if fields.u8()? != tag {
        return None;
    }
    let length = match fields.u8()? {
        length @ 0..=0x7f => usize::from(length),
        form @ 0x81..=0x84 => fields
            .take(usize::from(form & 0x7f))?
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)),
        _ => return None,
    };
    fields.take(length)
}
