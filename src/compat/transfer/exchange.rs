//! One transfer: a request, the redirects that it meets, and the body of the last answer.

use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::http::{
    BodyLimit, Exchange, HeaderName, HeaderValue, Method, Origin, Patience, RawHead, Request as HttpRequest,
    Response, Route, Url, header, hop, location, travels,
};
use crate::outcome::{Failure, Trace};

use crate::compat::transfer::output::{Output, WriteError};

/// What to send, and where to.
#[derive(Clone, Debug)]
pub(crate) struct TransferRequest {
    /// Where to.
    pub(crate) url: Url,
    /// The method.
    pub(crate) method: Method,
    /// Sent in this order; a Host, User-Agent, Accept or Content-Length among them replaces ours.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Headers of ours that are not sent.
    pub(crate) suppressed: Vec<HeaderName>,
    /// The User-Agent header; none is sent for an empty one.
    pub(crate) user_agent: String,
    /// The request body.
    pub(crate) data: Option<Vec<u8>>,
}

/// What to do about redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// Treat them like any other response.
    Return,
    /// Follow at most this many.
    Follow(u32),
}

/// Which method the request after a redirect has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedirectMethod {
    /// As browsers do it: POST becomes GET on 301, 302 and 303.
    Standard,
    /// The method that `-X` names.
    Keep,
}

/// Why a transfer failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TransferError {
    /// Connecting, sending or receiving failed, after this many bytes of a response.
    Failed(Failure, u64),
    /// The Location header cannot be followed.
    BadRedirect(String),
    /// More redirects than this limit.
    TooManyRedirects(u32),
    /// This status counts as a failure.
    ErrorStatus(u16),
    /// The body could not be written.
    WriteFailed(WriteError),
}

/// What `-w` can print about a transfer (`curl_easy_getinfo`(3)).
#[derive(Debug)]
pub(crate) struct TransferInfo {
    /// The start of the transfer.
    pub(crate) started: Instant,
    /// From the start until connected, TLS included.
    pub(crate) connect_time: Option<Duration>,
    /// From the start until the headers of the last response were read.
    pub(crate) first_byte_time: Option<Duration>,
    /// The status of the last answer.
    pub(crate) status: Option<u16>,
    /// The URL of the last request.
    pub(crate) url: Option<Url>,
    /// The URL that the last response redirects to.
    pub(crate) redirect_url: Option<Url>,
    /// How many redirects were followed.
    pub(crate) redirect_count: u32,
    /// The bytes of the heads of all answers.
    pub(crate) header_bytes: u64,
    /// The headers of the last response as they came, after those of interim ones.
    pub(crate) last_head: Vec<u8>,
    /// The Content-Type of the last answer.
    pub(crate) content_type: Option<String>,
    /// What it met on its way.
    pub(crate) trace: Trace,
}

impl TransferInfo {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            connect_time: None,
            first_byte_time: None,
            status: None,
            url: None,
            redirect_url: None,
            redirect_count: 0,
            header_bytes: 0,
            last_head: Vec::new(),
            content_type: None,
            trace: Trace::default(),
        }
    }
}

impl TransferInfo {
    /// The header lines of the last response.
    pub(crate) fn header_lines(&self) -> impl Iterator<Item = (String, String)> {
        let head = String::from_utf8_lossy(&self.last_head).into_owned();
        let last = head.trim_end().rsplit("\r\n\r\n").next().unwrap_or_default().to_owned();
        let lines: Vec<_> = last.lines().skip(1).filter_map(|line| line.split_once(':')).map(own).collect();
        lines.into_iter()
    }

    /// The value of a header of the last response; nothing where there is none.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.header_lines().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// `1.1`, `1` for HTTP/1.0, and `0` where there was no response.
    pub(crate) fn http_version(&self) -> &'static str {
        let head = String::from_utf8_lossy(&self.last_head);
        let last = head.trim_end().rsplit("\r\n\r\n").next().unwrap_or_default();
        match self.status {
            None => "0",
            Some(_) if last.starts_with("HTTP/1.0") => "1",
            Some(_) => "1.1",
        }
    }
}

/// A header line of one's own.
fn own((name, value): (&str, &str)) -> (String, String) {
    (name.trim().to_owned(), value.trim().to_owned())
}

/// Decides what to do with the body of a response.
pub(crate) type HeadCallback<'a> = dyn FnMut(&ResponseHead<'_>) -> Result<BodyAction, TransferError> + 'a;

/// The status line and headers of a response.
pub(crate) struct ResponseHead<'a> {
    /// Its bytes.
    pub(crate) head: &'a [u8],
    /// Its status.
    pub(crate) status: u16,
    /// Whether a redirect is followed after it.
    pub(crate) is_followed: bool,
}

/// What to do with a response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyAction {
    /// Write it; the transfer succeeds.
    Write,
    /// Write it; the transfer fails by its status.
    WriteThenFail,
    /// Do not write it.
    Skip,
}

