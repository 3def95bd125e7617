//! A line of commands, run one after the other in this process.

use std::fs;
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::time::Duration;

use regex_lite::Regex;

use crate::attempt;
use crate::check::Check;
use crate::command;
use crate::compat::transfer::Transfers;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::report;
use crate::report::Stream;
use crate::sys::stdio;
use crate::sys::stdio::Diverted;
use crate::watchdog;

/// The most bytes that go through a pipe.
const PIPE_MAX: u64 = 1024 * 1024;

/// A line whose every command is known.
#[derive(Debug)]
pub(crate) struct Script {
    /// In this order.
    pub(crate) pipes: Vec<Pipe>,
    /// The limit of all of it, unless a command names a longer one.
    pub(crate) timeout: Duration,
}

/// Commands, each of which feeds the next.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// When it is run.
    pub(crate) after: After,
    /// Whether success is failure.
    pub(crate) negated: bool,
    /// At least one.
    pub(crate) steps: Vec<Step>,
}

/// When a pipe is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// In any case.
    Anything,
    /// After success.
    Success,
    /// After failure.
    Failure,
}

/// A command, and where its descriptors lead.
#[derive(Debug)]
pub(crate) struct Step {
    /// What to do.
    pub(crate) command: Command,
    /// Done in this order before it.
    pub(crate) diverts: Vec<Divert>,
}

/// A redirection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Divert {
    /// 1 or 2.
    pub(crate) fd: i32,
    /// Where this one leads; none is /dev/null.
    pub(crate) to: Option<i32>,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// This code.
    Known(u8),
    /// The end of it all, with this code or the last one.
    Exit(Option<u8>),
    /// A round of checks.
    Check(Check),
    /// curl or wget.
    Transfers(Transfers),
    /// A question about a file or a text.
    Test(Test),
    /// A search in what comes through a pipe.
    Grep(Grep),
    /// A text of ours.
    Print(String),
    /// A command with a usage error: what to say, and its code for that.
    Refused(String, ExitStatus),
}

/// A question about a file or a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// Its answer is known.
    Known(bool),
    /// The opposite.
    Not(Box<Self>),
    /// Whether there is such a path.
    Exists(PathBuf),
    /// Whether it is a regular file.
    File(PathBuf),
    /// Whether it is a folder.
    Folder(PathBuf),
    /// Whether it is not empty.
    Content(PathBuf),
    /// Whether it is a socket.
    Socket(PathBuf),
}

/// A search.
#[derive(Debug)]
pub(crate) struct Grep {
    /// For what.
    pub(crate) sought: Regex,
    /// Whether the lines are told.
    pub(crate) loud: Loud,
}

/// What a search tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loud {
    /// Nothing.
    Quiet,
    /// The lines that were found.
    Lines,
}

/// What comes after a command.
enum Flow {
    /// The next one; this was its code.
    Next(u8),
    /// Nothing; the code of it all.
    Over(u8),
}

impl command::Command for Script {
    /// Runs the line by one deadline; its last command has the last word.
    fn run(self: Box<Self>) -> ExitStatus {
        let deadline = Deadline::after(self.limit());
        stdio::reopen_closed();
        // Without a timer the commands' own deadlines still hold.
        let _ = watchdog::arm(deadline, "sh: timed out\n".into(), 2, ExitStatus::Unhealthy.code());
        if self.touches_files() {
            return attempt::run_aside(|| self.run_by(deadline)).unwrap_or(ExitStatus::Unhealthy);
        }
        self.run_by(deadline)
    }
}

impl Script {
    /// Whether a command of it looks at files: on a file system whose server is gone that never ends.
    fn touches_files(&self) -> bool {
        self.pipes.iter().flat_map(|pipe| &pipe.steps).any(|step| match &step.command {
            Command::Test(_) => true,
            Command::Transfers(transfers) => transfers.touches_files(),
            _ => false,
        })
    }

    /// Runs it by `deadline`.
    fn run_by(&self, deadline: Deadline) -> ExitStatus {
        let mut last = 0;
        for pipe in &self.pipes {
            let is_due = match pipe.after {
                After::Anything => true,
                After::Success => last == 0,
                After::Failure => last != 0,
            };
            if !is_due {
                continue;
            }
            match pipe.run(last, deadline) {
                Flow::Next(code) => last = if pipe.negated { u8::from(code == 0) } else { code },
                Flow::Over(code) => return ExitStatus::Code(code),
            }
        }
        ExitStatus::Code(last)
    }

