//! What a shell knows at one place of a script, and what follows from there.

use std::rc::Rc;

use super::semantics::{Check, Limit, Refusal, Semantics, Verdict};
use super::sockets::Socket;

/// What follows from the results of checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// Exit 0, or not.
    Leaf(bool),
    /// What follows when the check passes, and when it fails.
    If(Rc<Check>, Box<Tree>, Box<Tree>),
}

/// What stands in a shell variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, in our notation.
    Text(String),
    /// What a command wrote.
    Output(Rc<Semantics>),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// With this code.
    Known(u8),
    /// With one that is not 0.
    Failed,
}

/// What a shell knows at one place of a script.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// `$?`
    pub(super) last: Code,
    /// Its variables.
    pub(super) variables: Vec<(String, Value)>,
    /// Its connections, by descriptor.
    pub(super) sockets: Vec<(i32, Socket)>,
    /// The limit that `timeout` sets.
    pub(super) limit: Limit,
    /// `set -e`
    pub(super) errexit: bool,
    /// `set -o pipefail`
    pub(super) pipefail: bool,
    /// How many scripts this one stands in.
    pub(super) depth: usize,
}

impl State {
    /// At the beginning.
    pub(super) fn new() -> Self {
        Self {
            last: Code::Known(0),
            variables: Vec::new(),
            sockets: Vec::new(),
            limit: Limit::None,
            errexit: false,
            pipefail: false,
            depth: 0,
        }
    }

    /// The same, after a command.
    pub(super) fn after(&self, code: Code) -> Self {
        Self { last: code, ..self.clone() }
    }

    /// What stands in the variable `name`.
    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl Code {
    /// Of a command that succeeds or not.
    pub(super) fn of(succeeds: bool) -> Self {
        if succeeds { Self::Known(0) } else { Self::Failed }
    }

    /// Whether it is 0.
    pub(super) fn is_success(self) -> bool {
        self == Self::Known(0)
    }
}

/// Whether a script goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// After the command.
    Next,
    /// No: `exit` was one.
    Exit,
}

/// What is done after a command.
pub(super) type Next<'a> = &'a dyn Fn(&State, Ending) -> Result<Tree, Refusal>;

/// An argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arg {
    /// A text, in our notation.
    Text(String),
    /// What a command wrote.
    Output(Rc<Semantics>),
    /// `$?`
    Status,
}

/// What follows when `verdict` is success, and when it is not. A verdict that cannot be known is no matter where the same
/// follows.
pub(super) fn branch(
    verdict: Result<Verdict, Refusal>,
    state: &State,
    next: Next<'_>,
) -> Result<Tree, Refusal> {
    let go = |code| next(&state.after(code), Ending::Next);
    match verdict {
        Ok(Verdict::Known(succeeds)) => go(Code::of(succeeds)),
        Ok(Verdict::Check(check)) => {
            let passed = go(Code::Known(0))?;
            let failed = go(Code::Failed)?;
            Ok(join(check, passed, failed))
        }
        Err(refusal) => match (go(Code::Known(0)), go(Code::Failed)) {
            (Ok(passed), Ok(failed)) if passed == failed => Ok(passed),
            _ => Err(refusal),
        },
    }
}

/// A node, or what follows in any case.
fn join(check: Check, passed: Tree, failed: Tree) -> Tree {
    if passed == failed {
        return passed;
    }
    Tree::If(Rc::new(check), Box::new(passed), Box::new(failed))
}
