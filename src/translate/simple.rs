//! Simple commands: their words, what only a shell does itself, programs that run another one, and pipes.

use std::rc::Rc;

use crate::compat::sh::lexer::{Mode, Piece, RedirectTarget, Word};

use super::notation::base;
use super::script::{self, After, Command, Simple};
use super::semantics::{Check, Exit, Limit, Output, Refusal, Semantics, Statuses};
use super::sockets::Socket;
use super::state::{Arg, Code, State, Value};
use super::tools::Call;
use super::{filters, notation, sockets, tools};

/// How deep scripts may stand in scripts.
const DEPTH_MAX: usize = 4;

/// `word` as one argument.
pub(super) fn argument(word: &Word, state: &State) -> Result<Arg, Refusal> {
    let pieces: Vec<&Piece> =
        word.iter().filter(|piece| !matches!(piece, Piece::Text(text, _) if text.is_empty())).collect();
    match pieces.as_slice() {
        [Piece::Status(_)] => return Ok(Arg::Status),
        [Piece::Command(line, _)] => return substitution(line, state),
        [Piece::Variable(name, ..)] => {
            if let Some(Value::Output(semantics)) = state.variable(name) {
                return Ok(Arg::Output(Rc::clone(semantics)));
            }
        }
        _ => {}
    }
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part, _) => text.push_str(&notation::escaped(part)),
            Piece::Variable(name, default, _) => match (state.variable(name), default) {
                (Some(Value::Text(value)), _) => text.push_str(value),
                (Some(Value::Output(_)), _) => {
                    return Err(Refusal::new("what a command wrote is put into another word"));
                }
                (None, None) => text.push_str(&format!("${{{name}}}")),
                (None, Some(default)) => text.push_str(&format!("${{{name}:-{default}}}")),
            },
            Piece::Status(_) => match state.last {
                Code::Known(code) => text.push_str(&code.to_string()),
                Code::Failed => return Err(Refusal::new("`$?` inside a word")),
            },
            Piece::Command(line, _) => match substitution(line, state)? {
                Arg::Text(value) => text.push_str(&value),
                _ => return Err(Refusal::new("what a command writes is put into another word")),
            },
        }
    }
    Ok(Arg::Text(text))
}

/// What `$(line)` stands for.
fn substitution(line: &str, state: &State) -> Result<Arg, Refusal> {
    let state = deeper(state)?;
    let links = script::parse(line)?;
    let [link, rest @ ..] = links.as_slice() else { return Ok(Arg::Text(String::new())) };
    let is_only_said = |command: &Command| {
        let Command::Simple(simple) = command else { return false };
        let name = simple.words.first().and_then(script::literal);
        matches!(name.as_deref(), Some("echo" | "true" | ":"))
    };
    // `|| echo 000` says what curl has said already.
    let harmless =
        rest.iter().all(|link| link.after == After::Failure && link.commands.iter().all(is_only_said));
    if !harmless || link.negated {
        return Err(Refusal::new("more than one command in a $( )"));
    }
    // The name of this machine is what loopback is called for.
    if let [Command::Simple(simple)] = link.commands.as_slice() {
        let words: Vec<_> = simple.words.iter().filter_map(script::literal).collect();
        if matches!(words.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), ["hostname"]) {
            return Ok(Arg::Text("${HOSTNAME}".into()));
        }
    }
    Ok(match pipe(&link.commands, &state)? {
        Semantics { output: Output::Text(text), .. } => Arg::Text(text.trim_end_matches('\n').to_owned()),
        semantics => Arg::Output(Rc::new(semantics)),
    })
}

/// One level further in.
pub(super) fn deeper(state: &State) -> Result<State, Refusal> {
    if state.depth >= DEPTH_MAX {
        return Err(Refusal::new(format!("scripts in scripts, more than {DEPTH_MAX} deep")));
    }
    Ok(State { depth: state.depth + 1, ..state.clone() })
}

/// `word` as a text.
pub(super) fn text(word: &Word, state: &State) -> Result<String, Refusal> {
    match argument(word, state)? {
        Arg::Text(text) => Ok(text),
        Arg::Status => Ok("$?".into()),
        Arg::Output(_) => Err(Refusal::new("what a command writes is an argument of another one")),
    }
}

