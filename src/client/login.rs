//! Who we say that we are: the userinfo of a target and `--password-file`.

use std::path::{Path, PathBuf};

use crate::outcome::{Cause, Failure, Phase};
use crate::system::file;

use crate::client::secret::Secret;
use crate::target::{Authority, Target};

/// The most bytes of a password file's first line; nobody's password is longer, and a wrong path may name a huge file.
const PASSWORD_MAX: usize = 4096;

/// Where passwords come from besides targets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Its first line is the password.
    pub(crate) password_file: Option<PathBuf>,
}

/// A user, a password, both or neither.
#[derive(Debug, Default)]
pub(crate) struct Login {
    /// Not empty.
    pub(crate) user: Option<String>,
    password: Password,
}

/// Where the password is.
#[derive(Debug, Default)]
enum Password {
    /// There is none.
    #[default]
    None,
    /// In the target.
    Given(Secret),
    /// In the first line of a file, read at each attempt, so that a renewed one is seen.
    File(PathBuf),
}

impl Login {
    /// Reads `user:password` and the options.
    pub(crate) fn parse(userinfo: Option<&str>, options: &Options) -> Result<Self, String> {
        let (user, password) = match userinfo.map(|info| info.split_once(':').ok_or(info)) {
            None => (None, None),
            Some(Err(user)) => (Some(user), None),
            Some(Ok((user, password))) => (Some(user), Some(password)),
        };
        let user = match user.map(decode).transpose()? {
            None => None,
            Some(user) if user.is_empty() => None,
            Some(user) => Some(String::from_utf8(user).map_err(|_| "a user that is not UTF-8")?),
        };
        let password = match (password, &options.password_file) {
            (Some(_), Some(_)) => return Err("a password, beside --password-file,".into()),
            (Some(password), None) => Password::Given(Secret::new(decode(password)?)),
            (None, Some(path)) => Password::File(path.clone()),
            (None, None) => Password::None,
        };
        Ok(Self { user, password })
    }

    /// The same, of a protocol that has no use for a user without a password, nor for a password without a user.
    pub(crate) fn parse_whole(userinfo: Option<&str>, options: &Options) -> Result<Self, String> {
        let login = Self::parse(userinfo, options)?;
        if login.user.is_some() != login.has_password() {
            return Err("a user without a password, or the other way round; write user:password@host,".into());
        }
        Ok(login)
    }

    /// Whether there is a password.
    pub(crate) fn has_password(&self) -> bool {
        !matches!(self.password, Password::None)
    }

    /// The password, read from its file now.
    pub(crate) fn password(&self) -> Result<Option<Secret>, Failure> {
        match &self.password {
            Password::None => Ok(None),
            Password::Given(secret) => Ok(Some(secret.clone())),
            Password::File(path) => first_line(path).map(Some),
        }
    }
}

/// The authority of a target that may hold a login. A password with a raw `/`, `?` or `#` would end the authority
/// early and be shown as a path, so it is refused here, before any of it is named.
pub(crate) fn authority<'a>(target: &Target<'a>) -> Result<Authority<'a>, String> {
    let place = target.rest.strip_prefix("//").unwrap_or(target.rest);
    let end = place.find(['/', '?', '#']).unwrap_or(place.len());
    if place.get(end..).is_some_and(|path| path.contains('@')) {
        return Err(
            "a /, ? or # in the user or password, which must be %-encoded there and needs no encoding in \
             --password-file,"
                .into(),
        );
    }
    target.authority()
}

/// The userinfo and the path, query and all, of a target on a unix socket: `/path`, `@name` or `//[userinfo@]/path`.
pub(crate) fn unix<'a>(target: &Target<'a>) -> Result<(Option<&'a str>, &'a str), String> {
    let (userinfo, path) = match target.rest.strip_prefix("//") {
        None => (None, target.rest),
        Some(place) => match place.split_at(place.find('/').unwrap_or(place.len())) {
            ("", path) => (None, path),
            (authority, path) => {
                (Some(authority.strip_suffix('@').ok_or("a host, which a unix socket has not,")?), path)
            }
        },
    };
    if !path.starts_with(['/', '@']) {
        return Err("the path of the socket must be absolute".into());
    }
    Ok((userinfo, path))
}

