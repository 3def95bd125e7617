//! Processes, as /proc tells of them ([proc(5)](https://man7.org/linux/man-pages/man5/proc.5.html)). Nothing here
//! needs a capability, and a process that vanishes while it is looked at is no error.

mod resources;
mod stat;
mod status;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use nix::errno::Errno;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase};
use crate::sys::{file, folder, task};

use crate::system::clock;

#[cfg(any(fuzzing, test))]
pub(crate) use self::resources::parse_open_files;
pub(crate) use self::resources::{Descriptors, descriptors};
#[cfg(any(fuzzing, test))]
pub(crate) use self::stat::parse_stat;
pub(crate) use self::stat::{Stat, StatLine, State, stat};
pub(crate) use self::status::{Disposition, SignalSets, leader, signal_sets};
#[cfg(any(fuzzing, test))]
pub(crate) use self::status::{parse_leader, parse_signal_sets};

/// The number of a process.
pub(crate) type Pid = i32;

/// The largest number that a process can have (`PID_MAX_LIMIT`, 64-bit).
pub(crate) const PID_MAX: Pid = 4_194_304;

/// The most that is read of a file of /proc: a command line may have megabytes.
const READ_MAX: usize = 256 * 1024;

/// All processes that can be seen.
#[derive(Debug)]
pub(crate) struct ProcessTable {
    /// In the order of /proc: by number.
    pub(crate) processes: Vec<Stat>,
    /// Whether these are all.
    pub(crate) visibility: Visibility,
}

/// How much of the PID namespace can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// All of it.
    Whole,
    /// Not the processes of other users: /proc is mounted with hidepid.
    Partial,
}

impl ProcessTable {
    /// The process `pid`, if it can be seen.
    pub(crate) fn get(&self, pid: Pid) -> Option<&Stat> {
        self.processes.iter().find(|process| process.pid == pid)
    }

    /// Those that have ended and were not reaped.
    pub(crate) fn zombies(&self) -> impl Iterator<Item = &Stat> {
        self.processes.iter().filter(|process| process.state == State::Zombie)
    }
}

/// The most programs that are named: the line is short, and the worst come first.
const NAMED_MAX: usize = 3;

