//! Requests and answers of HTTP.

use std::path::PathBuf;

use clap::Args;

use crate::expect::{Condition, JsonPointer, StatusSet};
use crate::http::{Credentials, Follow, HeaderName, HeaderValue, Method, Proxy, header};
use crate::probe::options::{BodyUse, Data, Group, HttpOptions, Options};

use super::{Given, expanded};

/// What to ask, and which answer is good.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "HTTP")]
pub(super) struct Words {
    /// The statuses that pass [default: 200-299]
    #[arg(long, value_name = "200-299,401")]
    status: Option<String>,
    /// The method to ask with [default: GET, or POST with --data]
    #[arg(short = 'X', long)]
    method: Option<String>,
    /// A header to send; repeatable
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// A body to send, as a form unless --header says otherwise
    #[arg(short = 'd', long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    data: Option<String>,
    /// Basic authentication
    #[arg(short = 'u', long, value_name = "NAME:PASSWORD")]
    user: Option<String>,
    /// A file with a token to send as bearer; read at each attempt
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<String>,
    /// Who to say that we are [default: sexton/VERSION]
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// A text that the body or file must have; repeatable
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    contains: Vec<String>,
    /// A text that the body or file must not have; repeatable
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    not_contains: Vec<String>,
    /// A place in the JSON body (RFC 6901), and its value; repeatable
    #[arg(long, value_name = "POINTER[=VALUE]")]
    json_path: Vec<String>,
    /// Judge the status alone; do not read the body
    #[arg(long)]
    status_only: bool,
    /// Follow redirects, at most N (5); never from https to http
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "5")]
    follow: Option<String>,
    /// Ask through an HTTP proxy; the environment's are never used
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
}

impl Words {
    /// Sets what was given.
    pub(super) fn apply(self, options: &mut Options, given: &mut Given) -> Result<(), String> {
        let http = &mut options.http;
        if let Some(status) = self.status {
            given.note("--status", Group::Http);
            http.status =
                expanded(&status)?.parse::<StatusSet>().map_err(|why| format!("--status: {why}"))?;
        }
        if let Some(method) = self.method {
            given.note("--method", Group::Http);
            http.method = Some(read_method(&expanded(&method)?)?);
        }
        for text in &self.header {
            given.note("--header", Group::Headers);
            http.headers.push(read_header(&expanded(text)?, "--header")?);
        }
        if let Some(name) = self.user_agent {
            given.note("--user-agent", Group::Headers);
            let value = HeaderValue::from_str(&expanded(&name)?)
                .map_err(|_| "--user-agent: the text holds a control character")?;
            http.headers.push((header::USER_AGENT, value));
        }
        if let Some(data) = self.data {
            given.note("--data", Group::Http);
            http.data = Some(read_data(&data)?);
        }
        if let Some(user) = self.user {
            given.note("--user", Group::Http);
            http.credentials = Some(read_user(&expanded(&user)?)?);
        }
        if let Some(path) = self.bearer_file {
            given.note("--bearer-file", Group::Http);
            if http.credentials.is_some() {
                return Err("--user and --bearer-file are both credentials; leave one of them out".into());
            }
            http.credentials = Some(Credentials::BearerFile(PathBuf::from(expanded(&path)?)));
        }
        for text in &self.contains {
            given.note("--contains", Group::Content);
            options.conditions.push(Condition::Contains(some_text(text, "--contains")?));
        }
        for text in &self.not_contains {
            given.note("--not-contains", Group::Content);
            options.conditions.push(Condition::ContainsNot(some_text(text, "--not-contains")?));
        }
        for text in &self.json_path {
            given.note("--json-path", Group::Content);
            options.conditions.push(read_json_path(&expanded(text)?)?);
        }
        if self.status_only {
            given.note("--status-only", Group::Http);
            if !options.conditions.is_empty() {
                return Err(
                    "--status-only does not read the body, so --contains, --not-contains and --json-path \
                            cannot hold; leave one of them out"
                        .into(),
                );
            }
            http.body = BodyUse::Ignored;
        }
        if let Some(most) = self.follow {
            given.note("--follow", Group::Http);
            http.follow = Follow::AtMost(read_follow(&expanded(&most)?)?);
        }
        if let Some(proxy) = self.proxy {
            given.note("--proxy", Group::Http);
            // The URL may hold a password, so it is never shown.
            http.proxy =
                Some(Proxy::parse(&expanded(&proxy)?).map_err(|why| {
                    format!("--proxy: {why}; write --proxy http://[USER:PASSWORD@]HOST:PORT")
                })?);
        }
        refuse_contradictions(&options.http, &options.conditions)
    }
}

