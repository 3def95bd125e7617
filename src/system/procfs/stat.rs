//! `/proc/PID/stat` ([proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)).

use std::io;
use std::time::Duration;

use crate::sys::file;
use crate::system::clock;

use super::{Pid, parse_pid, vanished};

/// Start times are in ticks of `USER_HZ`, which is 100 on every architecture that this is built for (time(7)).
const TICKS_PER_SECOND: u64 = 100;

/// Larger than any line: 52 numbers of at most 20 digits, and a name of at most 64 bytes. One read(2) takes all.
const LINE_MAX: usize = 2048;

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Its number.
    pub(crate) pid: Pid,
    /// The name of its program, or what it calls itself; cut to 15 bytes by the kernel.
    pub(crate) comm: String,
    /// Whether it lives.
    pub(crate) state: State,
    /// Who must reap it; 0 when that is outside the PID namespace.
    pub(crate) parent: Pid,
    /// Its process group, which has the number of the process that it began with.
    pub(crate) group: Pid,
    /// Its session, in the same way; 0 when that is outside the PID namespace.
    pub(crate) session: Pid,
    /// When it started, after boot.
    pub(crate) started: Duration,
}

/// The same without a copy of the name: a table of 20,000 processes is read without an allocation for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatLine<'a> {
    /// Its number.
    pub(crate) pid: Pid,
    /// The name of its program.
    pub(crate) comm: &'a [u8],
    /// Whether it lives.
    pub(crate) state: State,
    /// Who must reap it.
    pub(crate) parent: Pid,
    /// Its process group.
    pub(crate) group: Pid,
    /// Its session.
    pub(crate) session: Pid,
    /// When it started, after boot.
    pub(crate) started: Duration,
    /// Whether its parent gets a signal when it ends: each child of a fork does that, and no task of ours.
    pub(crate) signals_its_end: bool,
}

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Running, sleeping, stopped, or waiting for a disk.
    Alive,
    /// Ended, and not reaped by its parent.
    Zombie,
    /// On its way out of the table.
    Dead,
}

impl Stat {
    /// A copy that outlives the line.
    pub(super) fn copy(line: StatLine<'_>) -> Self {
        let comm = String::from_utf8_lossy(line.comm).into_owned();
        let StatLine { pid, comm: _, state, parent, group, session, started, signals_its_end: _ } = line;
        Self { pid, comm, state, parent, group, session, started }
    }

    /// How long ago it started.
    pub(crate) fn age(&self) -> Duration {
        clock::since_boot().saturating_sub(self.started)
    }

    /// The process as a person says it.
    pub(crate) fn name(&self) -> String {
        format!("{} (pid {})", self.comm, self.pid)
    }
}

/// What /proc says of one process; none when there is no such process, or none that may be seen.
///
/// # Errors
///
/// When it may be seen and not read.
pub(crate) fn stat(pid: Pid) -> io::Result<Option<Stat>> {
    read_stat(pid, Stat::copy)
}