    /// The longest limit that there is in it.
    fn limit(&self) -> Duration {
        let named = self.pipes.iter().flat_map(|pipe| &pipe.steps).filter_map(|step| match &step.command {
            Command::Check(check) => Some(check.timeout),
            Command::Transfers(fetch) => Some(fetch.timeout),
            _ => None,
        });
        named.fold(self.timeout, Duration::max)
    }
}

impl Pipe {
    /// Runs its commands; `last` is the code before.
    fn run(&self, last: u8, deadline: Deadline) -> Flow {
        let mut input = String::new();
        let mut flow = Flow::Next(0);
        for (index, step) in self.steps.iter().enumerate() {
            let is_last = index + 1 == self.steps.len();
            let ran = if is_last {
                step.run(&input, last, deadline)
            } else {
                step.run_into(&mut input, last, deadline)
            };
            match ran {
                // The end of a command in a pipe is not the end of the line.
                Ok(Flow::Over(code)) if self.steps.len() > 1 => flow = Flow::Next(code),
                Ok(attempt) => flow = attempt,
                Err(error) => {
                    report::line(Stream::Stderr, &format!("sh: {error}"), deadline);
                    return Flow::Over(1);
                }
            }
        }
        flow
    }
}

impl Step {
    /// Runs it with its stdout kept: `input` becomes what it wrote.
    fn run_into(&self, input: &mut String, last: u8, deadline: Deadline) -> std::io::Result<Flow> {
        let mut kept = stdio::scratch(PIPE_MAX)?;
        let flow = {
            let _diverted = stdio::divert(1, kept.as_raw_fd())?;
            self.run(input, last, deadline)?
        };
        let length = kept.stream_position()?;
        kept.rewind()?;
        let mut bytes = Vec::new();
        kept.take(length).read_to_end(&mut bytes)?;
        *input = String::from_utf8_lossy(&bytes).into_owned();
        Ok(flow)
    }

    /// Runs it with its descriptors where they lead.
    fn run(&self, input: &str, last: u8, deadline: Deadline) -> std::io::Result<Flow> {
        let mut diverted: Vec<Diverted> = Vec::new();
        for divert in &self.diverts {
            diverted.push(match divert.to {
                None => {
                    let nothing = fs::File::options().write(true).open("/dev/null")?;
                    stdio::divert(divert.fd, nothing.as_raw_fd())?
                }
                Some(other) => stdio::divert(divert.fd, other)?,
            });
        }
        let flow = self.command.run(input, last, deadline);
        // Put back in the opposite order.
        while diverted.pop().is_some() {}
        Ok(flow)
    }
}

impl Command {
    /// Does it.
    fn run(&self, input: &str, last: u8, deadline: Deadline) -> Flow {
        Flow::Next(match self {
            Self::Known(code) => *code,
            Self::Exit(code) => return Flow::Over(code.unwrap_or(last)),
            Self::Check(check) => number(check.run_by(deadline)),
            Self::Transfers(fetch) => number(fetch.run_by(deadline)),
            Self::Test(test) => u8::from(!test.holds()),
            Self::Grep(grep) => grep.run(input, deadline),
            Self::Print(text) => u8::from(report::content(text.as_bytes(), deadline).is_err()),
            Self::Refused(line, exit) => {
                report::line(Stream::Stderr, line, deadline);
                number(*exit)
            }
        })
    }
}

impl Test {
    /// Its answer.
    fn holds(&self) -> bool {
        let is = |path: &PathBuf, what: fn(&fs::Metadata) -> bool| {
            fs::metadata(path).is_ok_and(|found| what(&found))
        };
        match self {
            Self::Known(answer) => *answer,
            Self::Not(test) => !test.holds(),
            Self::Exists(path) => is(path, |_| true),
            Self::File(path) => is(path, fs::Metadata::is_file),
            Self::Folder(path) => is(path, fs::Metadata::is_dir),
            Self::Content(path) => is(path, |found| found.len() > 0),
            Self::Socket(path) => is(path, |found| found.file_type().is_socket()),
        }
    }
}

impl Grep {
    /// Searches the lines of `input`: 0 when one was found, else 1.
    fn run(&self, input: &str, deadline: Deadline) -> u8 {
        let mut code = 1;
        for line in input.lines().filter(|line| self.sought.is_match(line)) {
            code = 0;
            if self.loud == Loud::Quiet || report::content(format!("{line}\n").as_bytes(), deadline).is_err()
            {
                break;
            }
        }
        code
    }
}

/// `exit` as a shell has it.
fn number(exit: ExitStatus) -> u8 {
    u8::try_from(exit.code()).unwrap_or(1)
}
