//! Who reaps: as PID 1 by birth, as a subreaper by asking. And how a process has ended.

use std::ffi::c_int;
use std::io;

use crate::sys::process;

use super::plan::Subreaper;
use super::signals::Signal;

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, with this code.
    Exited(u8),
    /// By this signal.
    Killed(Signal),
}

impl End {
    /// Reads a status of wait4 by hand: nix knows no real-time signal, and libc's macros differ. None for a stop, a
    /// continuation or whatever else a kernel may report: nobody has ended.
    pub(crate) fn decode(status: c_int) -> Option<Self> {
        match status & 0x7f {
            0 => u8::try_from(status >> 8 & 0xff).ok().map(Self::Exited),
            0x7f => None,
            signal => Signal::new(signal).map(Self::Killed),
        }
    }

    /// The code that says it (POSIX sh, 2.8.2).
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => signal.exit_code(),
        }
    }
}

/// What makes orphans ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// We are the init of our PID namespace.
    Pid1,
    /// We asked the kernel for them, or whoever became us did.
    Subreaper,
    /// They go elsewhere.
    Plain,
}

/// Becomes the reaper that `wanted` asks for. When the kernel refuses, the reason is told beside the role.
pub(super) fn claim(wanted: Subreaper) -> (Role, Option<io::Error>) {
    let is_first = process::own_pid() == 1;
    let ask = match wanted {
        Subreaper::Auto => !is_first,
        Subreaper::Always => true,
        Subreaper::Never => false,
    };
    let refused = if ask { process::become_subreaper().err() } else { None };
    let role = match (is_first, (ask && refused.is_none()) || process::is_subreaper()) {
        (true, _) => Role::Pid1,
        (false, true) => Role::Subreaper,
        (false, false) => Role::Plain,
    };
    (role, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_an_end_or_nothing() {
        for code in 0..=255_u8 {
            assert_eq!(End::decode(c_int::from(code) << 8), Some(End::Exited(code)));
        }
        for number in 1..=64 {
            let killed = End::Killed(Signal::new(number).unwrap());
            assert_eq!(End::decode(number), Some(killed));
            assert_eq!(End::decode(number | 0x80), Some(killed), "with a core dump");
            assert_eq!(killed.code(), 128 + u8::try_from(number).unwrap());
        }
        assert_eq!(End::decode(libc::SIGSTOP << 8 | 0x7f), None, "stopped");
        assert_eq!(End::decode(0xffff), None, "continued");
    }
}
