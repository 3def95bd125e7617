//! What a command line becomes: something that runs to an exit status.

use std::fmt;

use crate::exit::ExitStatus;
use crate::report::{self, Stream};

/// A command line that was understood: plain, validated data that knows how to run.
pub(crate) trait Command {
    /// Runs to the end, and says what to exit with.
    fn run(self: Box<Self>) -> ExitStatus;
}

impl fmt::Debug for dyn Command {
    /// No details: as a supertrait, `Debug` would keep that of each field of each command in the binary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Command")
    }
}

/// A text to print: help, a version, or what another program says to a wrong command line.
#[derive(Debug)]
pub(crate) struct Document {
    /// Where to.
    pub(crate) stream: Stream,
    /// Whole lines.
    pub(crate) text: String,
    /// What to exit with where the reader is there.
    pub(crate) exit: ExitStatus,
}

impl Document {
    /// Help or a version, as asked for.
    pub(crate) fn stdout(text: impl Into<String>) -> Self {
        Self { stream: Stream::Stdout, text: text.into(), exit: ExitStatus::Healthy }
    }

    /// The same on stderr, where some programs have their help.
    pub(crate) fn stderr(text: impl Into<String>) -> Self {
        Self { stream: Stream::Stderr, ..Self::stdout(text) }
    }

    /// What another program says to a wrong command line, in several lines; it exits with 1.
    pub(crate) fn misuse(text: impl Into<String>) -> Self {
        Self { exit: ExitStatus::Code(1), ..Self::stderr(text) }
    }
}

impl Command for Document {
    fn run(self: Box<Self>) -> ExitStatus {
        report::document(self.stream, &self.text);
        self.exit
    }
}

/// A command line of one program, read: most run that program's command, some only print.
#[derive(Debug)]
pub(crate) enum Parsed<C> {
    /// What was asked for.
    Run(C),
    /// Help or a version.
    Print(Document),
}

impl<C: Command + 'static> Parsed<C> {
    /// Either, as something to run.
    pub(crate) fn into_command(self) -> Box<dyn Command> {
        match self {
            Self::Run(command) => Box::new(command),
            Self::Print(document) => Box::new(document),
        }
    }
}
