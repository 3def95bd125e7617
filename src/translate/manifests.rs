//! Checks, waits and entry points in YAML: Compose files, Kubernetes manifests, ECS task definitions.

use std::time::Duration;

use super::found::{Found, Layout, Runtime};
use super::line::{self, Form, Role};
use super::notation::Interpolations;
use super::script;
use super::semantics::Refusal;
use super::yaml::{Kind, Node, Style};

/// Docker's own limit of a check.
const DOCKER_TIMEOUT: Duration = Duration::from_secs(30);

/// Kubernetes' own limit of a probe.
const KUBERNETES_TIMEOUT: Duration = Duration::from_secs(1);

/// ECS' own limit of a check.
const ECS_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether it is a Compose file.
pub(super) fn is_compose(root: &Node) -> bool {
    root.get("services").is_some() || root.pairs().iter().any(|(key, _)| key.text() == Some("healthcheck"))
}

/// What is found in a Compose file.
pub(super) fn compose(root: &Node, text: &str, put_in: &mut Interpolations) -> Vec<Found> {
    let mut found = Vec::new();
    for (key, value) in root.pairs() {
        let name = key.text().unwrap_or_default();
        if name == "services" {
            for (_, service) in value.pairs() {
                of_service(service, text, put_in, &mut found);
            }
        } else if name.starts_with("x-") {
            // A fragment that services take by its anchor.
            of_service(value, text, put_in, &mut found);
            if value.get("test").is_some() {
                found.extend(of_check(value, value, text, put_in));
            }
        }
    }
    found
}

/// One service.
fn of_service(service: &Node, text: &str, put_in: &mut Interpolations, found: &mut Vec<Found>) {
    if let Some(check) = service.get("healthcheck") {
        found.extend(of_check(check, service, text, put_in));
    }
    let has_entry = service.get("entrypoint").is_some();
    for key in ["entrypoint", "command"] {
        let Some(node) = service.get(key) else { continue };
        // What follows an entry point are its arguments.
        if key == "command" && has_entry {
            continue;
        }
        let form = entry_form(node, put_in);
        found.push(Found {
            line: node.line,
            original: format!("{key}: {}", shown(node, text)),
            entry: form.as_ref().ok().cloned(),
            form,
            role: Role::Entry,
            runtime: Runtime::default(),
            layout: layout(node, text, None),
            has_init: has_init(service),
            is_started_alone: false,
            copy_before: None,
        });
    }
}

/// `init: true`, or not; nothing where the image decides.
fn has_init(service: &Node) -> Option<bool> {
    match service.get("init").and_then(Node::text) {
        Some("true") => Some(true),
        _ => None,
    }
}

/// The check of a service.
fn of_check(check: &Node, service: &Node, text: &str, put_in: &mut Interpolations) -> Option<Found> {
    let test = check.get("test")?;
    let form = match &test.kind {
        Kind::Scalar(line, _) => Ok(Form::Shell(put_in.read(line))),
        Kind::Sequence(..) => match test.texts() {
            Some(words) => Ok(line::of_words(words.iter().map(|word| put_in.read(word)).collect())),
            None => Err(Refusal::new("a list of other things than texts")),
        },
        Kind::Mapping(_) | Kind::Nothing => return None,
    };
    let limit = match check.get("timeout").and_then(Node::text) {
        None => Some(DOCKER_TIMEOUT),
        Some(text) => humantime::parse_duration(text).ok(),
    };
    let entry = ["entrypoint", "command"].iter().find_map(|key| service.get(key));
    Some(Found {
        line: line_of(test, text),
        original: format!("test: {}", shown(test, text)),
        form,
        role: Role::Check,
        runtime: Runtime { limit, is_default: false },
        layout: layout(test, text, Some("CMD")),
        entry: entry.and_then(|node| entry_form(node, put_in).ok()),
        has_init: has_init(service),
        is_started_alone: false,
        copy_before: None,
    })
}

/// The form of an entry point: Compose splits a text into words by itself.
fn entry_form(node: &Node, put_in: &mut Interpolations) -> Result<Form, Refusal> {
    match &node.kind {
        Kind::Sequence(..) => {
            let words = node.texts().ok_or_else(|| Refusal::new("a list of other things than texts"))?;
            Ok(Form::Exec(words.iter().map(|word| put_in.read(word)).collect()))
        }
        Kind::Scalar(line, _) => {
            let line = put_in.read(line);
            let links = script::parse(&line)?;
            let [link] = links.as_slice() else { return Err(Refusal::new("operators that no shell reads")) };
            let [script::Command::Simple(simple)] = link.commands.as_slice() else {
                return Err(Refusal::new("operators that no shell reads"));
            };
            let words = simple.words.iter().map(script::literal).collect::<Option<_>>();
            words.map(Form::Exec).ok_or_else(|| Refusal::new("variables that no shell reads"))
        }
        Kind::Mapping(_) | Kind::Nothing => Err(Refusal::new("neither a list nor a text")),
    }
}

/// What is found in a Kubernetes manifest or an ECS task definition.
pub(super) fn kubernetes(node: &Node, text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    walk(node, text, &mut found);
    found
}

/// Looks for containers, however deep.
fn walk(node: &Node, text: &str, found: &mut Vec<Found>) {
    for (key, value) in node.pairs() {
        match key.text() {
            Some("containers" | "initContainers" | "ephemeralContainers") => {
                for container in value.items() {
                    of_container(container, text, found);
                }
            }
            Some("containerDefinitions") => {
                for container in value.items() {
                    of_task(container, text, found);
                }
            }
            _ => walk(value, text, found),
        }
    }
    for item in node.items() {
        walk(item, text, found);
    }
}

