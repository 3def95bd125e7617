//! What waits for something before it starts a program: loops, and the scripts and programs made for it.

use std::ffi::OsString;
use std::time::Duration;

use crate::compat::getopt::{self, Arity, Grammar, LongOptions, Operands, Scanner, Word};
use crate::compat::{dockerize, go, wait_for, wait_for_it};

use super::decision::{self, Combined};
use super::notation::{self, base};
use super::replacement::{self, Replacement};
use super::script::{self, After, Command, Link, Loop};
use super::semantics::{Check, Flag, Limit, Refusal, Statuses};
use super::state::{Code, State, Tree, Value};
use super::{simple, sockets, tools};

/// A wait.
#[derive(Clone, Debug, Default)]
struct Wait {
    checks: Vec<Check>,
    any: bool,
    /// None waits for ever.
    timeout: Option<Duration>,
    /// Where it is not a second.
    interval: Option<Duration>,
    /// Whether what follows starts in any case.
    or_run: bool,
    inverted: bool,
    /// As it is started, word for word.
    command: Vec<String>,
    notes: Vec<String>,
}

/// The replacement of `links`, if they wait for something.
pub(super) fn replacement(links: &[Link]) -> Option<Result<Replacement, Refusal>> {
    match wait(links, &State::new()) {
        Ok(None) => None,
        Ok(Some(wait)) => Some(wait.replacement()),
        Err(refusal) => Some(Err(refusal)),
    }
}

