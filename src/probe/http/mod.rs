//! `http://` and `https://`: the final answer's status is accepted and every body condition holds.

mod body;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::expect::Condition;
use crate::http::{
    Answer, Credentials, Exchange, Follow, Head, HeaderName, HeaderValue, Method, Origin, Question, Route,
    Url, header, hop, location, travels,
};
use crate::probe::kind::Kind;
use crate::probe::options::{Data, HttpOptions, Options};
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
        http.credentials = Some(Credentials::basic(&user)?);
    }
    let route = Route {
        via: options.dial.via.clone(),
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
            let mut answer = request.send(&self.route, deadline, trace)?;
            let verdict = self.judge(&mut request, &mut answer, hops);
            answer.settle(deadline);
            if let Some(seen) = verdict? {
                return Ok(seen);
            }
            hops += 1;
        }
    }
}

impl Http {
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
    fn send(&self, route: &Route, deadline: Deadline, trace: &mut Trace) -> Result<Answer, Failure> {
        let way = route.dial(&self.url, deadline, trace)?;
        trace.step(|| format!("{} {}", self.method, self.url));
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
        trace.status = Some(answer.status);
        trace.step(|| format!("status {}", answer.status));
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
