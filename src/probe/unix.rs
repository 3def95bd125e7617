//! `unix:/path`: a connection to the socket is accepted, and `--send` is answered by `--expect`.

use std::path::PathBuf;

use crate::deadline::Deadline;
use crate::net::{self, ConnectOptions, Endpoint};
use crate::outcome::{Outcome, Trace};

use crate::client::payload::Payload;
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The longest path of a socket: `sun_path` without its NUL (unix(7)).
const PATH_MAX: usize = 107;

/// Connects, says what there is to say, and closes.
#[derive(Debug)]
pub(super) struct Unix {
    endpoint: Endpoint,
    payload: Payload,
}

/// Reads `/path`, `///path` or `@name` (an abstract socket, unix(7)).
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let path = target.rest.strip_prefix("//").unwrap_or(target.rest);
    if !path.starts_with(['/', '@']) {
        return Err("the path must be absolute, as in unix:/run/app.sock".into());
    }
    if path.len() > PATH_MAX {
        return Err(format!("the path has {} bytes, and the kernel allows {PATH_MAX}", path.len()));
    }
    Ok(Box::new(Unix { endpoint: Endpoint::Unix(PathBuf::from(path)), payload: options.payload.clone() }))
}

impl Kind for Unix {
    fn touches_files(&self) -> bool {
        true
    }

    /// Passes when a connection is accepted, and what is expected is answered.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let mut stream = net::connect(&self.endpoint, &ConnectOptions::default(), deadline, trace)?;
        self.payload.exchange(&mut stream).map(Into::into)
    }
}
