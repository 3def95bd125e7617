//! Getting to a peer, in clear or encrypted.

use crate::deadline::Deadline;
use crate::net::{self, Endpoint, Host, Stream, Via, tls};
use crate::outcome::{Failure, Trail};

use super::Options;

/// Where a peer is, and how it is talked to.
#[derive(Debug)]
pub(super) struct Dial {
    endpoint: Endpoint,
    via: Via,
    /// Whom to trust, should it be asked for.
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
    /// To `host` over TCP.
    pub(super) fn tcp(host: Host, port: u16, layer: Layer, options: &Options) -> Self {
        Self::new(Endpoint::Tcp { host, port }, layer, options)
    }

    /// To `endpoint`.
    pub(super) fn new(endpoint: Endpoint, layer: Layer, options: &Options) -> Self {
        Self { endpoint, via: options.via.clone(), tls: Box::new(options.tls.clone()), layer }
    }

    /// Connects, and shakes hands if that comes first.
    pub(super) fn connect(&self, deadline: Deadline, trail: &mut Trail) -> Result<Stream, Failure> {
        let stream = net::connect(&self.endpoint, &self.via, deadline, trail)?;
        match self.layer {
            Layer::Plain => Ok(stream),
            Layer::Tls => self.secure(stream, trail),
        }
    }

    /// Encrypts a connection that stands. A unix socket has no name to verify, so there `--server-name` must say it.
    pub(super) fn secure(&self, stream: Stream, trail: &mut Trail) -> Result<Stream, Failure> {
        let nobody = Host::Name(String::new());
        let host = match &self.endpoint {
            Endpoint::Tcp { host, .. } => host,
            Endpoint::Unix(_) => &nobody,
        };
        stream.secure(host, &self.tls, tls::Alpn::Unnamed, trail)
    }
}
