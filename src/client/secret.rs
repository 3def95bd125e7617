//! What must never be shown.

use std::fmt;

/// A password. Neither `{}` nor `{:?}` shows it, and what a peer repeats of it is masked by [`Secret::mask`].
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Vec<u8>);

/// What stands for a secret.
const MASK: &str = "***";

impl Secret {
    /// Takes over what is to be kept.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The secret itself, for the wire only.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// `text` without this secret: some servers repeat a command that they do not know, arguments included.
    pub(crate) fn mask(&self, text: &str) -> String {
        match std::str::from_utf8(&self.0) {
            Ok(secret) if !secret.is_empty() => text.replace(secret, MASK),
            _ => text.to_owned(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new(b"hunter2".to_vec());
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.mask("unknown command AUTH hunter2"), "unknown command AUTH ***");
        assert_eq!(Secret::new(Vec::new()).mask("abc"), "abc");
    }
}
