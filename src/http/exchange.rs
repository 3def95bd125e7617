//! One request over a connection that stands, and its answer.

use std::io::{self, Read};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use ureq::{Agent, Body, BodyReader};

use crate::deadline::Deadline;
use crate::net;
use crate::net::Stream;
use crate::outcome::{Cause, Failure, Phase};

use crate::http::wire::{Dialled, NoResolver, Setback, Stage, Tally};

/// The most bytes that the head of an answer may have.
const HEAD_MAX: usize = 64 * 1024;

/// The longest body that is read for the sake of the server.
const COURTESY_MAX: u64 = 64 * 1024;

/// How long is waited for it: nobody notices this much, and a server on the same machine needs far less.
const COURTESY: Duration = Duration::from_millis(20);

/// Who we are, unless the user says otherwise.
const USER_AGENT: &str = concat!("sexton/", env!("CARGO_PKG_VERSION"));

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    /// GET, HEAD, ...
    pub(crate) method: Method,
    /// The whole of it: host and path are taken from here.
    pub(crate) uri: Uri,
    /// Sent in this order; a Host, User-Agent or Accept among them replaces ours.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Who we are; nothing is sent for an empty one.
    pub(crate) user_agent: &'a str,
    /// Sent with its length.
    pub(crate) body: Option<&'a [u8]>,
    /// Whether the request line has a path or a whole URL.
    pub(crate) form: Form,
}

impl Question<'_> {
    /// A GET of `uri`, as plain as can be.
    pub(crate) fn get(uri: Uri) -> Self {
        Self {
            method: Method::GET,
            uri,
            headers: Vec::new(),
            user_agent: USER_AGENT,
            body: None,
            form: Form::Origin,
        }
    }

    /// The most bytes that a line of the request has, with room for what stands around it.
    fn longest_line(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let path = self.uri.path_and_query().map_or(0, |path| path.as_str().len());
        headers.max().unwrap_or(0).max(path).max(self.user_agent.len()) + 128
    }
}

/// What stands in the request line (RFC 9112, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The path, as servers want it.
    Origin,
    /// The whole URL, as proxies want it.
    Absolute,
}

/// Whether the head of the answer is kept as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// Its bytes are not needed: status and headers are enough.
    Parsed,
    /// Its bytes are kept, too.
    Kept,
}

/// One conversation, which can be asked about afterwards, whatever came of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    stream: Option<Stream>,
    tally: Tally,
}

impl Exchange {
    /// Will speak over `stream`.
    pub(crate) fn new(stream: Stream, head: Head) -> Self {
        let tally = Tally::default();
        if head == Head::Kept {
            tally.counts().heard = Some(Vec::new());
        }
        Self { stream: Some(stream), tally }
    }

    /// Sends `question` and reads the head of the answer. Once only.
    ///
    /// A failure tells how it ended by phase and cause: `Closed` when the peer ended the connection, `Reset` when it
    /// broke it, `Protocol` when what came is no HTTP.
    pub(crate) fn ask(&mut self, question: &Question<'_>) -> Result<Answer, Failure> {
        let broken = |why| Failure::new(Phase::Request, Cause::Broken, why);
        let stream = self.stream.take().ok_or_else(|| broken("the connection was used already"))?;
        let prefix = match question.form {
            Form::Origin => None,
            Form::Absolute => {
                let host = question.uri.authority().map_or("", |authority| authority.as_str());
                Some(format!("http://{host}"))
            }
        };
        let agent =
            agent(question, Dialled::new(stream, self.tally.clone(), question.longest_line(), prefix));
        let mut request = Request::new(());
        *request.method_mut() = question.method.clone();
        *request.uri_mut() = question.uri.clone();
        for (name, value) in &question.headers {
            request.headers_mut().append(name.clone(), value.clone());
        }
        let response = match question.body {
            None => agent.run(request),
            Some(body) => agent.run(request.map(|()| body)),
        };
        let response = response.map_err(|error| self.failure(error))?;
        self.tally.counts().stage = Stage::Body;
        Ok(Answer::new(response, self.tally.clone()))
    }

    /// How many bytes came from the peer.
    pub(crate) fn received(&self) -> u64 {
        self.tally.counts().received
    }

    /// The bytes of the answer's head as they came, interim answers (1xx) included, to the empty line.
    #[allow(dead_code, reason = "for those who show what came, as curl does")]
    pub(crate) fn head(&self) -> Vec<u8> {
        let counts = self.tally.counts();
        let heard = counts.heard.as_deref().unwrap_or_default();
        heard.get(..end_of_head(heard)).unwrap_or_default().to_vec()
    }

    /// What ureq says of a missing answer, in our words.
    fn failure(&self, error: ureq::Error) -> Failure {
        let failure = failure(error, Phase::Response);
        if failure.cause != Cause::Closed {
            return failure;
        }
        let reason = match self.received() {
            0 => "the peer closed the connection without an answer",
            _ => "the peer closed the connection in the middle of the answer's head",
        };
        Failure { reason: reason.into(), ..failure }
    }
}

