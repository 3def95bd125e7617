//! Signals by name and number, all 64 of them, and what replaces what.

use std::ffi::c_int;
use std::fmt;

/// A signal, 1-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signal(u8);

/// The first real-time signal that the kernel leaves to programs by glibc's count, and so by Docker's and everybody's
/// names. musl keeps 34 for itself; we forward numbers and need no library for that.
const RTMIN: u8 = 34;
/// The last signal.
const RTMAX: u8 = 64;

/// The names of 1-31, without their SIG, and what the GNU C library calls them.
const NAMES: [(c_int, &str, &str); 31] = [
    (libc::SIGHUP, "HUP", "Hangup"),
    (libc::SIGINT, "INT", "Interrupt"),
    (libc::SIGQUIT, "QUIT", "Quit"),
    (libc::SIGILL, "ILL", "Illegal instruction"),
    (libc::SIGTRAP, "TRAP", "Trace/breakpoint trap"),
    (libc::SIGABRT, "ABRT", "Aborted"),
    (libc::SIGBUS, "BUS", "Bus error"),
    (libc::SIGFPE, "FPE", "Floating point exception"),
    (libc::SIGKILL, "KILL", "Killed"),
    (libc::SIGUSR1, "USR1", "User defined signal 1"),
    (libc::SIGSEGV, "SEGV", "Segmentation fault"),
    (libc::SIGUSR2, "USR2", "User defined signal 2"),
    (libc::SIGPIPE, "PIPE", "Broken pipe"),
    (libc::SIGALRM, "ALRM", "Alarm clock"),
    (libc::SIGTERM, "TERM", "Terminated"),
    (libc::SIGSTKFLT, "STKFLT", "Stack fault"),
    (libc::SIGCHLD, "CHLD", "Child exited"),
    (libc::SIGCONT, "CONT", "Continued"),
    (libc::SIGSTOP, "STOP", "Stopped (signal)"),
    (libc::SIGTSTP, "TSTP", "Stopped"),
    (libc::SIGTTIN, "TTIN", "Stopped (tty input)"),
    (libc::SIGTTOU, "TTOU", "Stopped (tty output)"),
    (libc::SIGURG, "URG", "Urgent I/O condition"),
    (libc::SIGXCPU, "XCPU", "CPU time limit exceeded"),
    (libc::SIGXFSZ, "XFSZ", "File size limit exceeded"),
    (libc::SIGVTALRM, "VTALRM", "Virtual timer expired"),
    (libc::SIGPROF, "PROF", "Profiling timer expired"),
    (libc::SIGWINCH, "WINCH", "Window changed"),
    (libc::SIGIO, "IO", "I/O possible"),
    (libc::SIGPWR, "PWR", "Power failure"),
    (libc::SIGSYS, "SYS", "Bad system call"),
];

/// Other names that are in use for some.
const ALIASES: [(c_int, &str); 4] =
    [(libc::SIGIO, "POLL"), (libc::SIGABRT, "IOT"), (libc::SIGCHLD, "CLD"), (libc::SIGSYS, "UNUSED")];

/// Those that the code speaks of.
macro_rules! named {
    ($($name:ident = $number:expr;)*) => {
        impl Signal {
            $(#[doc = concat!("SIG", stringify!($name), ".")] pub(crate) const $name: Self = match Self::new($number) {
                Some(signal) => signal,
                None => unreachable!(),
            };)*
        }
    };
}

named! {
    HUP = libc::SIGHUP;
    INT = libc::SIGINT;
    QUIT = libc::SIGQUIT;
    KILL = libc::SIGKILL;
    TERM = libc::SIGTERM;
    CHLD = libc::SIGCHLD;
    CONT = libc::SIGCONT;
    STOP = libc::SIGSTOP;
    TSTP = libc::SIGTSTP;
    TTIN = libc::SIGTTIN;
    TTOU = libc::SIGTTOU;
}

impl Signal {
    /// The signal `number`, if there is one.
    #[expect(
        clippy::as_conversions,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "1-64 fits; From is not const"
    )]
    pub(crate) const fn new(number: c_int) -> Option<Self> {
        if number >= 1 && number <= 64 { Some(Self(number as u8)) } else { None }
    }

    /// Its number.
    pub(crate) fn number(self) -> c_int {
        c_int::from(self.0)
    }

    /// The exit code that says "ended by this signal" (POSIX sh, 2.8.2).
    pub(crate) fn exit_code(self) -> u8 {
        128 + self.0
    }

    /// In words, as strsignal(3) of the GNU C library says it: `Terminated`, `Real-time signal 6`. musl has others.
    pub(crate) fn describe(self) -> String {
        match NAMES.iter().find(|(number, _, _)| *number == self.number()) {
            Some((_, _, words)) => (*words).to_owned(),
            None if self.0 < RTMIN => format!("Unknown signal {}", self.0),
            None => format!("Real-time signal {}", self.0 - RTMIN),
        }
    }

    /// Its bit in a set: bit n-1 for signal n.
    pub(crate) fn bit(self) -> u64 {
        1 << (self.0 - 1)
    }

    /// Whether it is a request to end that has no other use: QUIT makes a JVM print its threads, HUP has many reload.
    pub(crate) fn is_terminating(self) -> bool {
        matches!(self, Self::TERM | Self::INT)
    }

    /// Whether a stopped process is woken up for it, to act on it.
    pub(crate) fn is_stop_request(self) -> bool {
        matches!(self, Self::TERM | Self::INT | Self::QUIT | Self::HUP)
    }

    /// Whether a terminal stops a process by it.
    pub(crate) fn is_job_control(self) -> bool {
        matches!(self, Self::TSTP | Self::TTIN | Self::TTOU)
    }

    /// Reads `TERM`, `SIGTERM`, `15`, `RTMIN+3` or `RTMAX-1`, in any case.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let unknown = || format!("unknown signal `{text}`; write for example TERM, SIGTERM, 15 or RTMIN+3");
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().and_then(Self::new).ok_or_else(unknown);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let real_time = |digits: &str, sign: char| -> Option<u8> {
            if digits.is_empty() {
                return Some(0);
            }
            let digits = digits.strip_prefix(sign)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let number = if let Some(rest) = name.strip_prefix("RTMIN") {
            real_time(rest, '+').and_then(|n| RTMIN.checked_add(n))
        } else if let Some(rest) = name.strip_prefix("RTMAX") {
            real_time(rest, '-').and_then(|n| RTMAX.checked_sub(n))
        } else {
            let names = NAMES.iter().map(|(number, name, _)| (number, name));
            let aliases = ALIASES.iter().map(|(number, name)| (number, name));
            let known = names.chain(aliases).find(|(_, known)| **known == name);
            return known.and_then(|(number, _)| Self::new(*number)).ok_or_else(unknown);
        };
        number.filter(|number| (RTMIN..=RTMAX).contains(number)).map(Self).ok_or_else(unknown)
    }
}

