//! Processes, as /proc tells of them ([proc(5)](https://man7.org/linux/man-pages/man5/proc.5.html)). Nothing here
//! needs a capability, and a process that vanishes while it is looked at is no error.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase};

use crate::system::clock;

/// The number of a process.
pub(crate) type Pid = i32;

/// Start times are in ticks of `USER_HZ`, which is 100 on every architecture that this is built for (time(7)).
const TICKS_PER_SECOND: u64 = 100;

/// The largest number that a process can have (`PID_MAX_LIMIT`, 64-bit).
pub(crate) const PID_MAX: Pid = 4_194_304;

/// The most that is read of a file of /proc: a command line may have megabytes.
const READ_MAX: u64 = 256 * 1024;

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Its number.
    pub(crate) pid: Pid,
    /// The name of its program, or what it calls itself; cut to 15 bytes by the kernel.
    pub(crate) comm: String,
    /// Whether it lives.
    pub(crate) life: Life,
    /// Who must reap it; 0 when that is outside the PID namespace.
    pub(crate) parent: Pid,
    /// When it started, after boot.
    pub(crate) started: Duration,
}

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Running, sleeping, stopped, or waiting for a disk.
    Alive,
    /// Ended, and not reaped by its parent.
    Zombie,
    /// On its way out of the table.
    Gone,
}

impl Stat {
    /// How long ago it started.
    pub(crate) fn age(&self) -> Duration {
        clock::since_boot().saturating_sub(self.started)
    }

    /// The process as a person says it.
    pub(crate) fn name(&self) -> String {
        format!("{} (pid {})", self.comm, self.pid)
    }
}

/// All processes that can be seen.
#[derive(Debug)]
pub(crate) struct Census {
    /// In the order of /proc: by number.
    pub(crate) processes: Vec<Stat>,
    /// Whether these are all.
    pub(crate) sight: Sight,
}

/// How much of the PID namespace can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// All of it.
    Whole,
    /// Not the processes of other users: /proc is mounted with hidepid.
    Partial,
}

/// Reads the table of processes.
pub(crate) fn census(deadline: Deadline) -> Result<Census, Failure> {
    let unreadable = |error: &io::Error| {
        Failure::new(Phase::Local, Cause::Broken, format!("/proc cannot be read: {}", sentence(error)))
    };
    let mut census = Census { processes: Vec::new(), sight: Sight::Whole };
    let mut first = false;
    for entry in fs::read_dir("/proc").map_err(|error| unreadable(&error))? {
        if deadline.has_passed() {
            return Err(Failure::timed_out(Phase::Local));
        }
        let entry = entry.map_err(|error| unreadable(&error))?;
        let Some(pid) = entry.file_name().to_str().and_then(parse_pid) else { continue };
        match stat(pid) {
            Ok(Some(stat)) => {
                first |= pid == 1;
                census.processes.push(stat);
            }
            Ok(None) => {}
            // With hidepid=1 they are listed, and cannot be read.
            Err(_) => census.sight = Sight::Partial,
        }
    }
    if census.processes.is_empty() {
        // We are a process ourselves.
        return Err(Failure::new(Phase::Local, Cause::Broken, NOT_MOUNTED));
    }
    // With hidepid=2 they are not even listed. The first process lives as long as its namespace.
    if !first {
        census.sight = Sight::Partial;
    }
    Ok(census)
}

/// Why nothing can be said of processes.
pub(crate) const NOT_MOUNTED: &str = "/proc is not mounted; mount it (docker and kubernetes do)";

/// What /proc says of one process; none when there is no such process, or none that may be seen.
///
/// # Errors
///
/// When it may be seen and not read.
pub(crate) fn stat(pid: Pid) -> io::Result<Option<Stat>> {
    let Some(content) = read(Path::new(&format!("/proc/{pid}/stat")))? else { return Ok(None) };
    Ok(parse_stat(&content).filter(|stat| stat.life != Life::Gone))
}