/// What `kill -0 "$(cat FILE)"` asks.
pub(super) fn pid_of(command: &Simple, state: &State) -> Result<Semantics, Refusal> {
    let last = command.words.last().map(|word| argument(word, state)).transpose()?;
    let refusal =
        || Refusal::with("kill -0 of a process by its number", "sexton check pid:/FILE, or process:NAME");
    let Some(Arg::Output(semantics)) = last else { return Err(refusal()) };
    let path = semantics.check.target.strip_prefix("file:").filter(|_| semantics.output == Output::Content);
    let path = path.ok_or_else(refusal)?;
    Ok(Semantics::by_exit(Check::of(format!("pid:{path}")).note("verdict gets stricter: a zombie is dead")))
}

/// All words after the first.
pub(super) fn arguments(command: &Simple, state: &State) -> Result<Vec<Arg>, Refusal> {
    command.words.iter().skip(1).map(|word| argument(word, state)).collect()
}

/// What is run in the end, by those that run another program.
pub(super) struct Run {
    pub(super) words: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) limit: Limit,
    /// The line of a `sh -c`, and whether it ends at the first failure.
    pub(super) script: Option<(String, bool)>,
}

/// Takes off `env`, `timeout`, `exec`, `su-exec USER` and their like.
pub(super) fn unwrap(words: Vec<String>, env: &[(String, String)]) -> Result<Run, Refusal> {
    let mut run = Run { words, env: env.to_vec(), limit: Limit::None, script: None };
    loop {
        let Some(first) = run.words.first() else { return Err(Refusal::new("a command is missing")) };
        match base(first) {
            "exec" | "command" | "nice" | "nohup" | "time" if run.words.len() > 1 => {
                run.words.remove(0);
                if run.words.first().is_some_and(|word| word.starts_with('-')) {
                    return Err(Refusal::new("options of a program that runs another one"));
                }
            }
            "gosu" | "su-exec" | "setuidgid" if run.words.len() > 2 => drop(run.words.drain(..2)),
            "sudo" if run.words.get(1).is_some_and(|word| word == "-u") && run.words.len() > 3 => {
                run.words.drain(..3);
            }
            "busybox" if run.words.len() > 1 => drop(run.words.remove(0)),
            "env" if run.words.len() > 1 => {
                run.words.remove(0);
                while let Some((name, value)) = run.words.first().and_then(|word| word.split_once('=')) {
                    run.env.push((name.to_owned(), value.to_owned()));
                    run.words.remove(0);
                }
            }
            "timeout" => {
                let mut rest = run.words.split_off(1).into_iter();
                let mut length = None;
                while let Some(word) = rest.next() {
                    match word.as_str() {
                        "-s" | "-k" => drop(rest.next()),
                        // busybox of old.
                        "-t" => {
                            length = rest.next();
                            break;
                        }
                        option if option.starts_with('-') => {}
                        _ => {
                            length = Some(word);
                            break;
                        }
                    }
                }
                let length = length.ok_or_else(|| Refusal::new("timeout without its time"))?;
                run.limit = run.limit.min(Limit::seconds(&length)?);
                run.words = rest.collect();
            }
            "sh" | "bash" | "ash" | "dash" | "zsh" | "su" => {
                run.script = script_of(&run.words)?;
                return Ok(run);
            }
            _ => return Ok(run),
        }
    }
}

/// The line of `sh -c LINE`.
fn script_of(words: &[String]) -> Result<Option<(String, bool)>, Refusal> {
    let mut errexit = false;
    let mut words = words.iter();
    let is_su = words.next().is_some_and(|name| base(name) == "su");
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else {
            if is_su {
                continue;
            }
            return Err(Refusal::with(
                format!("the script {word} is not read here"),
                "sexton translate FILE, with that script",
            ));
        };
        errexit |= letters.contains('e') && !letters.starts_with('-');
        if letters.ends_with('c') {
            let line = words.next().ok_or_else(|| Refusal::new("sh -c without its line"))?;
            return Ok(Some((notation::shell(line), errexit)));
        }
    }
    Err(Refusal::new("a shell without a script"))
}

