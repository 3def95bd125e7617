//! A script as a decision tree: which checks it makes, and for which of their results it exits with 0.

use crate::compat::sh::lexer::{Piece, Word};

use super::script::{self, After, Command, Link, Simple};
use super::semantics::{Check, Refusal, Statuses, Verdict};
use super::sockets::Socket;
use super::state::{Arg, Code, Ending, Next, State, Tree, Value, branch};
use super::{conditions, notation, simple};

/// The tree of `links`, begun in `state`.
pub(super) fn tree_of(links: &[Link], state: &State) -> Result<Tree, Refusal> {
    list(links, state, &|state, _| Ok(Tree::Leaf(state.last.is_success())))
}

/// Commands one after the other.
pub(super) fn list(links: &[Link], state: &State, next: Next<'_>) -> Result<Tree, Refusal> {
    let Some((link, rest)) = links.split_first() else { return next(state, Ending::Next) };
    let is_due = match link.after {
        After::Anything => true,
        After::Success => state.last.is_success(),
        After::Failure => !state.last.is_success(),
    };
    if !is_due {
        return list(rest, state, next);
    }
    let is_tested = link.negated || rest.first().is_some_and(|next| next.after != After::Anything);
    pipeline(link, state, &|state, ending| {
        if ending == Ending::Exit {
            return next(state, ending);
        }
        let state = match (link.negated, state.last.is_success()) {
            (false, _) => state.clone(),
            (true, succeeded) => state.after(if succeeded { Code::Known(1) } else { Code::Known(0) }),
        };
        if state.errexit && !state.last.is_success() && !is_tested {
            return next(&state, Ending::Exit);
        }
        list(rest, &state, next)
    })
}

/// One pipeline.
fn pipeline(link: &Link, state: &State, next: Next<'_>) -> Result<Tree, Refusal> {
    let [command] = link.commands.as_slice() else {
        let semantics = simple::pipe(&link.commands, state)?;
        return branch(semantics.verdict(), state, next);
    };
    match command {
        Command::Simple(simple) => self::simple(simple, state, next),
        Command::Subshell(links, redirections) => {
            let inner = simple::opened(redirections, state, "a subshell")?;
            connect(&inner, state, Ending::Next, next, &|opened| {
                list(links, opened, &|ended, _| next(&state.after(ended.last), Ending::Next))
            })
        }
        Command::Group(links, redirections) => {
            let inner = simple::opened(redirections, state, "a group")?;
            connect(&inner, state, Ending::Next, next, &|opened| list(links, opened, next))
        }
        Command::If(branches, otherwise) => conditional(branches, otherwise, state, next),
        Command::Loop(_) => Err(Refusal::with(
            "a loop is no check: the runtime repeats it",
            "sexton wait, where it waits for something; the condition of the loop alone, where it is a check",
        )),
    }
}

/// `if`, branch after branch.
fn conditional(
    branches: &[(Vec<Link>, Vec<Link>)],
    otherwise: &[Link],
    state: &State,
    next: Next<'_>,
) -> Result<Tree, Refusal> {
    let Some(((condition, body), rest)) = branches.split_first() else {
        let state = state.after(Code::Known(0));
        return list(otherwise, &state, next);
    };
    // What is tested never ends a script by `set -e`.
    let tested = State { errexit: false, ..state.clone() };
    list(condition, &tested, &|ended, ending| {
        let ended = State { errexit: state.errexit, ..ended.clone() };
        match ending {
            Ending::Exit => next(&ended, ending),
            Ending::Next if ended.last.is_success() => list(body, &ended, next),
            Ending::Next => conditional(rest, otherwise, &ended, next),
        }
    })
}