/// Refuses options that cannot all be meant.
fn refuse_contradictions(http: &HttpOptions, conditions: &[Condition]) -> Result<(), String> {
    let count = |name: &HeaderName| http.headers.iter().filter(|(given, _)| given == name).count();
    if count(&header::HOST) > 1 {
        return Err("--header Host is given more than once".into());
    }
    if count(&header::USER_AGENT) > 1 {
        return Err("the user agent is given more than once".into());
    }
    if http.credentials.is_some() && count(&header::AUTHORIZATION) > 0 {
        return Err(
            "--header Authorization is given beside --user or --bearer-file; leave one of them out".into()
        );
    }
    if http.data.is_some() && http.method == Some(Method::HEAD) {
        return Err("--data cannot be sent with HEAD".into());
    }
    if !conditions.is_empty() && http.method == Some(Method::HEAD) {
        return Err(
            "the answer to HEAD has no body, so --contains, --not-contains and --json-path cannot hold"
                .into(),
        );
    }
    Ok(())
}

/// Reads the name of a method, which is case-sensitive (RFC 9110, 9.1).
fn read_method(text: &str) -> Result<Method, String> {
    match text.parse::<Method>() {
        Ok(Method::CONNECT) => Err("--method CONNECT is for proxies; see --proxy".into()),
        Ok(method) if text.bytes().any(|b| b.is_ascii_lowercase()) => {
            let upper = text.to_ascii_uppercase();
            match upper.parse::<Method>() {
                Ok(known)
                    if matches!(
                        known.as_str(),
                        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH" | "TRACE"
                    ) =>
                {
                    Err(format!("--method `{text}`: methods are case-sensitive; write {upper}"))
                }
                _ => Ok(method),
            }
        }
        Ok(method) => Ok(method),
        Err(_) => Err(format!("--method `{text}` is no HTTP method")),
    }
}

/// Headers that belong to the connection and that we set as it must be.
const OURS: [HeaderName; 3] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT];

/// Reads `Name: value`; nothing that would end the line may be in it.
pub(crate) fn read_header(text: &str, flag: &str) -> Result<(HeaderName, HeaderValue), String> {
    // The value may be a secret, so it is never shown.
    let (name, value) =
        text.split_once(':').ok_or_else(|| format!("{flag} without a colon; write {flag} 'Name: value'"))?;
    let name = name.trim();
    let parsed = name.parse::<HeaderName>().map_err(|_| format!("{flag}: `{name}` is no header name"))?;
    if OURS.contains(&parsed) {
        return Err(format!("{flag} {name}: set by sexton itself, as the body needs it"));
    }
    let value = HeaderValue::from_str(value.trim_matches([' ', '\t']))
        .map_err(|_| format!("{flag} {name}: the value holds a control character"))?;
    Ok((parsed, value))
}

/// Reads `text` or `@file`. The name of the file is expanded, and so is a text, but not a file's content.
fn read_data(text: &str) -> Result<Data, String> {
    match text.strip_prefix('@') {
        Some("") => Err("--data @ without a file; write --data @FILE".into()),
        Some("-") => {
            Err("--data @- would read stdin, which a healthcheck does not have; write --data @FILE".into())
        }
        Some(path) => Ok(Data::File(PathBuf::from(expanded(path)?))),
        None => Ok(Data::Text(expanded(text)?)),
    }
}

/// Reads `name:password`.
fn read_user(text: &str) -> Result<Credentials, String> {
    // Nothing of it is shown: whoever forgets the colon may have written the password.
    if !text.contains(':') {
        return Err("--user without a colon; write --user NAME:PASSWORD".into());
    }
    Credentials::basic(text).map_err(|why| format!("--user: {why}"))
}

/// Reads a text that is not empty: the empty one stands in everything.
fn some_text(text: &str, flag: &str) -> Result<String, String> {
    match expanded(text)? {
        text if text.is_empty() => Err(format!("{flag} is empty, and that is in everything")),
        text => Ok(text),
    }
}

/// Reads `/pointer` or `/pointer=value`; a `=` in the pointer is written `\=`.
fn read_json_path(text: &str) -> Result<Condition, String> {
    let end =
        text.char_indices().find(|&(at, c)| c == '=' && !text.get(..at).unwrap_or_default().ends_with('\\'));
    let (pointer, value) = match end.and_then(|(at, _)| text.split_at_checked(at)) {
        Some((pointer, value)) => (pointer, value.strip_prefix('=').map(str::to_owned)),
        None => (text, None),
    };
    let pointer =
        JsonPointer::parse(&pointer.replace("\\=", "=")).map_err(|why| format!("--json-path: {why}"))?;
    Ok(Condition::Json(pointer, value))
}

/// Reads how many redirects to follow.
fn read_follow(text: &str) -> Result<u8, String> {
    match text.parse::<u8>() {
        Ok(most @ 1..=50) => Ok(most),
        _ => Err(format!("--follow `{text}` is no number of redirects; they are 1 to 50")),
    }
}
