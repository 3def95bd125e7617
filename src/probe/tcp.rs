//! `tcp://host:port`: a connection is accepted.

use crate::deadline::Deadline;
use crate::net::{self, Endpoint, Via};
use crate::outcome::{Outcome, Trail};

use super::target::Target;
use super::{Kind, Options};

/// Connects and closes.
#[derive(Debug)]
pub(super) struct Tcp {
    endpoint: Endpoint,
    via: Via,
}

/// Reads `//host:port`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Kind, String> {
    let authority = target.authority()?;
    if authority.userinfo.is_some() {
        return Err("a user, which tcp has no use for,".into());
    }
    if !matches!(authority.path, "" | "/") {
        return Err(format!("`{}`, which tcp has no use for,", authority.path));
    }
    let port = authority.port.ok_or("no port (tcp has no default one)")?;
    Ok(Kind::Tcp(Tcp { endpoint: Endpoint::Tcp { host: authority.host, port }, via: options.via.clone() }))
}

impl Tcp {
    /// Passes when a connection is accepted.
    pub(super) fn run(&self, deadline: Deadline, trail: &mut Trail) -> Outcome {
        net::connect(&self.endpoint, &self.via, deadline, trail)?;
        Ok("accepts connections".into())
    }
}
