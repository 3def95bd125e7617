//! `grpc://host:port[/service]` and `grpcs://`: grpc.health.v1 answers SERVING.

mod frame;
mod runtime;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use percent_encoding::percent_decode;

use crate::deadline::Deadline;
use crate::net::{self, ConnectOptions, Endpoint, Host, tls};
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use self::frame::Serving;
use crate::client::wire;
use crate::probe::grpc::runtime::Link;
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The method that is asked.
const METHOD: &str = "/grpc.health.v1.Health/Check";

/// The most bytes of an answer's headers or trailers.
const HEAD_MAX: u32 = 16 * 1024;

/// The most bytes that come from a server in all. Its library queues what comes before an answer, at ten times the size.
const RECEIVED_MAX: u64 = 64 * 1024;

/// The most bytes of an answer: it has five and a number.
const ANSWER_MAX: usize = 4 * 1024;

/// One question to a gRPC server.
#[derive(Debug)]
pub(super) struct Grpc {
    endpoint: Endpoint,
    connect: ConnectOptions,
    tls: Option<(Host, tls::Options)>,
    uri: Uri,
    metadata: Vec<(HeaderName, HeaderValue)>,
    service: String,
    answer_timeout: Option<Duration>,
}

/// Reads `//host:port[/service]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    Ok(Box::new(read(target, options)?))
}

/// The same, of a known type.
fn read(target: &Target<'_>, options: &Options) -> Result<Grpc, String> {
    let authority = target.authority()?;
    if authority.userinfo.is_some() {
        return Err("a user, which belongs into a --header, stands".into());
    }
    let port = authority.port.ok_or("no port")?;
    let path = authority.path.strip_prefix('/').unwrap_or(authority.path).to_owned();
    let service = options.grpc_service.clone().unwrap_or(path);
    let scheme = if target.scheme == "grpcs" { "https" } else { "http" };
    let host = &authority.host;
    let uri = format!("{scheme}://{host}:{port}{METHOD}")
        .parse::<Uri>()
        .map_err(|_| "a host that cannot stand in a URL")?;
    let tls = (target.scheme == "grpcs").then(|| (host.clone(), options.dial.tls.clone()));
    let endpoint = match &options.dial.unix_socket {
        Some(path) => Endpoint::Unix(path.clone()),
        None => Endpoint::Tcp { host: authority.host, port },
    };
    Ok(Grpc {
        endpoint,
        answer_timeout: options.answer_timeout,
        connect: options.dial.connect.clone(),
        tls,
        uri,
        metadata: metadata(&options.http.headers)?,
        service,
    })
}

/// What only HTTP/1 says about a connection (RFC 9113, 8.2.2).
const OF_HTTP1: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

/// Headers as HTTP/2 has them: with names in lower case (RFC 9113, 8.2.1).
fn metadata(
    headers: &[(crate::http::HeaderName, HeaderValue)],
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let lower = |(name, value): &(crate::http::HeaderName, HeaderValue)| {
        let name =
            name.as_str().parse::<HeaderName>().map_err(|_| "a header with a name that HTTP/2 has not,")?;
        if OF_HTTP1.contains(&name.as_str()) {
            return Err(format!("`{name}` is not a header of HTTP/2"));
        }
        Ok((name, value.clone()))
    };
    headers.iter().map(lower).collect()
}

impl Kind for Grpc {
    /// Passes when the service is SERVING.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let mut pause = RETRY_FIRST;
        loop {
            match self.attempt(deadline, trace) {
                Err(RpcError::GoAway) if deadline.remaining() > pause && pause <= RETRY_LAST => {
                    trace.step(|| "the server sends its clients away (GOAWAY); connecting again".into());
                    thread::sleep(pause);
                    pause *= 2;
                }
                outcome => return outcome.map_err(|error| self.failure(error)),
            }
        }
    }
}

