//! The requests that its options describe.

use std::path::{Path, PathBuf};

use crate::compat::curl::run::{Item, basic};
use crate::compat::transfer::exchange::Request;
use crate::compat::transfer::sink::Place;
use crate::http::{HeaderName, HeaderValue, Method, Url, encoded, header};
use crate::system::option_file as file;

use super::options::{Piece, Words};
use super::{Refusal, misused};

/// Who we say that we are.
const USER_AGENT: &str = "curl/7.88.1";

/// What the requests of all URLs have in common.
#[derive(Debug)]
pub(super) struct Template {
    method: Method,
    headers: Vec<(HeaderName, HeaderValue)>,
    user_agent: String,
    authorization: Option<HeaderValue>,
    data: Option<Vec<u8>>,
    query: Option<String>,
    globs: bool,
}

impl Template {
    /// What `words` say.
    pub(super) fn new(words: &Words) -> Result<Self, Refusal> {
        let mut data = if words.data.is_empty() { None } else { Some(body(&words.data)?) };
        if words.head && data.is_some() && !words.get {
            return Err(misused("only one kind of request can be made: -I asks with HEAD, and -d with POST"));
        }
        let query = data.take_if(|_| words.get).map(|data| encoded(&data));
        let method = match (&words.method, words.head, &data) {
            (Some(name), _, _) => {
                name.parse().map_err(|_| misused(format!("option -X: {name} is no method")))?
            }
            (None, true, _) => Method::HEAD,
            (None, false, Some(_)) => Method::POST,
            (None, false, None) => Method::GET,
        };
        let mut headers = Vec::new();
        let mut user_agent = words.user_agent.clone().unwrap_or_else(|| USER_AGENT.into());
        for text in &words.headers {
            match header_of(text)? {
                Line::Sent(name, value) => headers.push((name, value)),
                Line::Unsent(name) if name == header::USER_AGENT => user_agent.clear(),
                Line::Unsent(_) => {}
            }
        }
        let has =
            |headers: &[(HeaderName, HeaderValue)], name| headers.iter().any(|(given, _)| given == name);
        let is_json = words.data.iter().any(|(piece, _)| *piece == Piece::Json);
        if data.is_some() && !has(&headers, header::CONTENT_TYPE) {
            let form = if is_json { "application/json" } else { "application/x-www-form-urlencoded" };
            headers.push((header::CONTENT_TYPE, HeaderValue::from_static(form)));
        }
        if is_json && !has(&headers, header::ACCEPT) {
            headers.push((header::ACCEPT, HeaderValue::from_static("application/json")));
        }
        let authorization = match (&words.user, &words.bearer) {
            _ if has(&headers, header::AUTHORIZATION) => None,
            (Some(user), _) => Some(basic(&with_colon(user)).map_err(misused)?),
            (None, Some(token)) => Some(bearer(token)?),
            (None, None) => None,
        };
        HeaderValue::from_str(&user_agent)
            .map_err(|_| misused("option -A: the text holds a control character"))?;
        Ok(Self { method, headers, user_agent, authorization, data, query, globs: !words.globoff })
    }

    /// The request for `given`; what is wrong with it, and curl's code for that.
    pub(super) fn of(&self, given: &str) -> Result<Request, Refusal> {
        let (url, user) = self.url(given)?;
        let mut headers = self.headers.clone();
        let authorization = match (&self.authorization, user) {
            (Some(authorization), _) => Some(authorization.clone()),
            (None, Some(user)) => Some(basic(&with_colon(&user)).map_err(|why| (3, why))?),
            (None, None) => None,
        };
        headers.extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        Ok(Request {
            url,
            method: self.method.clone(),
            headers,
            user_agent: self.user_agent.clone(),
            data: self.data.clone(),
        })
    }