impl Wait {
    /// Its command line.
    fn replacement(mut self) -> Result<Replacement, Refusal> {
        let mut words = Vec::new();
        if self.timeout != Some(Duration::from_secs(60)) {
            let timeout = self.timeout.map_or_else(|| "0".to_owned(), replacement::duration);
            words.extend(["--timeout".to_owned(), timeout]);
        }
        if let Some(interval) = self.interval.filter(|interval| *interval != Duration::from_secs(1)) {
            words.extend(["--interval".to_owned(), replacement::duration(interval)]);
        }
        let attempts = self.checks.iter().filter_map(|check| match check.limit {
            Limit::Length(length) => Some(length),
            _ => None,
        });
        if let Some(longest) = attempts.max().filter(|length| *length != Duration::from_secs(4)) {
            words.extend(["--attempt-timeout".to_owned(), replacement::duration(longest)]);
        }
        if self.any && self.checks.len() > 1 {
            words.push("--any".into());
        }
        if self.inverted {
            words.push("--invert".into());
        }
        if self.or_run && !self.command.is_empty() {
            words.push("--or-run".into());
        }
        words.extend(replacement::words(&self.checks)?);
        if !self.command.is_empty() {
            words.push("--".into());
            words.extend(self.command);
        }
        for note in self.checks.into_iter().flat_map(|check| check.notes) {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        Ok(Replacement::new("wait", words, self.notes))
    }
}

/// What `links` wait for; nothing where they do not wait.
fn wait(links: &[Link], state: &State) -> Result<Option<Wait>, Refusal> {
    let mut found: Option<Wait> = None;
    let mut rest = links;
    let mut state = state.clone();
    while let Some((link, after)) = rest.split_first() {
        let step = match link.commands.as_slice() {
            [Command::Loop(repeated)] if !link.negated => Some(of_loop(repeated, &state)?),
            [Command::Simple(simple)] if !link.negated => {
                let name = simple.words.first().and_then(script::literal).unwrap_or_default();
                match name.as_str() {
                    "echo" | "printf" | "set" | ":" | "sleep" | "true"
                        if found.is_some() || has_wait(after) =>
                    {
                        rest = after;
                        continue;
                    }
                    "" if has_wait(after) => {
                        for (name, word) in &simple.assignments {
                            state.variables.push((name.clone(), Value::Text(simple::text(word, &state)?)));
                        }
                        rest = after;
                        continue;
                    }
                    _ => of_command(simple, &state)?,
                }
            }
            _ => None,
        };
        let Some(step) = step else { break };
        let ends = !step.command.is_empty();
        found = Some(match found {
            None => step,
            Some(before) => joined(before, step)?,
        });
        rest = after;
        if ends {
            break;
        }
    }
    let Some(mut wait) = found else { return Ok(None) };
    match rest.split_first() {
        None => {}
        Some((first, _)) if first.after == After::Failure || !wait.command.is_empty() => {
            return Err(Refusal::with("what is done when the wait fails", "sexton wait TARGET... -- CMD"));
        }
        Some((first, _)) => {
            wait.or_run |= first.after == After::Anything && wait.timeout.is_some();
            wait.command = command(rest)?;
        }
    }
    Ok(Some(wait))
}

/// Whether something waits among `links`.
fn has_wait(links: &[Link]) -> bool {
    links.iter().any(|link| match link.commands.as_slice() {
        [Command::Loop(_)] => true,
        [Command::Simple(simple)] => {
            let name = simple.words.first().and_then(script::literal).unwrap_or_default();
            TOOLS.iter().any(|(names, _)| names.contains(&base(&name)))
        }
        _ => false,
    })
}

/// Both, one after the other.
fn joined(before: Wait, after: Wait) -> Result<Wait, Refusal> {
    if before.any || after.any || before.or_run || before.inverted != after.inverted {
        return Err(Refusal::with("waits of different kinds", "one sexton wait for each"));
    }
    Ok(Wait {
        checks: [before.checks, after.checks].concat(),
        timeout: before.timeout.zip(after.timeout).map(|(one, other)| one + other),
        interval: before.interval.into_iter().chain(after.interval).min(),
        notes: [before.notes, after.notes].concat(),
        ..after
    })
}

/// What is started in the end, word for word.
fn command(links: &[Link]) -> Result<Vec<String>, Refusal> {
    if let [Link { negated: false, commands, .. }] = links
        && let [Command::Simple(simple)] = commands.as_slice()
        && simple.assignments.is_empty()
        && simple.redirections.is_empty()
        && let Some(mut words) = simple.words.iter().map(script::literal).collect::<Option<Vec<_>>>()
    {
        if words.first().is_some_and(|word| word == "exec") {
            words.remove(0);
        }
        return Ok(words);
    }
    let mut links = links.to_vec();
    if let Some(first) = links.first_mut() {
        first.after = After::Anything;
    }
    // A shell that becomes the program hears no signal in its place.
    let is_one = links.len() == 1;
    let text = script::source(&links)
        .ok_or_else(|| Refusal::with("what follows the wait", "sexton wait TARGET... -- sh -c 'COMMANDS'"))?;
    let text = if is_one && !text.starts_with("exec ") && !text.contains('|') && !text.contains('=') {
        format!("exec {text}")
    } else {
        text
    };
    Ok(vec!["sh".into(), "-c".into(), text])
}

/// What a loop waits for.
fn of_loop(repeated: &Loop, state: &State) -> Result<Wait, Refusal> {
    let mut interval = None;
    for link in &repeated.body {
        let [Command::Simple(simple)] = link.commands.as_slice() else { return Err(counted()) };
        let words: Vec<_> =
            simple.words.iter().map(|word| simple::text(word, state)).collect::<Result<_, _>>()?;
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["echo" | "printf" | ":" | "true", ..] => {}
            ["sleep", time] => {
                interval = match Limit::seconds(time)? {
                    Limit::Length(length) => Some(length),
                    Limit::None => None,
                    Limit::Variable(_) => return Err(Refusal::new("sleep for a time in a variable")),
                };
            }
            _ => return Err(counted()),
        }
    }
    let mut tree = decision::tree_of(&repeated.condition, state)?;
    if !repeated.until {
        tree = inverse(&tree);
    }
    let (checks, any) = match decision::combined(&tree)? {
        Combined::All(checks) => (checks, false),
        Combined::Any(checks) => (checks, true),
    };
    Ok(Wait { checks, any, timeout: None, interval, ..Wait::default() })
}

