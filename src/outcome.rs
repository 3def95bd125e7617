//! What came of one attempt.

use std::fmt;

/// How far an attempt got. The names are stable: `--json` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Looking up the addresses of a name.
    Resolve,
    /// Opening a connection.
    Connect,
    /// Shaking hands in TLS.
    Tls,
    /// Sending the question.
    Request,
    /// Waiting for the head of the answer.
    Response,
    /// Reading the rest of the answer.
    Body,
    /// Reading the machine itself: files, processes, cgroups.
    Local,
}

impl Phase {
    /// The stable name, as `--json` prints it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Request => "request",
            Self::Response => "response",
            Self::Body => "body",
            Self::Local => "local",
        }
    }

    /// What was going on, to follow "timed out".
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Resolve => "resolving the name",
            Self::Connect => "connecting",
            Self::Tls => "in the TLS handshake",
            Self::Request => "sending the request",
            Self::Response => "waiting for the response",
            Self::Body => "reading the body",
            Self::Local => "looking at the machine",
        }
    }
}

/// Why an attempt did not pass, as far as a program must tell causes apart; the sentence is `Failure::reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The deadline came.
    TimedOut,
    /// The name, file or process does not exist.
    NotFound,
    /// Nobody listens there.
    Refused,
    /// The connection could not be opened for another reason.
    Unreachable,
    /// The peer closed the connection without an answer.
    Closed,
    /// The peer broke the connection in the middle.
    Reset,
    /// The file of trusted certificates is of no use.
    CaFile,
    /// Our own certificate or its key is of no use.
    ClientCertificate,
    /// The peer wants a certificate of ours, or another one.
    ClientCertificateWanted,
    /// The peer's certificate is not to be trusted.
    Certificate,
    /// The peer sent more than is read.
    TooLarge,
    /// The peer speaks something else than was asked for.
    Protocol,
    /// The peer answered, and the answer is not what was asked for.
    Answer,
    /// The peer would not or could not answer, and said so.
    Denied,
    /// Our own rules forbid it: `--loopback-only`, a redirect from https to http.
    Forbidden,
    /// We are broken ourselves: no file descriptor, no memory, a panic.
    Broken,
}

/// A probe that did not pass: which step, which kind of cause, and one sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The step that it happened in.
    pub(crate) phase: Phase,
    /// The kind of cause.
    pub(crate) cause: Cause,
    /// Lower case, one line, the cause first, and the remedy where there is one. Holds no secret.
    pub(crate) reason: String,
}

impl Failure {
    /// A failure of `cause` in `phase`, told by `reason`.
    pub(crate) fn new(phase: Phase, cause: Cause, reason: impl Into<String>) -> Self {
        Self { phase, cause, reason: reason.into() }
    }

    /// The deadline came while in `phase`.
    pub(crate) fn timed_out(phase: Phase) -> Self {
        Self::new(phase, Cause::TimedOut, format!("timed out {}", phase.doing()))
    }

    /// Memory ran out while in `phase`.
    pub(crate) fn out_of_memory(phase: Phase) -> Self {
        Self::new(phase, Cause::Broken, format!("out of memory while {}", phase.doing()))
    }

    /// The peer answered, and the answer is not a healthy one.
    pub(crate) fn answer(phase: Phase, reason: impl Into<String>) -> Self {
        Self::new(phase, Cause::Answer, reason)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// What an attempt has met on its way, whatever came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    /// The address that was last connected to or tried.
    pub(crate) address: Option<String>,
    /// The HTTP status of the last answer.
    pub(crate) status: Option<u16>,
    /// One line per step, kept only for `--verbose`.
    pub(crate) steps: Option<Vec<String>>,
}

impl Trace {
    /// Keeps a step for `--verbose`; the sentence is only built when somebody will read it.
    pub(crate) fn step(&mut self, sentence: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            steps.push(sentence());
        }
    }
}

/// What came of one attempt: a pass with what was seen, or a failure.
pub(crate) type Outcome = Result<String, Failure>;
