//! The text of a target, taken apart as far as all schemes agree.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::net::Host;

/// What stands for itself nowhere in a target: all but letters, digits and `-._~` (RFC 3986, 2.3).
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The most bytes of a target that are shown, so that a line stays well under the 500 that Podman keeps.
const LABEL_MAX: usize = 200;

/// `scheme:rest`.
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

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl<'a> Target<'a> {
    /// Splits `text` at its scheme.
    pub(crate) fn split(text: &'a str, is_known: impl Fn(&str) -> bool) -> Result<Self, String> {
        if let Some(bad) = text.chars().find(|c| c.is_control()) {
            return Err(format!(
                "{}: the target contains the control character `{}`",
                label(text),
                bad.escape_default()
            ));
        }
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
            return Err(format!("{scheme} takes no user or password"));
        }
        if !matches!(authority.path, "" | "/") {
            return Err(format!("{scheme} takes no path: `{}`", authority.path));
        }
        let port = authority.port.ok_or_else(|| format!("no port; write {scheme}://HOST:PORT"))?;
        Ok((authority.host, port))
    }

    /// The path of a target that is nothing else.
    pub(crate) fn absolute_path(&self) -> Result<PathBuf, String> {
        let path = self.rest.strip_prefix("//").unwrap_or(self.rest);
        if path.starts_with('/') { Ok(path.into()) } else { Err("the path must be absolute".into()) }
    }

    /// Reads the rest as an authority and what follows it.
    pub(crate) fn authority(&self) -> Result<Authority<'a>, String> {
        let Some(rest) = self.rest.strip_prefix("//") else {
            return Err(format!("no // after {0}: (as in {0}://127.0.0.1:8080)", self.scheme));
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, authority),
        };
        let read = split_port(place).and_then(|(host, port)| Ok((parse_host(host)?, port)));
        match read {
            Ok((host, port)) => Ok(Authority { userinfo, host, port, path }),
            // Half a password is neither a host nor a port, and is not shown as one.
            Err(_) if path.contains('@') => {
                Err("a raw `/`, `?` or `#` in the user or password; write it %-encoded, or use ${VAR}".into())
            }
            Err(why) => Err(why),
        }
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(place: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = if place.starts_with('[') {
        let end = place.find(']').ok_or("unmatched `[`")?;
        let (host, after) = place.split_at(end + 1);
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(format!("invalid text `{after}` after the `]`; only :PORT can follow")),
        }
    } else {
        match place.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(format!("IPv6 address without brackets; write [{place}]"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        }
    };
    let port = port.map(parse_port).transpose()?;
    Ok((host, port))
}

/// Reads `host` or `host:port`; the port is `default` where there is none.
pub(crate) fn parse_place(place: &str, default: u16) -> Result<(Host, u16), String> {
    let (host, port) = split_port(place)?;
    Ok((parse_host(host)?, port.unwrap_or(default)))
}

/// Reads a port that can be connected to.
fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(0) => Err("invalid port `0` (1-65535)".into()),
        // `parse` takes a leading `+`, which is no port.
        Ok(port) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ if text.is_empty() => Err("no port after the colon".into()),
        _ => Err(format!("invalid port `{text}` (1-65535)")),
    }
}

/// Reads a name, an IPv4 address or a bracketed IPv6 address.
pub(crate) fn parse_host(text: &str) -> Result<Host, String> {
    if text.is_empty() {
        return Err("no host".into());
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        // RFC 6874 has the % of a zone encoded; nobody writes that by hand.
        if let Some((address, zone)) = inner.split_once("%25").or_else(|| inner.split_once('%')) {
            return zoned(address, zone);
        }
        let address = inner.parse::<Ipv6Addr>().map_err(|_| format!("invalid IPv6 address `{inner}`"))?;
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
        let remedy = if text.is_ascii() { "" } else { "; write its ASCII form, which begins with xn--," };
        return Err(format!("invalid host name `{text}`{remedy}"));
    }
    // 127.1 or 300.0.0.1: some resolvers read these as addresses, some as names, so we read them as mistakes.
    if name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(format!("invalid host `{text}`: neither an IPv4 address nor a host name"));
    }
    Ok(Host::Name(text.to_owned()))
}