    /// The URL that `given` means; it is http unless it says otherwise.
    fn url(&self, given: &str) -> Result<(Url, Option<String>), Refusal> {
        let full = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
        let scheme = full.split("://").next().unwrap_or_default().to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err((1, format!("protocol \"{scheme}\" not supported; only http and https are")));
        }
        if given.contains(|c: char| c.is_control() || c == ' ') {
            return Err((3, "the URL has a blank or a control character, which must be %-encoded".into()));
        }
        let globs = self.globs && full.contains(['{', '}']);
        if globs {
            return Err((
                3,
                "URL globbing is not offered; name each URL, or give -g to ask for { and }".into(),
            ));
        }
        // The fragment is ours, not the server's.
        let full = full.split('#').next().unwrap_or_default();
        let mut text = encoded(full.as_bytes());
        if let Some(query) = &self.query {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(query);
        }
        let (url, user) = Url::parse(&text).map_err(|why| (3, format!("the URL cannot be asked: {why}")))?;
        Ok((url, user))
    }
}

/// `user` with a password, an empty one if need be: there is nobody to ask for it.
fn with_colon(user: &str) -> String {
    if user.contains(':') { user.to_owned() } else { format!("{user}:") }
}

/// The header that `--oauth2-bearer` sends.
fn bearer(token: &str) -> Result<HeaderValue, Refusal> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| misused("option --oauth2-bearer: the token holds a control character"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a `-H` asks for.
enum Line {
    /// To send it.
    Sent(HeaderName, HeaderValue),
    /// Not to send our own.
    Unsent(HeaderName),
}

/// Reads `Name: value`, `Name;` for one without a value, and `Name:` for none at all.
fn header_of(text: &str) -> Result<Line, Refusal> {
    let refuse = |why: &str| misused(format!("option -H: {why}"));
    let bad_name = || refuse("the name of a header holds a character that no name has");
    if let Some((name, value)) = text.split_once(':') {
        let name: HeaderName = name.trim().parse().map_err(|_| bad_name())?;
        let value = value.trim();
        if value.is_empty() {
            return Ok(Line::Unsent(name));
        }
        // The value may be a secret, so it is never shown.
        let value = HeaderValue::from_str(value);
        return Ok(Line::Sent(
            name,
            value.map_err(|_| refuse("a header's value holds a control character"))?,
        ));
    }
    match text.strip_suffix(';') {
        Some(name) => {
            Ok(Line::Sent(name.trim().parse().map_err(|_| bad_name())?, HeaderValue::from_static("")))
        }
        None => Err(refuse("a header has no colon; write -H 'NAME: VALUE'")),
    }
}

/// The pieces of a body put together: `&` between those of a form, nothing between those of JSON.
fn body(pieces: &[(Piece, String)]) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    for (index, (piece, text)) in pieces.iter().enumerate() {
        if index > 0 && *piece != Piece::Json {
            body.push(b'&');
        }
        match (piece, text.strip_prefix('@')) {
            (Piece::Raw, _) | (_, None) => body.extend_from_slice(text.as_bytes()),
            (piece, Some(path)) => {
                let path = Path::new(if path == "-" { "/dev/stdin" } else { path });
                let content = file::read("-d", path).map_err(|why| (26, why))?;
                let strips = *piece == Piece::Form;
                body.extend(content.into_iter().filter(|byte| !(strips && matches!(byte, b'\r' | b'\n'))));
            }
        }
    }
    Ok(body)
}

/// Whether all of `items` are for hosts that `--noproxy` lists: `*`, or names that theirs end with.
pub(super) fn without_proxy(items: &[Item], list: &[String]) -> bool {
    let is_listed = |host: &str| {
        list.iter().filter(|entry| !entry.is_empty()).any(|entry| {
            let entry = entry.trim_start_matches('.');
            entry == "*"
                || host.strip_suffix(entry).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    };
    items
        .iter()
        .all(|item| item.request.as_ref().is_ok_and(|request| is_listed(&request.url.host.to_string())))
}

/// The file that `-O` writes: what the path of `url` ends with.
pub(super) fn remote_name(url: &str) -> Result<Place, Refusal> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let name = path.split_once('/').and_then(|(_, path)| path.rsplit('/').next());
    match name.filter(|name| !name.is_empty() && !matches!(*name, "." | "..")) {
        Some(name) => Ok(Place::File(PathBuf::from(name))),
        None => Err((23, "option -O: the URL ends with no name for a file; -o FILE gives one".into())),
    }
}