/// Why a loop of more than a pause is not read.
fn counted() -> Refusal {
    Refusal::with("a loop that does more than wait", "sexton wait --timeout 60s TARGET... -- CMD")
}

/// The opposite verdict.
fn inverse(tree: &Tree) -> Tree {
    match tree {
        Tree::Leaf(verdict) => Tree::Leaf(!verdict),
        Tree::If(check, passed, failed) => {
            Tree::If(check.clone(), Box::new(inverse(passed)), Box::new(inverse(failed)))
        }
    }
}

/// Reads the arguments of a program that waits.
type Recognizer = fn(Vec<String>) -> Result<Wait, Refusal>;

/// The programs that are made for it.
const TOOLS: &[(&[&str], Recognizer)] = &[
    (&["wait-for-it", "wait-for-it.sh"], wait_for_it),
    (&["wait-for", "wait-for.sh"], wait_for),
    (&["dockerize"], dockerize),
    (&["wait4x"], wait4x),
];

/// What a simple command waits for, if it waits.
fn of_command(simple: &script::Simple, state: &State) -> Result<Option<Wait>, Refusal> {
    let Ok(words) = simple.words.iter().map(|word| simple::text(word, state)).collect::<Result<Vec<_>, _>>()
    else {
        return Ok(None);
    };
    let env: Vec<(String, String)> = Vec::new();
    let Ok(run) = simple::unwrap(words, &env) else { return Ok(None) };
    if let Some((line, errexit)) = run.script {
        let Ok(links) = script::parse(&line) else { return Ok(None) };
        let mut inner = simple::deeper(state)?;
        inner.errexit = errexit;
        inner.last = Code::Known(0);
        let Some(mut wait) = wait(&links, &inner)? else { return Ok(None) };
        if let Limit::Length(length) = run.limit {
            wait.timeout = Some(wait.timeout.map_or(length, |timeout| timeout.min(length)));
        }
        return Ok(Some(wait));
    }
    let mut words = run.words.into_iter();
    let name = words.next().unwrap_or_default();
    let Some((_, recognizer)) = TOOLS.iter().find(|(names, _)| names.contains(&base(&name))) else {
        return Ok(None);
    };
    let mut wait = recognizer(words.collect())?;
    wait.command = as_started(&wait.command);
    Ok(Some(wait))
}

/// The words of a command, in our notation, as it is started: without a shell where they hold no variable.
fn as_started(words: &[String]) -> Vec<String> {
    let plain: Option<Vec<String>> = words.iter().map(|word| notation::plain(word)).collect();
    plain.unwrap_or_else(|| {
        let words: Vec<_> = words.iter().map(|word| format!("\"{}\"", notation::shell(word))).collect();
        vec!["sh".into(), "-c".into(), format!("exec {}", words.join(" "))]
    })
}

/// `host:port` as a check.
fn place(text: &str) -> Result<Check, Refusal> {
    let (host, port) =
        text.rsplit_once(':').ok_or_else(|| Refusal::new(format!("{text} is not HOST:PORT")))?;
    Ok(Check::of(sockets::tcp(host, port)))
}

/// Whole seconds, of which 0 are no limit.
fn seconds(text: Option<String>) -> Result<Option<Duration>, Refusal> {
    match Limit::seconds(&text.unwrap_or_default())? {
        Limit::Length(length) => Ok(Some(length)),
        Limit::None => Ok(None),
        Limit::Variable(_) => Err(Refusal::with(
            "its limit is in a variable",
            "SEXTON_WAIT_TIMEOUT, or sexton wait --timeout '${NAME}s'",
        )),
    }
}