/// One simple command that is not part of a pipe.
fn simple(command: &Simple, state: &State, next: Next<'_>) -> Result<Tree, Refusal> {
    let Some(name) = command.words.first().and_then(script::literal) else {
        return assign_or_open(command, state, next);
    };
    match name.as_str() {
        "exit" | "return" => {
            let last = match command.words.get(1).map(|word| simple::text(word, state)).transpose()? {
                None => state.last,
                Some(code) if code == "$?" => state.last,
                Some(code) => {
                    let code = notation::plain(&code).and_then(|code| code.parse().ok());
                    Code::Known(code.ok_or_else(|| Refusal::new("exit with a code that a variable holds"))?)
                }
            };
            next(&state.after(last), Ending::Exit)
        }
        "test" | "[" | "[[" => {
            let args = simple::arguments(command, state)?;
            let (verdict, negated) = conditions::test(&name, &args, state)?;
            branch(Ok(verdict), state, &|state, _| {
                let succeeds = state.last.is_success() != negated;
                next(&state.after(Code::of(succeeds)), Ending::Next)
            })
        }
        _ => match builtin(&name, command, state, next)? {
            Some(tree) => Ok(tree),
            None => branch(simple::semantics(command, None, state)?.verdict(), state, next),
        },
    }
}

/// A command without program: assignments, or a redirection that connects.
fn assign_or_open(command: &Simple, state: &State, next: Next<'_>) -> Result<Tree, Refusal> {
    if !command.words.is_empty() {
        return Err(Refusal::new("the name of the command is in a variable"));
    }
    let mut changed = state.after(Code::Known(0));
    let mut verdict = None;
    for (name, word) in &command.assignments {
        let value = match simple::argument(word, &changed)? {
            Arg::Text(text) => Value::Text(text),
            Arg::Output(semantics) => {
                verdict = Some(semantics.as_ref().clone().verdict());
                Value::Output(semantics)
            }
            Arg::Status => Value::Text("$?".into()),
        };
        changed.variables.push((name.clone(), value));
    }
    let opened = simple::opened(&command.redirections, &changed, "a redirection")?;
    connect(&opened, &changed, Ending::Next, next, &|connected| match &verdict {
        Some(verdict) => branch(verdict.clone(), connected, next),
        None => next(&connected.after(Code::Known(0)), Ending::Next),
    })
}

/// What a shell does itself; nothing for programs.
fn builtin(name: &str, command: &Simple, state: &State, next: Next<'_>) -> Result<Option<Tree>, Refusal> {
    let done = |state: &State| next(&state.after(Code::Known(0)), Ending::Next).map(Some);
    match name {
        "true" | ":" | "echo" | "printf" | "sleep" => {
            if let Some((fd, text)) = simple::said(command, state)? {
                let mut changed = state.clone();
                simple::send(&mut changed, fd, &text);
                return done(&changed);
            }
            let opened = simple::opened(&command.redirections, state, name)?;
            connect(&opened, state, Ending::Next, next, &|connected| {
                next(&connected.after(Code::Known(0)), Ending::Next)
            })
            .map(Some)
        }
        "false" => next(&state.after(Code::Failed), Ending::Next).map(Some),
        "export" | "readonly" | "local" if command.words.len() == 1 => done(state),
        "export" => {
            let mut simple = Simple::default();
            for word in command.words.iter().skip(1) {
                let Some((name, value)) = split_assignment(word) else {
                    return Err(Refusal::new("export of what is not NAME=value"));
                };
                simple.assignments.push((name, value));
            }
            assign_or_open(&simple, state, next).map(Some)
        }
        "set" | "shopt" | "trap" | "umask" | "unset" => {
            let mut changed = state.clone();
            for word in command.words.iter().skip(1) {
                let word = simple::text(word, state)?;
                changed.errexit |= name == "set" && word.starts_with('-') && word.contains('e');
                changed.pipefail |= word == "pipefail";
            }
            done(&changed)
        }
        "cd" => Err(Refusal::new("cd: paths would be relative to another folder")),
        "kill" if is_signal_0(command) => {
            let semantics = simple::pid_of(command, state)?;
            branch(semantics.verdict(), state, next).map(Some)
        }
        "kill" | "pkill" | "killall" => Err(Refusal::with(
            "it ends the app itself",
            "sexton init --watch TARGET -- APP, which ends an unhealthy app so that its restart policy acts",
        )),
        "exec" if command.words.len() == 1 => {
            let opened = simple::opened(&command.redirections, state, "exec")?;
            // A redirection of exec that fails ends the script.
            connect(&opened, state, Ending::Exit, next, &|connected| {
                next(&connected.after(Code::Known(0)), Ending::Next)
            })
            .map(Some)
        }
        "cat" if command.words.len() == 1 => {
            let opened = simple::opened(&command.redirections, state, name)?;
            if opened.iter().all(|(fd, _)| *fd == 0) {
                return Err(Refusal::new("cat of what is not known here"));
            }
            connect(&opened, state, Ending::Next, next, &|connected| {
                next(&connected.after(Code::Known(0)), Ending::Next)
            })
            .map(Some)
        }
        _ => nested(command, state, next),
    }
}