/// Our own number, as this /proc has it; none when it is that of a PID namespace that we are not in.
pub(crate) fn own() -> Option<Pid> {
    fs::read_link("/proc/self").ok()?.to_str().and_then(parse_pid)
}

/// The words of a process's command line; none when it is a zombie, a kernel thread or gone.
pub(crate) fn command_line(pid: Pid) -> Vec<String> {
    let content = read(Path::new(&format!("/proc/{pid}/cmdline"))).ok().flatten();
    parse_command_line(&content.unwrap_or_default())
}

/// The process that the task `pid` is a thread of: itself, unless the number is a thread's, which /proc shows as well
/// when asked for it.
pub(crate) fn leader(pid: Pid) -> Option<Pid> {
    let content = read(Path::new(&format!("/proc/{pid}/status"))).ok().flatten()?;
    parse_leader(&content)
}

/// When a process started, by the clock on the wall; none when that cannot be told. The kernel keeps it by a clock that
/// nobody sets, so it is earlier than it seems when the other clock was put forward since: at the end of a sleep that a
/// virtual machine did not notice, or at the first answer of NTP. What the time was before that is known from /proc
/// itself, whose own time is that of its mounting, which comes right after the start of the first process.
pub(crate) fn birth(stat: &Stat) -> Option<SystemTime> {
    let first = self::stat(1).ok()??;
    let mounted = fs::metadata("/proc").ok()?.modified().ok()?;
    let boot = SystemTime::now().checked_sub(clock::since_boot())?;
    let boot_then = mounted.checked_sub(first.started)?;
    boot.min(boot_then).checked_add(stat.started)
}

/// That `zombie` is one, and whose.
pub(crate) fn obituary(zombie: &Stat) -> String {
    let parent = match stat(zombie.parent) {
        Ok(Some(parent)) => parent.name(),
        _ if zombie.parent == 0 => "outside this PID namespace".into(),
        _ => format!("pid {}", zombie.parent),
    };
    format!("{} is a zombie: it has ended, and its parent {parent} has not reaped it", zombie.name())
}

/// Reads a file of /proc; none when its process is gone, whether before it is opened or after.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    match File::open(path).and_then(|file| file.take(READ_MAX).read_to_end(&mut content)) {
        Ok(_) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error().map(Errno::from_raw) == Some(Errno::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `error` without its number.
pub(crate) fn sentence(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}

/// Reads the number of a process, as /proc and pid files have it: digits, and at least 1.
pub(crate) fn parse_pid(text: &str) -> Option<Pid> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|pid| digits && *pid > 0)
}

/// Reads `/proc/PID/stat`. The name may hold anything, also spaces, parentheses and newlines, so it reaches from the
/// first opening parenthesis to the last closing one; what follows is numbers.
pub(crate) fn parse_stat(content: &[u8]) -> Option<Stat> {
    let open = content.iter().position(|b| *b == b'(')?;
    let close = content.iter().rposition(|b| *b == b')')?;
    let pid = parse_pid(std::str::from_utf8(content.get(..open)?).ok()?.trim_end())?;
    let comm = String::from_utf8_lossy(content.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(content.get(close + 1..)?).ok()?;
    // The fields have numbers in proc(5), and the first one after the name is the third.
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    let threads = field(20)?.parse::<u64>().ok()?;
    let life = match field(3)? {
        // A first thread that has ended before the others shows as a zombie, and the process lives.
        "Z" if threads > 1 => Life::Alive,
        "Z" => Life::Zombie,
        "X" | "x" => Life::Gone,
        _ => Life::Alive,
    };
    let ticks = field(22)?.parse::<u64>().ok()?;
    let started = Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND));
    Some(Stat { pid, comm, life, parent: field(4)?.parse().ok()?, started })
}

