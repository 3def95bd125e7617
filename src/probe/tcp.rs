//! `tcp://host:port`: a connection is accepted, and `--send` is answered by `--expect`.

use crate::deadline::Deadline;
use crate::net::{self, Endpoint, Host, Via};
use crate::outcome::{Outcome, Trail};

use super::payload::Payload;
use super::target::Target;
use super::{Kind, Options};

/// Connects, says what there is to say, and closes.
#[derive(Debug)]
pub(super) struct Tcp {
    endpoint: Endpoint,
    via: Via,
    payload: Payload,
}

/// Reads `//host:port`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Kind, String> {
    let (host, port) = place(target)?;
    let endpoint = Endpoint::Tcp { host, port };
    Ok(Kind::Tcp(Tcp { endpoint, via: options.via.clone(), payload: options.payload.clone() }))
}

/// The host and port of a target that is nothing else.
pub(super) fn place(target: &Target<'_>) -> Result<(Host, u16), String> {
    let authority = target.authority()?;
    let scheme = &target.scheme;
    if authority.userinfo.is_some() {
        return Err(format!("a user, which {scheme} has no use for,"));
    }
    if !matches!(authority.path, "" | "/") {
        return Err(format!("`{}`, which {scheme} has no use for,", authority.path));
    }
    let port = authority.port.ok_or_else(|| format!("no port ({scheme} has no default one)"))?;
    Ok((authority.host, port))
}

impl Tcp {
    /// Passes when a connection is accepted, and what is expected is answered.
    pub(super) fn run(&self, deadline: Deadline, trail: &mut Trail) -> Outcome {
        let mut stream = net::connect(&self.endpoint, &self.via, deadline, trail)?;
        self.payload.exchange(&mut stream).map(Into::into)
    }
}
