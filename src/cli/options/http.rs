//! HTTP: what is sent, and which response passes.

use crate::cli::option::{Given, Opt, Table};
use crate::expect::{Condition, JsonPointer, StatusSet};
use crate::http::{Credentials, Follow, HeaderName, HeaderValue, Method, Proxy, header};
use crate::probe::options::{BodyUse, Data, Group, Options};

/// The options.
pub(super) const TABLE: Table = Table {
    heading: Some("HTTP"),
    options: &[
        Opt::value("status", "200-299,401", "Statuses that pass [default: 200-299]", |args, given| {
            args.probe.http.status = given.text()?.parse::<StatusSet>().map_err(|why| given.refuse(why))?;
            Ok(())
        })
        .of(Group::Http),
        Opt::value("method", "METHOD", "Request method [default: GET; POST with --data]", |args, given| {
            args.probe.http.method = Some(read_method(given)?);
            Ok(())
        })
        .short('X')
        .of(Group::Http),
        Opt::value("header", "NAME: VALUE", "Request header (repeatable)", |args, given| {
            args.probe.http.headers.push(read_header(&given.text()?, &given.to_string())?);
            Ok(())
        })
        .short('H')
        .many()
        .of(Group::Headers),
        Opt::value(
            "data",
            "TEXT|@FILE",
            "Request body; a form unless --header says otherwise",
            |args, given| {
                args.probe.http.data = Some(read_data(given)?);
                Ok(())
            },
        )
        .short('d')
        .of(Group::Http),
        Opt::value("user", "NAME:PASSWORD", "Basic authentication", |args, given| {
            args.probe.http.credentials = Some(read_user(given)?);
            Ok(())
        })
        .short('u')
        .of(Group::Http)
        .excludes(&["bearer-file"]),
        Opt::value("bearer-file", "FILE", "File with a bearer token, read at each attempt", |args, given| {
            args.probe.http.credentials = Some(Credentials::BearerFile(given.path()?));
            Ok(())
        })
        .of(Group::Http),
        Opt::value("user-agent", "TEXT", "User-Agent header [default: sexton/VERSION]", |args, given| {
            let value = HeaderValue::from_str(&given.text()?)
                .map_err(|_| given.refuse("the value contains a control character"))?;
            args.probe.http.headers.push((header::USER_AGENT, value));
            Ok(())
        })
        .of(Group::Headers),
        Opt::value(
            "contains",
            "TEXT",
            "Text that the body or file must contain (repeatable)",
            |args, given| {
                args.probe.conditions.push(Condition::Contains(given.some_text()?));
                Ok(())
            },
        )
        .many()
        .of(Group::Content),
        Opt::value("not-contains", "TEXT", "Text that it must not contain (repeatable)", |args, given| {
            args.probe.conditions.push(Condition::ContainsNot(given.some_text()?));
            Ok(())
        })
        .many()
        .of(Group::Content),
        Opt::value(
            "json-path",
            "POINTER[=VALUE]",
            "JSON pointer that must exist, or have this value (repeatable)",
            |args, given| {
                args.probe.conditions.push(read_json_path(given)?);
                Ok(())
            },
        )
        .many()
        .of(Group::Content),
        Opt::switch("status-only", "Judge the status alone; do not read the body", |args, _| {
            args.probe.http.body = BodyUse::Ignored;
            Ok(())
        })
        .of(Group::Http)
        .excludes(&["contains", "not-contains", "json-path"]),
        Opt::value(
            "follow",
            "N",
            "Follow up to N redirects [N: 5]; never from https to http",
            |args, given| {
                args.probe.http.follow = Follow::AtMost(read_follow(given)?);
                Ok(())
            },
        )
        .usually("5")
        .of(Group::Http),
        Opt::value("proxy", "URL", "HTTP proxy; those of the environment are ignored", |args, given| {
            let url = given.target()?;
            let proxy = Proxy::parse(url.text()).map_err(|why| {
                let why = url.redact(&why);
                given.refuse(format_args!("{why}; write http://[USER:PASSWORD@]HOST:PORT"))
            })?;
            args.probe.http.proxy = Some(proxy);
            Ok(())
        })
        .of(Group::Http)
        .excludes(&["unix-socket", "loopback-only"]),
    ],
};

