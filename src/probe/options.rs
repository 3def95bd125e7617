//! What options say about probes, whatever their kind.

use std::path::PathBuf;
use std::time::Duration;

use crate::client::dial::DialOptions;
use crate::client::login;
use crate::client::payload::Payload;
use crate::expect::{Condition, StatusSet};
use crate::http::{Credentials, Follow, HeaderName, HeaderValue, Method, Proxy};
use crate::system::file;

/// What an option is for. One that no target has a use for is refused, not ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// Headers of HTTP, metadata of gRPC.
    Headers,
    /// Requests and answers of HTTP.
    Http,
    /// Users and passwords.
    Login,
    /// Names and addresses.
    Network,
    /// Certificates.
    Tls,
    /// What stands in an answer or a file.
    Content,
    /// Files.
    File,
    /// Bytes as they are.
    Payload,
    /// A unix socket instead of the target's host.
    UnixSocket,
}

/// Everything that options say about probes, whatever their kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// How to get to the peer.
    pub(crate) dial: DialOptions,
    /// What to ask in HTTP, and which answer is good.
    pub(crate) http: HttpOptions,
    /// What the body of an answer or a file must have.
    pub(crate) conditions: Vec<Condition>,
    /// Where passwords are.
    pub(crate) login: login::Options,
    /// The service that gRPC is asked about, instead of the path of the target.
    pub(crate) grpc_service: Option<String>,
    /// How long an answer may take once the connection stands, less than the whole.
    pub(crate) answer_timeout: Option<Duration>,
    /// What a file must be like.
    pub(crate) file: FileOptions,
    /// What to say to whom nothing more is known of.
    pub(crate) payload: Payload,
}

impl Options {
    /// Whether an attempt on a target that `uses` these groups reads files that an option or a variable names, or those that
    /// the name of a proxy or in a redirect is looked up in.
    pub(crate) fn name_files(&self, uses: &[Group]) -> bool {
        let has_tls = uses.contains(&Group::Tls) || self.http.follow != Follow::No;
        let reads_body = matches!(self.http.data, Some(Data::File(_)));
        let reads_token = matches!(self.http.credentials, Some(Credentials::BearerFile(_)));
        let leads_elsewhere = self.http.follow != Follow::No || self.http.proxy.is_some();
        (has_tls && self.dial.tls.names_files())
            || (uses.contains(&Group::UnixSocket) && self.dial.unix_socket.is_some())
            || (uses.contains(&Group::Login) && self.login.password_file.is_some())
            || (uses.contains(&Group::Http) && (reads_body || reads_token || leads_elsewhere))
    }
}

/// What to ask, and which answer is good.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpOptions {
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
    /// Whether a body that breaks off fails the check.
    pub(crate) body: BodyUse,
    /// How many redirects to follow.
    pub(crate) follow: Follow,
    /// Whom to ask to ask.
    pub(crate) proxy: Option<Proxy>,
}

/// Whether the body of a response is read when no condition needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodyUse {
    /// To its end, and one that breaks off is a failure.
    #[default]
    ReadToEnd,
    /// `--status-only`: whatever comes of it.
    Ignored,
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
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(path) => file::of_option("--data", path),
        }
    }
}

/// What a file must be like.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileOptions {
    /// How long ago it may have been modified.
    pub(crate) max_age: Option<Duration>,
    /// Whether an empty one will do.
    pub(crate) size: FileSize,
}

/// Which size is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FileSize {
    /// Any.
    #[default]
    Any,
    /// At least one byte.
    NonEmpty,
}