/// What a simple command asks, with `input` as what it reads.
pub(super) fn semantics(
    command: &Simple,
    input: Option<String>,
    state: &State,
) -> Result<Semantics, Refusal> {
    let words: Vec<_> = command.words.iter().map(|word| text(word, state)).collect::<Result<_, _>>()?;
    let mut env: Vec<(String, String)> = state
        .variables
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Text(text) => Some((name.clone(), text.clone())),
            Value::Output(_) => None,
        })
        .collect();
    for (name, value) in &command.assignments {
        env.push((name.clone(), text(value, state)?));
    }
    let run = unwrap(words, &env)?;
    let limit = state.limit.clone().min(run.limit.clone());
    let mut semantics = match run.script {
        Some((line, _)) => {
            let links = script::parse(&line)?;
            let [link] = links.as_slice() else {
                return Err(Refusal::new("a script of several commands in a pipe"));
            };
            pipe(&link.commands, &deeper(state)?)?
        }
        None => program(run, command, input, state)?,
    };
    semantics.check.limit = limit.min(semantics.check.limit);
    let leads_nowhere = command
        .redirections
        .iter()
        .any(|(fd, to)| *fd == 1 && matches!(to, RedirectTarget::Nowhere | RedirectTarget::File(..)));
    if leads_nowhere {
        semantics.output = Output::Nothing;
    }
    Ok(semantics)
}

/// What a program asks.
fn program(run: Run, command: &Simple, input: Option<String>, state: &State) -> Result<Semantics, Refusal> {
    let mut words = run.words.into_iter();
    let name = words.next().unwrap_or_default();
    let args: Vec<_> = words.collect();
    if let "echo" | "printf" = base(&name) {
        let text = sockets::spoken(base(&name), &args)?;
        return Ok(Semantics { output: Output::Text(text), ..Semantics::nothing(true) });
    }
    if let Some(semantics) = read(base(&name), command, state)? {
        return Ok(semantics);
    }
    let merged = command.redirections.iter().any(|(fd, to)| (*fd, to) == (2, &RedirectTarget::Fd(1)));
    let input = here_string(command, state)?.or(input);
    let call = Call { name: base(&name).to_owned(), args, env: run.env, input, merged };
    tools::ask(&call)
}

/// Commands that feed each other.
pub(super) fn pipe(commands: &[Command], state: &State) -> Result<Semantics, Refusal> {
    let mut current: Option<Semantics> = None;
    let mut statuses = Statuses::any();
    for command in commands {
        let Command::Simple(simple) = command else { return compound(command, commands, state) };
        let next = match current {
            None => semantics(simple, None, state)?,
            Some(Semantics { output: Output::Text(text), .. }) => semantics(simple, Some(text), state)?,
            Some(from) => {
                if let Exit::Http(exit) = &from.exit {
                    statuses = statuses.and(exit);
                }
                let words: Vec<_> =
                    simple.words.iter().map(|word| text(word, state)).collect::<Result<_, _>>()?;
                filters::apply(from, words)?
            }
        };
        current = Some(next);
    }
    let mut semantics = current.ok_or_else(|| Refusal::new("an empty pipe"))?;
    // With pipefail a request that fails is a failure of the whole pipe.
    if let (true, Exit::Http(exit)) = (state.pipefail, &mut semantics.exit) {
        *exit = exit.and(&statuses);
    }
    Ok(semantics)
}

/// A pipe that begins with a group which speaks over a connection.
fn compound(command: &Command, commands: &[Command], state: &State) -> Result<Semantics, Refusal> {
    let (Command::Group(links, redirections) | Command::Subshell(links, redirections)) = command else {
        return Err(Refusal::new("a compound command in a pipe"));
    };
    let mut inner = state.clone();
    for (fd, socket) in opened(redirections, state, "a group")? {
        inner.sockets.push((fd, socket));
    }
    let mut current = None;
    for link in links {
        let [Command::Simple(simple)] = link.commands.as_slice() else {
            return Err(Refusal::new("a compound command in a pipe"));
        };
        if let Some((fd, text)) = said(simple, &inner)? {
            send(&mut inner, fd, &text);
            continue;
        }
        let opened = opened(&simple.redirections, &inner, "exec")?;
        if !opened.is_empty() {
            inner.sockets.extend(opened);
            continue;
        }
        let name = simple.words.first().and_then(script::literal).unwrap_or_default();
        match name.as_str() {
            // What it says is nothing that the next one looks for.
            "sleep" | "true" | ":" => {}
            _ if current.is_some() => return Err(Refusal::new("several commands that feed one pipe")),
            _ => current = Some(semantics(simple, None, &inner)?),
        }
    }
    let mut current = current.ok_or_else(|| Refusal::new("a compound command in a pipe"))?;
    let position = commands.iter().position(|other| other == command).unwrap_or_default();
    for command in commands.iter().skip(position + 1) {
        let Command::Simple(simple) = command else {
            return Err(Refusal::new("a compound command in a pipe"));
        };
        let words: Vec<_> = simple.words.iter().map(|word| text(word, state)).collect::<Result<_, _>>()?;
        current = match current.output {
            Output::Text(input) => semantics(simple, Some(input), state)?,
            _ => filters::apply(current, words)?,
        };
    }
    Ok(current)
}

