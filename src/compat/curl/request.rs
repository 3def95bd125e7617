//! The requests that its options describe.

use std::path::{Path, PathBuf};

use percent_encoding::percent_encode;

use crate::compat::transfer::exchange::TransferRequest;
use crate::compat::transfer::output::Destination;
use crate::http::{HeaderName, HeaderValue, Method, Url, encoded, header};
use crate::system::file;
use crate::target::RESERVED;

use super::options::{CurlArgs, DataKind, split_encoded};
use super::{UsageError, usage_error};

/// Who we say that we are.
const USER_AGENT: &str = "curl/7.88.1";

/// One URL.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// What to ask; what is wrong with the URL when it cannot be asked, and the exit code for that.
    pub(crate) request: Result<TransferRequest, (u8, String)>,
    /// The URL as it was given
    pub(crate) given: String,
    /// Where the body goes to.
    pub(crate) destination: Destination,
}

impl Transfer {
    /// How many bytes of a body go to the server.
    pub(super) fn sent(&self) -> usize {
        self.request.as_ref().ok().and_then(|request| request.data.as_ref()).map_or(0, Vec::len)
    }
}

/// What the requests of all URLs have in common.
#[derive(Debug)]
pub(super) struct Template {
    method: Method,
    headers: Vec<(HeaderName, HeaderValue)>,
    suppressed: Vec<HeaderName>,
    user_agent: String,
    authorization: Option<HeaderValue>,
    data: Option<Vec<u8>>,
    query: Option<String>,
    globs: bool,
    path_as_is: bool,
}

impl Template {
    /// What `args` say.
    pub(super) fn new(args: &CurlArgs) -> Result<Self, UsageError> {
        let mut data = if args.data.is_empty() { None } else { Some(body(&args.data)?) };
        if args.head && data.is_some() && !args.get {
            return Err(usage_error(
                "only one kind of request can be made: -I asks with HEAD, and -d with POST",
            ));
        }
        let query = data.take_if(|_| args.get).map(|data| encoded(&data));
        let method = match (args.method.as_ref().filter(|name| !name.is_empty()), args.head, &data) {
            (Some(name), _, _) => {
                name.parse().map_err(|_| usage_error(format!("option -X: {name} is no method")))?
            }
            (None, true, _) => Method::HEAD,
            (None, false, Some(_)) => Method::POST,
            (None, false, None) => Method::GET,
        };
        let (mut headers, mut suppressed) = (Vec::new(), Vec::new());
        let mut user_agent = args.user_agent.clone().unwrap_or_else(|| USER_AGENT.into());
        for text in &args.headers {
            match header_of(text)? {
                HeaderOption::Send(name, value) => headers.push((name, value)),
                HeaderOption::Suppress(name) if name == header::USER_AGENT => user_agent.clear(),
                HeaderOption::Suppress(name) => suppressed.push(name),
            }
        }
        let has =
            |headers: &[(HeaderName, HeaderValue)], name| headers.iter().any(|(given, _)| given == name);
        let is_json = args.data.iter().any(|(kind, _)| *kind == DataKind::Json);
        let is_free = |headers: &[(HeaderName, HeaderValue)], name: HeaderName| {
            !has(headers, name.clone()) && !suppressed.contains(&name)
        };
        if data.is_some() && is_free(&headers, header::CONTENT_TYPE) {
            let form = if is_json { "application/json" } else { "application/x-www-form-urlencoded" };
            headers.push((header::CONTENT_TYPE, HeaderValue::from_static(form)));
        }
        if is_json && is_free(&headers, header::ACCEPT) {
            headers.push((header::ACCEPT, HeaderValue::from_static("application/json")));
        }
        if let Some(data) = data.as_mut().filter(|_| has(&headers, header::TRANSFER_ENCODING)) {
            *data = chunk(data);
            suppressed.push(header::CONTENT_LENGTH);
        }
        let authorization = match (&args.user, &args.bearer) {
            _ if has(&headers, header::AUTHORIZATION) => None,
            (Some(user), _) => Some(basic(&with_colon(user)).map_err(usage_error)?),
            (None, Some(token)) => Some(bearer(token)?),
            (None, None) => None,
        };
        HeaderValue::from_str(&user_agent)
            .map_err(|_| usage_error("option -A: the text contains a control character"))?;
        Ok(Self {
            method,
            headers,
            suppressed,
            user_agent,
            authorization,
            data,
            query,
            globs: !args.globoff,
            path_as_is: args.path_as_is,
        })
    }

    /// The request for `given`; what is wrong with it, and curl's code for that.
    pub(super) fn of(&self, given: &str) -> Result<TransferRequest, UsageError> {
        let (url, user) = self.url(given)?;
        let mut headers = self.headers.clone();
        let authorization = match (&self.authorization, user) {
            (Some(authorization), _) => Some(authorization.clone()),
            (None, Some(user)) => Some(basic(&with_colon(&user)).map_err(|why| (3, why))?),
            (None, None) => None,
        };
        headers.extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        Ok(TransferRequest {
            url,
            method: self.method.clone(),
            headers,
            suppressed: self.suppressed.clone(),
            user_agent: self.user_agent.clone(),
            data: self.data.clone(),
        })
    }

    /// The URL that `given` means; it is http unless it says otherwise.
    fn url(&self, given: &str) -> Result<(Url, Option<String>), UsageError> {
        let full = with_scheme(given);
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
        let parsed = Url::parse(&text).and_then(|(url, user)| {
            let url = if self.path_as_is { url } else { url.without_dot_segments()? };
            Ok((url, user))
        });
        parsed.map_err(|why| (3, format!("the URL cannot be asked: {why}")))
    }
}