/// The same, given to `use_line` as it is read.
pub(super) fn read_stat<T>(pid: Pid, use_line: impl FnOnce(StatLine<'_>) -> T) -> io::Result<Option<T>> {
    let mut buffer = [0; LINE_MAX];
    match file::read_once(&format!("/proc/{pid}/stat"), &mut buffer) {
        Ok(length) => {
            let line = parse_stat(buffer.get(..length).unwrap_or_default());
            Ok(line.filter(|line| line.state != State::Dead).map(use_line))
        }
        Err(error) if vanished(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads `/proc/PID/stat`. The name may hold anything, also spaces, parentheses and newlines, so it reaches from the
/// first opening parenthesis to the last closing one; what follows is numbers.
pub(crate) fn parse_stat(content: &[u8]) -> Option<StatLine<'_>> {
    let open = content.iter().position(|b| *b == b'(')?;
    let close = content.iter().rposition(|b| *b == b')')?;
    let pid = parse_pid(std::str::from_utf8(content.get(..open)?).ok()?.trim_end())?;
    let comm = content.get(open + 1..close)?;
    // The fields have numbers in proc(5), and the first one after the name is the third: nth() counts from there on.
    let mut fields = std::str::from_utf8(content.get(close + 1..)?).ok()?.split_ascii_whitespace();
    let letter = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let threads = fields.nth(20 - 7)?.parse::<u64>().ok()?;
    let ticks = fields.nth(22 - 21)?.parse::<u64>().ok()?;
    let signals_its_end = fields.nth(38 - 23) != Some("0");
    let state = match letter {
        // A first thread that has ended before the others shows as a zombie, and the process lives.
        "Z" if threads > 1 => State::Alive,
        "Z" => State::Zombie,
        "X" | "x" => State::Dead,
        _ => State::Alive,
    };
    let started = Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND));
    Some(StatLine { pid, comm, state, parent, group, session, started, signals_its_end })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line with this name, state and number of threads.
    fn line(comm: &str, state: &str, threads: u32) -> Vec<u8> {
        format!(
            "42 ({comm}) {state} 7 42 42 0 -1 4194560 80 358 0 0 0 0 0 0 20 0 {threads} 0 204673 2654208 358 \
             18446744073709551615 1 1 0 0 0 0 0 0 65538 1 0 0 17 0 0 0 0 0 0\n"
        )
        .into_bytes()
    }

    #[test]
    fn a_stat_line_is_read_whatever_the_name_holds() {
        for comm in ["sh", "a b", "a) Z 1 (b", "((", "))", ") Z 1 1", "", "a\nb", "tmux: server", "ä"] {
            let line = line(comm, "S", 1);
            let stat = parse_stat(&line).expect(comm);
            assert_eq!(
                (stat.pid, stat.comm, stat.state, stat.parent),
                (42, comm.as_bytes(), State::Alive, 7)
            );
            assert_eq!(stat.started, Duration::from_millis(2_046_730));
            assert!(stat.signals_its_end);
        }
        let mut cut = line("X", "S", 1);
        cut.splice(4..5, [0xe2, 0x82]);
        assert_eq!(parse_stat(&cut).map(|line| Stat::copy(line).comm), Some("\u{fffd}".into()));
    }

    #[test]
    fn a_zombie_is_a_process_of_which_nothing_lives() {
        for (state, threads, alive) in [
            ("R", 1, State::Alive),
            ("D", 1, State::Alive),
            ("T", 1, State::Alive),
            ("t", 3, State::Alive),
            ("I", 1, State::Alive),
            ("Z", 1, State::Zombie),
            ("Z", 0, State::Zombie),
            ("Z", 2, State::Alive),
            ("X", 1, State::Dead),
            ("x", 1, State::Dead),
        ] {
            assert_eq!(parse_stat(&line("x", state, threads)).map(|stat| stat.state), Some(alive), "{state}");
        }
    }

    #[test]
    fn a_broken_stat_line_is_no_process() {
        let whole = line("a) (b", "S", 1);
        let started = whole.windows(6).position(|bytes| bytes == b"204673").unwrap();
        for length in 0..=started {
            assert_eq!(parse_stat(&whole[..length]), None, "{length}");
        }
        for text in [
            "",
            "()",
            ")(",
            "1 )x( S 1",
            "x (sh) S 1",
            "0 (sh) S 1",
            "-1 (sh) S 1 1 1 0 -1 4194560 80 358 0 0 0 0 0 0 20 0 1 0 204673",
            "99999999999 (sh) S 1 1 1 0 -1 4194560 80 358 0 0 0 0 0 0 20 0 1 0 204673",
            "1 (sh) S x 1 1 0 -1 4194560 80 358 0 0 0 0 0 0 20 0 1 0 204673",
            "1 (sh) S 1 1 1 0 -1 4194560 80 358 0 0 0 0 0 0 20 0 1 0 -1",
        ] {
            assert_eq!(parse_stat(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_longest_line_fits_into_one_read() {
        let numbers = ["18446744073709551615"; 52].join(" ");
        assert!(format!("4194304 ({}) Z {numbers}\n", "x".repeat(64)).len() < LINE_MAX);
    }
}
