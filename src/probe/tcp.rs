//! `tcp://host:port`: a connection is accepted, and `--send` is answered by `--expect`.

use crate::deadline::Deadline;
use crate::net::{self, ConnectOptions, Endpoint};
use crate::outcome::{Outcome, Trace};

use crate::client::payload::Payload;
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// Connects, says what there is to say, and closes.
#[derive(Debug)]
pub(super) struct Tcp {
    endpoint: Endpoint,
    connect: ConnectOptions,
    payload: Payload,
}

/// Reads `//host:port`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let (host, port) = target.host_and_port()?;
    let endpoint = Endpoint::Tcp { host, port };
    Ok(Box::new(Tcp { endpoint, connect: options.dial.connect.clone(), payload: options.payload.clone() }))
}

impl Kind for Tcp {
    /// Passes when a connection is accepted, and what is expected is answered.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let mut stream = net::connect(&self.endpoint, &self.connect, deadline, trace)?;
        self.payload.exchange(&mut stream).map(Into::into)
    }
}