/// `wait-for-it.sh`.
fn wait_for_it(args: Vec<String>) -> Result<Wait, Refusal> {
    let given = wait_for_it::args(os(args), |_| None).map_err(|why| refused("wait-for-it", &why))?;
    let (Some(host), Some(port)) = (given.host, given.port) else {
        return Err(Refusal::new("it waits for nothing"));
    };
    Ok(Wait {
        checks: vec![Check::of(sockets::tcp(&host, &port))],
        timeout: given.timeout.map_or(Ok(Some(Duration::from_secs(15))), |text| seconds(Some(text)))?,
        or_run: !given.is_strict,
        command: strings(given.command),
        ..Wait::default()
    })
}

/// eficode's `wait-for`.
fn wait_for(args: Vec<String>) -> Result<Wait, Refusal> {
    let given = wait_for::args(os(args)).map_err(|(_, why)| refused("wait-for", &why))?;
    let target = given.target.ok_or_else(|| Refusal::new("it waits for nothing"))?;
    let check = if target.starts_with("http://") || target.starts_with("https://") {
        let mut check = Check::of(target);
        check.flags.push(Flag("--follow", None));
        check
    } else {
        place(&target)?
    };
    Ok(Wait {
        checks: vec![check],
        timeout: given.timeout.map_or(Ok(Some(Duration::from_secs(15))), |text| seconds(Some(text)))?,
        command: strings(given.command),
        ..Wait::default()
    })
}

/// `dockerize`, as far as it waits.
fn dockerize(args: Vec<String>) -> Result<Wait, Refusal> {
    let given = dockerize::args(os(args)).map_err(|(_, why)| {
        Refusal::with(format!("dockerize: {why}"), "sexton wait TARGET... -- dockerize without -wait")
    })?;
    let mut wait = Wait {
        timeout: Some(given.timeout),
        interval: Some(given.interval),
        command: strings(given.command),
        ..Wait::default()
    };
    for target in given.waits {
        let Some(("tcp" | "http" | "https" | "unix" | "file", _)) = target.split_once("://") else {
            return Err(Refusal::new(format!("dockerize -wait {target}")));
        };
        let mut check = Check::of(target.replace("file:///", "file:/").replace("unix:///", "unix:/"));
        if target.starts_with("http") {
            check.flags.push(Flag("--follow", None));
            check.flags.extend(given.headers.iter().map(|header| Flag("--header", Some(header.clone()))));
        }
        wait.checks.push(check);
    }
    started(wait)
}

/// The options of wait4x that matter.
const WAIT4X_FLAGS: &[getopt::Flag] = &[
    getopt::Flag::new("timeout", Some('t'), Arity::Value),
    getopt::Flag::new("interval", Some('i'), Arity::Value),
    getopt::Flag::new("quiet", Some('q'), Arity::Switch),
    getopt::Flag::new("no-color", None, Arity::Switch),
    getopt::Flag::new("invert-check", Some('v'), Arity::Switch),
    getopt::Flag::new("expect-status-code", None, Arity::Value),
    getopt::Flag::new("request-header", None, Arity::Value),
    getopt::Flag::new("insecure-skip-tls-verify", None, Arity::Switch),
    getopt::Flag::new("connection-timeout", None, Arity::Value),
];

