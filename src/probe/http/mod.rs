//! `http://` and `https://`: the final answer's status is accepted and every body condition holds.

mod body;
mod buffers;
mod credentials;
mod exchange;
mod redirect;
mod route;
mod url;
mod wire;

use std::path::PathBuf;

use crate::deadline::Deadline;
use crate::file;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trail};

use super::target::Target;
use super::{Condition, Kind, Options as ProbeOptions, StatusSet};

/// The words of HTTP; nothing outside names the library that has them.
pub(crate) use ureq::http::{HeaderName, HeaderValue, Method, header};

pub(crate) use self::credentials::{Credentials, travels};
pub(crate) use self::exchange::{Answer, Exchange, Head, Question};
pub(crate) use self::redirect::{Follow, Origin, hop, location};
pub(crate) use self::route::{Proxy, Route};
pub(crate) use self::url::{Scheme, Url, decoded, encoded};

/// What to ask, and which answer is good.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// GET unless given, or POST where there is something to send.
    pub(crate) method: Option<Method>,
    /// Sent in this order; a Host, User-Agent or Accept among them replaces ours.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// What to send.
    pub(crate) data: Option<Data>,
    /// Who we say that we are.
    pub(crate) credentials: Option<Credentials>,
    /// The statuses that pass.
    pub(crate) status: StatusSet,
    /// How many redirects to follow.
    pub(crate) follow: Follow,
    /// Whom to ask to ask.
    pub(crate) proxy: Option<Proxy>,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// As given.
    Text(String),
    /// The content of a file, read at each attempt.
    File(PathBuf),
}

impl Data {
    /// The bytes to send.
    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(path) => file::read("--data", path),
        }
    }
}

/// One HTTP request and what its answer must be.
#[derive(Debug)]
pub(super) struct Http {
    url: Url,
    route: Route,
    options: Options,
    conditions: Vec<Condition>,
}

/// Reads `//[user:password@]host[:port][/path][?query]`.
pub(super) fn parse(target: &Target<'_>, options: &ProbeOptions) -> Result<Kind, String> {
    let (url, user) = Url::read(target)?;
    let mut http = options.http.clone();
    if let Some(user) = user {
        http.credentials = Some(Credentials::basic(&user)?);
    }
    let route = Route {
        via: options.via.clone(),
        unix_socket: options.unix_socket.clone(),
        proxy: http.proxy.take(),
        tls: options.tls.clone(),
    };
    Ok(Kind::Http(Box::new(Http { url, route, options: http, conditions: options.conditions.clone() })))
}

impl Http {
    /// Asks, and follows redirects as far as allowed; the head of the last answer decides, then its body.
    pub(super) fn run(&self, deadline: Deadline, trail: &mut Trail) -> Outcome {
        let mut request = self.request().map_err(|why| Failure::new(Phase::Request, Cause::Broken, why))?;
        let mut hops = 0;
        loop {
            let mut answer = request.send(&self.route, deadline, trail)?;
            let verdict = self.judge(&mut request, &mut answer, hops);
            answer.settle(deadline);
            if let Some(seen) = verdict? {
                return Ok(seen);
            }
            hops += 1;
        }
    }

    /// What `answer` means: it passes, it fails, or it makes `request` the next one to send.
    fn judge(&self, request: &mut Request, answer: &mut Answer, hops: u8) -> Result<Option<String>, Failure> {
        let location = location(answer.status, &answer.headers);
        match (self.options.follow, location) {
            (Follow::AtMost(most), Some(_)) if hops == most => {
                let reason = format!("redirected more than {most} times, the last time by {}", request.url);
                Err(Failure::answer(Phase::Response, reason))
            }
            (Follow::AtMost(_), Some(location)) => request.follow(answer.status, location).map(|()| None),
            _ => {
                self.judge_status(&request.url, answer.status, location)?;
                body::check(answer, &self.conditions)?;
                Ok(Some(format!("status {}", answer.status)))
            }
        }
    }

    /// The first request.
    fn request(&self) -> Result<Request, String> {
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
        Ok(Request { url: self.url.clone(), method, headers, data })
    }

    /// Whether `status` passes; if not, what was wanted, and where a redirect would lead.
    fn judge_status(&self, url: &Url, status: u16, location: Option<&[u8]>) -> Result<(), Failure> {
        let wanted = &self.options.status;
        if wanted.contains(status) {
            return Ok(());
        }
        let redirect = location.and_then(|location| url.join(location).ok());
        let reason = match redirect {
            Some(next) => format!("status {status} to {next}, wanted {wanted}; --follow goes there"),
            None => format!("status {status}, wanted {wanted}"),
        };
        Err(Failure::answer(Phase::Response, reason))
    }
}

/// A request as it will be sent next.
struct Request {
    url: Url,
    method: Method,
    headers: Vec<(HeaderName, HeaderValue)>,
    data: Option<Vec<u8>>,
}

impl Request {
    /// Sends it over a connection of its own, and reads the head of the answer.
    fn send(&self, route: &Route, deadline: Deadline, trail: &mut Trail) -> Result<Answer, Failure> {
        let way = route.dial(&self.url, deadline, trail)?;
        trail.step(|| format!("{} {}", self.method, self.url));
        let mut headers = self.headers.clone();
        if let Some(authorization) = way.authorization {
            headers.push((header::PROXY_AUTHORIZATION, authorization));
        }
        let question = Question {
            method: self.method.clone(),
            headers,
            body: self.data.as_deref(),
            form: way.form,
            ..Question::get(self.url.uri.clone())
        };
        let answer = Exchange::new(way.stream, Head::Parsed).ask(&question)?;
        trail.status = Some(answer.status);
        trail.step(|| format!("status {}", answer.status));
        Ok(answer)
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