/// Reads `/proc/PID/cmdline`: words that each end with a NUL, unless the process wrote something else over them.
pub(crate) fn parse_command_line(content: &[u8]) -> Vec<String> {
    let Some(last) = content.iter().rposition(|b| *b != 0) else { return Vec::new() };
    let words = content.get(..=last).unwrap_or_default().split(|b| *b == 0);
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Reads the `Tgid` of `/proc/PID/status`. The name, which stands before it, cannot forge it: its newlines are escaped.
pub(crate) fn parse_leader(content: &[u8]) -> Option<Pid> {
    let line = content.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"Tgid:"))?;
    parse_pid(std::str::from_utf8(line).ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line with this name, state and number of threads.
    fn line(comm: &str, state: &str, threads: u32) -> Vec<u8> {
        format!(
            "42 ({comm}) {state} 7 42 42 0 -1 4194560 80 358 0 0 0 0 0 0 20 0 {threads} 0 204673 2654208 358 \
             18446744073709551615 1 1 0 0 0 0 0 65538 1 0 0 17 0 0 0 0 0 0\n"
        )
        .into_bytes()
    }

    #[test]
    fn a_stat_line_is_read_whatever_the_name_holds() {
        for comm in ["sh", "a b", "a) Z 1 (b", "((", "))", ") Z 1 1", "", "a\nb", "tmux: server", "ä"] {
            let stat = parse_stat(&line(comm, "S", 1)).expect(comm);
            assert_eq!((stat.pid, stat.comm.as_str(), stat.life, stat.parent), (42, comm, Life::Alive, 7));
            assert_eq!(stat.started, Duration::from_millis(2_046_730));
        }
        let mut cut = line("X", "S", 1);
        cut.splice(4..5, [0xe2, 0x82]);
        assert_eq!(parse_stat(&cut).map(|stat| stat.comm), Some("\u{fffd}".into()));
    }

    #[test]
    fn a_zombie_is_a_process_of_which_nothing_lives() {
        for (state, threads, life) in [
            ("R", 1, Life::Alive),
            ("D", 1, Life::Alive),
            ("T", 1, Life::Alive),
            ("t", 3, Life::Alive),
            ("I", 1, Life::Alive),
            ("Z", 1, Life::Zombie),
            ("Z", 0, Life::Zombie),
            ("Z", 2, Life::Alive),
            ("X", 1, Life::Gone),
            ("x", 1, Life::Gone),
        ] {
            assert_eq!(parse_stat(&line("x", state, threads)).map(|stat| stat.life), Some(life), "{state}");
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
    fn a_number_of_a_process_is_digits_above_zero() {
        for (text, pid) in [("1", Some(1)), ("4194304", Some(4_194_304)), ("007", Some(7))] {
            assert_eq!(parse_pid(text), pid, "{text}");
        }
        for text in
            ["", "0", "-1", "+1", " 1", "1 ", "1.0", "0x1", "2147483648", "18446744073709551617", "self"]
        {
            assert_eq!(parse_pid(text), None, "{text}");
        }
    }

    #[test]
    fn a_command_line_is_words() {
        for (content, words) in [
            (&b"/bin/sh\0-c\0a  b\0"[..], &["/bin/sh", "-c", "a  b"][..]),
            (b"a\0\0b\0", &["a", "", "b"]),
            (b"nginx: master process nginx\0\0\0\0", &["nginx: master process nginx"]),
            (b"not ended", &["not ended"]),
            (b"\xff\0", &["\u{fffd}"]),
            (b"", &[]),
            (b"\0\0", &[]),
        ] {
            assert_eq!(parse_command_line(content), words, "{content:?}");
        }
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

    #[test]
    fn we_see_ourselves() {
        let pid = nix::unistd::getpid().as_raw();
        let stat = stat(pid).unwrap().unwrap();
        assert_eq!((stat.pid, stat.life), (pid, Life::Alive));
        assert!(stat.age() < Duration::from_secs(3600), "{:?}", stat.age());
        assert_eq!((own(), leader(pid)), (Some(pid), Some(pid)));
        assert!(birth(&stat).unwrap() <= SystemTime::now());
        let census = census(Deadline::after(Duration::from_secs(10))).unwrap();
        assert!(census.processes.iter().any(|one| one.pid == pid));
        assert_eq!(self::stat(Pid::MAX).unwrap(), None);
    }
}
