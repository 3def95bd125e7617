//! The URLs that can be asked: http and https, with a host.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use ureq::http::Uri;

use crate::net::{Endpoint, Host};
use crate::target::{Target, label};

/// The most bytes of a URL that a redirect may name.
const LOCATION_MAX: usize = 8 * 1024;

/// How a URL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Whether `name` is one of them.
    pub(super) fn is_known(name: &str) -> bool {
        matches!(name, "http" | "https")
    }

    /// As it stands before the colon.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a URL that names none.
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A URL without its userinfo and fragment. A built one can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// How to speak.
    pub(crate) scheme: Scheme,
    /// To whom.
    pub(crate) host: Host,
    /// Never 0.
    pub(crate) port: u16,
    /// As it was written, for the request.
    pub(crate) uri: Uri,
}

/// A URL, and the user that stood in it.
pub(crate) type WithUser = (Url, Option<String>);

impl Url {
    /// Reads `http://...` or `https://...`; the userinfo comes beside it, decoded.
    pub(crate) fn parse(text: &str) -> Result<WithUser, String> {
        Self::read(&Target::split(text, Scheme::is_known)?)
    }

    /// Reads a target; the userinfo comes beside it, decoded.
    pub(crate) fn read(target: &Target<'_>) -> Result<WithUser, String> {
        let scheme = match target.scheme.as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(format!("{other}, where only http and https can be asked,")),
        };
        let authority = target.authority()?;
        let user = authority.userinfo.map(decoded).transpose()?;
        Self::build(scheme, authority.host, authority.port, authority.path).map(|url| (url, user))
    }

    /// Puts one together; `path` is what follows the authority.
    fn build(scheme: Scheme, host: Host, port: Option<u16>, path: &str) -> Result<Self, String> {
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let name = scheme.name();
        let uri = match port {
            Some(port) => format!("{name}://{host}:{port}{slash}{path}"),
            None => format!("{name}://{host}{slash}{path}"),
        };
        let uri = uri.parse::<Uri>().map_err(|_| "a character that must be %-encoded")?;
        Ok(Self { scheme, host, port: port.unwrap_or(scheme.default_port()), uri })
    }

    /// This one without `.` and `..` in its path (RFC 3986, 5.2.4).
    pub(crate) fn without_dot_segments(&self) -> Result<Self, String> {
        self.with_path(&without_dots(self.uri.path()), self.uri.query())
    }

    /// The same server, asked for something else.
    fn with_path(&self, path: &str, query: Option<&str>) -> Result<Self, String> {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Self::build(self.scheme, self.host.clone(), self.uri.port_u16(), &format!("{path}{query}"))
    }

    /// Where to connect to.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Tcp { host: self.host.clone(), port: self.port }
    }

    /// Whether the same server answers for both, as far as secrets go: scheme, host and port are the same.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        let same_host = match (&self.host, &other.host) {
            (Host::Name(one), Host::Name(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        };
        self.scheme == other.scheme && same_host && self.port == other.port
    }

    /// The URL that `location` means, seen from this one (RFC 3986, 5.2). Userinfo in it is dropped: whoever writes a
    /// redirect does not choose our credentials. Bytes that a URL must not have are %-encoded, as browsers do.
    pub(crate) fn join(&self, location: &[u8]) -> Result<Self, String> {
        if location.len() > LOCATION_MAX {
            return Err(format!("a Location of more than {} KiB", LOCATION_MAX / 1024));
        }
        let location = encoded(location.trim_ascii());
        let reference = location.split('#').next().unwrap_or_default();
        if let Ok(target) = Target::split(reference, Scheme::is_known)
            && matches!(target.scheme.as_str(), "http" | "https")
        {
            return Self::read(&target)?.0.without_dot_segments();
        }
        if let Some(scheme) = foreign_scheme(reference) {
            return Err(format!("`{scheme}:`, which is neither http nor https"));
        }
        if reference.starts_with("//") {
            let target = Target { scheme: self.scheme.name().into(), rest: reference };
            return Self::read(&target)?.0.without_dot_segments();
        }
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference, None),
        };
        let base = self.uri.path();
        let (path, query) = if path.is_empty() {
            (base.to_owned(), query.or(self.uri.query()))
        } else if path.starts_with('/') {
            (without_dots(path), query)
        } else {
            let folder = base.rfind('/').and_then(|at| base.get(..=at)).unwrap_or("/");
            (without_dots(&format!("{folder}{path}")), query)
        };
        self.with_path(&path, query)
    }
}

