//! The HTTP client: URLs, the way to a server, one exchange, redirects, credentials.

mod buffers;
mod credentials;
mod exchange;
mod redirect;
mod route;
mod url;
mod wire;

/// The words of HTTP; nothing outside names the library that has them.
pub(crate) use ureq::http::{HeaderName, HeaderValue, Method, header};

pub(crate) use self::credentials::{Credentials, travels};
pub(crate) use self::exchange::{Answer, Exchange, Head, Question};
pub(crate) use self::redirect::{Follow, Origin, hop, location};
pub(crate) use self::route::{Proxy, Route};
pub(crate) use self::url::{Scheme, Url, decoded, encoded};
