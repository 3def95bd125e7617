//! Each system call of an init refused, by strace: it still forwards, reaps and keeps the code, or says in one line why it
//! cannot start the command. It never spins, and it never stays.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::support::actor::actor;
use crate::support::inits::program;
use crate::support::launch::{PATIENCE, skipped};
use crate::support::process::{children, descendants, held_within};
use crate::support::temp::Folder;

/// What is expected where a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The command runs, gets its signal, and its code comes out.
    Works,
    /// So it does, or there is one line that says why not, and 125.
    WorksOrRefuses,
    /// So it does, or it refuses, or the allocator, which has nothing at all to give, says so and ends the program before
    /// a command is started: musl's takes all memory by this call.
    WorksOrHasNoMemory,
}
use Outcome::{Works, WorksOrHasNoMemory, WorksOrRefuses};

/// Errors that stand for all: passing ones, want of something, a refusal, a device, no such call.
const ERRORS: [&str; 7] = ["EINTR", "EAGAIN", "ENOMEM", "EMFILE", "EPERM", "EIO", "ENOSYS"];

/// The calls that an init makes, and what it does without them.
const CALLS: &[(&str, Outcome)] = &[
    ("signalfd4", Works),
    ("rt_sigtimedwait", Works),
    ("signalfd4,rt_sigtimedwait", Works),
    ("signalfd4,rt_sigtimedwait,ppoll", Works),
    ("ppoll", Works),
    ("read", Works),
    ("wait4", Works),
    ("waitid", Works),
    ("prctl", Works),
    ("setpgid", Works),
    ("getpgrp,getpgid", Works),
    ("chdir", Works),
    ("close", Works),
    ("close_range", Works),
    ("open,openat", Works),
    ("readlink,readlinkat", Works),
    ("getdents64", Works),
    ("fcntl", Works),
    ("ioctl", Works),
    ("futex", Works),
    ("pidfd_open", Works),
    ("pidfd_send_signal", Works),
    ("pwritev2", Works),
    ("write", Works),
    ("rt_sigaction", WorksOrRefuses),
    ("munmap", Works),
    ("madvise", Works),
    ("getrlimit,prlimit64", Works),
    // Without memory or a process there is nothing to run.
    ("mmap", WorksOrHasNoMemory),
    ("clone,clone3,fork,vfork", WorksOrRefuses),
];

/// A run of an init under strace, with a leftover.
struct Injected {
    strace: Child,
    /// None where it was refused so much that it ended before anybody saw it.
    init: Option<i32>,
    /// Files, not pipes: a leftover that was not found holds them.
    folder: Folder,
}

impl Injected {
    /// Starts it.
    fn start(calls: &str, error: &str, when: &str, options: &[String]) -> Self {
        let inject = format!("inject={calls}:error={error}:when={when}");
        Self::traced(&["-e", &format!("trace={calls}"), "-e", &inject], options)
    }

    /// Starts it under strace with `how`.
    fn traced(how: &[&str], options: &[String]) -> Self {
        let words =
            "block=15 fork setsid alarm=5 block=15 say=left await=15 exit=0 end say=ready await=15 exit=7";
        let folder = Folder::new();
        let file = |name: &str| File::create(folder.join(name)).expect("a new file");
        let strace = Command::new("strace")
            .arg("-qqo")
            .arg(folder.join("trace"))
            .args(how)
            .arg(&program().path)
            .args(["init", "--verbose", "--drain", "300ms"])
            .args(options)
            .arg("--")
            .arg(actor())
            .args(words.split(' '))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .expect("strace starts");
        let pid = i32::try_from(strace.id()).expect("a PID");
        let mut run = Self { strace, init: None, folder };
        held_within(*PATIENCE, || {
            // strace has other children before, to try out what it can do.
            run.init = children(pid).into_iter().find(|child| child.name == "sexton").map(|child| child.pid);
            run.init.is_some() || run.strace.try_wait().expect("our child").is_some()
        });
        run
    }