/// `2 x wget, 1 x sh`: the names of `processes`, the most frequent first.
pub(crate) fn count_by_name(processes: &[&Stat]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for process in processes {
        *counts.entry(&process.comm).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_cached_key(|(_, count)| std::cmp::Reverse(*count));
    let others: usize = counts.iter().skip(NAMED_MAX).map(|(_, count)| count).sum();
    let named = counts.into_iter().take(NAMED_MAX);
    let mut words: Vec<_> = named.map(|(comm, count)| format!("{count} x {comm}")).collect();
    if others > 0 {
        words.push(format!("{others} others"));
    }
    words.join(", ")
}

/// Reads the table of processes.
pub(crate) fn process_table(deadline: Deadline) -> Result<ProcessTable, Failure> {
    let mut processes = Vec::new();
    let visibility = visit(deadline, |line| processes.push(Stat::copy(line)))?;
    Ok(ProcessTable { processes, visibility })
}

/// How many processes are zombies.
pub(crate) fn count_zombies(deadline: Deadline) -> Result<usize, Failure> {
    let mut count = 0;
    visit(deadline, |line| count += usize::from(line.state == State::Zombie))?;
    Ok(count)
}

/// Calls `each` with every process that can be seen: an open, a read and a close for each.
fn visit(deadline: Deadline, mut each: impl FnMut(StatLine<'_>)) -> Result<Visibility, Failure> {
    let unreadable = |error: &io::Error| {
        Failure::new(Phase::Local, Cause::Broken, format!("/proc cannot be read: {}", sentence(error)))
    };
    let own = own_pid();
    // A task of ours is no process to anybody else.
    let is_own_task = |line: &StatLine<'_>| !line.signals_its_end && Some(line.parent) == own;
    let (mut visibility, mut count, mut first, mut is_late) = (Visibility::Whole, 0_usize, false, false);
    folder::names("/proc", |name| {
        is_late = deadline.has_passed();
        let Some(pid) = parse_pid(name) else { return !is_late };
        let read = stat::read_stat(pid, |line| {
            let is_process = !is_own_task(&line);
            if is_process {
                each(line);
            }
            is_process
        });
        match read {
            Ok(Some(is_process)) => {
                first |= pid == 1;
                count += usize::from(is_process);
            }
            Ok(None) => {}
            // With hidepid=1 they are listed, and cannot be read.
            Err(_) => visibility = Visibility::Partial,
        }
        !is_late
    })
    .map_err(|error| unreadable(&error))?;
    if is_late {
        return Err(Failure::timed_out(Phase::Local));
    }
    if count == 0 {
        // We are a process ourselves.
        return Err(Failure::new(Phase::Local, Cause::Broken, NOT_MOUNTED));
    }
    // With hidepid=2 they are not even listed. The first process lives as long as its namespace.
    Ok(if first { visibility } else { Visibility::Partial })
}

/// Why nothing can be said of all processes, where only so many can be seen.
pub(crate) fn hidden(seen: usize) -> String {
    format!(
        "/proc is mounted with hidepid and shows {seen} of the processes; run the check as their user or as root"
    )
}

/// Why nothing can be said of processes.
pub(crate) const NOT_MOUNTED: &str = "/proc is not mounted; mount it (docker and kubernetes do)";

/// Our own number, as this /proc has it; none when it is that of a PID namespace that we are not in. In a task it is that of
/// the process which the task works for.
pub(crate) fn own_pid() -> Option<Pid> {
    let reader = reader()?;
    Some(if is_this_process(reader) { task::owner().unwrap_or(reader) } else { reader })
}

/// Whether /proc speaks of our PID namespace. One that was mounted for another has other processes under our numbers.
pub(crate) fn is_ours() -> bool {
    reader().is_some_and(is_this_process)
}

/// The number of the process or task that reads this.
fn reader() -> Option<Pid> {
    fs::read_link("/proc/self").ok()?.to_str().and_then(parse_pid)
}

/// Whether the number that /proc has for us is the one that the kernel tells us.
fn is_this_process(reader: Pid) -> bool {
    reader == nix::unistd::getpid().as_raw()
}

/// The numbers of all processes that can be seen, none where /proc is not mounted.
pub(crate) fn pids() -> Vec<Pid> {
    let mut pids = Vec::new();
    let _ = folder::names("/proc", |name| {
        pids.extend(parse_pid(name));
        true
    });
    pids
}

/// The words of a process's command line; none when it is a zombie, a kernel thread or gone.
pub(crate) fn command_line(pid: Pid) -> Vec<String> {
    let content = read(&format!("/proc/{pid}/cmdline")).ok().flatten();
    parse_command_line(&content.unwrap_or_default())
}

/// When a process started, by the clock on the wall; none when that cannot be told. The kernel keeps it by a clock that
/// nobody sets, so it is earlier than it seems when the other clock was put forward since: at the end of a sleep that a
/// virtual machine did not notice, or at the first answer of NTP. What the time was before that is known from /proc
/// itself, whose own time is that of its mounting, which comes right after the start of the first process.
pub(crate) fn start_time(stat: &Stat) -> Option<SystemTime> {
    let first = self::stat(1).ok()??;
    let mounted = clock::modified(Path::new("/proc")).ok()?;
    let boot = clock::now().checked_sub(clock::since_boot())?;
    let boot_then = mounted.checked_sub(first.started)?;
    boot.min(boot_then).checked_add(stat.started)
}

/// Says that `zombie` is one, and who has not reaped it.
pub(crate) fn zombie_message(zombie: &Stat) -> String {
    let parent = match stat(zombie.parent) {
        Ok(Some(parent)) => parent.name(),
        _ if zombie.parent == 0 => "outside this PID namespace".into(),
        _ => format!("pid {}", zombie.parent),
    };
    format!("{} is a zombie: it has ended, and its parent {parent} has not reaped it", zombie.name())
}

/// Reads a file of /proc; none when its process is gone, whether before it is opened or after.
fn read(path: &str) -> io::Result<Option<Vec<u8>>> {
    match file::read(path, READ_MAX) {
        Ok(content) => Ok(Some(content)),
        Err(error) if vanished(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a file of /proc could not be read since its process is gone.
fn vanished(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error().map(Errno::from_raw) == Some(Errno::ESRCH)
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

/// Reads `/proc/PID/cmdline`: words that each end with a NUL, unless the process wrote something else over them.
pub(crate) fn parse_command_line(content: &[u8]) -> Vec<String> {
    let Some(last) = content.iter().rposition(|b| *b != 0) else { return Vec::new() };
    let words = content.get(..=last).unwrap_or_default().split(|b| *b == 0);
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
    fn we_see_ourselves() {
        let pid = nix::unistd::getpid().as_raw();
        let stat = stat(pid).unwrap().unwrap();
        assert_eq!((stat.pid, stat.state), (pid, State::Alive));
        assert!(stat.age() < Duration::from_secs(3600), "{:?}", stat.age());
        assert_eq!((own_pid(), leader(pid)), (Some(pid), Some(pid)));
        assert!(start_time(&stat).unwrap() <= clock::now());
        let table = process_table(Deadline::after(Duration::from_secs(10))).unwrap();
        assert_eq!(table.get(pid).map(|one| one.pid), Some(pid));
        assert!(is_ours() && pids().contains(&pid));
        assert_eq!(self::stat(Pid::MAX).unwrap(), None);
    }
}
