//! Running a line: one command after the other, in this process, by one deadline.

use std::collections::BTreeMap;
use std::fs;
use std::io::Seek;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use crate::attempt;
use crate::compat::{PIPE_MAX, RunResult};
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::net;
use crate::report::{self, Stream};
use crate::sys::stdio::{self, Diverted};
use crate::watchdog;

use super::builtins::connect;
use super::check::{is_set, variable};
use super::command::{self, Command, ShellOption};
use super::lexer::{self, Piece, RedirectTarget, Word};
use super::tree::{self, Body, Condition, List, Pipeline, Redirection, Stage};
use super::{Dialect, Script, expand};

/// What is added to a limit that a command names, so that the command is over before the line is, and what follows it
/// in the line still runs.
const AFTER_NAMED_LIMIT: Duration = Duration::from_millis(100);

/// The most bytes of values in one line.
const EXPANDED_MAX: usize = 8 * 1024 * 1024;

/// The most failures that the last message names.
const REASONS_MAX: usize = 3;

/// Why a line ends before its last command.
enum Stop {
    /// `exit`, or a failure under `-e`.
    Exit(u8),
    /// The deadline of the line has passed.
    TimedOut,
    /// Something that turned out not to be offered, or a want of our own.
    Refused(String),
}

/// What a line knows while it runs.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of a shell")]
struct Shell<'a> {
    script: &'a Script,
    deadline: Deadline,
    /// `$?`
    status: u8,
    /// The status of the last substitution of the command that is read.
    substituted: Option<u8>,
    /// How many bytes the values of variables and substitutions had so far.
    expanded: usize,
    /// The variables that the line has set.
    variables: BTreeMap<String, String>,
    errexit: bool,
    pipefail: bool,
    nounset: bool,
    /// Whether stdout and stderr lead out of the line: neither to /dev/null nor into a pipe.
    outside: [bool; 2],
    /// Whether anything was written there.
    has_spoken: bool,
    /// Why commands failed, latest last.
    reasons: Vec<String>,
    /// The socket of an `exec 3<>/dev/tcp/HOST/PORT`.
    sockets: Vec<net::Stream>,
}

impl crate::command::Command for Script {
    /// Runs the line by one deadline; once that has passed, the exit code is 1 whatever the line makes of it.
    fn run(self: Box<Self>) -> ExitStatus {
        let named = self.facts.named_limit.unwrap_or_default();
        let limit = if named > self.default_limit { named + AFTER_NAMED_LIMIT } else { self.default_limit };
        let deadline = Deadline::after(limit);
        stdio::reopen_closed();
        let timed_out = format!("{}: timed out after {}", self.name, humantime::format_duration(limit));
        // Without a timer the commands' own deadlines still hold.
        let _ = watchdog::arm(deadline, format!("{timed_out}\n"), 2, ExitStatus::Unhealthy.code());
        if self.facts.touches_files {
            return attempt::run_aside(|| self.run_by(deadline, timed_out)).unwrap_or(ExitStatus::Unhealthy);
        }
        self.run_by(deadline, timed_out)
    }
}

impl Script {
    /// Runs the line by `deadline`, and says `timed_out` after it.
    fn run_by(&self, deadline: Deadline, timed_out: String) -> ExitStatus {
        let mut shell = Shell::new(self, deadline);
        let (code, why) = match shell.list(&self.list) {
            Ok(code) | Err(Stop::Exit(code)) if !deadline.has_passed() => (code, None),
            Err(Stop::Refused(why)) => (1, Some(format!("{}: {why}", self.name))),
            _ => (1, Some(timed_out)),
        };
        // The log of a runtime must not be empty when the line has failed.
        let silent = code != 0 && why.is_none() && !shell.has_spoken;
        let reasons =
            if shell.reasons.is_empty() { format!("exit code {code}") } else { shell.reasons.join("; ") };
        let why = why.or_else(|| silent.then(|| format!("{}: {reasons}", self.name)));
        if let Some(why) = why {
            report::line(Stream::Stderr, &why, deadline.plus(AFTER_NAMED_LIMIT));
        }
        ExitStatus::Code(code)
    }
}

