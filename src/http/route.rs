//! The way to a server: straight, through a unix socket, or through a proxy; with TLS where the URL says so.

use std::fmt;
use std::io::{Read, Write};
use std::path::PathBuf;

use ureq::http::HeaderValue;

use crate::deadline::Deadline;
use crate::net;
use crate::net::{ConnectOptions, Endpoint, Host, Stream, tls};
use crate::outcome::{Cause, Failure, Phase, Trace};
use crate::target::Target;

use crate::http::credentials;
use crate::http::request::RequestTarget;
use crate::http::url::{Scheme, Url, decoded};

/// The most bytes of a proxy's answer to CONNECT.
const CONNECT_MAX: usize = 16 * 1024;

/// How to get to any URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    /// Names and addresses.
    pub(crate) connect: ConnectOptions,
    /// Connect here, whatever the URL's host; it still stands in Host and in the handshake.
    pub(crate) unix_socket: Option<PathBuf>,
    /// Ask this one to ask.
    pub(crate) proxy: Option<Proxy>,
    /// Whom to trust.
    pub(crate) tls: tls::Options,
}

impl Route {
    /// Whether it leads through files that an option names.
    pub(crate) fn names_files(&self) -> bool {
        self.unix_socket.is_some() || self.tls.names_files()
    }
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Where it listens.
    host: Host,
    /// Never 0.
    port: u16,
    /// Proxy-Authorization.
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for Proxy {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`; the port is 80 unless given.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let target = Target::split(text, Scheme::is_known)?;
        if target.scheme != "http" {
            return Err(format!("a proxy is spoken to in http, not in {}", target.scheme));
        }
        let authority = target.authority()?;
        if !matches!(authority.path, "" | "/") {
            return Err("a proxy has no path".into());
        }
        let authorization = match authority.userinfo {
            Some(user) => Some(credentials::basic(&decoded(user)?)?),
            None => None,
        };
        Ok(Self { host: authority.host, port: authority.port.unwrap_or(80), authorization })
    }
}

/// A connection on which a request can be sent.
#[derive(Debug)]
pub(crate) struct HttpConnection {
    /// The connection.
    pub(crate) stream: Stream,
    /// What the request line must have.
    pub(crate) form: RequestTarget,
    /// For the Proxy-Authorization of the request, where a proxy reads it.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Route {
    /// Connects, for `url`.
    pub(crate) fn dial(
        &self,
        url: &Url,
        deadline: Deadline,
        trace: &mut Trace,
    ) -> Result<HttpConnection, Failure> {
        let mut connection = match (&self.unix_socket, &self.proxy) {
            (Some(path), _) => HttpConnection::straight(net::connect(
                &Endpoint::Unix(path.clone()),
                &self.connect,
                deadline,
                trace,
            )?),
            (None, None) => {
                HttpConnection::straight(net::connect(&url.endpoint(), &self.connect, deadline, trace)?)
            }
            (None, Some(proxy)) => self.through(proxy, url, deadline, trace)?,
        };
        if url.scheme == Scheme::Https {
            connection.stream = connection.stream.secure(&url.host, &self.tls, tls::Alpn::Unnamed, trace)?;
        }
        Ok(connection)
    }

    /// Connects to `proxy`, and for https through it (RFC 9110, 9.3.6).
    fn through(
        &self,
        proxy: &Proxy,
        url: &Url,
        deadline: Deadline,
        trace: &mut Trace,
    ) -> Result<HttpConnection, Failure> {
        let endpoint = Endpoint::Tcp { host: proxy.host.clone(), port: proxy.port };
        let stream = net::connect(&endpoint, &self.connect, deadline, trace)
            .map_err(|failure| Failure { reason: format!("proxy: {}", failure.reason), ..failure })?;
        match url.scheme {
            Scheme::Http => Ok(HttpConnection {
                stream,
                form: RequestTarget::Absolute,
                authorization: proxy.authorization.clone(),
            }),
            Scheme::Https => {
                trace.step(|| format!("asking the proxy for {}:{}", url.host, url.port));
                proxy.open(stream, url).map(HttpConnection::straight)
            }
        }
    }
}

impl HttpConnection {
    /// A connection to the server itself.
    fn straight(stream: Stream) -> Self {
        Self { stream, form: RequestTarget::Origin, authorization: None }
    }
}

impl Proxy {
    /// Asks for a tunnel to the server of `url`, over `stream`.
    fn open(&self, mut stream: Stream, url: &Url) -> Result<Stream, Failure> {
        let place = format!("{}:{}", url.host, url.port);
        let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let failed = |error: &std::io::Error| {
            let failure = net::failure_of(error, Phase::Connect);
            Failure { reason: format!("proxy: {}", failure.reason), ..failure }
        };
        stream.write_all(&request).map_err(|error| failed(&error))?;

        let refused = |cause, why: String| Failure::new(Phase::Connect, cause, why);
        let mut head = Vec::new();
        let mut piece = [0; 1024];
        let end = loop {
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if head.len() > CONNECT_MAX {
                return Err(refused(Cause::Protocol, "the proxy's answer to CONNECT has no end".into()));
            }
            match stream.read(&mut piece).map_err(|error| failed(&error))? {
                0 => {
                    let why = "the proxy closed the connection without an answer to CONNECT";
                    return Err(refused(Cause::Closed, why.into()));
                }
                amount => head.extend(piece.iter().take(amount)),
            }
        };
        match status(&head) {
            Some(200..=299) if head.len() == end => Ok(stream),
            Some(200..=299) => {
                Err(refused(Cause::Protocol, "the proxy sent more than its answer to CONNECT".into()))
            }
            Some(407) => Err(refused(
                Cause::Forbidden,
                "the proxy wants credentials (status 407); --proxy http://USER:PASSWORD@HOST gives them"
                    .into(),
            )),
            Some(status) => Err(refused(
                Cause::Denied,
                format!("the proxy refused to connect to {place}: status {status}"),
            )),
            None => Err(refused(Cause::Protocol, "the proxy's answer to CONNECT is not HTTP/1".into())),
        }
    }
}

/// The status in `HTTP/1.1 200 ...`.
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?.get(1..)?.strip_prefix(b" ")?;
    let digits = std::str::from_utf8(rest.get(..3)?).ok()?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}
