//! HTTP transfers in another program's manners: bodies to stdout or files, its words, its exit codes.
//!
//! A transfer is not limited in size, as the body of a check is, but in time.

pub(crate) mod curl;
mod sink;
mod transfer;
pub(crate) mod wget;

use std::time::Duration;

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::report::{self, Stream};
use crate::{sys, watchdog};

pub(crate) use self::sink::Place;
pub(crate) use self::transfer::{Keep, Redirects, Request};

/// All that one command line asks for.
#[derive(Debug)]
pub(crate) struct Fetch {
    /// The limit of the whole run.
    pub(crate) timeout: Duration,
    /// Whose manners.
    pub(crate) manners: Manners,
}

/// The programs that are spoken for.
#[derive(Debug)]
pub(crate) enum Manners {
    /// <https://curl.se/docs/manpage.html>
    Curl(curl::Curl),
    /// <https://www.gnu.org/software/wget/manual/wget.html>
    Wget(wget::Wget),
}

impl Manners {
    /// What they say, and end with, when the limit came.
    fn overdue(&self) -> (String, ExitStatus) {
        match self {
            Self::Curl(curl) => curl.overdue(),
            Self::Wget(wget) => wget.overdue(),
        }
    }

    /// Does it.
    fn run(&self, deadline: Deadline) -> ExitStatus {
        match self {
            Self::Curl(curl) => curl.run(deadline),
            Self::Wget(wget) => wget.run(deadline),
        }
    }
}

/// Does it, and ends at its limit, whatever a library is doing.
pub(crate) fn run(fetch: &Fetch) -> ExitStatus {
    let deadline = Deadline::after(fetch.timeout);
    sys::stdio::reopen_closed();
    let (line, exit) = fetch.manners.overdue();
    let line = if line.is_empty() { line } else { format!("{line}\n") };
    // Without a timer the transfer's own deadline still holds.
    let _ = watchdog::arm(deadline, line, 2, exit.code());
    fetch.manners.run(deadline)
}

/// Does it by `deadline`, for somebody who keeps the limit.
pub(crate) fn run_by(fetch: &Fetch, deadline: Deadline) -> ExitStatus {
    fetch.manners.run(deadline.at_most(fetch.timeout))
}

/// One line on stderr.
fn complain(line: &str, deadline: Deadline) {
    report::line(Stream::Stderr, line, deadline);
}
