//! `/proc/PID/status` ([proc_pid_status(5)](https://man7.org/linux/man-pages/man5/proc_pid_status.5.html)).

use nix::sys::signal::Signal;

use super::{Pid, parse_pid, read};

/// What a process does with signals, as bits: the lowest is signal 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SignalSets {
    /// Those that the first thread has blocked: it takes them by signalfd(2) or sigwait(3), or not at all.
    pub(crate) blocked: u64,
    /// Those that do nothing.
    pub(crate) ignored: u64,
    /// Those that have a handler.
    pub(crate) caught: u64,
}

/// What becomes of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// A handler is called.
    Caught,
    /// Nothing.
    Ignored,
    /// It waits until somebody asks for it.
    Blocked,
    /// What the kernel does by itself; for the first process of a namespace, nothing
    /// ([`pid_namespaces(7)`](https://man7.org/linux/man-pages/man7/pid_namespaces.7.html)).
    Default,
}

impl SignalSets {
    /// What becomes of `signal`. A handler counts first: a program with threads may block a signal in the first of them.
    pub(crate) fn disposition(self, signal: Signal) -> Disposition {
        let number = u32::try_from(signal_number(signal)).unwrap_or(1);
        let is_in = |set: u64| set.checked_shr(number.saturating_sub(1)).is_some_and(|set| set & 1 == 1);
        match self {
            sets if is_in(sets.caught) => Disposition::Caught,
            sets if is_in(sets.ignored) => Disposition::Ignored,
            sets if is_in(sets.blocked) => Disposition::Blocked,
            _ => Disposition::Default,
        }
    }
}

/// The number of `signal` on this architecture.
#[expect(clippy::as_conversions, reason = "nix gives each variant its number and no other way to it")]
fn signal_number(signal: Signal) -> i32 {
    signal as i32
}

/// What the process `pid` does with signals; none when it is gone or may not be looked at.
pub(crate) fn signal_sets(pid: Pid) -> Option<SignalSets> {
    parse_signal_sets(&status(pid)?)
}

/// The process that the task `pid` is a thread of: itself, unless the number is a thread's, which /proc shows as well
/// when asked for it.
pub(crate) fn leader(pid: Pid) -> Option<Pid> {
    parse_leader(&status(pid)?)
}

/// The file; none when the process is gone or may not be looked at.
fn status(pid: Pid) -> Option<Vec<u8>> {
    read(&format!("/proc/{pid}/status")).ok().flatten()
}

/// What stands behind `key`, which begins a line. The name, which stands before all else, cannot forge one: its newlines
/// are escaped.
fn field<'a>(content: &'a [u8], key: &str) -> Option<&'a str> {
    let line = content.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(key.as_bytes()))?;
    Some(std::str::from_utf8(line).ok()?.trim())
}

/// Reads the masks, which are hexadecimal.
pub(crate) fn parse_signal_sets(content: &[u8]) -> Option<SignalSets> {
    let set = |key| u64::from_str_radix(field(content, key)?, 16).ok();
    Some(SignalSets { blocked: set("SigBlk:")?, ignored: set("SigIgn:")?, caught: set("SigCgt:")? })
}

/// Reads the `Tgid` of `/proc/PID/status`.
pub(crate) fn parse_leader(content: &[u8]) -> Option<Pid> {
    parse_pid(field(content, "Tgid:")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_caught_ignored_blocked_or_left_to_the_kernel() {
        let status =
            b"Name:\tx\nSigBlk:\t0000000000004000\nSigIgn:\t0000000000010000\nSigCgt:\t0000000000000002\n";
        let sets = parse_signal_sets(status).unwrap();
        for (signal, is) in [
            (Signal::SIGTERM, Disposition::Blocked),
            (Signal::SIGCHLD, Disposition::Ignored),
            (Signal::SIGINT, Disposition::Caught),
            (Signal::SIGHUP, Disposition::Default),
        ] {
            assert_eq!(sets.disposition(signal), is, "{signal}");
        }
        let both = SignalSets { blocked: u64::MAX, caught: u64::MAX, ignored: 0 };
        assert_eq!(both.disposition(Signal::SIGTERM), Disposition::Caught);
        assert_eq!(parse_signal_sets(b"SigBlk:\tx\nSigIgn:\t0\nSigCgt:\t0\n"), None);
        assert_eq!(parse_signal_sets(b""), None);
    }

    #[test]
    fn the_leader_of_a_thread_is_told_from_the_name_before_it() {
        for (content, leader) in [
            ("Name:\tsh\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t42\nNgid:\t0\nPid:\t43\n", Some(42)),
            ("Name:\tTgid:\t1\nTgid:\t42\n", Some(42)),
            ("Name:\ta\\nTgid:\t1\nTgid:\t42\n", Some(42)),
            ("Tgid:\t", None),
            ("Tgid:\tx\n", None),
            ("", None),
        ] {
            assert_eq!(parse_leader(content.as_bytes()), leader, "{content:?}");
        }
    }
}
