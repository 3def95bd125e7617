//! One transfer: a request, the redirects that it meets, and the body of the last answer.

use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::http::{
    Answer, Exchange, Head, HeaderName, HeaderValue, Method, Origin, Question, Route, Url, header, hop,
    location, travels,
};
use crate::outcome::{Failure, Trace};

use crate::compat::transfer::sink::{Lost, Sink};

/// What to ask.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Whom.
    pub(crate) url: Url,
    /// How.
    pub(crate) method: Method,
    /// Sent in this order; a Host, User-Agent or Accept among them replaces ours.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Who we say that we are; nothing is sent for an empty one.
    pub(crate) user_agent: String,
    /// What to send.
    pub(crate) data: Option<Vec<u8>>,
}

/// What to do about redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// They are answers like any other.
    Shown,
    /// They are followed, so many; none is without end.
    Followed(u32),
}

/// Which method a redirect is followed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The one that browsers take.
    Nothing,
    /// The one that was asked for by name.
    Method,
}

/// Why a transfer failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setback {
    /// On the way, after so many bytes of an answer.
    Failed(Failure, u64),
    /// The redirect leads nowhere that we go.
    Misled(String),
    /// There were more redirects than are followed.
    TooMany(u32),
    /// The status is one that is no success.
    Refused(u16),
    /// Nobody took the body.
    Lost(Lost),
}

/// What is known of a transfer, whatever came of it.
#[derive(Debug)]
pub(crate) struct Progress {
    /// When it began.
    pub(crate) begun: Instant,
    /// How long it took to connect, TLS included.
    pub(crate) connected: Option<Duration>,
    /// How long it took until the head of the last answer was there.
    pub(crate) answered: Option<Duration>,
    /// The status of the last answer.
    pub(crate) status: Option<u16>,
    /// Whom it was that was asked last.
    pub(crate) url: Option<Url>,
    /// Where it sends us.
    pub(crate) next: Option<Url>,
    /// How many redirects were followed.
    pub(crate) hops: u32,
    /// The bytes of the heads of all answers.
    pub(crate) heads: u64,
    /// The Content-Type of the last answer.
    pub(crate) content_type: Option<String>,
    /// What it met on its way.
    pub(crate) trace: Trace,
}

impl Progress {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            connected: None,
            answered: None,
            status: None,
            url: None,
            next: None,
            hops: 0,
            heads: 0,
            content_type: None,
            trace: Trace::default(),
        }
    }
}

/// What to do with an answer whose body is not to be written.
pub(crate) type Judge<'a> = dyn FnMut(&Heard<'_>) -> Result<Body, Setback> + 'a;

/// The head of an answer.
pub(crate) struct Heard<'a> {
    /// Its bytes.
    pub(crate) head: &'a [u8],
    /// Its status.
    pub(crate) status: u16,
    /// Whether a redirect is followed after it.
    pub(crate) followed: bool,
}

/// What becomes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// It is written, and the transfer is good.
    Written,
    /// It is written, and the transfer fails by its status all the same.
    WrittenInVain,
    /// It is not read.
    Left,
}

/// How a transfer is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course<'a> {
    /// How to get there.
    pub(crate) route: &'a Route,
    /// What about redirects.
    pub(crate) redirects: Redirects,
    /// With which method.
    pub(crate) keep: Keep,
    /// When it is over.
    pub(crate) deadline: Deadline,
}

/// Does it; the status of the last answer. `judge` sees the head of each, and says what becomes of its body.
pub(crate) fn transfer(
    mut request: Request,
    course: Course<'_>,
    sink: &mut Sink,
    progress: &mut Progress,
    judge: &mut Judge<'_>,
) -> Result<u16, Setback> {
    loop {
        progress.url = Some(request.url.clone());
        progress.next = None;
        let (mut answer, head) = ask(&request, course, progress)?;
        let status = answer.status;
        let place = location(status, &answer.headers).map(<[u8]>::to_vec);
        progress.next = place.as_ref().and_then(|place| request.url.join(place).ok());
        let place = place.filter(|_| course.redirects != Redirects::Shown);
        let body = judge(&Heard { head: &head, status, followed: place.is_some() })?;
        let (Some(place), Redirects::Followed(most)) = (place, course.redirects) else {
            return match body {
                Body::Left => {
                    answer.settle(course.deadline);
                    Ok(status)
                }
                Body::Written => pour(&mut answer, sink, course.deadline).map(|()| status),
                Body::WrittenInVain => {
                    pour(&mut answer, sink, course.deadline)?;
                    Err(Setback::Refused(status))
                }
            };
        };
        answer.settle(course.deadline);
        if progress.hops == most {
            return Err(Setback::TooMany(most));
        }
        progress.hops += 1;
        follow(&mut request, status, &place, course.keep)?;
    }
}

/// Asks, over a connection of its own; the head of the answer comes beside it, as it was sent.
fn ask(request: &Request, course: Course<'_>, progress: &mut Progress) -> Result<(Answer, Vec<u8>), Setback> {
    let dialled = course.route.dial(&request.url, course.deadline, &mut progress.trace);
    let way = dialled.map_err(|failure| Setback::Failed(failure, 0))?;
    progress.connected = Some(progress.begun.elapsed());
    let mut headers = request.headers.clone();
    if let Some(authorization) = way.authorization {
        headers.push((header::PROXY_AUTHORIZATION, authorization));
    }
    let question = Question {
        method: request.method.clone(),
        headers,
        user_agent: &request.user_agent,
        body: request.data.as_deref(),
        form: way.form,
        ..Question::get(request.url.uri.clone())
    };
    let mut exchange = Exchange::new(way.stream, Head::Kept);
    let answer = exchange.ask(&question).map_err(|failure| Setback::Failed(failure, exchange.received()))?;
    let head = exchange.head();
    progress.answered = Some(progress.begun.elapsed());
    progress.status = Some(answer.status);
    progress.heads += u64::try_from(head.len()).unwrap_or(0);
    let content_type = answer.headers.get(header::CONTENT_TYPE);
    progress.content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok((answer, head))
}

/// Writes the body of `answer`.
fn pour(answer: &mut Answer, sink: &mut Sink, deadline: Deadline) -> Result<(), Setback> {
    let mut piece = vec![0; 32 * 1024];
    loop {
        let amount = match answer.read(&mut piece) {
            Ok(0) => return sink.open().map_err(Setback::Lost),
            Ok(amount) => amount,
            Err(failure) => return Err(Setback::Failed(failure, answer.received())),
        };
        sink.write(piece.get(..amount).unwrap_or(&piece), deadline).map_err(Setback::Lost)?;
    }
}

/// Makes `request` the one that a redirect asks for. Secrets stay with the server that they are for.
fn follow(request: &mut Request, status: u16, place: &[u8], keep: Keep) -> Result<(), Setback> {
    let hop = hop(status, place, &request.url, &request.method)
        .map_err(|failure| Setback::Misled(failure.reason))?;
    if hop.origin == Origin::Other {
        request.headers.retain(|(name, _)| travels(name));
    }
    if keep == Keep::Nothing && hop.method != request.method {
        request.data = None;
        request.headers.retain(|(name, _)| name != header::CONTENT_TYPE);
        request.method = hop.method;
    }
    request.url = hop.url;
    Ok(())
}
