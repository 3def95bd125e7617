//! Every code that this program can end with, and why it is that number.

use std::ffi::c_int;

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: all that was asked for passed.
    Healthy,
    /// 1: anything else that a check can meet, usage errors included. Never 2, which Docker reserves
    /// (<https://docs.docker.com/reference/dockerfile/#healthcheck>).
    Unhealthy,
    /// 124: `wait` gave up, as coreutils' `timeout` says it.
    GaveUp,
    /// 125: the init itself could not do its work, as `env`, `timeout` and `docker run` say it.
    InitFailed,
    /// 126: the command was found and cannot be executed (POSIX sh, 2.8.2).
    NotExecutable,
    /// 127: the command was not found (POSIX sh, 2.8.2).
    NotFound,
    /// The main child's own code, 128+n for a death by signal n, or a personality's code.
    Code(u8),
}

impl ExitStatus {
    /// 128+n, as shells tell a death by signal n (POSIX sh, 2.8.2).
    pub(crate) fn killed_by(signal: u32) -> Self {
        Self::Code(u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(128)))
    }

    /// The number that the parent of this process sees.
    #[must_use]
    pub fn code(self) -> c_int {
        c_int::from(match self {
            Self::Healthy => 0,
            Self::Unhealthy => 1,
            Self::GaveUp => 124,
            Self::InitFailed => 125,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            Self::Code(code) => code,
        })
    }
}