/// The part `what` of a target, decoded, as text.
pub(crate) fn decode_text(text: &str, what: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("a {what} with {why}");
    String::from_utf8(decode(text).map_err(|_| wrong("a NUL, or a % that starts no %XX; write %25 for a %"))?)
        .map_err(|_| wrong("bytes that are not UTF-8"))
}

/// `text` with its `%XX` replaced (RFC 3986, 2.1).
fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
            match (digit(), digit()) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(b'%'),
                _ => return Err("a % in the user or password that starts no %XX; write %25 for a %".into()),
            }
        } else {
            byte
        };
        if byte == 0 {
            return Err("a NUL in the user or password".into());
        }
        decoded.push(byte);
    }
    Ok(decoded)
}

/// The first line of `path` without its end.
fn first_line(path: &Path) -> Result<Secret, Failure> {
    let failed = |why: String| Failure::new(Phase::Local, Cause::Broken, why);
    let bad = |why: &str| failed(format!("--password-file {}: {why}", path.display()));
    let text = file::of_option("--password-file", path).map_err(failed)?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match line.strip_suffix(b"\r").unwrap_or(line) {
        [] => Err(bad("the first line is empty")),
        line if line.len() > PASSWORD_MAX => Err(bad("the first line is too long for a password")),
        line if line.contains(&0) => Err(bad("a NUL in the first line")),
        line => Ok(Secret::new(line.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(userinfo: &str) -> Result<(Option<String>, Option<Vec<u8>>), String> {
        let login = Login::parse(Some(userinfo), &Options::default())?;
        let password = login.password().unwrap().map(|secret| secret.expose().to_vec());
        Ok((login.user, password))
    }

    #[test]
    fn userinfo_is_taken_apart_and_decoded() {
        let pair = |user: &str, password: &str| (Some(user.to_owned()), Some(password.as_bytes().to_vec()));
        assert_eq!(login("u:p"), Ok(pair("u", "p")));
        assert_eq!(login("u:p:q"), Ok(pair("u", "p:q")));
        assert_eq!(login("u%40h:p%2f%25+"), Ok(pair("u@h", "p/%+")));
        assert_eq!(login(":p"), Ok((None, Some(b"p".to_vec()))));
        assert_eq!(login("u:"), Ok(pair("u", "")));
        assert_eq!(login("u"), Ok((Some("u".into()), None)));
        assert_eq!(login(""), Ok((None, None)));
        for bad in ["u:100%", "u:%4", "u:%zz", "u:%00", "%ff:p"] {
            let error = login(bad).unwrap_err();
            assert!(!error.contains(bad), "{error}");
        }
    }

    #[test]
    fn a_password_with_a_raw_slash_is_refused_unseen() {
        for text in ["redis://:hun/ter2@h", "redis://:12?hunter2@h:1/0", "redis://u:#hunter2@h"] {
            let target = Target::split(text, |_| true).unwrap();
            let error = authority(&target).unwrap_err();
            assert!(error.contains("%-encoded"), "{error}");
            assert!(!error.contains("hun") && !target.label().contains("hun"), "{error} {}", target.label());
        }
    }

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        let path = std::env::temp_dir().join(format!("sexton-login-{}", std::process::id()));
        let read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            first_line(&path).map(|secret| secret.expose().to_vec()).map_err(|failure| failure.reason)
        };
        assert_eq!(read(b"one\ntwo\n"), Ok(b"one".to_vec()));
        assert_eq!(read(b"one\r\n"), Ok(b"one".to_vec()));
        assert_eq!(read(b" o ne "), Ok(b" o ne ".to_vec()));
        assert!(read(b"").unwrap_err().ends_with(": the first line is empty"));
        assert!(read(b"\none").unwrap_err().contains("is empty"));
        assert!(read(&[b'x'; PASSWORD_MAX + 1]).unwrap_err().contains("too long"));
        std::fs::remove_file(&path).unwrap();
        assert!(first_line(&path).unwrap_err().reason.ends_with(": no such file"));
    }
}