/// Whether a kill only looks whether there is such a process.
fn is_signal_0(command: &Simple) -> bool {
    command.words.len() == 3 && command.words.get(1).and_then(script::literal).as_deref() == Some("-0")
}

/// A command that runs a script: `sh -c`, `timeout 3 bash -c`.
fn nested(command: &Simple, state: &State, next: Next<'_>) -> Result<Option<Tree>, Refusal> {
    let words: Vec<_> =
        command.words.iter().map(|word| simple::text(word, state)).collect::<Result<_, _>>()?;
    let env: Vec<_> = command
        .assignments
        .iter()
        .map(|(name, value)| Ok((name.clone(), simple::text(value, state)?)))
        .collect::<Result<_, Refusal>>()?;
    let simple::Run { script: Some((line, errexit)), limit, .. } = simple::unwrap(words, &env)? else {
        return Ok(None);
    };
    let mut inner = simple::deeper(state)?;
    inner.limit = inner.limit.min(limit);
    inner.errexit = errexit;
    inner.variables.extend(env.into_iter().map(|(name, value)| (name, Value::Text(value))));
    let opened = simple::opened(&command.redirections, &inner, "a shell")?;
    let links = script::parse(&line)?;
    connect(&opened, &inner, Ending::Next, next, &|connected| {
        list(&links, connected, &|ended, _| next(&state.after(ended.last), Ending::Next))
    })
    .map(Some)
}

/// What follows where these connect, and where they do not.
fn connect(
    opened: &[(i32, Socket)],
    state: &State,
    failed: Ending,
    next: Next<'_>,
    then: &dyn Fn(&State) -> Result<Tree, Refusal>,
) -> Result<Tree, Refusal> {
    let [first, rest @ ..] = opened else { return then(state) };
    if !rest.is_empty() {
        return Err(Refusal::new("several connections of one command"));
    }
    let check = Check::of(first.1.target.clone())
        .limit(state.limit.clone())
        .note("/dev/tcp is bash's own: under dash or busybox the original is never healthy");
    branch(Ok(Verdict::Check(check)), state, &|ended, _| {
        if ended.last == Code::Failed {
            return next(ended, failed);
        }
        let mut connected = ended.clone();
        connected.sockets.push(first.clone());
        then(&connected)
    })
}

/// `NAME=value` in a word.
fn split_assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Piece::Text(text, quotes)) = word.first() else { return None };
    let (name, rest) = text.split_once('=')?;
    let mut value = vec![Piece::Text(rest.to_owned(), *quotes)];
    value.extend(word.iter().skip(1).cloned());
    Some((name.to_owned(), value))
}

/// How the checks of a tree make its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Combined {
    /// All must pass.
    All(Vec<Check>),
    /// One must pass.
    Any(Vec<Check>),
}

