//! Secrets that a request carries. None of them is ever shown.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::HeaderValue;

use crate::http::header::{self, HeaderName};
use crate::system::file;

/// What a request authenticates with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A ready Authorization.
    Basic(HeaderValue),
    /// A file with a token, read at each attempt, so that a renewed one is seen.
    BearerFile(PathBuf),
}

impl fmt::Debug for Credentials {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// `name:password`.
    pub(crate) fn basic(user: &str) -> Result<Self, String> {
        basic(user).map(Self::Basic)
    }

    /// The value of Authorization.
    pub(crate) fn authorization(&self) -> Result<HeaderValue, String> {
        match self {
            Self::Basic(value) => Ok(value.clone()),
            Self::BearerFile(path) => bearer(path),
        }
    }
}

/// The value of Authorization for `name:password` (RFC 7617).
pub(crate) fn basic(user: &str) -> Result<HeaderValue, String> {
    if user.contains(char::is_control) {
        return Err("the user or the password contains a control character".into());
    }
    sensitive(&format!("Basic {}", BASE64_STANDARD.encode(user)))
}

/// The value of Authorization for the token in a file (RFC 6750).
fn bearer(path: &Path) -> Result<HeaderValue, String> {
    let refuse = |why: &str| format!("--bearer-file {}: {why}", path.display());
    let content = file::of_option("--bearer-file", path)?;
    let token = std::str::from_utf8(&content).map_err(|_| refuse("not UTF-8"))?.trim();
    if token.is_empty() {
        return Err(refuse("empty"));
    }
    if token.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(refuse("more than one token in it"));
    }
    sensitive(&format!("Bearer {token}")).map_err(|_| refuse("no token in it"))
}

/// A header's value that is marked as secret.
fn sensitive(text: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "the credentials hold a control character".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether a header may go along when a redirect leads to another server. Not only Authorization and Cookie are
/// secrets: X-Api-Key and its like are, too, so that only what is known to be none goes along.
pub(crate) fn travels(name: &HeaderName) -> bool {
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::CONTENT_TYPE, header::USER_AGENT].contains(name)
}
