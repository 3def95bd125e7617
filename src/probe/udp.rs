//! `udp://host:port`: a datagram is answered as expected. That one was sent proves nothing, so there is always an answer.

use crate::deadline::Deadline;
use crate::net::{self, ConnectOptions, Host, datagram};
use crate::outcome::{Failure, Outcome, Trace};

use crate::client::payload::{Ending, Payload, holds, missing};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// Sends and waits for the answer.
#[derive(Debug)]
pub(super) struct Udp {
    host: Host,
    port: u16,
    connect: ConnectOptions,
    /// Empty unless given: there are services that answer any datagram.
    send: Vec<u8>,
    expect: Vec<u8>,
}

/// Reads `//host:port`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let (host, port) = target.host_and_port()?;
    let Payload { send, expect } = options.payload.clone();
    let Some(expect) = expect else {
        return Err("--expect is required: that a datagram was sent proves nothing".into());
    };
    Ok(Box::new(Udp {
        host,
        port,
        connect: options.dial.connect.clone(),
        send: send.unwrap_or_default(),
        expect,
    }))
}

impl Kind for Udp {
    /// Passes when one datagram of the answer has what is expected.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let addresses = net::socket_addresses(&self.host, self.port, &self.connect, deadline, trace)?;
        let mut last = Vec::new();
        let answered = datagram::ask(&addresses, &self.send, deadline, trace, |answer| {
            last = answer.to_vec();
            holds(answer, &self.expect)
        });
        match answered {
            Ok(()) => Ok("answered as expected".into()),
            Err(datagram::NoAnswer::Refused(failure)) => Err(failure),
            Err(datagram::NoAnswer::TimedOut) => Err(self.timed_out(&last)),
        }
    }
}

impl Udp {
    /// No answer, or no right one.
    fn timed_out(&self, last: &[u8]) -> Failure {
        missing(&self.expect, last, Ending::Broken(&std::io::ErrorKind::TimedOut.into()))
    }
}