/// The checks of `tree`, or why they are no round of checks.
pub(super) fn combined(tree: &Tree) -> Result<Combined, Refusal> {
    match one_request(tree) {
        Some(check) if !matches!(tree, Tree::If(_, passed, failed) if is_leaf(passed) && is_leaf(failed)) => {
            check.map(|check| Combined::All(vec![check]))
        }
        _ => chain(tree),
    }
}

/// Whether nothing more is asked.
fn is_leaf(tree: &Tree) -> bool {
    matches!(tree, Tree::Leaf(_))
}

/// The one check of a tree that only tells statuses of the same request apart; nothing where there are several requests.
fn one_request(tree: &Tree) -> Option<Result<Check, Refusal>> {
    let Tree::If(first, ..) = tree else { return None };
    let plain = |check: &Check| Check { statuses: None, ..check.clone() };
    if first.statuses.is_none() || !all(tree, &|check| plain(check) == plain(first)) {
        return None;
    }
    if verdict(tree, None) {
        return Some(Err(Refusal::with(
            "it is healthy when nothing answers, too",
            format!("sexton check --status LIST {}", first.target),
        )));
    }
    let statuses = Statuses::any().filter(|status| verdict(tree, Some(status)));
    if statuses.is_empty() {
        return Some(Err(Refusal::new("it never exits with 0")));
    }
    Some(Ok(Check { statuses: Some(statuses), ..plain(first) }))
}

/// Whether all checks of `tree` are such ones.
fn all(tree: &Tree, holds: &dyn Fn(&Check) -> bool) -> bool {
    match tree {
        Tree::Leaf(_) => true,
        Tree::If(check, passed, failed) => holds(check) && all(passed, holds) && all(failed, holds),
    }
}

/// The verdict of `tree` for a response of this status; for none where there is none.
fn verdict(tree: &Tree, status: Option<u16>) -> bool {
    match tree {
        Tree::Leaf(verdict) => *verdict,
        Tree::If(check, passed, failed) => {
            let is_good = |status| check.statuses.as_ref().is_some_and(|statuses| statuses.contains(status));
            verdict(if status.is_some_and(is_good) { passed } else { failed }, status)
        }
    }
}

/// The checks of a tree that is a chain of them.
fn chain(tree: &Tree) -> Result<Combined, Refusal> {
    let (check, passed, failed) = match tree {
        Tree::Leaf(true) => {
            return Err(Refusal::with(
                "it exits with 0 whatever the app does, so it says healthy for ever; with sexton called curl or wget \
                 it says so of a hung app, too",
                "the request in it, without what follows",
            ));
        }
        Tree::Leaf(false) => return Err(Refusal::new("it never exits with 0")),
        Tree::If(check, passed, failed) => (check.as_ref().clone(), passed.as_ref(), failed.as_ref()),
    };
    match (passed, failed) {
        (Tree::Leaf(true), Tree::Leaf(false)) => Ok(Combined::All(vec![check])),
        (Tree::Leaf(false), Tree::Leaf(true)) => Err(Refusal::with(
            "it is healthy when the check in it fails, so also when nothing answers",
            "sexton check --not-contains TEXT URL, or another --status",
        )),
        (rest, Tree::Leaf(false)) => match chain(rest)? {
            Combined::All(rest) => Ok(Combined::All([vec![check], rest].concat())),
            Combined::Any(_) => Err(mixed()),
        },
        (Tree::Leaf(true), rest) => match chain(rest)? {
            Combined::Any(rest) => Ok(Combined::Any([vec![check], rest].concat())),
            Combined::All(rest) if rest.len() == 1 => Ok(Combined::Any([vec![check], rest].concat())),
            Combined::All(_) => Err(mixed()),
        },
        _ => Err(mixed()),
    }
}

/// Neither all nor any.
fn mixed() -> Refusal {
    Refusal::with(
        "its checks are joined by both and and or",
        "sexton check TARGET... for all of them, or sexton check --any TARGET... for one",
    )
}