/// The options of a transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransferOptions<'a> {
    /// Proxy, TLS and address options.
    pub(crate) route: &'a Route,
    /// Whether to follow redirects.
    pub(crate) redirects: Redirects,
    /// The method after a redirect.
    pub(crate) redirect_method: RedirectMethod,
    /// The end of the transfer.
    pub(crate) deadline: Deadline,
}

/// Does it; the status of the last answer. `on_head` sees the head of each, and says what becomes of its body.
pub(crate) fn run_transfer(
    mut request: TransferRequest,
    options: TransferOptions<'_>,
    output: &mut Output,
    info: &mut TransferInfo,
    on_head: &mut HeadCallback<'_>,
) -> Result<u16, TransferError> {
    loop {
        info.url = Some(request.url.clone());
        info.redirect_url = None;
        let mut response = send_request(&request, options, info)?;
        let status = response.status;
        let place = location(status, &response.head).map(<[u8]>::to_vec);
        info.redirect_url = place.as_ref().and_then(|place| request.url.join(place).ok());
        let place = place.filter(|_| options.redirects != Redirects::Return);
        let body = on_head(&ResponseHead { head: &response.raw_head, status, is_followed: place.is_some() })?;
        let (Some(place), Redirects::Follow(most)) = (place, options.redirects) else {
            return match body {
                BodyAction::Skip => {
                    // Nobody needs it, and so nobody minds how it ends.
                    let _ = response.drain(Patience::Brief);
                    Ok(status)
                }
                BodyAction::Write => write_body(&mut response, output, options.deadline).map(|()| status),
                BodyAction::WriteThenFail => {
                    write_body(&mut response, output, options.deadline)?;
                    Err(TransferError::ErrorStatus(status))
                }
            };
        };
        // Nobody needs it, and so nobody minds how it ends.
        let _ = response.drain(Patience::Brief);
        if info.redirect_count == most {
            return Err(TransferError::TooManyRedirects(most));
        }
        info.redirect_count += 1;
        apply_redirect(&mut request, status, &place, options.redirect_method)?;
    }
}

/// Asks, over a connection of its own.
fn send_request(
    request: &TransferRequest,
    options: TransferOptions<'_>,
    info: &mut TransferInfo,
) -> Result<Response, TransferError> {
    let dialled = options.route.dial(&request.url, options.deadline, &mut info.trace);
    let way = dialled.map_err(|failure| TransferError::Failed(failure, 0))?;
    info.connect_time = Some(info.started.elapsed());
    let mut headers = request.headers.clone();
    if let Some(authorization) = way.authorization {
        headers.push((header::PROXY_AUTHORIZATION, authorization));
    }
    let question = HttpRequest {
        method: request.method.clone(),
        headers,
        user_agent: &request.user_agent,
        suppressed: &request.suppressed,
        body: request.data.as_deref(),
        form: way.form,
        ..HttpRequest::get(request.url.uri.clone())
    };
    let response = Exchange::new(way.stream, RawHead::Kept, BodyLimit::None, options.deadline)
        .send(&question)
        .map_err(|error| TransferError::Failed(error.failure, error.received))?;
    info.first_byte_time = Some(info.started.elapsed());
    info.status = Some(response.status);
    info.last_head.clone_from(&response.raw_head);
    info.header_bytes += u64::try_from(response.raw_head.len()).unwrap_or(0);
    let content_type = response.head.get(header::CONTENT_TYPE);
    info.content_type = content_type.and_then(|value| std::str::from_utf8(value).ok()).map(str::to_owned);
    Ok(response)
}

/// Writes the body of `response`.
fn write_body(response: &mut Response, output: &mut Output, deadline: Deadline) -> Result<(), TransferError> {
    let mut piece = vec![0; 32 * 1024];
    loop {
        let amount = match response.read(&mut piece) {
            Ok(0) => return output.open().map_err(TransferError::WriteFailed),
            Ok(amount) => amount,
            Err(failure) => return Err(TransferError::Failed(failure, response.received())),
        };
        output.write(piece.get(..amount).unwrap_or(&piece), deadline).map_err(TransferError::WriteFailed)?;
    }
}

/// Makes `request` the one that a redirect asks for. Secrets stay with the server that they are for.
fn apply_redirect(
    request: &mut TransferRequest,
    status: u16,
    place: &[u8],
    redirect_method: RedirectMethod,
) -> Result<(), TransferError> {
    let hop = hop(status, place, &request.url, &request.method)
        .map_err(|failure| TransferError::BadRedirect(failure.reason))?;
    if hop.origin == Origin::Other {
        request.headers.retain(|(name, _)| travels(name));
    }
    if redirect_method == RedirectMethod::Standard && hop.method != request.method {
        request.data = None;
        request.headers.retain(|(name, _)| name != header::CONTENT_TYPE);
        request.method = hop.method;
    }
    request.url = hop.url;
    Ok(())
}