/// Refuses options that contradict each other.
pub(super) fn refuse_contradictions(options: &Options) -> Result<(), String> {
    let http = &options.http;
    let count = |name: &HeaderName| http.headers.iter().filter(|(given, _)| given == name).count();
    if count(&header::HOST) > 1 {
        return Err("--header Host is given more than once".into());
    }
    if count(&header::USER_AGENT) > 1 {
        return Err("the User-Agent header is given more than once".into());
    }
    if http.credentials.is_some() && count(&header::AUTHORIZATION) > 0 {
        return Err(
            "--header Authorization cannot be used with --user or --bearer-file: both are credentials".into(),
        );
    }
    if http.data.is_some() && http.method == Some(Method::HEAD) {
        return Err("--data cannot be used with --method HEAD".into());
    }
    if !options.conditions.is_empty() && http.method == Some(Method::HEAD) {
        return Err("--contains, --not-contains and --json-path cannot be used with --method HEAD: \
                    its response has no body"
            .into());
    }
    Ok(())
}

/// Reads the name of a method, which is case-sensitive (RFC 9110, 9.1).
fn read_method(given: &Given) -> Result<Method, String> {
    const USUAL: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"];
    let text = given.text()?;
    let upper = text.to_ascii_uppercase();
    match text.parse::<Method>() {
        Ok(Method::CONNECT) => Err(given.refuse("CONNECT is for proxies; see --proxy")),
        Ok(_) if text != upper && USUAL.contains(&upper.as_str()) => {
            Err(given.refuse(format_args!("methods are case-sensitive: `{text}`; did you mean {upper}?")))
        }
        Ok(method) => Ok(method),
        Err(_) => Err(given.refuse(format_args!("invalid method `{text}`"))),
    }
}

/// Headers that belong to the connection and that we set as it must be.
const OURS: [HeaderName; 3] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT];

/// Reads `Name: value`; nothing that would end the line may be in it.
pub(crate) fn read_header(text: &str, flag: &str) -> Result<(HeaderName, HeaderValue), String> {
    // The value may be a secret, so it is never shown.
    let (name, value) =
        text.split_once(':').ok_or_else(|| format!("{flag}: no colon; write {flag} 'Name: value'"))?;
    let name = name.trim();
    let parsed = name.parse::<HeaderName>().map_err(|_| format!("{flag}: invalid header name `{name}`"))?;
    if OURS.contains(&parsed) {
        return Err(format!("{flag}: {name} is set by sexton itself, as the body needs it"));
    }
    let value = HeaderValue::from_str(value.trim_matches([' ', '\t']))
        .map_err(|_| format!("{flag}: the value of {name} contains a control character"))?;
    Ok((parsed, value))
}

/// Reads `text` or `@file`. The name of the file is expanded, and so is a text, but not a file's content.
fn read_data(given: &Given) -> Result<Data, String> {
    match given.raw().strip_prefix('@') {
        Some("") => Err(given.refuse("no file after the @; write --data @FILE")),
        Some("-") => {
            Err(given.refuse("@- would read stdin, which a health check does not have; write @FILE"))
        }
        Some(_) => {
            let text = given.text()?;
            let path = text.strip_prefix('@').unwrap_or_default();
            given.absolute(path).map(Data::File)
        }
        None => Ok(Data::Text(given.text()?)),
    }
}

/// Reads `name:password`.
fn read_user(given: &Given) -> Result<Credentials, String> {
    let text = given.text()?;
    // Nothing of it is shown: whoever forgets the colon may have written the password.
    if !text.contains(':') {
        return Err(given.refuse("no colon; write --user NAME:PASSWORD"));
    }
    Credentials::basic(&text).map_err(|why| given.refuse(why))
}

/// Reads `/pointer` or `/pointer=value`; a `=` in the pointer is written `\=`.
fn read_json_path(given: &Given) -> Result<Condition, String> {
    let text = given.text()?;
    let end =
        text.char_indices().find(|&(at, c)| c == '=' && !text.get(..at).unwrap_or_default().ends_with('\\'));
    let (pointer, value) = match end.and_then(|(at, _)| text.split_at_checked(at)) {
        Some((pointer, value)) => (pointer, value.strip_prefix('=').map(str::to_owned)),
        None => (text.as_str(), None),
    };
    let pointer = JsonPointer::parse(&pointer.replace("\\=", "=")).map_err(|why| given.refuse(why))?;
    Ok(Condition::Json(pointer, value))
}

/// Reads how many redirects to follow.
fn read_follow(given: &Given) -> Result<u8, String> {
    let text = given.text()?;
    match text.parse::<u8>() {
        Ok(most @ 1..=50) => Ok(most),
        _ => Err(given.refuse(format_args!("invalid number of redirects `{text}` (1-50)"))),
    }
}
