//! Starts the init under test in one of its two roles, in a world of the actor's words, over an actor or a command.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::Run;
use super::actor::actor;
use super::inits::{Dashes, Kind, Opt, program};
use super::process::{Process, blocks, children, descendants, held_within, kill, process, until};

/// How long anything that must happen may take on a busy machine. A table of other inits, which fail, wants less.
pub(crate) static PATIENCE: LazyLock<Duration> = LazyLock::new(|| {
    let seconds = std::env::var("SEXTON_TEST_PATIENCE").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(20))
});

/// What the init is to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// PID 1 of a namespace.
    Pid1,
    /// An ordinary process, for which orphans below it are a choice.
    Subreaper,
}

impl Role {
    /// Whether this machine lets us play it. Says so on stderr if not; `SEXTON_TEST_NAMESPACES=required` forbids that.
    pub(crate) fn is_playable(self) -> bool {
        static NAMESPACES: OnceLock<Result<(), String>> = OnceLock::new();
        if self == Self::Subreaper {
            return true;
        }
        let answer = NAMESPACES.get_or_init(|| {
            let output = Command::new(actor()).args(["pidns", "exit=0"]).output().expect("the actor starts");
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            if output.status.success() { Ok(()) } else { Err(reason) }
        });
        let Err(reason) = answer else { return true };
        let required = std::env::var_os("SEXTON_TEST_NAMESPACES").is_some_and(|value| value == "required");
        assert!(!required, "PID namespaces are required and not to be had: {reason}");
        skipped(&format!("no PID namespace here ({reason})"));
        false
    }
}

/// Says why a test has not been held.
pub(crate) fn skipped(why: &str) {
    let _ = std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes());
}

/// Makes of one test two: as PID 1, and as a subreaper.
macro_rules! both_roles {
    ($(#[$meta:meta])* fn $name:ident($role:ident: Role) $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "what the tests of the file share")]
            use super::*;

            fn in_role($role: $crate::support::launch::Role) $body

            #[test]
            fn as_pid_1() {
                if $crate::support::launch::Role::Pid1.is_playable() {
                    in_role($crate::support::launch::Role::Pid1);
                }
            }

            #[test]
            fn as_a_subreaper() {
                in_role($crate::support::launch::Role::Subreaper);
            }
        }
    };
}
pub(crate) use both_roles;

/// How to start an init.
#[derive(Debug)]
pub(crate) struct Launch {
    role: Role,
    outside: Vec<OsString>,
    world: Vec<OsString>,
    options: Vec<Opt>,
    command: Vec<OsString>,
    bare: bool,
    dashes: Dashes,
    path: Option<PathBuf>,
    stdin: Option<Stdio>,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
}

impl Launch {
    /// In that role, with nothing else yet.
    pub(crate) fn new(role: Role) -> Self {
        Self {
            role,
            outside: Vec::new(),
            world: Vec::new(),
            options: Vec::new(),
            command: Vec::new(),
            bare: false,
            dashes: Dashes::Written,
            path: None,
            stdin: None,
            stdout: None,
            stderr: None,
        }
    }