/// What `redirections` connect to.
pub(super) fn opened(
    redirections: &[(i32, RedirectTarget)],
    state: &State,
    what: &str,
) -> Result<Vec<(i32, Socket)>, Refusal> {
    let mut found = Vec::new();
    for (fd, to) in redirections {
        let RedirectTarget::File(mode, word) = to else { continue };
        let path = text(word, state)?;
        match path.strip_prefix("/dev/tcp/").and_then(|place| place.split_once('/')) {
            Some((host, port)) if *mode != Mode::HereString => {
                found.push((*fd, Socket { target: sockets::tcp(host, port), sent: String::new() }));
            }
            _ if path.starts_with("/dev/udp/") => {
                return Err(Refusal::with(
                    "a UDP socket opens whether or not anybody is there",
                    "sexton check --send TEXT --expect TEXT udp://HOST:PORT",
                ));
            }
            // What is written elsewhere changes no verdict.
            _ if matches!(mode, Mode::Write | Mode::Append | Mode::HereString) => {}
            _ => return Err(Refusal::new(format!("{what} reads the file {path}"))),
        }
    }
    Ok(found)
}

/// The descriptor and the text of an `echo ... >&3`.
pub(super) fn said(command: &Simple, state: &State) -> Result<Option<(i32, String)>, Refusal> {
    let name = command.words.first().and_then(script::literal).unwrap_or_default();
    if !matches!(name.as_str(), "echo" | "printf") {
        return Ok(None);
    }
    let to = command.redirections.iter().rev().find_map(|(fd, to)| match (fd, to) {
        (1, RedirectTarget::Fd(other)) if *other > 2 => Some(*other),
        _ => None,
    });
    let Some(fd) = to else { return Ok(None) };
    let words: Vec<_> =
        command.words.iter().skip(1).map(|word| text(word, state)).collect::<Result<_, _>>()?;
    Ok(Some((fd, sockets::spoken(&name, &words)?)))
}

/// Adds `text` to what was said over `fd`.
pub(super) fn send(state: &mut State, fd: i32, text: &str) {
    if let Some((_, socket)) = state.sockets.iter_mut().rev().find(|(known, _)| *known == fd) {
        socket.sent.push_str(text);
    }
}

/// What `cat <&3` asks.
pub(super) fn read(name: &str, command: &Simple, state: &State) -> Result<Option<Semantics>, Refusal> {
    let from = command.redirections.iter().find_map(|(fd, to)| match (fd, to) {
        (0, RedirectTarget::Fd(other)) => Some(*other),
        _ => None,
    });
    let Some(from) = from else { return Ok(None) };
    if !matches!(name, "cat" | "head" | "grep" | "timeout") {
        return Err(Refusal::new(format!("{name} reads from a descriptor")));
    }
    let Some((_, socket)) = state.sockets.iter().rev().find(|(known, _)| *known == from) else {
        return Err(Refusal::new(format!("descriptor {from} is not a connection")));
    };
    let semantics = sockets::reply(socket.target.clone(), &socket.sent).limit(state.limit.clone());
    let refusal = Refusal::with(
        "it waits for a reply and is content with any",
        format!("sexton check --send TEXT --expect TEXT {}", semantics.target),
    );
    let semantics = Semantics { check: semantics, exit: Exit::Other(refusal), output: Output::Reply };
    if name != "grep" {
        return Ok(Some(semantics));
    }
    let words: Vec<_> = command.words.iter().map(|word| text(word, state)).collect::<Result<_, _>>()?;
    filters::apply(semantics, words).map(Some)
}

/// The text after `<<<`.
pub(super) fn here_string(command: &Simple, state: &State) -> Result<Option<String>, Refusal> {
    for (_, to) in &command.redirections {
        if let RedirectTarget::File(Mode::HereString, word) = to {
            return text(word, state).map(|text| Some(text + "\n"));
        }
    }
    Ok(None)
}
