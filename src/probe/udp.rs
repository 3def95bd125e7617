//! `udp://host:port`: a datagram is answered as expected. That one was sent proves nothing, so there is always an answer.

use std::net::SocketAddr;

use crate::deadline::Deadline;
use crate::net::{self, Host, Via, datagram};
use crate::outcome::{Failure, Outcome, Trail};

use super::payload::{Ending, Payload, holds, missing};
use super::target::Target;
use super::{Kind, Options, tcp};

/// Sends and waits for the answer.
#[derive(Debug)]
pub(super) struct Udp {
    host: Host,
    port: u16,
    via: Via,
    /// Empty unless given: there are services that answer any datagram.
    send: Vec<u8>,
    expect: Vec<u8>,
}

/// Reads `//host:port`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Kind, String> {
    let (host, port) = tcp::place(target)?;
    let Payload { send, expect } = options.payload.clone();
    let Some(expect) = expect else {
        return Err("no --expect, and a datagram that nobody answers proves nothing,".into());
    };
    Ok(Kind::Udp(Udp { host, port, via: options.via.clone(), send: send.unwrap_or_default(), expect }))
}

impl Udp {
    /// Passes when one datagram of the answer has what is expected.
    pub(super) fn run(&self, deadline: Deadline, trail: &mut Trail) -> Outcome {
        let addresses: Vec<SocketAddr> = net::addresses(&self.host, &self.via, deadline, trail)?
            .into_iter()
            .map(|address| SocketAddr::new(address, self.port))
            .collect();
        let mut last = Vec::new();
        let answered = datagram::ask(&addresses, &self.send, deadline, trail, |answer| {
            last = answer.to_vec();
            holds(answer, &self.expect)
        });
        match answered {
            Ok(()) => Ok("answered as expected".into()),
            Err(datagram::Silence::Refused(failure)) => Err(failure),
            Err(datagram::Silence::TimedOut) => Err(self.timed_out(&last)),
        }
    }

    /// No answer, or no right one.
    fn timed_out(&self, last: &[u8]) -> Failure {
        missing(&self.expect, last, Ending::Broken(&std::io::ErrorKind::TimedOut.into()))
    }
}
