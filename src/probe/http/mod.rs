//! `http://` and `https://`: the final answer's status is accepted and every body condition holds.

mod body;

use std::borrow::Cow;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::expect::{Condition, SIZE_MAX};
use crate::http::{
    BodyLimit, Credentials, Exchange, Follow, HeaderName, HeaderValue, Method, Origin, Patience, RawHead,
    Request, Response, Route, Scheme, Url, header, hop, location, travels,
};
use crate::probe::kind::Kind;
use crate::probe::options::{BodyUse, Data, HttpOptions, Options};
use crate::target::Target;

/// One HTTP request and what its answer must be.
#[derive(Debug)]
pub(super) struct Http {
    url: Url,
    route: Route,
    options: HttpOptions,
    conditions: Vec<Condition>,
}

/// Reads `//[user:password@]host[:port][/path][?query]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let (url, user) = Url::read(target)?;
    let mut http = options.http.clone();
    if let Some(user) = user {
        if http.credentials.is_some() || http.headers.iter().any(|(name, _)| *name == header::AUTHORIZATION) {
            return Err(
                "credentials are given twice: in the target, and by --user, --bearer-file or --header".into(),
            );
        }
        http.credentials = Some(Credentials::basic(&user)?);
    }
    let route = Route {
        connect: options.dial.connect.clone(),
        unix_socket: options.dial.unix_socket.clone(),
        proxy: http.proxy.take(),
        tls: options.dial.tls.clone(),
    };
    Ok(Box::new(Http { url, route, options: http, conditions: options.conditions.clone() }))
}

impl Kind for Http {
    /// Asks, and follows redirects as far as allowed; the head of the last answer decides, then its body.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let mut request = self.request().map_err(|why| Failure::new(Phase::Request, Cause::Broken, why))?;
        let mut hops = 0;
        loop {
            let mut response = request.send(&self.route_to(&request.url), deadline, trace)?;
            if let Some(seen) = self.judge(&mut request, &mut response, hops)? {
                return Ok(seen);
            }
            hops += 1;
        }
    }
}

impl Http {
    /// What `response` means: it passes, it fails, or it makes `request` the next one to send.
    fn judge(
        &self,
        request: &mut NextRequest,
        response: &mut Response,
        hops: u8,
    ) -> Result<Option<String>, Failure> {
        let status = response.status;
        let location = location(status, &response.head).map(<[u8]>::to_vec);
        if let (Follow::AtMost(most), Some(location)) = (self.options.follow, &location) {
            // Nobody needs the body of a redirect.
            let _ = response.drain(Patience::Brief);
            if hops == most {
                let reason = format!("redirected more than {most} times, the last time by {}", request.url);
                return Err(Failure::answer(Phase::Response, reason));
            }
            return request.follow(status, location).map(|()| None);
        }
        if !self.options.status.contains(status) {
            return Err(self.unwanted(&request.url, response, location.as_deref()));
        }
        match self.options.body {
            _ if !self.conditions.is_empty() => {
                let verdict = body::check(response, &self.conditions);
                let _ = response.drain(Patience::Brief);
                verdict?;
            }
            BodyUse::ReadToEnd => response.drain(Patience::Full)?,
            BodyUse::Ignored => {
                let _ = response.drain(Patience::Brief);
            }
        }
        Ok(Some(format!("status {status}")))
    }