/// Reads an address and its zone, the name or the index of an interface.
fn zoned(address: &str, zone: &str) -> Result<Host, String> {
    let parsed = address.parse::<Ipv6Addr>().map_err(|_| format!("invalid IPv6 address `{address}`"))?;
    // IFNAMSIZ is 16, with the zero at the end.
    let is_name = (1..16).contains(&zone.len()) && zone.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    if !parsed.is_unicast_link_local() || !is_name {
        return Err(format!(
            "`{address}%{zone}` is not a link-local address with an interface, as fe80::1%eth0 is,"
        ));
    }
    Ok(Host::Zoned(parsed, zone.to_owned()))
}

/// A target as the user named it, its variables replaced. Whatever prints it prints it masked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TargetText(String);

impl TargetText {
    /// `text`, which may hold secrets.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, to be read, never to be shown.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// `message` without the secrets of this target: a parser may quote what it could not read.
    pub(crate) fn redact(&self, message: &str) -> String {
        let mut message = message.to_owned();
        for secret in self.secrets() {
            if secret.len() >= SECRET_MIN && message.contains(&secret) {
                message = message.replace(&secret, MASK);
            }
        }
        message
    }

    /// What must not be shown: the password, and the values of the query, as written and decoded. A user without a
    /// password is no secret, and too often a word like `user` itself.
    fn secrets(&self) -> Vec<String> {
        let mask = Masked::of(&self.0);
        let userinfo = self.0.get(mask.userinfo.clone()).unwrap_or_default();
        let query = self.0.get(mask.query.clone()).unwrap_or_default();
        let mut secrets: Vec<String> = Vec::new();
        if let Some((_, password)) = userinfo.split_once(':') {
            secrets.extend([userinfo.to_owned(), password.to_owned()]);
            // A parser that stops at a delimiter has a part of it.
            secrets.extend(password.split(['/', '?', '#', '@', ':', '&', '=']).map(str::to_owned));
        }
        let values = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        secrets.extend(values.map(str::to_owned));
        let decoded: Vec<_> =
            secrets.iter().filter(|secret| secret.contains('%')).map(|one| decoded(one)).collect();
        secrets.extend(decoded);
        // A longer secret may hold a shorter one.
        secrets.sort_by_cached_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

impl fmt::Display for TargetText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&label(&self.0))
    }
}

impl fmt::Debug for TargetText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What stands for a secret.
const MASK: &str = "***";

/// Shorter ones stand in any sentence by chance.
const SECRET_MIN: usize = 4;

/// `text` with its `%XX` replaced, as far as that is UTF-8.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits =
            after.get(..2).filter(|_| byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.unwrap_or(byte));
        rest = if value.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The families of schemes, as far as `@` and `?` mean different things in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// http and https: a path may hold an `@`.
    Http,
    /// This machine: `@` and `?` are letters like others.
    Local,
    /// A service on a unix socket, whose path may begin with `@`.
    UnixSocket,
    /// Any other, known or not.
    Service,
}

impl Form {
    /// The family of the scheme `name`.
    pub(crate) fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "http" | "https" => Self::Http,
            "file" | "dir" | "unix" | "pid" | "process" | "zombies" | "pids" | "dns" => Self::Local,
            other if other.ends_with("+unix") => Self::UnixSocket,
            _ => Self::Service,
        }
    }
}

/// `scheme` and `rest` of `scheme:rest`.
pub(crate) fn scheme_of(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|(scheme, _)| is_scheme(scheme))
}

/// Whether `text` can be a scheme (RFC 3986, 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Where the parts of a target stand that are not shown.
struct Masked {
    /// Up to the `@`.
    userinfo: Range<usize>,
    /// Behind the `?`.
    query: Range<usize>,
    /// Where the `#` stands, or the end.
    end: usize,
}