    /// Words performed before the role is taken, so outside a namespace.
    pub(crate) fn outside(mut self, words: &str) -> Self {
        self.outside.extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// Words performed in the role, before the init is started.
    pub(crate) fn world(mut self, words: &str) -> Self {
        self.world.extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// One more option.
    pub(crate) fn option(mut self, option: Opt) -> Self {
        self.options.push(option);
        self
    }

    /// The main child is an actor that performs `words`.
    pub(crate) fn actor(self, words: &str) -> Self {
        self.command([actor().as_os_str()]).command(words.split_whitespace())
    }

    /// The main child is this, or has these words more.
    pub(crate) fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, words: I) -> Self {
        self.command.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// No init at all: the negative control, and what its child is compared with.
    pub(crate) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// No `--` between options and command.
    pub(crate) fn without_dashes(mut self) -> Self {
        self.dashes = Dashes::Left;
        self
    }

    /// The same program at another path.
    pub(crate) fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Another stdin than none.
    pub(crate) fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// Another stdout than one that `Running` reads.
    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Another stderr than one that `Running` reads.
    pub(crate) fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// The actor's words that start all of it.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["clean".into(), "closefrom=3".into(), "tied".into()];
        words.extend(self.outside.iter().cloned());
        match self.role {
            Role::Pid1 => words.push("pidns".into()),
            Role::Subreaper => words.extend(["tied".into(), "nokillall".into()]),
        }
        words.extend(self.world.iter().cloned());
        words.extend(self.program());
        words
    }

    /// From "exec" on.
    pub(crate) fn program(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if self.role == Role::Subreaper && !self.bare {
            // Only ours takes the role without being asked.
            match program().kind {
                Kind::Sexton => {}
                Kind::Tini | Kind::DumbInit | Kind::Catatonit => words.push("subreaper".into()),
            }
        }
        words.push("exec".into());
        if self.bare {
            words.extend(self.command.iter().cloned());
        } else {
            words.extend(program().words(self.path.as_deref(), &self.options, self.dashes, &self.command));
        }
        words
    }

    /// Starts it.
    pub(crate) fn start(self) -> Running {
        let words = self.words();
        self.start_with(words)
    }

    /// Starts it again and again, as the actor's word `race` says it.
    pub(crate) fn race(self, spec: &str) -> Running {
        let (namespace, harmless) =
            if self.role == Role::Pid1 { ("racens", "clean") } else { ("clean", "nokillall") };
        let race = format!("race={spec}");
        let mut words: Vec<OsString> =
            ["clean", "closefrom=3", "tied", namespace, &race, harmless].iter().map(OsString::from).collect();
        words.extend(self.program());
        self.start_with(words)
    }

    /// Starts the actor with `words`.
    fn start_with(self, words: Vec<OsString>) -> Running {
        let mut command = Command::new(actor());
        command.args(words).env_clear().env("PATH", "/usr/bin:/bin");
        command.stdin(self.stdin.unwrap_or_else(Stdio::null));
        command.stdout(self.stdout.unwrap_or_else(Stdio::piped));
        command.stderr(self.stderr.unwrap_or_else(Stdio::piped));
        let started = Instant::now();
        let mut child = command.spawn().expect("the actor starts");
        let stdout = Lines::of(child.stdout.take());
        let stderr = Lines::of(child.stderr.take());
        Running { pid: child.id().try_into().expect("a PID"), child, stdout, stderr, started }
    }

    /// Starts it and waits for its end.
    pub(crate) fn run(self) -> Run {
        self.start().finish()
    }
}

/// What came out of a pipe so far.
#[derive(Clone, Default)]
struct Lines(Arc<(Mutex<Seen>, Condvar)>);

/// The lines, and whether there will be more.
#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    is_over: bool,
}

impl Lines {
    /// Collects the lines of `pipe`, on a thread, until it ends.
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let lines = Self::default();
        let theirs = lines.clone();
        std::thread::spawn(move || {
            let (seen, changed) = &*theirs.0;
            let mut reader = pipe.map(BufReader::new);
            loop {
                let mut bytes = Vec::new();
                let length = reader.as_mut().map_or(Ok(0), |reader| reader.read_until(b'\n', &mut bytes));
                let mut seen = seen.lock().expect("no reader panics");
                if length.is_ok_and(|length| length > 0) {
                    seen.lines.push(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned());
                } else {
                    seen.is_over = true;
                }
                changed.notify_all();
                if seen.is_over {
                    return;
                }
            }
        });
        lines
    }

    /// The lines so far.
    fn so_far(&self) -> Vec<String> {
        self.0.0.lock().expect("no reader panics").lines.clone()
    }

    /// Waits until `holds` of the lines so far, or the end of them, or `limit`.
    fn wait(&self, limit: Duration, holds: impl Fn(&[String]) -> bool) -> bool {
        let (seen, changed) = &*self.0;
        let guard = seen.lock().expect("no reader panics");
        let (guard, _) = changed
            .wait_timeout_while(guard, limit, |seen| !holds(&seen.lines) && !seen.is_over)
            .expect("no reader panics");
        holds(&guard.lines)
    }
}

/// A started init.
pub(crate) struct Running {
    child: Child,
    pid: i32,
    stdout: Lines,
    stderr: Lines,
    started: Instant,
}

impl Running {
    /// Since its start.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// What the test started: the init itself, or the process that stays outside of its namespace.
    pub(crate) fn outer(&self) -> i32 {
        self.pid
    }

    /// The init's number in our namespace, once it is the program under test.
    pub(crate) fn init(&self) -> i32 {
        let mut found = None;
        let has_begun = held_within(*PATIENCE, || {
            found = self.find();
            found.is_some()
        });
        assert!(has_begun, "the init does not start{}", self.told());
        found.expect("just found").pid
    }

    /// The same, once it blocks SIGTERM: what is sent from then on is not lost. Only where there is no main child whose line
    /// says so.
    pub(crate) fn blocking(&self) -> i32 {
        let init = self.init();
        until(*PATIENCE, "the init blocks SIGTERM", || blocks(init, 15));
        init
    }