    /// What is in one of its files.
    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    /// Sends it TERM once the command is ready, and waits for its end: the code, stderr, and its CPU time in ticks.
    fn finish(&mut self) -> Result<(Option<i32>, String, u64), String> {
        let (mut ready, mut status) = (false, None);
        held_within(*PATIENCE, || {
            let stdout = self.said("stdout");
            ready = stdout.contains("ready") && stdout.contains("left");
            status = self.strace.try_wait().expect("our child");
            ready || status.is_some()
        });
        let mut ticks = 0;
        if let Some(init) = self.init.filter(|_| ready) {
            // Time enough to spin, if it does.
            let before = cpu(init);
            std::thread::sleep(Duration::from_millis(150));
            ticks = cpu(init).saturating_sub(before);
            // It may be gone by then.
            let _ = nix::sys::signal::kill(Pid::from_raw(init), Signal::SIGTERM);
        }
        let ended = held_within(*PATIENCE, || {
            status = status.or(self.strace.try_wait().expect("our child"));
            status.is_some()
        });
        if !ended {
            if let Some(init) = self.init {
                for process in descendants(init).iter().map(|process| process.pid).chain([init]) {
                    let _ = nix::sys::signal::kill(Pid::from_raw(process), Signal::SIGKILL);
                }
            }
            let _ = self.strace.kill();
            let _ = self.strace.wait();
            return Err(format!("it never ends (ready: {ready}): {}", self.said("stderr")));
        }
        let status = status.expect("just seen");
        Ok((status.code().or(status.signal().map(|signal| 128 + signal)), self.said("stderr"), ticks))
    }
}

/// The CPU time of `pid`, in ticks of 10 ms.
fn cpu(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    fields.iter().sum()
}

/// What is wrong with one row of the table, if anything.
fn judge(calls: &str, outcome: Outcome, error: &str, when: &str, options: &[String]) -> Option<String> {
    let what = format!("{calls} -> {error}, {when}");
    let (code, stderr, ticks) = match Injected::start(calls, error, when, options).finish() {
        Ok(run) => run,
        Err(why) => return Some(format!("{what}: {why}")),
    };
    let refuses = code == Some(125) && stderr.lines().last().is_some_and(|line| line.starts_with("sexton: "));
    if stderr.contains("panicked") {
        return Some(format!("{what}: a panic: {stderr}"));
    }
    // 150 ms are 15 ticks of the machine at most; strace slows each call down.
    if ticks > 7 {
        return Some(format!("{what}: it spins, {ticks} ticks"));
    }
    match (code, outcome) {
        (Some(7), _) => None,
        (_, WorksOrRefuses | WorksOrHasNoMemory) if refuses => None,
        (Some(134), WorksOrHasNoMemory) if stderr.starts_with("memory allocation of") => None,
        _ => Some(format!("{what}: exit {code:?}: {stderr}")),
    }
}

/// How often an init with `options` makes each call where none is refused, from its start to its end.
fn made(options: &[String]) -> HashMap<String, usize> {
    let mut run = Injected::traced(&["-e", "trace=all"], options);
    let ended = run.finish();
    assert!(matches!(ended, Ok((Some(7), ..))), "{ended:?}");
    let trace = run.said("trace");
    let mut made = HashMap::new();
    for call in trace.lines().filter_map(|line| line.split_once('(')) {
        *made.entry(call.0.to_owned()).or_insert(0) += 1;
    }
    made
}

/// Holds the whole table against an init with `options`: each call and error, the first to the fifth time, and always. A
/// time that does not come, since the call is not made so often, is left out.
fn hold(options: &[String]) {
    if !Path::new("/usr/bin/strace").exists() {
        skipped("there is no strace");
        return;
    }
    let made = made(options);
    let mut rows = Vec::new();
    // With threads the locks of Rust's own library are needed, and those go nowhere without futexes.
    let has_threads = options.iter().any(|word| word == "--watch");
    for (calls, outcome) in CALLS.iter().filter(|(calls, _)| !(has_threads && *calls == "futex")) {
        let times: usize = calls.split(',').filter_map(|call| made.get(call)).sum();
        let whens = (1..=times.clamp(1, 5)).map(|when| when.to_string()).chain(["1+".into()]);
        for when in whens {
            rows.extend(ERRORS.iter().map(|error| (*calls, *outcome, *error, when.clone())));
        }
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        // They wait most of the time.
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((calls, outcome, error, when)) = rows.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let why = judge(calls, *outcome, error, when, options);
                    wrong.lock().expect("no other one panics").extend(why);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no other one panics");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn an_init_goes_without_any_system_call_that_it_can_go_without() {
    hold(&[]);
}

#[test]
fn an_init_that_watches_does_so_too() {
    let words = ["--watch", "file:/bin/sh", "--interval", "20ms", "--on-unhealthy", "report"];
    hold(&words.map(str::to_owned));
}