/// One container of a pod.
fn of_container(container: &Node, text: &str, found: &mut Vec<Found>) {
    let words = |node: Option<&Node>| node.and_then(Node::texts).unwrap_or_default();
    let command = container.get("command");
    let args = container.get("args");
    let entry = command.map(|command| Form::Exec([words(Some(command)), words(args)].concat()));
    for key in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let Some(probe) = container.get(key) else { continue };
        let Some(command) = probe.get("exec").and_then(|exec| exec.get("command")) else { continue };
        let named = probe.get("timeoutSeconds").and_then(Node::text);
        let limit = named.map_or(Some(KUBERNETES_TIMEOUT), |text| text.parse().ok().map(Duration::from_secs));
        found.push(Found {
            line: command.line,
            original: format!("{key}: {}", shown(command, text)),
            form: command
                .texts()
                .map(Form::Exec)
                .ok_or_else(|| Refusal::new("a list of other things than texts")),
            role: Role::Check,
            runtime: Runtime { limit, is_default: named.is_none() },
            layout: layout(command, text, None),
            entry: entry.clone(),
            has_init: None,
            is_started_alone: true,
            copy_before: None,
        });
    }
    let Some(command) = command else { return };
    let layout = match args {
        None => layout(command, text, None),
        Some(_) => Layout::Fixed("its words stand in both command and args", None),
    };
    found.push(Found {
        line: command.line,
        original: format!("command: {}", shown(command, text)),
        form: entry.clone().ok_or_else(|| Refusal::new("no command")),
        role: Role::Entry,
        runtime: Runtime::default(),
        layout,
        entry,
        has_init: None,
        is_started_alone: true,
        copy_before: None,
    });
}

/// One container of an ECS task.
fn of_task(container: &Node, text: &str, found: &mut Vec<Found>) {
    let Some(check) = container.get("healthCheck") else { return };
    let Some(command) = check.get("command") else { return };
    let seconds = check.get("timeout").and_then(Node::text);
    let limit = seconds.map_or(Some(ECS_TIMEOUT), |text| text.parse().ok().map(Duration::from_secs));
    let form = command.texts().map(line::of_words);
    found.push(Found {
        line: command.line,
        original: format!("healthCheck: {}", shown(command, text)),
        form: form.ok_or_else(|| Refusal::new("a list of other things than texts")),
        role: Role::Check,
        runtime: Runtime { limit, is_default: false },
        layout: layout(command, text, Some("CMD")),
        entry: container.get("command").and_then(Node::texts).map(Form::Exec),
        has_init: None,
        is_started_alone: false,
        copy_before: None,
    });
}

/// The line of `node`; that of its sign where it is a block of lines.
fn line_of(node: &Node, text: &str) -> usize {
    let Kind::Scalar(_, Style::Block) = node.kind else { return node.line };
    let before = text.get(..node.place.start).unwrap_or_default();
    before
        .rfind(['|', '>'])
        .and_then(|sign| before.get(..sign))
        .map_or(node.line, |head| head.matches('\n').count() + 1)
}

/// `node` as it stands in the file, on one line.
fn shown(node: &Node, text: &str) -> String {
    let slice = text.get(node.place.clone()).unwrap_or_default();
    slice.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How `node` is written.
fn layout(node: &Node, text: &str, prefix: Option<&'static str>) -> Layout {
    let slice = text.get(node.place.clone()).unwrap_or_default();
    let has_comment = slice.lines().any(|line| line.trim_start().starts_with('#') || line.contains(" #"));
    let style = |items: &[Node]| match items.first().map(|item| &item.kind) {
        Some(Kind::Scalar(_, style)) => *style,
        _ => Style::Double,
    };
    match &node.kind {
        _ if node.is_alias => Layout::Fixed("it stands elsewhere, and an alias leads there", prefix),
        Kind::Sequence(..) if has_comment => Layout::Fixed("a comment stands inside of it", prefix),
        Kind::Sequence(items, true) => Layout::Flow(node.place.clone(), style(items), prefix),
        Kind::Sequence(items, false) => {
            let begins = text.get(..node.place.start).unwrap_or_default();
            let line = begins.rsplit('\n').next().unwrap_or_default();
            match line.strip_suffix("- ") {
                Some(indent) if indent.trim().is_empty() => {
                    Layout::Block(node.place.clone(), style(items), indent.to_owned(), prefix)
                }
                _ => Layout::Fixed("a list that is written in an unusual way", prefix),
            }
        }
        Kind::Scalar(_, Style::Block) => {
            // The place of a block is that of its text; the sign before it belongs to it.
            let begins = text.get(..node.place.start).unwrap_or_default();
            match begins.rfind(['|', '>']) {
                Some(sign)
                    if begins
                        .get(sign..)
                        .is_some_and(|head| head.lines().count() <= 1 || head.trim().len() <= 3) =>
                {
                    Layout::Flow(sign..node.place.end, Style::Double, prefix)
                }
                _ if slice.starts_with(['|', '>']) => Layout::Flow(node.place.clone(), Style::Double, prefix),
                _ => Layout::Fixed("a text of several lines", prefix),
            }
        }
        Kind::Scalar(_, style) => {
            let style = if *style == Style::Plain { Style::Double } else { *style };
            Layout::Flow(node.place.clone(), style, prefix)
        }
        Kind::Mapping(_) | Kind::Nothing => Layout::Fixed("it is neither a list nor a text", prefix),
    }
}
