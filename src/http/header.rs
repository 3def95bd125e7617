//! Names of header fields, written as they will be sent.

use std::borrow::Cow;
use std::str::FromStr;

use ureq::http::{self, header::InvalidHeaderName};

/// The name of a header field (RFC 9110, 5.1). Names are compared without regard to case, and sent as they were written:
/// many a server looks them up case-sensitively.
#[derive(Clone, Debug)]
pub(crate) struct HeaderName(Cow<'static, str>);

pub(crate) const ACCEPT: HeaderName = HeaderName::new("Accept");
pub(crate) const ACCEPT_LANGUAGE: HeaderName = HeaderName::new("Accept-Language");
pub(crate) const AUTHORIZATION: HeaderName = HeaderName::new("Authorization");
pub(crate) const CONTENT_LENGTH: HeaderName = HeaderName::new("Content-Length");
pub(crate) const CONTENT_TYPE: HeaderName = HeaderName::new("Content-Type");
pub(crate) const EXPECT: HeaderName = HeaderName::new("Expect");
pub(crate) const HOST: HeaderName = HeaderName::new("Host");
pub(crate) const LOCATION: HeaderName = HeaderName::new("Location");
pub(crate) const PROXY_AUTHORIZATION: HeaderName = HeaderName::new("Proxy-Authorization");
pub(crate) const TRANSFER_ENCODING: HeaderName = HeaderName::new("Transfer-Encoding");
pub(crate) const USER_AGENT: HeaderName = HeaderName::new("User-Agent");

impl HeaderName {
    /// A name of ours, in its canonical case.
    const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// As it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderName {
    type Err = InvalidHeaderName;

    /// Takes a token (RFC 9110, 5.6.2).
    fn from_str(name: &str) -> Result<Self, InvalidHeaderName> {
        http::HeaderName::from_bytes(name.as_bytes())?;
        Ok(Self(Cow::Owned(name.to_owned())))
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HeaderName {}

impl PartialEq<HeaderName> for &HeaderName {
    fn eq(&self, other: &HeaderName) -> bool {
        **self == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_case_and_are_compared_without_it() {
        let name: HeaderName = "content-TYPE".parse().unwrap();
        assert_eq!(name, CONTENT_TYPE);
        assert_eq!(name.as_str(), "content-TYPE");
        for bad in ["", "a b", "a:", "ä", "a\r\n", "a\0"] {
            assert!(bad.parse::<HeaderName>().is_err(), "{bad:?}");
        }
    }
}
