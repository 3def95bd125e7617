//! A small language for tests: run sexton, get code, stdout, stderr and time.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What came of one run.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code, unless a signal ended it.
    pub(crate) code: Option<i32>,
    /// All of stdout.
    pub(crate) stdout: String,
    /// All of stderr.
    pub(crate) stderr: String,
    /// From start to end.
    #[allow(dead_code, reason = "for the tests of limits")]
    pub(crate) elapsed: Duration,
}

/// Runs sexton with `args`, an empty environment and no stdin.
pub(crate) fn sexton<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I) -> Run {
    run(Command::new(env!("CARGO_BIN_EXE_sexton")).args(args).env_clear())
}

/// Runs `command` to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("sexton starts");
    Run {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        elapsed: started.elapsed(),
    }
}
