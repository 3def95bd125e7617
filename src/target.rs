//! The text of a target, taken apart as far as all schemes agree.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use crate::net::Host;

/// The most bytes of a target that are shown, so that a line stays well under the 500 that Podman keeps.
const LABEL_MAX: usize = 200;

/// `scheme:rest`.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// Before the first colon, in lower case.
    pub(crate) scheme: String,
    /// After it.
    pub(crate) rest: &'a str,
}

/// `//[user[:password]@]host[:port]` and what follows it (RFC 3986, 3.2).
#[derive(Debug)]
pub(crate) struct Authority<'a> {
    /// Before the `@`, undecoded.
    pub(crate) userinfo: Option<&'a str>,
    /// A name or an address.
    pub(crate) host: Host,
    /// The number, when one is given.
    pub(crate) port: Option<u16>,
    /// From the first `/`, `?` or `#` on.
    pub(crate) path: &'a str,
}

impl<'a> Target<'a> {
    /// Splits `text` at its scheme.
    pub(crate) fn split(text: &'a str, is_known: impl Fn(&str) -> bool) -> Result<Self, String> {
        if let Some(bad) = text.chars().find(|c| c.is_control()) {
            return Err(format!("the target {} holds the control character {bad:?}", label(text)));
        }
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        };
        match text.split_once(':') {
            // `localhost:8080` is a host and a port, not a scheme; `zombies:5` is one, since we know it.
            Some((scheme, rest))
                if is_scheme(scheme)
                    && (is_known(&scheme.to_ascii_lowercase())
                        || !rest.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                Ok(Self { scheme: scheme.to_ascii_lowercase(), rest })
            }
            _ if text.is_empty() => {
                Err("the target is empty; write for example http://127.0.0.1:8080/".into())
            }
            _ => Err(format!("{0} has no scheme; write http://{0} or tcp://{0}", label(text))),
        }
    }

    /// The target as it may be shown.
    pub(crate) fn label(&self) -> String {
        label(&format!("{}:{}", self.scheme, self.rest))
    }

    /// The host and port of a target that is nothing else.
    pub(crate) fn host_and_port(&self) -> Result<(Host, u16), String> {
        let authority = self.authority()?;
        let scheme = &self.scheme;
        if authority.userinfo.is_some() {
            return Err(format!("a user, which {scheme} has no use for,"));
        }
        if !matches!(authority.path, "" | "/") {
            return Err(format!("`{}`, which {scheme} has no use for,", authority.path));
        }
        let port = authority.port.ok_or_else(|| format!("no port ({scheme} has no default one)"))?;
        Ok((authority.host, port))
    }

    /// The path of a target that is nothing else.
    pub(crate) fn absolute_path(&self) -> Result<PathBuf, String> {
        let path = self.rest.strip_prefix("//").unwrap_or(self.rest);
        if path.starts_with('/') {
            Ok(path.into())
        } else {
            Err(format!("no absolute path, as {0}:/run/app has one,", self.scheme))
        }
    }

    /// Reads the rest as an authority and what follows it.
    pub(crate) fn authority(&self) -> Result<Authority<'a>, String> {
        let Some(rest) = self.rest.strip_prefix("//") else {
            return Err(format!("{0}: must be followed by //, as in {0}://127.0.0.1:8080", self.scheme));
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place)?;
        Ok(Authority { userinfo, host: parse_host(host)?, port, path })
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(place: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = if place.starts_with('[') {
        let end = place.find(']').ok_or("a `[` without its `]`")?;
        let (host, after) = place.split_at(end + 1);
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(format!("`{after}` after the `]` where a :port could be")),
        }
    } else {
        match place.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(format!("an IPv6 address without brackets; write [{place}]"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        }
    };
    let port = port.map(parse_port).transpose()?;
    Ok((host, port))
}

/// Reads a port that can be connected to.
fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(0) => Err("port 0, which cannot be connected to; ports are 1 to 65535".into()),
        // `parse` takes a leading `+`, which is no port.
        Ok(port) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ if text.is_empty() => Err("a colon without a port".into()),
        _ => Err(format!("`{text}` is no port; ports are 1 to 65535")),
    }
}