/// `wait4x`.
fn wait4x(args: Vec<String>) -> Result<Wait, Refusal> {
    let mut wait = Wait { timeout: Some(Duration::from_secs(10)), ..Wait::default() };
    let (mut status, mut flags, mut places) = (None, Vec::new(), Vec::new());
    let grammar =
        Grammar { letters: "", flags: WAIT4X_FLAGS, long: LongOptions::Whole, operands: Operands::Anywhere };
    let mut words = Scanner::new(grammar, os(args));
    while let Some(word) = words.next() {
        let option = match word {
            Ok(Word::Option(option)) => option,
            Ok(Word::Operand(first)) if words.is_over() => {
                wait.command = strings(words.command(first));
                break;
            }
            Ok(Word::Operand(word)) => {
                places.push(word.to_string_lossy().into_owned());
                continue;
            }
            Err(mistake) => {
                let why = mistake.in_glibc_words("wait4x".as_ref());
                return Err(Refusal::with(why, "sexton wait --contains TEXT URL"));
            }
        };
        let value = option.value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        match option.flag.long.unwrap_or_default() {
            "timeout" => wait.timeout = Some(go_duration(&value)?).filter(|length| !length.is_zero()),
            "interval" => wait.interval = Some(go_duration(&value)?),
            "invert-check" => wait.inverted = true,
            "expect-status-code" => status = value.parse::<u16>().ok(),
            "request-header" => flags.push(Flag("--header", Some(value))),
            "insecure-skip-tls-verify" => flags.push(Flag("--insecure", None)),
            _ => {}
        }
    }
    let mut places = places.into_iter();
    let kind = places.next().unwrap_or_default();
    for text in places {
        let mut check = match kind.as_str() {
            "tcp" => place(&text)?,
            "http" => {
                let mut check = Check::of(text);
                check.flags.clone_from(&flags);
                check.flags.push(Flag("--follow", None));
                let statuses = status.map_or_else(Statuses::any, |status| Statuses::range(status..=status));
                check.statuses = Some(statuses);
                check
            }
            "influxdb" => Check::of(format!("{}/ping", text.trim_end_matches('/'))),
            "temporal" if matches!(text.as_str(), "server" | "worker") => continue,
            "temporal" => Check::of(format!("grpc://{text}/{TEMPORAL}")),
            "dns" if matches!(text.as_str(), "A" | "AAAA") => continue,
            "dns" => Check::of(format!("dns:{text}")),
            // As Go's driver has it: user:password@tcp(host:port)/database.
            "mysql" => match text
                .split_once("@tcp(")
                .and_then(|(login, rest)| Some((login, rest.split_once(')')?)))
            {
                Some((login, (place, database))) => {
                    let (user, password) = login.split_once(':').unwrap_or((login, ""));
                    let password = Some(password).filter(|password| !password.is_empty());
                    let login = tools::userinfo(Some(user), password);
                    Check::of(format!(
                        "mysql://{login}{}{}",
                        place.trim_end_matches(":3306"),
                        database.trim_end_matches('/')
                    ))
                }
                None => return Err(Refusal::with("wait4x mysql", "sexton wait mysql://USER:PASSWORD@HOST")),
            },
            "redis" | "postgresql" | "mongodb" | "rabbitmq" if text.contains("://") => Check::of(text),
            _ => return Err(Refusal::with(format!("wait4x {kind}"), "sexton wait TARGET")),
        };
        check.limit = Limit::None;
        wait.checks.push(check);
    }
    started(wait)
}

/// The service of Temporal's front end, by which it tells its health.
pub(super) const TEMPORAL: &str = "temporal.api.workflowservice.v1.WorkflowService";

/// A length of time as Go writes it.
fn go_duration(text: &str) -> Result<Duration, Refusal> {
    go::duration(text).ok_or_else(|| Refusal::new(format!("`{text}` is not a time")))
}

/// Arguments as the parsers of `compat` take them.
fn os(args: Vec<String>) -> Vec<OsString> {
    args.into_iter().map(OsString::from).collect()
}

/// The same back: they were texts.
fn strings(words: Vec<OsString>) -> Vec<String> {
    words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Why a line of `program` is not read.
fn refused(program: &str, why: &str) -> Refusal {
    let why = why.lines().next().filter(|why| !why.is_empty()).unwrap_or("it only prints its usage");
    Refusal::new(format!("{program}: {why}"))
}

/// `wait`, which must be for something.
fn started(wait: Wait) -> Result<Wait, Refusal> {
    if wait.checks.is_empty() { Err(Refusal::new("it waits for nothing")) } else { Ok(wait) }
}
