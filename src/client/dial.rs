//! Getting to a peer, in clear or encrypted.

use std::path::PathBuf;

use crate::deadline::Deadline;
use crate::net;
use crate::net::{Endpoint, Host, Stream, Via, tls};
use crate::outcome::{Failure, Trace};

/// How to get to a peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct DialOptions {
    /// Which addresses are allowed.
    pub(crate) via: Via,
    /// Connect here, whatever the target's host.
    pub(crate) unix_socket: Option<PathBuf>,
    /// Whom to trust.
    pub(crate) tls: tls::Options,
}

/// Where a peer is, and how it is talked to.
#[derive(Debug)]
pub(crate) struct Dial {
    endpoint: Endpoint,
    via: Via,
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

impl Dial {
    /// To `host` over TCP, or to what `--unix-socket` names in its place.
    pub(crate) fn tcp(host: Host, port: u16, layer: Layer, options: &DialOptions) -> Self {
        let endpoint = match &options.unix_socket {
            Some(path) => Endpoint::Unix(path.clone()),
            None => Endpoint::Tcp { host: host.clone(), port },
        };
        Self { endpoint, via: options.via.clone(), host, tls: Box::new(options.tls.clone()), layer }
    }

    /// To a unix socket that the target itself names.
    pub(crate) fn unix(path: &str, options: &DialOptions) -> Self {
        let host = Host::Name("localhost".into());
        let endpoint = Endpoint::Unix(path.into());
        Self { endpoint, via: options.via.clone(), host, tls: Box::default(), layer: Layer::Plain }
    }

    /// What lies between us and the socket at first.
    pub(crate) fn layer(&self) -> Layer {
        self.layer
    }

    /// Connects, and shakes hands if that comes first.
    pub(crate) fn connect(&self, deadline: Deadline, trace: &mut Trace) -> Result<Stream, Failure> {
        let stream = net::connect(&self.endpoint, &self.via, deadline, trace)?;
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
