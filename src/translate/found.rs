//! A check, a wait or an entry point in a file: what to write instead, what else is wrong, and the change that makes it so.

use std::ops::Range;
use std::time::Duration;

use super::diff::Edit;
use super::inits;
use super::line::{self, Form, Role};
use super::notation::Interpolations;
use super::replacement::{self, Replacement};
use super::semantics::Refusal;
use super::yaml::Style;

/// What is known of the runtime's own limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Runtime {
    /// None where there is none, or only the container knows it.
    pub(super) limit: Option<Duration>,
    /// Whether it is Kubernetes' second, because the file names none.
    pub(super) is_default: bool,
}

/// How a command stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// As the rest of an instruction.
    Exec(Range<usize>),
    /// As a list in brackets, in the quotes of its first item; with a word of Compose's before it.
    Flow(Range<usize>, Style, Option<&'static str>),
    /// As a list of lines, of this indent.
    Block(Range<usize>, Style, String, Option<&'static str>),
    /// In a way that is not changed, and why; with that word.
    Fixed(&'static str, Option<&'static str>),
}

/// Something found in a file.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its line, from 1.
    pub(super) line: usize,
    /// As it is written.
    pub(super) original: String,
    /// Its form.
    pub(super) form: Result<Form, Refusal>,
    /// What it is for.
    pub(super) role: Role,
    /// What ends it.
    pub(super) runtime: Runtime,
    /// How it is written.
    pub(super) layout: Layout,
    /// What the same container starts, if the file says so.
    pub(super) entry: Option<Form>,
    /// Whether the runtime puts an init before it, if the file says so.
    pub(super) has_init: Option<bool>,
    /// Whether an entry point is all that is started, with nothing of an image before it.
    pub(super) is_started_alone: bool,
    /// Where a Dockerfile must copy sexton, if it does not yet.
    pub(super) copy_before: Option<usize>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Translated {
    /// Its line.
    pub(super) line: usize,
    /// As it is written.
    pub(super) original: String,
    /// What to write instead, shown as a JSON array; or why not. Nothing where only warnings are told.
    pub(super) outcome: Option<Result<(String, Vec<String>), Refusal>>,
    /// What else is wrong.
    pub(super) warnings: Vec<String>,
    /// The changes.
    pub(super) edits: Vec<Edit>,
}

impl Found {
    /// A whole script.
    pub(super) fn script(text: &str) -> Self {
        Self {
            line: 1,
            original: text.lines().next().unwrap_or_default().to_owned(),
            form: Ok(Form::Shell(text.to_owned())),
            role: Role::Unknown,
            runtime: Runtime::default(),
            layout: Layout::Fixed("a script becomes a command line where it is called", None),
            entry: None,
            has_init: None,
            is_started_alone: true,
            copy_before: None,
        }
    }

    /// What to tell of it; nothing where there is nothing to say. `put_in` is what Compose puts in.
    pub(super) fn translated(&self, put_in: &Interpolations, compose: bool) -> Option<Translated> {
        let shown = |word: &str| if compose { put_in.write(word) } else { put_in.restore(word) };
        let warnings = self.warnings();
        let outcome = self.outcome();
        let mut edits = Vec::new();
        let outcome = match outcome {
            None if warnings.is_empty() => return None,
            None => None,
            Some(Err(refusal)) => Some(Err(refusal)),
            Some(Ok(replacement)) => {
                let Replacement { words, mut notes } = replacement;
                let words: Vec<String> = words.iter().map(|word| shown(word)).collect();
                match self.edit(&words) {
                    Ok(edit) => {
                        edits.push(edit);
                        edits.extend(self.copy_before.map(|at| Edit {
                            place: at..at,
                            text: "COPY --from=sexton /sexton /sexton\n".into(),
                        }));
                    }
                    Err(why) => notes.push(format!("not in the diff: {why}")),
                }
                let all = self.prefix().into_iter().map(str::to_owned).chain(words).collect::<Vec<_>>();
                Some(Ok((replacement::json(&all), notes)))
            }
        };
        let original = put_in.restore(&self.original);
        Some(Translated { line: self.line, original, outcome, warnings, edits })
    }

    /// Compose's word before a command.
    fn prefix(&self) -> Option<&'static str> {
        match &self.layout {
            Layout::Flow(_, _, prefix) | Layout::Block(_, _, _, prefix) | Layout::Fixed(_, prefix) => *prefix,
            Layout::Exec(_) => None,
        }
    }

    /// Whether it is changed.
    pub(super) fn changes(&self) -> bool {
        matches!(self.outcome(), Some(Ok(_)))
    }

    /// What to write instead; nothing where it can stay.
    fn outcome(&self) -> Option<Result<Replacement, Refusal>> {
        let form = match &self.form {
            Ok(Form::Disabled) => return None,
            Ok(form) if form.is_ours() => return None,
            Ok(form) => form,
            Err(refusal) => return Some(Err(refusal.clone())),
        };
        match self.role {
            Role::Entry => line::entry(form, self.is_started_alone),
            _ => Some(line::replacement(form, self.role, self.runtime.limit)),
        }
    }

    /// The change of the file.
    fn edit(&self, words: &[String]) -> Result<Edit, &'static str> {
        match &self.layout {
            Layout::Exec(place) => Ok(Edit { place: place.clone(), text: replacement::json(words) }),
            Layout::Flow(place, style, prefix) => {
                let all = prefix.iter().map(|word| (*word).to_owned()).chain(words.iter().cloned());
                let all: Vec<_> = all.map(|word| styled(&word, *style, true)).collect();
                Ok(Edit { place: place.clone(), text: format!("[{}]", all.join(", ")) })
            }
            Layout::Block(place, style, indent, prefix) => {
                let all = prefix.iter().map(|word| (*word).to_owned()).chain(words.iter().cloned());
                let all: Vec<_> = all.map(|word| styled(&word, *style, false)).collect();
                Ok(Edit { place: place.clone(), text: all.join(&format!("\n{indent}- ")) })
            }
            Layout::Fixed(why, _) => Err(why),
        }
    }

    /// What is wrong besides.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let Ok(form) = &self.form else { return warnings };
        let entry_program = self.entry.as_ref().and_then(Form::program);
        let entry_reaps = entry_program.as_deref().is_some_and(inits::reaps)
            && self.entry.as_ref().is_some_and(|entry| !starts_by_exec(entry));
        let reaps = self.has_init == Some(true) || entry_reaps;
        match self.role {
            Role::Check if !form.is_ours() && *form != Form::Disabled => {
                if starts_others(form) && !reaps {
                    warnings.push(
                        "leaves zombies: at its limit the runtime kills the shell alone, and what the shell \
                         started is left to PID 1; `init: true`, tini or sexton init reaps it"
                            .into(),
                    );
                }
                let own = line::limit(form);
                match (own, self.runtime.limit) {
                    (Some(own), Some(runtime)) if own >= runtime => warnings.push(format!(
                        "its own limit of {} is not below the runtime's {}, which kills it before it can say why",
                        replacement::duration(own),
                        replacement::duration(runtime)
                    )),
                    (None, Some(runtime)) if starts_others(form) || line::limit_is_known(form) => {
                        warnings.push(format!(
                            "no limit of its own: it goes on until the runtime kills it after {}",
                            replacement::duration(runtime)
                        ));
                    }
                    _ => {}
                }
                if self.runtime.is_default {
                    warnings.push(
                        "timeoutSeconds is 1 by default: sexton's own limit of 4s is past that, so --timeout is given"
                            .into(),
                    );
                }
            }
            Role::Check
                if form.is_ours()
                    && self.runtime.limit.is_some_and(|limit| limit < Duration::from_secs(4)) =>
            {
                let limit = self.runtime.limit.unwrap_or_default();
                let names_one = matches!(form, Form::Exec(words) if words.iter().any(|word| word == "-t" || word.starts_with("--timeout")));
                if !names_one {
                    warnings.push(format!(
                        "the runtime's limit is {}, below sexton's own of 4s: add --timeout {}",
                        replacement::duration(limit),
                        replacement::duration(replacement::below(limit))
                    ));
                }
            }
            Role::Entry if self.has_init != Some(true) => {
                if let Some(program) = entry_program.filter(|program| inits::is_known_not_to_reap(program)) {
                    warnings.push(format!(
                        "as PID 1, {program} does not reap what other programs leave; `init: true`, tini or \
                         sexton init does"
                    ));
                }
            }
            _ => {}
        }
        warnings
    }
}

/// Whether a form starts a shell that starts others.
fn starts_others(form: &Form) -> bool {
    match form {
        Form::Shell(_) => true,
        Form::Exec(words) => {
            let program = words.first().map_or("", |word| super::notation::base(word));
            let is_shell = matches!(program, "sh" | "bash" | "ash" | "dash");
            is_shell || program == "timeout" || super::notation::is_script(program)
        }
        Form::Disabled => false,
    }
}

/// Whether a shell of an entry point becomes another program, or may.
fn starts_by_exec(form: &Form) -> bool {
    match form {
        Form::Shell(_) => true,
        Form::Exec(words) => words.iter().any(|word| word.contains("exec ")),
        Form::Disabled => false,
    }
}

/// `word` in this style.
fn styled(word: &str, style: Style, flow: bool) -> String {
    match style {
        Style::Single => format!("'{}'", word.replace('\'', "''")),
        Style::Double | Style::Block => replacement::quoted(word),
        Style::Plain if flow && word.contains([',', '[', ']', '{', '}']) => replacement::quoted(word),
        Style::Plain => replacement::yaml(word),
    }
}