/// The pause before the first retry of a server that is going away, doubled for each one after it.
const RETRY_FIRST: Duration = Duration::from_millis(10);

/// The pause before the last one: half a second in all.
const RETRY_LAST: Duration = Duration::from_millis(320);

impl Grpc {
    /// Connects and asks once.
    fn attempt(&self, deadline: Deadline, trace: &mut Trace) -> Result<String, RpcError> {
        let mut stream = net::connect(&self.endpoint, &self.connect, deadline, trace)?;
        if let Some((host, options)) = &self.tls {
            stream = stream.secure(host, options, tls::Alpn::H2, trace)?;
        }
        let sooner = self.answer_timeout.map_or(deadline, |timeout| deadline.at_most(timeout));
        let link = Link::new(stream.until(sooner).allow_only(RECEIVED_MAX));
        let response = link.drive(self.ask(link.clone()));
        self.judge(response, &link)
    }

    /// What the end of a conversation means.
    fn judge(
        &self,
        response: io::Result<Result<Serving, RpcError>>,
        link: &Link,
    ) -> Result<String, RpcError> {
        let failure = match response.map_err(|error| net::failure_of(&error, Phase::Response)) {
            Ok(Ok(Serving::Serving)) => return Ok(self.told("SERVING")),
            Ok(Ok(other)) => Failure::answer(Phase::Response, self.told(&other.name())),
            Ok(Err(RpcError::GoAway)) => return Err(RpcError::GoAway),
            Ok(Err(RpcError::Http2(error))) if is_going_away(&error) => return Err(RpcError::GoAway),
            Ok(Err(RpcError::Http2(error))) => self.not_http2(error, &link.first(), link.failure()),
            Ok(Err(RpcError::Failed(failure))) | Err(failure) => failure,
        };
        // Before its SETTINGS a server has not taken the connection, whatever the kernel says.
        let phase = if is_settings(&link.first()) { failure.phase } else { Phase::Request };
        Err(RpcError::Failed(Failure { phase, ..failure }))
    }

    /// The failure that an error is.
    fn failure(&self, error: RpcError) -> Failure {
        match error {
            RpcError::Failed(failure) => failure,
            RpcError::Http2(error) => self.not_http2(error, &[], None),
            RpcError::GoAway => {
                let reason = "the server is going away (GOAWAY), at each connection";
                Failure::new(Phase::Response, Cause::Denied, reason)
            }
        }
    }

    /// What the service is.
    fn told(&self, status: &str) -> String {
        match self.service.as_str() {
            "" => status.to_owned(),
            service => format!("{service} is {status}"),
        }
    }

    /// Asks, and drives the connection meanwhile.
    async fn ask(&self, link: Link) -> Result<Serving, RpcError> {
        let handshake = client::Builder::new()
            .max_header_list_size(HEAD_MAX)
            .initial_max_send_streams(1)
            .enable_push(false)
            .handshake::<_, Bytes>(link);
        let (client, connection) = handshake.await?;
        let mut connection = pin!(connection);
        let mut answer = pin!(self.exchange(client));
        let mut lost = None;
        poll_fn(|context| {
            if lost.is_none()
                && let Poll::Ready(end) = connection.as_mut().poll(context)
            {
                lost = Some(end);
            }
            match (answer.as_mut().poll(context), &mut lost) {
                (Poll::Ready(answer), _) => Poll::Ready(answer),
                // Nothing more can come.
                (Poll::Pending, Some(end)) => Poll::Ready(match std::mem::replace(end, Ok(())) {
                    Err(error) => Err(error.into()),
                    Ok(()) => Err(RpcError::Failed(closed())),
                }),
                (Poll::Pending, None) => Poll::Pending,
            }
        })
        .await
    }

