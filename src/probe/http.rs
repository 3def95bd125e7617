//! `http://` and `https://`: the final answer's status is accepted and every body condition holds.

mod buffers;

use std::fmt;
use std::io::{Read, Write};
use std::sync::{Mutex, PoisonError};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::{HeaderName, HeaderValue, Method, Request, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::deadline::Deadline;
use crate::net::{self, Endpoint, Host, Stream, Via, tls};
use crate::outcome::{Cause, Failure, Outcome, Phase, Trail};

use self::buffers::Growing;
use super::target::Target;
use super::{Kind, Options as ProbeOptions, StatusSet};

/// The most bytes that the head of an answer may have.
const HEAD_MAX: usize = 64 * 1024;

/// What to ask, and which answer is good.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// GET unless given.
    pub(crate) method: Method,
    /// Sent in this order; a Host, User-Agent or Accept among them replaces ours.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The statuses that pass.
    pub(crate) status: StatusSet,
}

impl Default for Options {
    fn default() -> Self {
        Self { method: Method::GET, headers: Vec::new(), status: StatusSet::default() }
    }
}

/// One HTTP request and what its answer must be.
#[derive(Debug)]
pub(super) struct Http {
    endpoint: Endpoint,
    uri: Uri,
    via: Via,
    options: Options,
    tls: Option<(Host, tls::Options)>,
}

/// Reads `//host[:port][/path][?query]`.
pub(super) fn parse(target: &Target<'_>, options: &ProbeOptions) -> Result<Kind, String> {
    let authority = target.authority()?;
    if authority.userinfo.is_some() {
        return Err("a user, which belongs into a header, stands".into());
    }
    let default_port = if target.scheme == "https" { 443 } else { 80 };
    let port = authority.port.unwrap_or(default_port);
    let path = authority.path.split('#').next().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let host = &authority.host;
    let shown_port = authority.port.map(|port| format!(":{port}")).unwrap_or_default();
    let uri = format!("{}://{host}{shown_port}{slash}{path}", target.scheme)
        .parse::<Uri>()
        .map_err(|_| "a character that must be %-encoded")?;
    let tls = match target.scheme.as_str() {
        "https" => {
            tls::required()?;
            Some((host.clone(), options.tls.clone()))
        }
        _ => None,
    };
    Ok(Kind::Http(Box::new(Http {
        tls,
        endpoint: Endpoint::Tcp { host: authority.host, port },
        uri,
        via: options.via.clone(),
        options: options.http.clone(),
    })))
}

impl Http {
    /// Asks once; the head of the answer decides.
    pub(super) fn run(&self, deadline: Deadline, trail: &mut Trail) -> Outcome {
        let mut stream = net::connect(&self.endpoint, &self.via, deadline, trail)?;
        if let Some((host, tls)) = &self.tls {
            stream = stream.secure(host, tls, tls::Alpn::Unnamed, trail)?;
        }
        let agent = agent(stream, self.longest_line());
        let response = agent.run(self.request()?).map_err(failure)?;
        let status = response.status().as_u16();
        trail.status = Some(status);
        if !self.options.status.contains(status) {
            let wanted = &self.options.status;
            return Err(Failure::answer(Phase::Response, format!("status {status}, wanted {wanted}")));
        }
        Ok(format!("status {status}"))
    }

    /// The most bytes that a line of the request has, with room for what stands around it.
    fn longest_line(&self) -> usize {
        let path = self.uri.path_and_query().map_or(0, |path| path.as_str().len());
        let header = self.options.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).max();
        path.max(header.unwrap_or(0)) + 128
    }

    /// The request as ureq takes it.
    fn request(&self) -> Result<Request<()>, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = self.options.method.clone();
        *request.uri_mut() = self.uri.clone();
        for (name, value) in &self.options.headers {
            request.headers_mut().append(name.clone(), value.clone());
        }
        Ok(request)
    }
}

/// An agent that speaks HTTP over `stream` and knows nothing of names, addresses, proxies or pools.
fn agent(stream: Stream, longest_line: usize) -> Agent {
    let config = Config::builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEAD_MAX)
        .user_agent(concat!("sexton/", env!("CARGO_PKG_VERSION")))
        .proxy(None)
        .build();
    Agent::with_parts(config, Dialled(Mutex::new(Some((stream, Growing::new(longest_line))))), NoResolver)
}

/// Hands out the connection that stands already.
struct Dialled(Mutex<Option<(Stream, Growing)>>);

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialled")
    }
}

impl Connector for Dialled {
    type Out = Wire;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Wire>, ureq::Error> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(parts.map(|(stream, buffers)| Wire { stream, buffers, tls: details.needs_tls() }))
    }
}

/// A stream as ureq reads and writes it. The stream keeps the deadline, so ureq's own timeouts are not used.
#[derive(Debug)]
struct Wire {
    stream: Stream,
    buffers: Growing,
    tls: bool,
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let output = self.buffers.output();
        let bytes = output.get(..amount).unwrap_or(output);
        self.stream.write_all(bytes).map_err(|error| setback(&error, Phase::Request))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let buffer = self.buffers.input_append_buf();
        if buffer.is_empty() {
            return Err(ureq::Error::Other(Box::new(Setback(head_too_large()))));
        }
        let amount = self.stream.read(buffer).map_err(|error| setback(&error, Phase::Response))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.tls
    }
}

/// Stands where ureq wants a resolver: the connection stands before ureq is asked.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// One of our failures on its way through ureq.
#[derive(Debug)]
struct Setback(Failure);

impl fmt::Display for Setback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Setback {}

/// An I/O error of ours, packed for the way through ureq.
fn setback(error: &std::io::Error, phase: Phase) -> ureq::Error {
    ureq::Error::Other(Box::new(Setback(net::failure_of(error, phase))))
}

/// The head of the answer does not end.
fn head_too_large() -> Failure {
    let reason = format!("the head of the answer is larger than {} KiB", HEAD_MAX / 1024);
    Failure::new(Phase::Response, Cause::Protocol, reason)
}

/// What ureq says, in our words.
fn failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Other(inner) => match inner.downcast::<Setback>() {
            Ok(setback) => setback.0,
            Err(other) => Failure::new(Phase::Response, Cause::Broken, other.to_string()),
        },
        ureq::Error::Io(error) => net::failure_of(&error, Phase::Response),
        ureq::Error::LargeResponseHeader(..) => head_too_large(),
        ureq::Error::Protocol(error) => {
            Failure::new(Phase::Response, Cause::Protocol, format!("the answer is not HTTP/1: {error}"))
        }
        other => Failure::new(Phase::Response, Cause::Protocol, other.to_string()),
    }
}