impl<'a> Shell<'a> {
    /// Before the first command.
    fn new(script: &'a Script, deadline: Deadline) -> Self {
        let mut shell = Self {
            script,
            deadline,
            status: 0,
            substituted: None,
            expanded: 0,
            variables: BTreeMap::new(),
            errexit: false,
            pipefail: false,
            nounset: false,
            outside: [true; 2],
            has_spoken: false,
            reasons: Vec::new(),
            sockets: Vec::new(),
        };
        shell.set(&script.options);
        shell
    }

    /// Runs a list; the code of the last command that ran.
    fn list(&mut self, list: &List) -> Result<u8, Stop> {
        for (index, pipeline) in list.iter().enumerate() {
            let runs = match pipeline.condition {
                Condition::Always => true,
                Condition::Success => self.status == 0,
                Condition::Failure => self.status != 0,
            };
            if !runs {
                continue;
            }
            let is_last = list.get(index + 1).is_none_or(|next| next.condition == Condition::Always);
            // -e looks at neither what && and || look at, nor what ! negates.
            let errexit = self.errexit && is_last && !pipeline.negated;
            let code = self.with_errexit(errexit, |shell| shell.pipeline(pipeline))?;
            self.status = code;
            if self.deadline.has_passed() {
                return Err(Stop::TimedOut);
            }
            if errexit && self.errexit && code != 0 {
                return Err(Stop::Exit(code));
            }
        }
        Ok(self.status)
    }