/// Reads a name, an IPv4 address or a bracketed IPv6 address.
pub(crate) fn parse_host(text: &str) -> Result<Host, String> {
    if text.is_empty() {
        return Err("no host".into());
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let address = inner.parse::<Ipv6Addr>().map_err(|_| format!("`{inner}` is no IPv6 address"))?;
        return Ok(Host::Address(address.into()));
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(format!("`{text}` is no host name"));
    }
    // 127.1 or 300.0.0.1: some resolvers read these as addresses, some as names, so we read them as mistakes.
    if name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(format!("`{text}` is neither an IPv4 address nor a host name"));
    }
    Ok(Host::Name(text.to_owned()))
}

/// `text` as it may be shown: userinfo masked, control characters replaced, cut to `LABEL_MAX` bytes.
pub(crate) fn label(text: &str) -> String {
    let start = text.find("//").map_or(0, |at| at + 2);
    let is_path = |text: &str| text.starts_with("http") || text.starts_with("file") || start == 0;
    let end = match text.get(start..) {
        // A raw / in a password ends the authority early, and the password would be shown as a path.
        Some(rest) if !is_path(text) && rest.contains('@') => text.len(),
        Some(rest) => rest.find(['/', '?', '#']).map_or(text.len(), |at| start + at),
        None => text.len(),
    };
    let authority = text.get(start..end).unwrap_or_default();
    let mut shown = String::with_capacity(text.len());
    if let Some(at) = authority.rfind('@') {
        shown.push_str(text.get(..start).unwrap_or_default());
        shown.push_str("***");
        shown.push_str(text.get(start + at..).unwrap_or_default());
    } else {
        shown.push_str(text);
    }
    let mut shown: String = shown.chars().map(crate::shown::shown).collect();
    if shown.len() > LABEL_MAX {
        let cut = (0..=LABEL_MAX).rev().find(|&at| shown.is_char_boundary(at)).unwrap_or(0);
        shown.truncate(cut);
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(text: &str) -> Result<(Host, Option<u16>, String), String> {
        let target = Target::split(text, |name| matches!(name, "http" | "zombies"))?;
        let authority = target.authority()?;
        Ok((authority.host, authority.port, authority.path.to_owned()))
    }

    #[test]
    fn hosts_ports_and_paths_are_told_apart() {
        let name = |name: &str| Host::Name(name.into());
        let address = |address: &str| Host::Address(address.parse().unwrap());
        for (text, host, port, path) in [
            ("http://localhost", name("localhost"), None, ""),
            ("http://localhost:80/a?b#c", name("localhost"), Some(80), "/a?b#c"),
            ("http://127.0.0.1:65535?q", address("127.0.0.1"), Some(65535), "?q"),
            ("http://[::1]", address("::1"), None, ""),
            ("http://[::1]:8080/", address("::1"), Some(8080), "/"),
            ("HTTP://my_service.internal.:1/", name("my_service.internal."), Some(1), "/"),
            ("http://u:p@h:81/@", name("h"), Some(81), "/@"),
        ] {
            assert_eq!(authority(text), Ok((host, port, path.to_owned())), "{text}");
        }
    }

    #[test]
    fn bad_places_are_refused_with_a_reason() {
        for (text, reason) in [
            ("", "the target is empty"),
            ("localhost", "has no scheme"),
            ("localhost:8080", "has no scheme"),
            ("127.0.0.1:8080", "has no scheme"),
            ("http:/x", "must be followed by //"),
            ("http://", "no host"),
            ("http://:80/", "no host"),
            ("http://h:/", "a colon without a port"),
            ("http://h:0/", "port 0"),
            ("http://h:99999/", "is no port"),
            ("http://h:+80/", "is no port"),
            ("http://::1/", "without brackets"),
            ("http://[::1/", "without its `]`"),
            ("http://[::1]80/", "after the `]`"),
            ("http://[zz]/", "is no IPv6 address"),
            ("http://a b/", "is no host name"),
            ("http://127.1/", "neither an IPv4 address nor a host name"),
            ("http://h/\r\nX: y", "control character"),
        ] {
            let error = authority(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_label_shows_no_password_and_no_control_character() {
        assert_eq!(label("redis://user:pa:ss@h:1/0"), "redis://***@h:1/0");
        assert_eq!(label("redis://:pa/ss@h:1/0"), "redis://***@h:1/0");
        assert_eq!(label("http://h/a@b"), "http://h/a@b");
        assert_eq!(label("http://h/\x1b[2J"), "http://h/?[2J");
        assert!(label(&format!("http://h/{}", "ä".repeat(500))).len() <= LABEL_MAX + 3);
    }
}