/// `TERM`, `RTMIN+3`; the two below RTMIN have no name but their number.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name, _)) = NAMES.iter().find(|(number, _, _)| *number == self.number()) {
            return f.write_str(name);
        }
        match self.0 {
            RTMIN => f.write_str("RTMIN"),
            RTMAX => f.write_str("RTMAX"),
            number if number > RTMIN => write!(f, "RTMIN+{}", number - RTMIN),
            number => write!(f, "{number}"),
        }
    }
}

/// What each signal is sent on as: by default as itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rewrites([Rewrite; 65]);

/// What becomes of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rewrite {
    /// It is sent on as itself, since nobody has said anything.
    Unset,
    /// It is sent on as this, which may be itself.
    To(Signal),
    /// It is not sent on at all.
    Dropped,
}

impl Default for Rewrites {
    fn default() -> Self {
        Self([Rewrite::Unset; 65])
    }
}

impl Rewrites {
    /// Sends `to` instead of `from` from now on, or nothing. Each is looked up once, so that a swap is a swap.
    pub(crate) fn set(&mut self, from: Signal, to: Option<Signal>) {
        if let Some(entry) = self.0.get_mut(usize::from(from.0)) {
            *entry = to.map_or(Rewrite::Dropped, Rewrite::To);
        }
    }

    /// What `from` is sent on as; `None` when it is dropped.
    pub(crate) fn get(&self, from: Signal) -> Option<Signal> {
        match self.0.get(usize::from(from.0)) {
            Some(Rewrite::To(to)) => Some(*to),
            Some(Rewrite::Dropped) => None,
            Some(Rewrite::Unset) | None => Some(from),
        }
    }

    /// Whether something was said about `from`, be it only that it stays as it is.
    pub(crate) fn is_set(&self, from: Signal) -> bool {
        self.0.get(usize::from(from.0)).is_some_and(|entry| *entry != Rewrite::Unset)
    }

    /// The signals that are not sent on as themselves.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (Signal, Option<Signal>)> {
        (1..=64)
            .filter_map(Signal::new)
            .map(|from| (from, self.get(from)))
            .filter(|(from, to)| Some(*from) != *to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_reads_back_by_its_own_name_and_number() {
        for number in 1..=64 {
            let signal = Signal::new(number).unwrap();
            assert_eq!(Signal::parse(&signal.to_string()), Ok(signal));
            assert_eq!(Signal::parse(&number.to_string()), Ok(signal));
        }
    }

    #[test]
    fn names_come_in_many_forms() {
        for (text, number) in [
            ("term", 15),
            ("SIGTERM", 15),
            ("SigInt", 2),
            ("015", 15),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("rtmax-1", 63),
            ("RTMAX", 64),
            ("RTMIN+30", 64),
            ("POLL", 29),
        ] {
            assert_eq!(Signal::parse(text).map(Signal::number), Ok(number), "{text}");
        }
        for text in [
            "",
            "SIG",
            "0",
            "65",
            "-1",
            "+15",
            "TERMM",
            "RTMIN+31",
            "RTMIN-1",
            "RTMAX-31",
            "RTMAX+1",
            "RTMIN+",
            "RTMIN++1",
            "999999999999",
            "SIGSIGTERM",
            " TERM",
        ] {
            assert!(Signal::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_swap_is_not_chained() {
        let mut rewrites = Rewrites::default();
        rewrites.set(Signal::TERM, Some(Signal::INT));
        rewrites.set(Signal::INT, Some(Signal::TERM));
        rewrites.set(Signal::HUP, None);
        assert_eq!(rewrites.get(Signal::TERM), Some(Signal::INT));
        assert_eq!(rewrites.get(Signal::INT), Some(Signal::TERM));
        assert_eq!(rewrites.get(Signal::HUP), None);
        assert_eq!(rewrites.get(Signal::QUIT), Some(Signal::QUIT));
        assert_eq!(rewrites.changed().count(), 3);
    }
}