/// The answer to a request; its body is still to be read.
pub(crate) struct Answer {
    /// 200, 404, ...
    pub(crate) status: u16,
    /// HTTP/1.0 or HTTP/1.1.
    #[allow(dead_code, reason = "for those who show what came, as curl does")]
    pub(crate) version: Version,
    /// In the order that they came, with names in lower case.
    pub(crate) headers: HeaderMap,
    /// How many bytes the body has, where the head says so.
    pub(crate) length: Option<u64>,
    body: BodyReader<'static>,
    read: u64,
    tally: Tally,
}

impl Answer {
    /// Takes ureq's answer apart.
    fn new(response: Response<Body>, tally: Tally) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            version: head.version,
            headers: head.headers,
            length: body.content_length(),
            body: body.into_reader(),
            read: 0,
            tally,
        }
    }

    /// Reads some of the body; nothing at its end. An end that comes too early is a failure of cause `Closed`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        match self.body.read(buffer) {
            Ok(amount) => {
                self.read += u64::try_from(amount).unwrap_or(0);
                Ok(amount)
            }
            Err(error) => Err(self.setback(error)),
        }
    }

    /// Reads the rest of a short body, as far as it comes at once. A connection that is closed with bytes unread is
    /// reset, and servers log that, at every check.
    pub(crate) fn settle(mut self, deadline: Deadline) {
        if self.length.is_some_and(|length| length > COURTESY_MAX) {
            return;
        }
        self.tally.counts().hurry = Some(deadline.at_most(COURTESY));
        let mut piece = [0; 4096];
        while self.read < COURTESY_MAX {
            match self.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// How many bytes came from the peer, head included.
    #[allow(dead_code, reason = "for those who show what came, as curl does")]
    pub(crate) fn received(&self) -> u64 {
        self.tally.counts().received
    }

    /// The failure that an error of the body is.
    fn setback(&self, error: io::Error) -> Failure {
        let failure = match error.downcast::<ureq::Error>() {
            Ok(error) => failure(error, Phase::Body),
            Err(error) => net::failure_of(&error, Phase::Body),
        };
        if failure.cause != Cause::Closed {
            return failure;
        }
        let read = self.read;
        let reason = match self.length {
            Some(length) => {
                format!("the peer closed the connection after {read} of {length} bytes of the body")
            }
            None => format!("the peer closed the connection in the middle of the body, after {read} bytes"),
        };
        Failure { reason, ..failure }
    }
}

/// Where the head of the final answer ends in `heard`, the empty line included; its end when it does not.
#[allow(dead_code, reason = "for those who show what came, as curl does")]
fn end_of_head(heard: &[u8]) -> usize {
    let mut start = 0;
    while let Some(rest) = heard.get(start..).filter(|rest| !rest.is_empty()) {
        let crlf = rest.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        let lf = rest.windows(2).position(|two| two == b"\n\n").map(|at| at + 2);
        let Some(length) = crlf.into_iter().chain(lf).min() else { break };
        start += length;
        // `HTTP/1.1 1xx` is followed by another answer, but for 101.
        if rest.get(9) != Some(&b'1') || rest.get(9..12) == Some(b"101") {
            return start;
        }
    }
    heard.len()
}

/// An agent that speaks HTTP over what was dialled and knows nothing of names, addresses, proxies or pools.
fn agent(question: &Question<'_>, dialled: Dialled) -> Agent {
    let config = Config::builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEAD_MAX)
        .user_agent(question.user_agent)
        .proxy(None)
        .build();
    Agent::with_parts(config, dialled, NoResolver)
}

/// The head of the answer does not end.
pub(crate) fn head_too_large() -> Failure {
    let reason = format!("the head of the answer is larger than {} KiB", HEAD_MAX / 1024);
    Failure::new(Phase::Response, Cause::Protocol, reason)
}

/// What ureq says in `phase`, in our words.
fn failure(error: ureq::Error, phase: Phase) -> Failure {
    match error {
        ureq::Error::Other(inner) => match inner.downcast::<Setback>() {
            Ok(setback) => setback.0,
            Err(other) => Failure::new(phase, Cause::Broken, other.to_string()),
        },
        ureq::Error::Io(error) => net::failure_of(&error, phase),
        ureq::Error::LargeResponseHeader(..) => head_too_large(),
        ureq::Error::Protocol(error) => {
            Failure::new(phase, Cause::Protocol, format!("the answer is not HTTP/1: {error}"))
        }
        other => Failure::new(phase, Cause::Protocol, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_ends_at_the_empty_line_of_the_final_answer() {
        for (head, body) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "\r\n\r\nbody"),
            ("HTTP/1.0 200 OK\nA: b\n\n", "body\r\n\r\n"),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "x"),
            ("HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
            ("HTTP/1.1 200 OK\r\nA", ""),
            ("", ""),
        ] {
            assert_eq!(end_of_head(format!("{head}{body}").as_bytes()), head.len(), "{head}");
        }
    }
}