impl fmt::Display for Url {
    /// As it may be shown: bounded, and without the query, where tokens live.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.uri.to_string();
        match uri.split_once('?') {
            Some((uri, _)) => write!(f, "{}?...", label(uri)),
            None => f.write_str(&label(&uri)),
        }
    }
}

/// What stands before the first colon of `reference`, if that makes it a URL of its own.
fn foreign_scheme(reference: &str) -> Option<&str> {
    let (scheme, _) = reference.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(scheme)
}

/// `path` without its `.` and `..` (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

/// What no URL may have (RFC 3986, 2), beside what is not ASCII.
const ILLEGAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// `bytes` with those that no URL may have %-encoded.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, ILLEGAL).to_string()
}

/// Userinfo with its %-encoded characters decoded.
pub(crate) fn decoded(text: &str) -> Result<String, String> {
    let has_digits = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(has_digits) {
        return Err("a user with a `%` that is not followed by two hexadecimal digits".into());
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| "a user that is not UTF-8")?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap().0
    }

    #[test]
    fn a_location_is_joined_as_the_rfc_has_it() {
        // RFC 3986, 5.4; what it calls abnormal, too.
        for (location, joined) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://h:1/x?y#z", "https://h:1/x?y"),
            ("https://h:1/x/../y/.?z", "https://h:1/y/?z"),
            ("//h/./x", "http://h/x"),
            ("HTTP://user:secret@h/x", "http://h/x"),
            (" /g ", "http://a/g"),
        ] {
            let is = url("http://a/b/c/d;p?q").join(location.as_bytes()).unwrap();
            assert_eq!(is.uri.to_string(), joined, "{location}");
        }
        assert_eq!(url("http://a:81/b").join(b"c").unwrap().uri, "http://a:81/c");
        assert_eq!(url("https://a/b").join(b"//h:2/c").unwrap().uri, "https://h:2/c");
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for location in
            ["ftp://h/", "mailto:x@h", "http://", "http:///x", "//", "http://h:0/", "http://[::g]/"]
        {
            assert!(url("http://a/").join(location.as_bytes()).is_err(), "{location}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (one, other, same) in [
            ("http://a/x", "http://A:80/y", true),
            ("https://a/", "https://a:443/", true),
            ("http://a/", "https://a/", false),
            ("http://a/", "http://a:81/", false),
            ("http://a/", "http://a.b/", false),
            ("http://127.0.0.1/", "http://127.0.0.1/", true),
        ] {
            assert_eq!(url(one).same_origin(&url(other)), same, "{one} {other}");
        }
    }

    #[test]
    fn a_user_is_decoded_and_a_url_shows_neither_it_nor_its_query() {
        let (url, user) = Url::parse("http://n%40me:p%3Ass@h/x?token=1").unwrap();
        assert_eq!(user.as_deref(), Some("n@me:p:ss"));
        assert_eq!(url.to_string(), "http://h/x?...");
        for bad in ["http://a%@h/", "http://a%4@h/", "http://a%zz@h/", "http://a%+4@h/", "http://%ff@h/"] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_location_makes_it_fail(location in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            if let Ok(next) = url("https://a/b?c").join(&location) {
                // Joined again, it stays what it is.
                let again = next.join(next.uri.to_string().as_bytes()).unwrap();
                assert_eq!(again, next);
            }
        }
    }
}
