//! What each command does that needs nothing of the shell.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::compat::{PIPE_MAX, RunResult};
use crate::deadline::Deadline;
use crate::net::{self, ConnectOptions, Endpoint, Host};
use crate::outcome::Trace;
use crate::report::{self, Stream};
use crate::sys::stdio;

use super::command::{Command, Test};

impl Command {
    /// Runs what needs no shell.
    pub(super) fn run(&self, shown: &str, deadline: Deadline) -> RunResult {
        match self {
            Self::Check(check) => RunResult { exit: check.run_by(deadline), ..RunResult::success() },
            Self::Transfers(transfers) => transfers.run_by(deadline),
            Self::Netcat(netcat) => netcat.run_by(deadline),
            Self::Test(test) => match test.holds() {
                Ok(true) => RunResult::success(),
                Ok(false) => RunResult::failed(1, &format!("{shown} is false")),
                Err(why) => {
                    report::line(Stream::Stderr, &format!("sh: {shown}: {why}"), deadline);
                    RunResult::failed(2, &format!("{shown}: {why}"))
                }
            },
            Self::Grep(grep) => grep.run(deadline),
            Self::Print(text) => written(report::content(text.as_bytes(), deadline)),
            Self::Cat => match stdio::read_stdin(PIPE_MAX) {
                Ok(bytes) => written(report::content(&bytes, deadline)),
                Err(_) => RunResult::failed(1, "cat: stdin cannot be read"),
            },
            Self::UsageError(line, exit) => {
                report::line(Stream::Stderr, line, deadline);
                RunResult { exit: *exit, reason: Some(line.clone()), out_of_time: false }
            }
            // The shell runs these itself.
            Self::Constant(_)
            | Self::Exit(_)
            | Self::Set(_)
            | Self::Exec(_)
            | Self::Nested(_)
            | Self::Timeout(..) => RunResult::success(),
        }
    }
}

/// What a write to stdout comes to.
fn written(result: Result<(), nix::errno::Errno>) -> RunResult {
    match result {
        Ok(()) => RunResult::success(),
        Err(errno) => RunResult::failed(1, &format!("stdout: {}", errno.desc().to_lowercase())),
    }
}

impl Test {
    /// Whether it is true; an error where `test` itself would fail.
    fn holds(&self) -> Result<bool, String> {
        let is =
            |path: &Path, what: fn(&fs::Metadata) -> bool| fs::metadata(path).is_ok_and(|found| what(&found));
        Ok(match self {
            Self::Constant(answer) => *answer,
            Self::Not(test) => !test.holds()?,
            Self::Malformed(why) => return Err(why.clone()),
            Self::File(letter, path) => match letter {
                'f' => is(path, fs::Metadata::is_file),
                'd' => is(path, fs::Metadata::is_dir),
                's' => is(path, |found| found.len() > 0),
                'S' => is(path, |found| found.file_type().is_socket()),
                'p' => is(path, |found| found.file_type().is_fifo()),
                'b' => is(path, |found| found.file_type().is_block_device()),
                'c' => is(path, |found| found.file_type().is_char_device()),
                'L' | 'h' => fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()),
                'r' => access(path, AccessFlags::R_OK).is_ok(),
                'w' => access(path, AccessFlags::W_OK).is_ok(),
                'x' => access(path, AccessFlags::X_OK).is_ok(),
                _ => is(path, |_| true),
            },
        })
    }
}

/// Connects to `/dev/tcp/HOST/PORT`.
pub(super) fn connect(path: &str, deadline: Deadline) -> Result<net::Stream, String> {
    let place = path.strip_prefix("/dev/tcp/").and_then(|place| place.split_once('/'));
    let (host, port) = place.ok_or("invalid host and port")?;
    let port = port.parse().ok().filter(|port| *port > 0).ok_or("invalid port")?;
    let host = host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Address);
    let endpoint = Endpoint::Tcp { host, port };
    net::connect(&endpoint, &ConnectOptions::default(), deadline, &mut Trace::default())
        .map_err(|failure| failure.reason)
}
