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
    pub(super) fn tcp(host: Host, port: u16, layer: Layer, options: &Options) -> Self {
        let endpoint = match &options.unix_socket {
            Some(path) => Endpoint::Unix(path.clone()),
            None => Endpoint::Tcp { host: host.clone(), port },
        };
        Self { endpoint, via: options.via.clone(), host, tls: Box::new(options.tls.clone()), layer }
    }

    /// To a unix socket that the target itself names.
    pub(super) fn unix(path: &str, options: &Options) -> Self {
        let host = Host::Name("localhost".into());
        let endpoint = Endpoint::Unix(path.into());
        Self { endpoint, via: options.via.clone(), host, tls: Box::default(), layer: Layer::Plain }
    }

    /// Connects, and shakes hands if that comes first.
    pub(super) fn connect(&self, deadline: Deadline, trail: &mut Trail) -> Result<Stream, Failure> {
        let stream = net::connect(&self.endpoint, &self.via, deadline, trail)?;
        match self.layer {
            Layer::Plain => Ok(stream),
            Layer::Tls => self.secure(stream, trail),
        }
    }

    /// Encrypts a connection that stands.
    pub(super) fn secure(&self, stream: Stream, trail: &mut Trail) -> Result<Stream, Failure> {
        stream.secure(&self.host, &self.tls, tls::Alpn::Unnamed, trail)
    }
}
