//! BSON as far as commands and their answers need it (<https://bsonspec.org/spec.html>).

use crate::client::wire::Fields;

/// A document under construction.
#[derive(Debug, Default)]
pub(super) struct Document(Vec<u8>);

impl Document {
    /// Adds a 32-bit number.
    pub(super) fn int(mut self, name: &str, value: i32) -> Self {
        self.begin(0x10, name);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Adds a text.
    pub(super) fn text(mut self, name: &str, value: &str) -> Self {
        self.begin(0x02, name);
        self.0.extend_from_slice(&length(value.len() + 1));
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(0);
        self
    }

    /// Adds a switch.
    pub(super) fn bool(mut self, name: &str, value: bool) -> Self {
        self.begin(0x08, name);
        self.0.push(value.into());
        self
    }

    /// Adds bytes.
    pub(super) fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.begin(0x05, name);
        self.0.extend_from_slice(&length(value.len()));
        self.0.push(0);
        self.0.extend_from_slice(value);
        self
    }

    /// Adds a document.
    pub(super) fn document(mut self, name: &str, value: Self) -> Self {
        self.begin(0x03, name);
        self.0.extend_from_slice(&value.into_bytes());
        self
    }

    /// As it is sent.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        [&length(self.0.len() + 5)[..], &self.0, b"\0"].concat()
    }

    /// The type and the name of what follows.
    fn begin(&mut self, kind: u8, name: &str) {
        self.0.push(kind);
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
    }
}

/// A length as BSON has it.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// A value that an answer is looked through for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A number, whatever its type.
    Number(f64),
    /// A switch.
    Bool(bool),
    /// A text; not always UTF-8.
    Text(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Anything else.
    Other,
}

/// The value of `name` in `document`, on its first level; none when it is not there or the document is broken.
pub(super) fn get<'a>(document: &'a [u8], name: &str) -> Option<Value<'a>> {
    let mut fields = Fields(document);
    let _length: [u8; 4] = fields.array()?;
    loop {
        let kind = fields.u8()?;
        if kind == 0 {
            return None;
        }
        let found = fields.until_nul()? == name.as_bytes();
        let value = value(kind, &mut fields)?;
        if found {
            return Some(value);
        }
    }
}

/// The next value, of the type `kind`; types that no answer has are taken for a broken document.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "only small numbers are looked at")]
fn value<'a>(kind: u8, fields: &mut Fields<'a>) -> Option<Value<'a>> {
    Some(match kind {
        0x01 => Value::Number(f64::from_le_bytes(fields.array()?)),
        0x02 | 0x0d | 0x0e => Value::Text(counted(fields)?.strip_suffix(b"\0")?),
        // A document or an array: its length counts itself.
        0x03 | 0x04 => {
            let length = usize::try_from(u32::from_le_bytes(fields.array()?)).ok()?;
            fields.take(length.checked_sub(4)?)?;
            Value::Other
        }
        0x05 => {
            let length = usize::try_from(u32::from_le_bytes(fields.array()?)).ok()?;
            let _subtype = fields.u8()?;
            Value::Bytes(fields.take(length)?)
        }
        0x06 | 0x0a | 0x7f | 0xff => Value::Other,
        0x07 => {
            fields.take(12)?;
            Value::Other
        }
        0x08 => Value::Bool(fields.u8()? != 0),
        0x09 | 0x11 => {
            fields.take(8)?;
            Value::Other
        }
        0x0b => {
            fields.until_nul()?;
            fields.until_nul()?;
            Value::Other
        }
        0x10 => Value::Number(i32::from_le_bytes(fields.array()?).into()),
        0x12 => Value::Number(i64::from_le_bytes(fields.array()?) as f64),
        0x13 => {
            fields.take(16)?;
            Value::Other
        }
        _ => return None,
    })
}

/// Bytes after their length.
fn counted<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::from_le_bytes(fields.array()?)).ok()?;
    fields.take(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_as_the_specification_has_them() {
        // The first example of <https://bsonspec.org/faq.html>.
        let hello = Document::default().text("hello", "world").into_bytes();
        assert_eq!(hello, b"\x16\0\0\0\x02hello\0\x06\0\0\0world\0\0");
        let all = Document::default()
            .int("a", -1)
            .bool("b", true)
            .bytes("c", b"xy")
            .document("d", Document::default().int("a", 7))
            .text("e", "z")
            .into_bytes();
        assert_eq!(get(&all, "a"), Some(Value::Number(-1.0)));
        assert_eq!(get(&all, "b"), Some(Value::Bool(true)));
        assert_eq!(get(&all, "c"), Some(Value::Bytes(b"xy")));
        assert_eq!(get(&all, "d"), Some(Value::Other));
        assert_eq!(get(&all, "e"), Some(Value::Text(b"z")));
        assert_eq!(get(&all, "f"), None);
        for end in 0..all.len() {
            let _ = get(&all[..end], "f");
        }
    }
}
