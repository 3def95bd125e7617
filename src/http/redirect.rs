//! Redirects: where a response leads, and whether that is followed.

use ureq::http::Method;

use crate::outcome::{Cause, Failure, Phase};

use crate::http::head::Head;
use crate::http::header;
use crate::http::url::{Scheme, Url};

/// How many redirects are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Follow {
    /// None; a redirect is a response like any other.
    #[default]
    No,
    /// So many.
    AtMost(u8),
}

/// The next request after a redirect.
#[derive(Debug)]
pub(crate) struct Hop {
    /// Whom to ask.
    pub(crate) url: Url,
    /// How.
    pub(crate) method: Method,
    /// Whether the same server is asked again.
    pub(crate) origin: Origin,
}

/// Who is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The same server: it may see our secrets again.
    Same,
    /// Another one.
    Other,
}

/// Where a response of `status` redirects to, as far as it says: the raw Location. An empty one names the page that has just
/// been asked for; nobody follows it.
pub(crate) fn location(status: u16, head: &Head) -> Option<&[u8]> {
    let location = matches!(status, 301 | 302 | 303 | 307 | 308).then(|| head.get(header::LOCATION))?;
    location.filter(|value| !value.trim_ascii().is_empty())
}

/// The hop that a response of `status` to `method url` asks for; never one from https to http.
pub(crate) fn hop(status: u16, location: &[u8], url: &Url, method: &Method) -> Result<Hop, Failure> {
    let next = url.join(location).map_err(|why| {
        let reason = format!("status {status} redirects to {why}");
        Failure::new(Phase::Response, Cause::Protocol, reason)
    })?;
    if url.scheme == Scheme::Https && next.scheme == Scheme::Http {
        let reason = format!("status {status} redirects from https to {next}, which is never followed");
        return Err(Failure::new(Phase::Response, Cause::Forbidden, reason));
    }
    let origin = if url.same_origin(&next) { Origin::Same } else { Origin::Other };
    Ok(Hop { url: next, method: method_after(status, method), origin })
}

/// The method after a redirect (RFC 9110, 15.4): what everybody does since the first browsers.
fn method_after(status: u16, method: &Method) -> Method {
    match (status, method) {
        (303, &Method::HEAD) => Method::HEAD,
        (303, _) | (301 | 302, &Method::POST) => Method::GET,
        _ => method.clone(),
    }
}
