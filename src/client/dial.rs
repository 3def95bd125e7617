//! Getting to a peer, in clear or encrypted.

use std::path::PathBuf;

use crate::deadline::Deadline;
use crate::net;
use crate::net::tls::Verify;
use crate::net::{ConnectOptions, Endpoint, Host, Stream, tls};
use crate::outcome::{Failure, Trace};

/// How to get to a peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct DialOptions {
    /// Which addresses are allowed.
    pub(crate) connect: ConnectOptions,
    /// Connect here, whatever the target's host.
    pub(crate) unix_socket: Option<PathBuf>,
    /// Whom to trust.
    pub(crate) tls: tls::Options,
}

impl DialOptions {
    /// What lies between us and the socket at first, of a target with nothing after its host but `?tls=true`. Whoever
    /// gives an option for TLS wants it.
    pub(crate) fn layer_for(&self, path: &str) -> Result<Layer, String> {
        match path.trim_start_matches('/') {
            "" if !self.tls.is_given() => Ok(Layer::Plain),
            "" | "?tls=true" => Ok(Layer::Tls),
            path => Err(format!("`{path}`, where only ?tls=true can be,")),
        }
    }
}

/// Where a peer is, and how it is talked to.
#[derive(Debug)]
pub(crate) struct Dial {
    endpoint: Endpoint,
    connect: ConnectOptions,
    /// Whose certificate it must be, should it be asked for.
    host: Host,
    /// Whom to trust then.
    tls: Box<tls::Options>,
    /// What to do as soon as the connection stands.
    layer: Layer,
}

/// What lies between us and the socket at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Nothing.
    Plain,
    /// TLS.
    Tls,
}

/// Who can read what we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confidentiality {
    /// Anybody on the way, or whoever says that he is the server: no password is sent as it is.
    None,
    /// The server that TLS was asked for with.
    Tls,
    /// A process of this machine.
    Local,
}

/// Whether a connection that begins in clear goes on over TLS: libpq's `sslmode`, `MySQL`'s `ssl-mode`
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// Never.
    Disable,
    /// When the server offers it; nobody is verified.
    Prefer,
    /// Always; verified only against the CA that is given.
    Require,
    /// Always; a trusted CA vouches for the server.
    VerifyCa,
    /// Always; a trusted CA vouches for the server by its name.
    VerifyFull,
}

/// The words for them, `-` and `_` being one: those of libpq and of `MySQL`.
const TLS_MODES: &[(&str, TlsMode)] = &[
    ("disable", TlsMode::Disable),
    ("disabled", TlsMode::Disable),
    ("allow", TlsMode::Prefer),
    ("prefer", TlsMode::Prefer),
    ("preferred", TlsMode::Prefer),
    ("require", TlsMode::Require),
    ("required", TlsMode::Require),
    ("verify-ca", TlsMode::VerifyCa),
    ("verify-full", TlsMode::VerifyFull),
    ("verify-identity", TlsMode::VerifyFull),
];

impl TlsMode {
    /// Reads the word of the parameter `name`, if there is one, beside the TLS options: whoever gives one of them wants
    /// TLS.
    pub(crate) fn decide(name: &str, word: Option<&str>, options: &DialOptions) -> Result<Self, String> {
        let is_given = options.tls.is_given();
        let Some(word) = word else { return Ok(if is_given { Self::VerifyFull } else { Self::Prefer }) };
        let known = word.to_ascii_lowercase().replace('_', "-");
        match TLS_MODES.iter().find(|(mode, _)| *mode == known) {
            Some((_, Self::Disable)) if is_given => Err(format!("{name}={word} beside options for TLS,")),
            Some((_, Self::Prefer)) if is_given => Ok(Self::VerifyFull),
            Some((_, mode)) => Ok(*mode),
            None => {
                let known: Vec<_> = TLS_MODES.iter().map(|(mode, _)| *mode).collect();
                Err(format!("{name}={word}, where only {} can be,", known.join(", ")))
            }
        }
    }

    /// Whether a connection without TLS will not do.
    pub(crate) fn is_required(self) -> bool {
        !matches!(self, Self::Disable | Self::Prefer)
    }
}

impl Dial {
    /// To `host` over TCP, or to what `--unix-socket` names in its place, in clear at first, and then as `mode` says.
    pub(crate) fn upgradable(host: Host, port: u16, mode: TlsMode, options: &DialOptions) -> Self {
        let mut dial = Self::tcp(host, port, Layer::Plain, options);
        let given = &options.tls;
        dial.tls.verify = match mode {
            _ if given.verify == Verify::Off => Verify::Off,
            TlsMode::Disable | TlsMode::Prefer => Verify::Off,
            TlsMode::Require if !given.names_authority() => Verify::Off,
            TlsMode::Require | TlsMode::VerifyCa => Verify::Chain,
            TlsMode::VerifyFull => Verify::Full,
        };
        dial
    }

    /// Whether the peer is on this machine, and nobody can listen on the way.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.endpoint, Endpoint::Unix(_))
    }

    /// To `host` over TCP, or to what `--unix-socket` names in its place.
    pub(crate) fn tcp(host: Host, port: u16, layer: Layer, options: &DialOptions) -> Self {
        let endpoint = match &options.unix_socket {
            Some(path) => Endpoint::Unix(path.clone()),
            None => Endpoint::Tcp { host: host.clone(), port },
        };
        Self { endpoint, connect: options.connect.clone(), host, tls: Box::new(options.tls.clone()), layer }
    }

    /// To a unix socket that the target itself names.
    pub(crate) fn unix(path: &str, options: &DialOptions) -> Self {
        let host = Host::Name("localhost".into());
        let endpoint = Endpoint::Unix(path.into());
        Self { endpoint, connect: options.connect.clone(), host, tls: Box::default(), layer: Layer::Plain }
    }

    /// What lies between us and the socket at first.
    pub(crate) fn layer(&self) -> Layer {
        self.layer
    }

    /// Connects, and shakes hands if that comes first.
    pub(crate) fn connect(&self, deadline: Deadline, trace: &mut Trace) -> Result<Stream, Failure> {
        let stream = net::connect(&self.endpoint, &self.connect, deadline, trace)?;
        match self.layer {
            Layer::Plain => Ok(stream),
            Layer::Tls => self.secure(stream, trace),
        }
    }

    /// Encrypts a connection that stands.
    pub(crate) fn secure(&self, stream: Stream, trace: &mut Trace) -> Result<Stream, Failure> {
        stream.secure(&self.host, &self.tls, tls::Alpn::Unnamed, trace)
    }
}