    /// One request, one answer.
    async fn exchange(&self, client: SendRequest<Bytes>) -> Result<Serving, RpcError> {
        let mut client = client.ready().await?;
        let (response, mut body) = client.send_request(self.request(), false)?;
        body.send_data(Bytes::from(frame::question(&self.service)), true)?;
        let (head, mut body) = response.await?.into_parts();
        let head = Response::from_parts(head, ());
        if head.status() != 200 {
            let reason = format!("HTTP status {}, wanted a gRPC answer", head.status().as_u16());
            return Err(failed(Cause::Protocol, reason));
        }
        // An error may come without a body and trailers of its own: all of it stands in the headers then.
        let in_head = self.verdict(head.headers())?;
        let mut answer = Vec::new();
        while let Some(piece) = body.data().await {
            let piece = piece?;
            if answer.len() + piece.len() > ANSWER_MAX {
                return Err(failed(Cause::Protocol, format!("an answer of more than {ANSWER_MAX} bytes")));
            }
            answer.extend_from_slice(&piece);
            body.flow_control().release_capacity(piece.len())?;
        }
        let trailers = body.trailers().await?.unwrap_or_default();
        if in_head == RpcStatus::Absent && self.verdict(&trailers)? == RpcStatus::Absent {
            return Err(failed(
                Cause::Protocol,
                "a response without grpc-status, which may be truncated".into(),
            ));
        }
        frame::answer(&answer).map_err(|why| failed(Cause::Protocol, why.into()))
    }

    /// The head of the request.
    fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = http::Version::HTTP_2;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("sexton/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in &self.metadata {
            if name == USER_AGENT {
                headers.insert(name, value.clone());
            } else {
                headers.append(name, value.clone());
            }
        }
        request
    }

    /// What grpc-status says, where it says anything (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
    fn verdict(&self, headers: &HeaderMap) -> Result<RpcStatus, RpcError> {
        let Some(status) = headers.get("grpc-status") else { return Ok(RpcStatus::Absent) };
        // %-encoded (`PROTOCOL-HTTP2.md`); what is none stays as it is.
        let message = percent_decode(headers.get("grpc-message").map_or(b"", HeaderValue::as_bytes));
        let message = message.decode_utf8_lossy();
        let named =
            |name: &str| if message.is_empty() { name.to_owned() } else { format!("{name}: {message}") };
        let reason = match status.as_bytes() {
            b"0" => return Ok(RpcStatus::Ok),
            b"5" => format!("the server knows no service {} (NOT_FOUND)", self.service),
            b"12" => "the server does not implement grpc.health.v1.Health (UNIMPLEMENTED)".into(),
            b"16" => named("UNAUTHENTICATED") + "; --header sends metadata",
            b"7" => named("PERMISSION_DENIED"),
            b"14" => named("UNAVAILABLE"),
            b"4" => named("DEADLINE_EXCEEDED"),
            b"8" => named("RESOURCE_EXHAUSTED"),
            other => named(&format!("gRPC status {}", wire::quote(other, None))),
        };
        Err(failed(Cause::Denied, reason))
    }

    /// What it means that the peer does not speak HTTP/2 as it should.
    fn not_http2(&self, error: h2::Error, first: &[u8], lost: Option<Failure>) -> Failure {
        if first.starts_with(b"HTTP/1") {
            let reason = "the peer speaks HTTP/1, not gRPC; is it http://?";
            return Failure::new(Phase::Response, Cause::Protocol, reason);
        }
        if self.tls.is_none() && first.first() == Some(&0x15) {
            let reason = "the peer speaks TLS; is it grpcs://?";
            return Failure::new(Phase::Response, Cause::Protocol, reason);
        }
        if first.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) && !first.is_empty()
        {
            let said = String::from_utf8_lossy(first).escape_debug().to_string();
            let reason = format!("not HTTP/2: the peer's answer begins with `{said}`");
            return Failure::new(Phase::Response, Cause::Protocol, reason);
        }
        if !error.is_io() {
            return broken_off(&error, first);
        }
        if let Some(failure) = lost {
            return failure;
        }
        error.into_io().map_or_else(closed, |error| match error.kind() {
            // What h2 makes of an end in the middle.
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => closed(),
            _ => net::failure_of(&error, Phase::Response),
        })
    }
}