    /// The way to `url`: `--server-name` says what the target is called, not any host that it redirects to.
    fn route_to(&self, url: &Url) -> Cow<'_, Route> {
        if self.route.tls.server_name.is_none() || url.host == self.url.host {
            return Cow::Borrowed(&self.route);
        }
        let mut route = self.route.clone();
        route.tls.server_name = None;
        Cow::Owned(route)
    }

    /// The first request.
    fn request(&self) -> Result<NextRequest, String> {
        let options = &self.options;
        let data = options.data.as_ref().map(Data::read).transpose()?;
        let default = if data.is_some() { Method::POST } else { Method::GET };
        let mut headers = options.headers.clone();
        let has = |name| options.headers.iter().any(|(given, _)| given == name);
        if data.is_some() && !has(header::CONTENT_TYPE) {
            // What curl sends for -d.
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.push((header::CONTENT_TYPE, form));
        }
        if let Some(credentials) = &options.credentials {
            headers.push((header::AUTHORIZATION, credentials.authorization()?));
        }
        let method = options.method.clone().unwrap_or(default);
        Ok(NextRequest { url: self.url.clone(), method, headers, data })
    }

    /// The failure of a status that does not pass: what was wanted, where a redirect would lead, and what the server says.
    fn unwanted(&self, url: &Url, response: &mut Response, location: Option<&[u8]>) -> Failure {
        let (status, wanted) = (response.status, &self.options.status);
        let mut reason = format!("status {status}");
        if *url != self.url {
            reason = format!("{reason} from {url}");
        }
        if let Some(next) = location.and_then(|location| url.join(location).ok()) {
            reason = format!("{reason} to {next}, wanted {wanted}; --follow goes there");
        } else {
            reason = format!("{reason}, wanted {wanted}");
            let beginning = response.beginning(BODY_READ);
            if status == 400 && url.scheme == Scheme::Http && asks_for_tls(&beginning) {
                reason.push_str("; the server wants TLS on this port: is it https://?");
            } else if let Some(shown) = shown(&beginning) {
                reason = format!("{reason}: {shown}");
            }
        }
        // The verdict stands.
        let _ = response.drain(Patience::Brief);
        Failure::answer(Phase::Response, reason)
    }
}

/// How much of the body of a failing response is read: enough to find nginx' sentence in its page.
const BODY_READ: usize = 512;

/// How much of it is shown.
const BODY_SHOWN: usize = 80;

/// How much of a body is read.
#[expect(clippy::as_conversions, reason = "a usize is never wider than a u64")]
const BODY_LIMIT: BodyLimit = BodyLimit::Bytes(SIZE_MAX as u64);

/// What nginx, Apache and Go answer to plain HTTP on a port for TLS.
fn asks_for_tls(body: &[u8]) -> bool {
    [
        "plain HTTP request was sent to HTTPS port",
        "speaking plain HTTP to an SSL",
        "HTTP request to an HTTPS server",
    ]
    .iter()
    .any(|sentence| memchr::memmem::find(body, sentence.as_bytes()).is_some())
}

/// The beginning of a body on one line, if it is text.
fn shown(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() || text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let end = (0..=BODY_SHOWN.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let more = if end < text.len() { "..." } else { "" };
    Some(format!("{}{more}", text.get(..end).unwrap_or_default()))
}

/// A request as it will be sent next.
struct NextRequest {
    url: Url,
    method: Method,
    headers: Vec<(HeaderName, HeaderValue)>,
    data: Option<Vec<u8>>,
}

impl NextRequest {
    /// Sends it over a connection of its own, and reads the head of the answer.
    fn send(&self, route: &Route, deadline: Deadline, trace: &mut Trace) -> Result<Response, Failure> {
        let way = route.dial(&self.url, deadline, trace)?;
        trace.step(|| format!("{} {}", self.method, self.url));
        let mut headers = self.headers.clone();
        if let Some(authorization) = way.authorization {
            headers.push((header::PROXY_AUTHORIZATION, authorization));
        }
        let request = Request {
            method: self.method.clone(),
            headers,
            body: self.data.as_deref(),
            form: way.form,
            ..Request::get(self.url.uri.clone())
        };
        let response = Exchange::new(way.stream, RawHead::Dropped, BODY_LIMIT, deadline)
            .send(&request)
            .map_err(|error| error.failure)?;
        trace.status = Some(response.status);
        trace.step(|| format!("status {}", response.status));
        Ok(response)
    }

    /// Becomes the request that a redirect asks for. Secrets stay with the server that they are for.
    fn follow(&mut self, status: u16, location: &[u8]) -> Result<(), Failure> {
        let hop = hop(status, location, &self.url, &self.method)?;
        if hop.origin == Origin::Other {
            self.headers.retain(|(name, _)| travels(name));
        }
        if hop.method != self.method {
            self.data = None;
            self.headers.retain(|(name, _)| name != header::CONTENT_TYPE);
        }
        self.method = hop.method;
        self.url = hop.url;
        Ok(())
    }
}
