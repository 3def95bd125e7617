//! Process trees read out of /proc (proc(5)).

use std::fs;
use std::time::{Duration, Instant};

/// One line of `/proc/PID/stat`, as far as tests ask.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// Its number in our namespace.
    pub(crate) pid: i32,
    /// The name of its program.
    pub(crate) name: String,
    /// R, S, D, T, t, Z, ...
    pub(crate) state: char,
    /// Who reaps it.
    pub(crate) parent: i32,
    /// Its group.
    pub(crate) group: i32,
    /// Clock ticks in user and system mode.
    pub(crate) ticks: u64,
    /// How many threads it has.
    pub(crate) threads: u64,
}

/// The process `pid`, if there is one.
pub(crate) fn process(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = tail.split(' ').collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Some(Process {
        pid,
        name: head.split_once('(')?.1.to_owned(),
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        ticks: number(11)? + number(12)?,
        threads: number(17)?,
    })
}

/// Every process that can be seen.
pub(crate) fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries.filter_map(|entry| process(entry.ok()?.file_name().to_str()?.parse().ok()?)).collect()
}

/// The children of `pid`, oldest number first.
pub(crate) fn children(pid: i32) -> Vec<Process> {
    let mut found: Vec<Process> = processes().into_iter().filter(|process| process.parent == pid).collect();
    found.sort_by_key(|process| process.pid);
    found
}

/// Everything below `pid`.
pub(crate) fn descendants(pid: i32) -> Vec<Process> {
    let all = processes();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            parents.push(process.pid);
            found.push(process.clone());
        }
    }
    found
}

/// How often the process `pid` was taken off or gave up a CPU: every wake-up ends in one.
pub(crate) fn switches(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
    counts.filter_map(|line| line.split('\t').nth(1)?.parse::<u64>().ok()).sum()
}

/// How long `pid` was ready to run and had no CPU: the second number of `/proc/PID/schedstat`; nothing where the kernel
/// does not count it.
pub(crate) fn starved(pid: i32) -> Duration {
    let counts = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    Duration::from_nanos(
        counts.split(' ').nth(1).and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or(0),
    )
}

/// Whether `pid` is in a system call that waits, and to which no limit was given: it does not wake up by itself. See
/// `/proc/PID/syscall` in proc(5).
pub(crate) fn waits_without_limit(pid: i32) -> bool {
    /// Which of its arguments is the limit, and what says that there is none.
    const WAITS: [(libc::c_long, usize, u64); 4] = [
        (libc::SYS_ppoll, 2, 0),
        (libc::SYS_rt_sigtimedwait, 2, 0),
        (libc::SYS_epoll_pwait, 3, 0xffff_ffff),
        // Of a signalfd, and so the number of the descriptor, which is no limit at all.
        (libc::SYS_read, 6, 0),
    ];
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let mut words = call.split_whitespace();
    let number = words.next().and_then(|number| number.parse::<libc::c_long>().ok());
    let arguments: Vec<u64> =
        words.filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()).take(6).collect();
    WAITS.iter().any(|(call, index, none)| {
        number == Some(*call) && arguments.get(*index).is_none_or(|limit| limit == none)
    })
}

/// Whether `pid` sleeps and no signal waits for it.
pub(crate) fn rests(pid: i32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    let pending = status.lines().filter(|line| line.starts_with("SigPnd") || line.starts_with("ShdPnd"));
    pending.filter(|line| !line.ends_with("\t0000000000000000")).count() == 0 && status.contains("State:\tS")
}

/// Whether `pid` blocks the signal `number`.
pub(crate) fn blocks(pid: i32, number: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t"));
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

/// Waits until `holds`, and fails with `what` if it has not after `limit`.
pub(crate) fn until(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    assert!(held_within(limit, &mut holds), "not within {limit:?}: {what}");
}

/// Waits until `holds`, at most `limit`; says whether it did.
pub(crate) fn held_within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends the signal `number` to `pid`: by number, since real-time ones have no name in nix.
pub(crate) fn kill(pid: i32, number: i32) {
    let sent = try_kill(pid, number);
    assert!(sent, "kill {pid} with {number}: {}", std::io::Error::last_os_error());
}

/// The same to a process that may be gone; says whether it was sent. Only for a process that nobody has reaped yet.
pub(crate) fn try_kill(pid: i32, number: i32) -> bool {
    // 0 and below are groups, and -1 is everybody.
    assert!(pid > 1, "{pid} is no process to signal");
    #[expect(unsafe_code, reason = "nix knows no real-time signals")]
    // SAFETY: kill(2) takes two numbers and touches no memory of ours.
    let answer = unsafe { libc::kill(pid, number) };
    answer == 0
}