/// Asks a server that says `said` once the request has come, and then no more: before it there is no stream to speak on.
#[cfg(any(fuzzing, test))]
pub(super) fn converse(said: &[u8], deadline: Deadline) -> Outcome {
    use std::io::{Read, Write};

    /// Empty SETTINGS, which a server begins with (RFC 9113, 3.4).
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let grpc = Target::split("grpc://h:1/s", |_| true).and_then(|target| read(&target, &Options::default()));
    let (Ok(grpc), Ok((stream, mut peer))) = (grpc, net::Stream::saying(SETTINGS, deadline)) else {
        return Err(Failure::new(Phase::Local, Cause::Broken, "no peer"));
    };
    let link = Link::new(stream.allow_only(RECEIVED_MAX));
    let mut answer = pin!(grpc.ask(link.clone()));
    let (mut heard, mut is_said) = (Vec::new(), peer.set_nonblocking(true).is_err());
    let answer = link.drive(poll_fn(|context| {
        let answer = answer.as_mut().poll(context);
        // An error is that there is no more yet.
        let _ = peer.read_to_end(&mut heard);
        if !is_said && heard.ends_with(&frame::question("s")) {
            is_said = true;
            let _ = peer.write_all(said);
            let _ = peer.shutdown(std::net::Shutdown::Write);
        }
        answer
    }));
    grpc.judge(answer, &link).map_err(|error| grpc.failure(error))
}

/// What grpc-status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RpcStatus {
    /// Nothing.
    Absent,
    /// That the call went well.
    Ok,
}

/// Why there is no answer.
enum RpcError {
    /// HTTP/2 failed.
    Http2(h2::Error),
    /// The server is going away, and has not looked at the request: another connection may lead to another server.
    GoAway,
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for RpcError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The failure that an error of HTTP/2 itself is, of a peer whose first bytes were `first`.
fn broken_off(error: &h2::Error, first: &[u8]) -> Failure {
    // It shows the names of RFC 9113, 7.
    let code = error.reason().map(|reason| format!(" ({reason:?})")).unwrap_or_default();
    let reason = match error.reason() {
        Some(h2::Reason::ENHANCE_YOUR_CALM) if error.is_remote() => {
            format!("the server turns us away for asking too much{code}; check it less often")
        }
        Some(h2::Reason::HTTP_1_1_REQUIRED) if error.is_remote() => {
            format!("the server wants HTTP/1.1{code}, which gRPC is not; is it http://?")
        }
        _ if error.is_remote() && error.is_reset() => format!("the server broke off the call{code}"),
        _ if error.is_remote() => format!("the server closed the connection during the call{code}"),
        _ if !is_settings(first) => return wire::stranger("HTTP/2", first, None),
        _ => format!("the server breaks the rules of HTTP/2{code}"),
    };
    Failure::new(Phase::Response, Cause::Protocol, reason)
}

/// Whether the server has refused to look at the request (RFC 9113, 6.8 and 8.7).
fn is_going_away(error: &h2::Error) -> bool {
    let is_graceful = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    error.is_remote() && (is_graceful || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// Whether a connection begins as a server of HTTP/2 begins it (RFC 9113, 3.4).
fn is_settings(first: &[u8]) -> bool {
    matches!(first, [_, _, _, 4, ..])
}

impl From<h2::Error> for RpcError {
    fn from(error: h2::Error) -> Self {
        Self::Http2(error)
    }
}

/// The error that `reason` tells.
fn failed(cause: Cause, reason: String) -> RpcError {
    RpcError::Failed(Failure::new(Phase::Response, cause, reason))
}

/// The peer went away without an answer.
fn closed() -> Failure {
    net::failure_of(&io::ErrorKind::UnexpectedEof.into(), Phase::Response)
}