/// `user` with a password, an empty one if need be: there is nobody to ask for it.
fn with_colon(user: &str) -> String {
    if user.contains(':') { user.to_owned() } else { format!("{user}:") }
}

/// The header that `--oauth2-bearer` sends.
fn bearer(token: &str) -> Result<HeaderValue, UsageError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| usage_error("option --oauth2-bearer: the token contains a control character"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a `-H` asks for.
enum HeaderOption {
    /// To send it.
    Send(HeaderName, HeaderValue),
    /// Not to send our own.
    Suppress(HeaderName),
}

/// Reads `Name: value`, `Name;` for one without a value, and `Name:` for none at all.
fn header_of(text: &str) -> Result<HeaderOption, UsageError> {
    let refuse = |why: &str| usage_error(format!("option -H: {why}"));
    let bad_name = || refuse("the name of a header holds a character that no name has");
    if let Some((name, value)) = text.split_once(':') {
        let name: HeaderName = name.trim().parse().map_err(|_| bad_name())?;
        let value = value.trim();
        if value.is_empty() {
            return Ok(HeaderOption::Suppress(name));
        }
        // The value may be a secret, so it is never shown.
        let value = HeaderValue::from_str(value);
        return Ok(HeaderOption::Send(
            name,
            value.map_err(|_| refuse("a header's value contains a control character"))?,
        ));
    }
    match text.strip_suffix(';') {
        Some(name) => {
            Ok(HeaderOption::Send(name.trim().parse().map_err(|_| bad_name())?, HeaderValue::from_static("")))
        }
        None => Err(refuse("a header has no colon; write -H 'NAME: VALUE'")),
    }
}

/// The data of a body put together: `&` between those of a form, nothing between those of JSON.
fn body(data: &[(DataKind, String)]) -> Result<Vec<u8>, UsageError> {
    let mut body = Vec::new();
    for (index, (kind, text)) in data.iter().enumerate() {
        if index > 0 && *kind != DataKind::Json {
            body.push(b'&');
        }
        match (kind, text.strip_prefix('@')) {
            (DataKind::UrlEncode, _) => {
                let (name, content) = match split_encoded(text) {
                    Ok((name, content)) => (name, content.as_bytes().to_vec()),
                    Err((name, path)) => (name, file("--data-urlencode", path)?),
                };
                if !name.is_empty() {
                    body.extend(name.bytes().chain([b'=']));
                }
                body.extend(encode_component(&content).into_bytes());
            }
            (DataKind::Raw, _) | (_, None) => body.extend_from_slice(text.as_bytes()),
            (kind, Some(path)) => {
                let content = file("-d", path)?;
                let strips = *kind == DataKind::Form;
                body.extend(content.into_iter().filter(|byte| !(strips && matches!(byte, b'\r' | b'\n'))));
            }
        }
    }
    Ok(body)
}

/// `data` as a chunked body of one chunk (RFC 9112, 7.1).
fn chunk(data: &[u8]) -> Vec<u8> {
    const LAST: &[u8] = b"0\r\n\r\n";
    if data.is_empty() {
        return LAST.to_vec();
    }
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n", LAST].concat()
}

/// The content of the file that `option` names; `-` is stdin.
fn file(option: &str, path: &str) -> Result<Vec<u8>, UsageError> {
    let path = Path::new(if path == "-" { "/dev/stdin" } else { path });
    file::of_option(option, path).map_err(|why| (26, why))
}

/// `bytes` with all but letters, digits and `-._~` %-encoded, and blanks as in forms.
fn encode_component(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string().replace("%20", "+")
}

/// Whether all of `transfers` are for hosts that `--noproxy` lists: `*`, or names that theirs end with.
pub(super) fn without_proxy(transfers: &[Transfer], list: &[String]) -> bool {
    let is_listed = |host: &str| {
        list.iter().filter(|entry| !entry.is_empty()).any(|entry| {
            let entry = entry.trim_start_matches('.');
            entry == "*"
                || host.strip_suffix(entry).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    };
    transfers.iter().all(|transfer| {
        transfer.request.as_ref().is_ok_and(|request| is_listed(&request.url.host.to_string()))
    })
}

/// `given` with the scheme that it means.
fn with_scheme(given: &str) -> String {
    if given.contains("://") { given.to_owned() } else { format!("http://{given}") }
}

/// Whether the host of `given` is looked up; what is no URL is not asked.
pub(super) fn is_looked_up(given: &str) -> bool {
    Url::parse(&with_scheme(given)).is_ok_and(|(url, _)| url.host.is_looked_up())
}

/// The file that `-O` writes: what the path of `url` ends with.
pub(super) fn remote_name(url: &str) -> Result<Destination, UsageError> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let name = path.split_once('/').and_then(|(_, path)| path.rsplit('/').next());
    match name.filter(|name| !name.is_empty() && !matches!(*name, "." | "..")) {
        Some(name) => Ok(Destination::File(PathBuf::from(name))),
        None => Err((23, "option -O: the URL ends with no name for a file; -o FILE gives one".into())),
    }
}

/// The header that `-u` sends, if the name and the password can be sent.
fn basic(user: &str) -> Result<HeaderValue, String> {
    crate::http::Credentials::basic(user)?.authorization()
}
