//! `unix:/path`: a connection to the socket is accepted.

use std::path::PathBuf;

use crate::deadline::Deadline;
use crate::net::{self, Endpoint, Via};
use crate::outcome::{Outcome, Trail};

use super::target::Target;
use super::{Kind, Options};

/// Connects and closes.
#[derive(Debug)]
pub(super) struct Unix {
    endpoint: Endpoint,
}

/// Reads `/path`, `///path` or `@name` (an abstract socket, unix(7)).
pub(super) fn parse(target: &Target<'_>, _: &Options) -> Result<Kind, String> {
    let path = target.rest.strip_prefix("//").unwrap_or(target.rest);
    if !path.starts_with(['/', '@']) {
        return Err("no absolute path to a socket".into());
    }
    Ok(Kind::Unix(Unix { endpoint: Endpoint::Unix(PathBuf::from(path)) }))
}

impl Unix {
    /// Passes when a connection is accepted.
    pub(super) fn run(&self, deadline: Deadline, trail: &mut Trail) -> Outcome {
        net::connect(&self.endpoint, &Via::default(), deadline, trail)?;
        Ok("accepts connections".into())
    }
}