    /// The first process at or below what we started that is no actor any more.
    fn find(&self) -> Option<Process> {
        // A copy of this test until it has become what it was forked for; looked at before its name is, which changes then.
        let program = |pid| std::fs::read_link(format!("/proc/{pid}/exe"));
        if program(self.pid).ok() == std::env::current_exe().ok() {
            return None;
        }
        let mut candidate = process(self.pid)?;
        while candidate.name.starts_with("actor") {
            candidate = children(candidate.pid).pop()?;
        }
        Some(candidate)
    }

    /// The main child: the oldest one of the init.
    pub(crate) fn main(&self) -> Process {
        let init = self.init();
        let mut found = None;
        assert!(
            held_within(*PATIENCE, || {
                found = children(init).into_iter().next();
                found.is_some()
            }),
            "no main child{}",
            self.told()
        );
        found.expect("just found")
    }

    /// Sends a signal to the init, from outside.
    pub(crate) fn signal(&self, number: i32) {
        kill(self.init(), number);
    }

    /// Sends a signal to the init, if there still is one.
    pub(crate) fn try_signal(&self, number: i32) {
        // Our own child stays a zombie until we wait for it, and its child until it does: neither number is taken.
        if let Some(init) = self.find().filter(|init| init.state != 'Z') {
            let _ = Command::new("kill").arg(format!("-{number}")).arg(init.pid.to_string()).output();
        }
    }

    /// Waits for a line of stdout that begins so, and returns the rest of it.
    pub(crate) fn line(&self, start: &str) -> String {
        self.stdout.wait(*PATIENCE, |lines| lines.iter().any(|line| line.starts_with(start)));
        let lines = self.stdout.so_far();
        let Some(line) = lines.iter().find(|line| line.starts_with(start)) else {
            panic!("no line {start:?}{}", self.told());
        };
        line[start.len()..].trim().to_owned()
    }

    /// Waits until stdout has that line `count` times.
    pub(crate) fn lines(&self, line: &str, count: usize) {
        let enough = |lines: &[String]| lines.iter().filter(|&have| have == line).count() >= count;
        assert!(self.stdout.wait(*PATIENCE, enough), "not {count} times {line:?}{}", self.told());
    }

    /// Waits for a line of stderr that contains `part`.
    pub(crate) fn complaint(&self, part: &str) {
        let has = |lines: &[String]| lines.iter().any(|line| line.contains(part));
        assert!(self.stderr.wait(*PATIENCE, has), "stderr never says {part:?}{}", self.told());
    }

    /// What stdout had so far.
    pub(crate) fn stdout(&self) -> Vec<String> {
        self.stdout.so_far()
    }

    /// What stderr had so far.
    pub(crate) fn stderr(&self) -> Vec<String> {
        self.stderr.so_far()
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("our child").is_none()
    }

    /// Waits for the end, at most [`PATIENCE`].
    pub(crate) fn finish(self) -> Run {
        self.finish_within(*PATIENCE)
    }

    /// Waits for the end; fails if it has not come after `limit`.
    pub(crate) fn finish_within(mut self, limit: Duration) -> Run {
        let mut status = None;
        let ended = held_within(limit, || {
            status = self.child.try_wait().expect("our child");
            status.is_some()
        });
        let elapsed = self.started.elapsed();
        assert!(ended, "it has not ended after {limit:?}{}", self.told());
        // A process that outlives it may still hold the pipes.
        for lines in [&self.stdout, &self.stderr] {
            lines.wait(Duration::from_secs(2), |_| false);
        }
        let text =
            |lines: &Lines| lines.so_far().into_iter().fold(String::new(), |all, line| all + &line + "\n");
        Run {
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
            elapsed,
        }
    }

    /// For failures: everything that was said, and the tree.
    fn told(&self) -> String {
        let mut text = String::new();
        for (name, lines) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let _ = write!(text, "\n{name}: {:?}", lines.so_far());
        }
        for process in process(self.pid).into_iter().chain(descendants(self.pid)) {
            let _ = write!(text, "\n{process:?}");
        }
        text
    }
}

impl Drop for Running {
    /// Nothing that a failed test started stays behind.
    fn drop(&mut self) {
        if self.is_alive() {
            let below = descendants(self.pid);
            let _ = self.child.kill();
            let _ = self.child.wait();
            for process in below {
                if self::process(process.pid).is_some_and(|now| now.name == process.name && now.state != 'Z')
                {
                    let _ = Command::new("kill").args(["-9", &process.pid.to_string()]).output();
                }
            }
        }
    }
}
