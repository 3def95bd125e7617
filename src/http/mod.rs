//! The HTTP/1.1 client: URLs, the way to a server, one exchange, redirects, credentials.

mod body;
mod credentials;
mod exchange;
mod head;
pub(crate) mod header;
mod redirect;
mod request;
mod response;
mod route;
mod url;

pub(crate) use ureq::http::{HeaderValue, Method};

pub(crate) use self::credentials::{Credentials, travels};
pub(crate) use self::exchange::{BodyLimit, Exchange, RawHead};
pub(crate) use self::header::HeaderName;
pub(crate) use self::redirect::{Follow, Origin, hop, location};
pub(crate) use self::request::Request;
pub(crate) use self::response::{Patience, Response};
pub(crate) use self::route::{Proxy, Route};
pub(crate) use self::url::{Scheme, Url, decoded, encoded};