    /// Runs `run` with `-e` on or off, and keeps what `set` changes in it.
    fn with_errexit<T>(&mut self, errexit: bool, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.errexit, errexit);
        let ran = run(self);
        if self.errexit == errexit {
            self.errexit = before;
        }
        ran
    }

    /// Runs a pipeline: all but its last command into a pipe.
    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<u8, Stop> {
        let code = match pipeline.stages.as_slice() {
            [only] => self.stage(only)?,
            stages => self.pipe(stages)?,
        };
        Ok(if pipeline.negated { u8::from(code == 0) } else { code })
    }

    /// Runs `stages`, each fed by the one before it, and each in a subshell.
    fn pipe(&mut self, stages: &[Stage]) -> Result<u8, Stop> {
        let (mut last, mut worst) = (0, 0);
        let mut input: Option<fs::File> = None;
        for (index, stage) in stages.iter().enumerate() {
            let _stdin = input.take().map(|pipe| stdio::divert(0, pipe.as_raw_fd())).transpose()?;
            if index + 1 == stages.len() {
                last = self.subshell(|shell| shell.stage(stage))?;
            } else {
                let (code, output) = self.captured(|shell| shell.subshell(|shell| shell.stage(stage)))?;
                (last, input) = (code, Some(output));
            }
            worst = if last == 0 { worst } else { last };
        }
        Ok(if self.pipefail { worst } else { last })
    }

    /// Runs `run` with stdout kept, and gives back what was written, to be read from its beginning.
    fn captured(&mut self, run: impl FnOnce(&mut Self) -> Result<u8, Stop>) -> Result<(u8, fs::File), Stop> {
        let mut kept = stdio::scratch(PIPE_MAX)?;
        let diverted = stdio::divert(1, kept.as_raw_fd())?;
        let [stdout, stderr] = self.outside;
        self.outside = [false, stderr];
        let code = run(self);
        self.outside = [stdout, stderr];
        drop(diverted);
        let length = kept.stream_position()?;
        kept.set_len(length)?;
        kept.rewind()?;
        Ok((code?, kept))
    }

    /// Runs `run` where `exit` and variables have no effect on what follows.
    fn subshell(&mut self, run: impl FnOnce(&mut Self) -> Result<u8, Stop>) -> Result<u8, Stop> {
        let (variables, errexit) = (self.variables.clone(), self.errexit);
        let ran = run(self);
        (self.variables, self.errexit) = (variables, errexit);
        match ran {
            Err(Stop::Exit(code)) => Ok(code),
            other => other,
        }
    }

    /// Runs one command with its redirections.
    fn stage(&mut self, stage: &Stage) -> Result<u8, Stop> {
        let outside = self.outside;
        let mut diverted: Vec<Diverted> = Vec::new();
        let mut sockets = Vec::new();
        for redirection in &stage.redirections {
            match self.redirect(redirection, &mut sockets)? {
                Ok(one) => diverted.extend(one),
                Err(why) => {
                    self.outside = outside;
                    return Ok(self.fail(1, why));
                }
            }
        }
        let code = match &stage.body {
            Body::Subshell(list) => self.subshell(|shell| shell.list(list)),
            Body::Group(list) => self.list(list),
            Body::Simple { assignments, words } => self.simple(assignments, words),
        };
        // Put back in the opposite order.
        while diverted.pop().is_some() {}
        self.outside = outside;
        if stage.redirections.iter().any(|redirection| redirection.fd > 2) {
            self.sockets.append(&mut sockets);
        }
        code
    }

    /// Applies a redirection; the inner error is that of a connection, which fails the command and not the line.
    fn redirect(
        &mut self,
        redirection: &Redirection,
        sockets: &mut Vec<net::Stream>,
    ) -> Result<Result<Option<Diverted>, String>, Stop> {
        let fd = redirection.fd;
        let index = usize::try_from(fd - 1).unwrap_or(usize::MAX);
        let (diverted, leads_outside) = match &redirection.to {
            RedirectTarget::Nowhere => {
                let null = fs::File::options().read(true).write(true).open("/dev/null")?;
                (stdio::divert(fd, null.as_raw_fd())?, false)
            }
            RedirectTarget::Fd(other) => {
                let other_index = usize::try_from(other - 1).unwrap_or(usize::MAX);
                let outside = self.outside.get(other_index).copied().unwrap_or(false);
                (stdio::divert(fd, *other)?, outside)
            }
            RedirectTarget::File(_, word) => {
                let path = expand::text(word, &mut |piece| self.value(piece))?;
                match connect(&path, self.deadline) {
                    Ok(socket) if fd > 2 => {
                        sockets.push(socket);
                        return Ok(Ok(None));
                    }
                    Ok(socket) => {
                        let diverted = stdio::divert(fd, socket.as_fd().as_raw_fd())?;
                        sockets.push(socket);
                        (diverted, false)
                    }
                    Err(why) => {
                        self.say(&format!("{}: {path}: {why}", self.script.name));
                        return Ok(Err(format!("{path}: {why}")));
                    }
                }
            }
        };
        if let Some(outside) = self.outside.get_mut(index) {
            *outside = leads_outside;
        }
        Ok(Ok(Some(diverted)))
    }

    /// Sets variables, then runs a command, if there is one.
    fn simple(&mut self, assignments: &[(String, Word)], words: &[Word]) -> Result<u8, Stop> {
        self.substituted = None;
        let fields = expand::command(words, &mut |piece| self.value(piece))?;
        let mut given = BTreeMap::new();
        for (name, value) in assignments {
            let value = expand::text(value, &mut |piece| self.value(piece))?;
            given.insert(name.clone(), value);
        }
        if words.is_empty() {
            self.variables.append(&mut given);
            return Ok(self.substituted.unwrap_or(0));
        }
        let command =
            command::parse(fields, self.script.dialect, self.script.depth).map_err(Stop::Refused)?;
        let shown = self.shown(words);
        self.command(&command, &shown, given, self.deadline)
    }

    /// Runs a command, `shown` in messages; `given` are the variables that are set for it alone.
    fn command(
        &mut self,
        command: &Command,
        shown: &str,
        given: BTreeMap<String, String>,
        deadline: Deadline,
    ) -> Result<u8, Stop> {
        let result = match command {
            Command::Constant(code) => RunResult { exit: ExitStatus::Code(*code), ..RunResult::success() },
            Command::Exit(code) => return Err(Stop::Exit(code.unwrap_or(self.status))),
            Command::Set(options) => {
                self.set(options);
                RunResult::success()
            }
            Command::Exec(None) => RunResult::success(),
            Command::Exec(Some(command)) => {
                return Err(Stop::Exit(self.command(command, shown, given, deadline)?));
            }
            Command::Nested(script) => return self.nested(script, given, deadline),
            Command::Timeout(length, command) => {
                let sooner = deadline.at_most(*length);
                let ended = self.command(command, shown, given, sooner);
                let is_over = sooner.has_passed() || matches!(ended, Err(Stop::TimedOut));
                if is_over && !self.deadline.has_passed() {
                    let why = format!("timeout: {} have passed", humantime::format_duration(*length));
                    return Ok(self.fail(124, why));
                }
                return ended;
            }
            other => self.counted(|_| other.run(shown, deadline)),
        };
        let code = u8::try_from(result.exit.code()).unwrap_or(1);
        let code = Ok(match result.reason {
            Some(reason) => self.fail(code, reason),
            None if code != 0 => self.fail(code, format!("{shown}: exit code {code}")),
            None => code,
        });
        if result.out_of_time { Err(Stop::TimedOut) } else { code }
    }

    /// Runs `sh -c LINE` in this shell's place; it sees none of its variables but those that are `given`.
    fn nested(
        &mut self,
        script: &Script,
        given: BTreeMap<String, String>,
        deadline: Deadline,
    ) -> Result<u8, Stop> {
        let mut inner = Shell { variables: given, outside: self.outside, ..Shell::new(script, deadline) };
        let ended = inner.list(&script.list);
        self.has_spoken |= inner.has_spoken;
        self.reasons.append(&mut inner.reasons);
        match ended {
            Ok(code) | Err(Stop::Exit(code)) => Ok(code),
            Err(stop) => Err(stop),
        }
    }

    /// Runs `run`, and notes whether it has written anything that leaves the line.
    fn counted<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = report::written();
        let ran = run(self);
        let streams = before.into_iter().zip(report::written()).zip(self.outside);
        self.has_spoken |= streams.into_iter().any(|((before, after), outside)| after > before && outside);
        ran
    }

    /// Writes a line on stderr.
    fn say(&mut self, line: &str) {
        self.counted(|shell| report::line(Stream::Stderr, line, shell.deadline));
    }

    /// Keeps why something failed with `code`.
    fn fail(&mut self, code: u8, reason: String) -> u8 {
        self.reasons.push(reason);
        if self.reasons.len() > REASONS_MAX {
            self.reasons.remove(0);
        }
        code
    }

    /// Changes options.
    fn set(&mut self, options: &[(ShellOption, bool)]) {
        for (option, on) in options {
            match option {
                ShellOption::ErrExit => self.errexit = *on,
                ShellOption::PipeFail => self.pipefail = *on,
                ShellOption::NoUnset => self.nounset = *on,
                ShellOption::Ignored => {}
            }
        }
    }

    /// The value of a variable, of `$?` or of a substitution.
    fn value(&mut self, piece: &Piece) -> Result<String, Stop> {
        let value = self.lookup(piece)?;
        // `A=$A$A` again and again must not take all memory.
        self.expanded += value.len();
        if self.expanded > EXPANDED_MAX {
            return Err(Stop::Refused(format!("more than {} MiB of variables", EXPANDED_MAX >> 20)));
        }
        Ok(value)
    }

    /// The same, however long.
    fn lookup(&mut self, piece: &Piece) -> Result<String, Stop> {
        match piece {
            Piece::Text(text, _) => Ok(text.clone()),
            Piece::Status(_) => Ok(self.status.to_string()),
            Piece::Variable(name, default, _) => match self.variables.get(name) {
                Some(value) if value.is_empty() => Ok(default.clone().unwrap_or_default()),
                Some(value) => Ok(value.clone()),
                None if self.nounset && default.is_none() && !is_set(name) => {
                    self.say(&format!("{}: {name}: parameter not set", self.script.name));
                    // The codes of dash and bash.
                    Err(Stop::Exit(if self.script.dialect == Dialect::Bash { 127 } else { 2 }))
                }
                None => variable(name, default.as_deref()).map_err(Stop::Refused),
            },
            Piece::Command(line, _) => self.substitute(line),
        }
    }

    /// What `line` writes, without the newlines at its end.
    fn substitute(&mut self, line: &str) -> Result<String, Stop> {
        let list = lexer::tokens(line).and_then(tree::parse).map_err(Stop::Refused)?;
        let (code, mut output) = self.captured(|shell| shell.subshell(|shell| shell.list(&list)))?;
        self.substituted = Some(code);
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut output, &mut bytes)?;
        bytes.retain(|byte| *byte != 0);
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// A command as messages show it: variables of the environment by their name, since they may be secrets.
    fn shown(&self, words: &[Word]) -> String {
        let shown = |piece: &Piece| match piece {
            Piece::Text(text, _) => text.clone(),
            Piece::Status(_) => "$?".into(),
            Piece::Command(..) => "$(...)".into(),
            Piece::Variable(name, ..) => {
                self.variables.get(name).cloned().unwrap_or_else(|| format!("${name}"))
            }
        };
        let words: Vec<String> = words.iter().map(|word| word.iter().map(shown).collect()).collect();
        words.join(" ")
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Refused(error.to_string().to_lowercase())
    }
}