impl Masked {
    /// Finds them in `text`, also where it is no good target: what might be a password is one.
    fn of(text: &str) -> Self {
        let (form, start) = match scheme_of(text) {
            Some((name, _)) => (Form::of(name), name.len() + 1),
            // A URL in a word, as in `--db=postgres://user:password@db`.
            None => match text.split_once(':') {
                Some((name, rest)) if rest.starts_with("//") && !name.contains('@') => {
                    (Form::Service, name.len() + 1)
                }
                _ => (Form::Service, 0),
            },
        };
        let rest = text.get(start..).unwrap_or_default();
        let has_authority = rest.starts_with("//");
        let start = match form {
            _ if has_authority => start + "//".len(),
            // What looks like a scheme may be a user.
            Form::Http | Form::Service => 0,
            Form::Local | Form::UnixSocket => start,
        };
        let rest = text.get(start..).unwrap_or_default();
        let at = match form {
            Form::Local if !has_authority || rest.starts_with(['/', '@']) => None,
            Form::UnixSocket if !has_authority => None,
            Form::Http if has_authority => userinfo_of_http(rest),
            _ => rest.rfind('@'),
        };
        let userinfo = start..start + at.unwrap_or(0);
        let find = |from: usize, c: char| text.get(from..).and_then(|rest| rest.find(c)).map(|at| from + at);
        if form == Form::Local {
            return Self { userinfo, query: text.len()..text.len(), end: text.len() };
        }
        let end = find(userinfo.end, '#').unwrap_or(text.len());
        let query = find(userinfo.end, '?').filter(|at| *at < end).map_or(end, |at| at + 1);
        Self { userinfo, query: query..end, end }
    }
}

/// Where the `@` behind the user and password stands in what follows `http://`. A raw delimiter in a password ends the
/// authority early, and the rest of it looks like a path.
fn userinfo_of_http(rest: &str) -> Option<usize> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let own = authority.rfind('@');
    let place = authority.get(own.map_or(0, |at| at + 1)..).unwrap_or_default();
    let is_place = split_port(place).and_then(|(host, _)| parse_host(host)).is_ok();
    if !is_place {
        return rest.rfind('@');
    }
    let path = behind.split(['?', '#']).next().unwrap_or_default();
    // `http://registry:4873/@scope/name` has no password, `http://user:80/rest@host` may have one.
    let in_path = path.rfind('@').filter(|&at| !path.get(..at).unwrap_or_default().ends_with('/'));
    in_path.filter(|_| authority.contains([':', '@'])).map(|at| end + at).or(own)
}

/// `text` as it may be shown: userinfo and query masked, no fragment, no control characters, at most `LABEL_MAX` bytes.
pub(crate) fn label(text: &str) -> String {
    let masked = Masked::of(text);
    let part = |range: Range<usize>| text.get(range).unwrap_or_default();
    let mut shown = part(0..masked.userinfo.start).to_owned();
    if !masked.userinfo.is_empty() {
        shown.push_str(MASK);
    }
    shown.push_str(part(masked.userinfo.end..masked.query.start.min(masked.end)));
    if !masked.query.is_empty() {
        shown.push_str(MASK);
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
            ("http:/x", "no // after http:"),
            ("http://", "no host"),
            ("http://:80/", "no host"),
            ("http://h:/", "no port after the colon"),
            ("http://h:0/", "invalid port `0`"),
            ("http://h:99999/", "invalid port"),
            ("http://h:+80/", "invalid port"),
            ("http://::1/", "without brackets"),
            ("http://[::1/", "unmatched `[`"),
            ("http://[::1]80/", "after the `]`"),
            ("http://[zz]/", "invalid IPv6 address"),
            ("http://a b/", "invalid host name"),
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
        for (text, shown) in [
            ("http://h:4873/@scope/name", "http://h:4873/@scope/name"),
            ("http://u:1/S3C@h/", "http://***@h/"),
            ("http://u:Zm9v/YmFy@h:80/", "http://***@h:80/"),
            ("http://u:p@ss/word@h/", "http://***@h/"),
            ("http://h/x?token=1#y", "http://h/x?***"),
            ("http://h/x?#status=200", "http://h/x?"),
            ("postgres://u:a?b@h/d?sslmode=require", "postgres://***@h/d?***"),
            ("redis+unix://:pw@/run/r.sock?db=1", "redis+unix://***@/run/r.sock?***"),
            ("redis+unix:@abstract", "redis+unix:@abstract"),
            ("unix:@abstract", "unix:@abstract"),
            ("unix:///run/a@b?c#d", "unix:///run/a@b?c#d"),
            ("process:getty@tty1", "process:getty@tty1"),
            ("dns:name@127.0.0.1", "dns:name@127.0.0.1"),
            ("file://u:pw@host/x", "file://***@host/x"),
            ("u:pw@h:80", "***@h:80"),
            ("http:/u:pw@h", "***@h"),
            ("gopher://u:p/w@h/", "gopher://***@h/"),
        ] {
            assert_eq!(label(text), shown);
        }
        assert_eq!(label("http://h/\x1b[2J"), "http://h/?[2J");
        assert!(label(&format!("http://h/{}", "ä".repeat(500))).len() <= LABEL_MAX + 3);
    }
}
