//! The program under test: how it is started, and what came of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::pipes;

/// After this long a run is ended by force, so that a program that hangs fails its test instead of all of them.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program to drive: this build's, or what `SEXTON_TEST_BIN` names.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("SEXTON_TEST_BIN").map_or_else(|| env!("CARGO_BIN_EXE_sexton").into(), PathBuf::from)
}

/// Waits until `condition` holds, at most ten seconds.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(10), "in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// What came of one run.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code, unless a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it, if one did.
    pub(crate) signal: Option<i32>,
    /// All of stdout, where it was kept.
    pub(crate) stdout: String,
    /// All of stderr.
    pub(crate) stderr: String,
    /// From start to end.
    pub(crate) elapsed: Duration,
}

impl Run {
    /// Asserts the code, and that stdout is one line that begins with `start`; returns the line.
    #[track_caller]
    pub(crate) fn said(&self, code: i32, start: &str) -> &str {
        let line = self.one_line(code, &self.stdout, &self.stderr);
        assert!(line.starts_with(start), "wanted {start}...: {self:?}");
        line
    }

    /// Asserts that it was refused with code 1 and `message` on stderr, the only line.
    #[track_caller]
    pub(crate) fn refused(&self, message: &str) {
        assert_eq!(self.one_line(1, &self.stderr, &self.stdout), format!("sexton: {message}"), "{self:?}");
    }

    /// Asserts the code, that `told` is one clean line and `silent` is empty; returns the line.
    #[track_caller]
    fn one_line<'a>(&self, code: i32, told: &'a str, silent: &str) -> &'a str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(silent, "", "{self:?}");
        let line = told.strip_suffix('\n').unwrap_or_else(|| panic!("no whole line: {self:?}"));
        assert!(!line.contains(char::is_control), "more than one clean line: {self:?}");
        assert!(told.len() < 500, "{} bytes: {self:?}", told.len());
        line
    }

    /// Asserts that it took `limit`, and not a second more.
    #[track_caller]
    pub(crate) fn took(&self, limit: Duration) {
        assert!(self.elapsed >= limit, "ended early: {self:?}");
        assert!(self.elapsed < limit + Duration::from_secs(1), "ended late: {self:?}");
    }
}

/// Runs until one ends within what is promised: not before `limit`, which none may, and not later than 50 ms after it. On a
/// busy machine some do; what is late each time is late by itself.
#[track_caller]
pub(crate) fn in_time(limit: Duration, run: impl Fn() -> Run) -> Run {
    const LATE_MAX: Duration = Duration::from_millis(50);
    let mut late = Vec::new();
    for _ in 0..30 {
        let run = run();
        assert!(run.elapsed >= limit, "ended early: {run:?}");
        if run.elapsed < limit + LATE_MAX {
            return run;
        }
        late.push(run.elapsed);
    }
    panic!("over the limit each time: {late:?}");
}

/// Where stdout goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    /// Into `Run::stdout`.
    Kept,
    /// Into a pipe that is full and that nobody reads.
    FullPipe,
    /// Into a pipe whose reader is gone.
    LostReader,
    /// Into a device or file.
    Device(&'static str),
}

/// One way to start sexton.
#[derive(Debug)]
pub(crate) struct Sexton {
    /// What it is started by, outermost first: each is a whole command line that executes its further arguments.
    under: Vec<OsString>,
    binary: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdout: Output,
}

impl Sexton {
    /// With `args`, an empty environment and no stdin.
    pub(crate) fn with<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I) -> Self {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Self { under: Vec::new(), binary: binary(), args, env: Vec::new(), stdout: Output::Kept }
    }

    /// With a variable in its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Started by a program that executes what follows its arguments, `setpriv` for one; the last one named is the
    /// innermost.
    pub(crate) fn under<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, command: I) -> Self {
        self.under.extend(command.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Started by a shell after it did `what`: a redirection or `ulimit`.
    pub(crate) fn after(self, what: &str) -> Self {
        self.under(["/bin/sh", "-c", &format!("{what}\nexec \"$@\""), "sh"])
    }

    /// With these of the descriptors 0 to 2 closed.
    pub(crate) fn closed(self, fds: &[u8]) -> Self {
        let closing: Vec<_> = fds.iter().map(|fd| format!("{fd}>&-")).collect();
        self.after(&format!("exec {}", closing.join(" ")))
    }

    /// Another path to the same program, inside a new root for one.
    pub(crate) fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.binary = path.into();
        self
    }

    /// With stdout elsewhere.
    pub(crate) fn stdout(mut self, stdout: Output) -> Self {
        self.stdout = stdout;
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Run {
        finish(&mut self.command(), self.stdout)
    }

    /// Starts it, to be looked at while it runs.
    pub(crate) fn start(&self) -> Running {
        start(&mut self.command(), self.stdout)
    }

    /// It as std starts it.
    fn command(&self) -> Command {
        let mut words = self.under.clone();
        words.push(self.binary.clone().into());
        words.extend(self.args.iter().cloned());
        let mut command = Command::new(&words[0]);
        // What it is started by is looked for in our PATH, and gets an empty environment, too.
        command.args(&words[1..]).env_clear().envs(self.env.iter().cloned());
        command
    }
}

/// Runs `command` to its end.
pub(super) fn finish(command: &mut Command, stdout: Output) -> Run {
    start(command, stdout).wait()
}

/// Starts `command` without stdin.
fn start(command: &mut Command, stdout: Output) -> Running {
    let mut kept_open = None;
    let stdout = match stdout {
        Output::Kept => Stdio::piped(),
        Output::FullPipe => {
            let (reader, writer) = pipes::full();
            kept_open = Some(reader);
            writer.into()
        }
        Output::LostReader => pipes::without_reader().into(),
        Output::Device(path) => {
            std::fs::OpenOptions::new().write(true).open(path).expect("opens for writing").into()
        }
    };
    let started = Instant::now();
    let child =
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().expect("sexton starts");
    Running { child, started, _reader: kept_open }
}

/// A run that is not over.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    started: Instant,
    /// The other end of a full pipe: were it dropped, the pipe would have no reader.
    _reader: Option<std::os::fd::OwnedFd>,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid is an i32"))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it is a child of ours");
    }

    /// Since its start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for its end.
    pub(crate) fn wait(self) -> Run {
        let pid = self.pid();
        let (over, is_over) = mpsc::channel::<()>();
        let guard = thread::spawn(move || {
            if is_over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // It may have ended just now.
                let _ = kill(pid, Signal::SIGKILL);
            }
        });
        let output = self.child.wait_with_output().expect("its output can be read");
        let elapsed = self.started.elapsed();
        drop(over);
        guard.join().expect("the guard does not panic");
        Run {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            elapsed,
        }
    }
}
