//! An HTTP request, and its bytes.

use ureq::http::{HeaderValue, Method, Uri};

use crate::http::header::{self, HeaderName};

/// The User-Agent header, unless the user gives another.
const USER_AGENT: &str = concat!("sexton/", env!("CARGO_PKG_VERSION"));

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// GET, HEAD, ...
    pub(crate) method: Method,
    /// The whole of it: Host and path are taken from here.
    pub(crate) uri: Uri,
    /// Sent in this order; a Host, User-Agent, Accept or Content-Length among them replaces ours.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The User-Agent header; an empty one is not sent.
    pub(crate) user_agent: &'a str,
    /// Of Host, Accept and Content-Length, those that are not sent.
    pub(crate) suppressed: &'a [HeaderName],
    /// Sent with its length.
    pub(crate) body: Option<&'a [u8]>,
    /// What the request line has.
    pub(crate) form: RequestTarget,
}

/// What stands in the request line (RFC 9112, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestTarget {
    /// The path, for servers.
    Origin,
    /// The whole URL, for proxies.
    Absolute,
}

impl Request<'_> {
    /// A plain GET of `uri`.
    pub(crate) fn get(uri: Uri) -> Self {
        Self {
            method: Method::GET,
            uri,
            headers: Vec::new(),
            user_agent: USER_AGENT,
            suppressed: &[],
            body: None,
            form: RequestTarget::Origin,
        }
    }

    /// The head as it is sent.
    pub(super) fn head(&self) -> Vec<u8> {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut head = Vec::with_capacity(512);
        head.extend_from_slice(self.method.as_str().as_bytes());
        head.push(b' ');
        if self.form == RequestTarget::Absolute {
            head.extend_from_slice(b"http://");
            head.extend_from_slice(authority.as_bytes());
        }
        head.extend_from_slice(path.as_bytes());
        head.extend_from_slice(b" HTTP/1.1\r\n");
        let has = |name: &HeaderName| {
            self.headers.iter().any(|(given, _)| given == name) || self.suppressed.contains(name)
        };
        let mut line = |name: &HeaderName, value: &[u8]| {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        if !has(&header::HOST) {
            line(&header::HOST, authority.as_bytes());
        }
        if !self.user_agent.is_empty() && !has(&header::USER_AGENT) {
            line(&header::USER_AGENT, self.user_agent.as_bytes());
        }
        if !has(&header::ACCEPT) {
            line(&header::ACCEPT, b"*/*");
        }
        for (name, value) in &self.headers {
            line(name, value.as_bytes());
        }
        if let Some(length) = self.content_length().filter(|_| !has(&header::CONTENT_LENGTH)) {
            line(&header::CONTENT_LENGTH, length.to_string().as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// The length that is sent: also for methods that mean something by a body and have none (RFC 9110, 8.6).
    fn content_length(&self) -> Option<usize> {
        match (self.body, &self.method) {
            (Some(body), _) => Some(body.len()),
            (None, &Method::POST | &Method::PUT | &Method::PATCH) => Some(0),
            (None, _) => None,
        }
    }
}
