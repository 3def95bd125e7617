//! `sexton translate`: what to write instead of a health check, a wait or an entry point that exists.
//!
//! A line becomes a tree of commands ([`script`]); following it gives the checks that it makes and what its exit code
//! says of them ([`decision`]); each program's checks are one row and one file under [`tools`]; what comes out is a
//! command line of ours and the differences that matter ([`replacement`]). Nothing is run, and only the files that are
//! named are read.

#![expect(clippy::format_push_string, reason = "a few short lines, built once")]

mod conditions;
mod decision;
mod diff;
mod dockerfile;
mod filters;
mod found;
mod inits;
mod jq;
mod line;
mod manifests;
mod notation;
mod options;
mod patterns;
mod replacement;
mod script;
mod semantics;
mod simple;
mod sockets;
mod state;
mod tools;
mod waits;
mod yaml;

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

use clap::{Arg, ArgAction};

use crate::cli::{self, Usage};
use crate::command::{Command, Document};
use crate::exit::ExitStatus;
use crate::report::{self, Stream};
use crate::system::file::{self, ReadMode};

use self::found::{Found, Translated};
use self::line::Form;
use self::notation::Interpolations;
use self::replacement::Replacement;
use self::semantics::Refusal;

/// The most bytes of a file.
const FILE_MAX: usize = 4 * 1024 * 1024;

/// What the help says below the options.
const FORMS: &str = "\
LINE is what stands in a Dockerfile or a Compose file, in one argument or in several. FILE is a Dockerfile,
a Compose file, a Kubernetes manifest or a script; - is stdin. An argument that names an existing file is a
FILE, anything else a LINE.

Examples:
  sexton translate 'curl -f http://localhost:8080/health || exit 1'
  sexton translate '[\"CMD\", \"pg_isready\", \"-U\", \"app\"]'
  sexton translate --diff Dockerfile compose.yaml | git apply

Exit codes: 0 everything has a translation, 1 something has none";

/// The command as clap has it, for its help, its manual page and the completion of a shell.
pub(crate) fn clap_command() -> clap::Command {
    clap::Command::new("translate")
        .override_usage("sexton translate LINE\n       sexton translate [--diff] FILE...")
        .about("Says what to write instead of an existing check, wait loop or entry point")
        .arg(
            Arg::new("diff")
                .long("diff")
                .help("Print a unified diff that git apply takes; what has no translation is told on stderr")
                .action(ArgAction::SetTrue),
        )
        .after_help(FORMS)
}

/// What is translated.
#[derive(Debug)]
enum Input {
    /// One line.
    Line(String),
    /// Arguments, given one by one.
    Args(Vec<String>),
    /// Files by their names; `-` is stdin.
    Files(Vec<String>),
}

/// The command line, read.
#[derive(Debug)]
struct Translate {
    input: Input,
    diff: bool,
}

/// Reads what follows `translate`.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Box<dyn Command>, Usage> {
    let refuse = |why: &str| Usage::new(ExitStatus::Unhealthy, why);
    let mut diff = false;
    let mut words = Vec::new();
    for arg in args {
        let arg = arg.into_string().map_err(|_| refuse("an argument is not UTF-8"))?;
        match arg.as_str() {
            "--diff" if words.is_empty() => diff = true,
            "-h" | "--help" if words.is_empty() => {
                return Ok(Box::new(Document::stdout(cli::help_of(clap_command()))));
            }
            "--" if words.is_empty() => {}
            option if option.starts_with("--") && words.is_empty() => {
                return Err(refuse(&format!("unknown option {option} (see sexton translate --help)")));
            }
            _ => words.push(arg),
        }
    }
    let is_file = |word: &String| word == "-" || Path::new(word).is_file();
    let input = match words.as_slice() {
        [] => {
            return Err(refuse("nothing to translate; name a LINE or a FILE (see sexton translate --help)"));
        }
        files if files.iter().all(is_file) => Input::Files(words),
        [one] if looks_like_a_file(one) => return Err(refuse(&format!("no such file: {one}"))),
        [one] if !diff => Input::Line(one.clone()),
        [first, ..] if is_file(first) && looks_like_a_file(first) => {
            let missing = words.iter().find(|word| !is_file(word)).cloned().unwrap_or_default();
            return Err(refuse(&format!("no such file: {missing}")));
        }
        _ if diff => return Err(refuse("--diff needs a FILE")),
        _ => Input::Args(words),
    };
    Ok(Box::new(Translate { input, diff }))
}

/// Whether a word can only have been meant as the name of a file.
fn looks_like_a_file(word: &str) -> bool {
    let name = notation::base(word);
    !word.contains(char::is_whitespace)
        && ([".yml", ".yaml", ".json"].iter().any(|end| name.ends_with(end))
            || name.starts_with("Dockerfile")
            || name.starts_with("Containerfile")
            || name.ends_with(".Dockerfile"))
}

/// What came of it all.
#[derive(Default)]
struct Report {
    stdout: String,
    stderr: String,
    is_incomplete: bool,
}

impl Command for Translate {
    fn run(self: Box<Self>) -> ExitStatus {
        let mut report = Report::default();
        match &self.input {
            Input::Line(text) => {
                let mut put_in = Interpolations::default();
                let text = if line::is_compose(text) { put_in.read(text) } else { text.clone() };
                let outcome = line::read(&text).and_then(|(form, role)| line::replacement(&form, role, None));
                report.line(outcome, &put_in);
            }
            Input::Args(words) => {
                let form = Form::Exec(words.clone());
                let outcome = line::replacement(&form, line::Role::Unknown, None);
                report.line(outcome, &Interpolations::default());
            }
            Input::Files(files) => {
                for file in files {
                    report.file(file, self.diff);
                }
            }
        }
        report::document(Stream::Stdout, &report.stdout);
        report::document(Stream::Stderr, &report.stderr);
        ExitStatus::Code(u8::from(report.is_incomplete))
    }
}

impl Report {
    /// What came of one line.
    fn line(&mut self, outcome: Result<Replacement, Refusal>, put_in: &Interpolations) {
        match outcome {
            Ok(replacement) => {
                self.stdout.push_str(&format!("{}\n", replacement::json(&replacement.restored(put_in))));
                let is_check = replacement.words.get(1).is_some_and(|word| word == "check");
                let prefix = is_check.then(|| "CMD".to_owned());
                let words: Vec<_> = prefix.into_iter().chain(replacement.words.iter().cloned()).collect();
                self.stdout.push_str(&replacement::yaml_list(&words, put_in));
                for note in &replacement.notes {
                    self.stdout.push_str(&format!("# {note}\n"));
                }
            }
            Err(refusal) => {
                self.is_incomplete = true;
                self.stdout.push_str(&format!("{}\n", refused(&refusal)));
            }
        }
    }

    /// What came of one file.
    fn file(&mut self, name: &str, diff: bool) {
        let text = match content(name) {
            Ok(text) => text,
            Err(why) => return self.failed(name, &why),
        };
        let translated = match translated(&text) {
            Ok(translated) => translated,
            Err(why) => return self.failed(name, &why),
        };
        let shown = if name == "-" { "stdin" } else { name };
        let mut edits = Vec::new();
        for each in translated {
            let mut text = String::new();
            match &each.outcome {
                Some(Ok((replacement, notes))) => {
                    text.push_str(&format!("{shown}:{}: {}\n  {replacement}\n", each.line, each.original));
                    for note in notes {
                        text.push_str(&format!("  # {note}\n"));
                    }
                }
                Some(Err(refusal)) => {
                    self.is_incomplete = true;
                    let why = refused(refusal);
                    text.push_str(&format!("{shown}:{}: {}\n  {why}\n", each.line, each.original));
                }
                None => text.push_str(&format!("{shown}:{}: {}\n", each.line, each.original)),
            }
            for warning in &each.warnings {
                text.push_str(&format!("  warning: {warning}\n"));
            }
            match (diff, &each.outcome) {
                (false, _) => self.stdout.push_str(&text),
                (true, Some(Err(_))) => self.stderr.push_str(&text),
                (true, _) => {}
            }
            // The same change twice is one: a fragment may be found by several ways.
            edits.extend(each.edits);
        }
        if diff {
            self.stdout.push_str(&diff::unified(shown, &text, edits));
        }
    }

    /// A file that is not read.
    fn failed(&mut self, name: &str, why: &str) {
        self.is_incomplete = true;
        self.stderr.push_str(&format!("sexton: {name}: {why}\n"));
    }
}

/// A refusal in one line.
fn refused(refusal: &Refusal) -> String {
    let Refusal { why, nearest } = refusal;
    match nearest {
        Some(nearest) if !nearest.is_empty() => format!("no translation: {why}; nearest: {nearest}"),
        _ => format!("no translation: {why}"),
    }
}

/// The text of a file.
fn content(name: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    if name == "-" {
        let most = u64::try_from(FILE_MAX).unwrap_or(u64::MAX);
        std::io::stdin().take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    } else {
        let read = file::read(Path::new(name), FILE_MAX + 1, ReadMode::Blocking);
        bytes = read.map_err(|error| error.to_string())?;
    }
    if bytes.len() > FILE_MAX {
        return Err("more than 4 MiB".into());
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".into())
}

/// What is found in a file, and what came of it.
fn translated(text: &str) -> Result<Vec<Translated>, String> {
    let mut put_in = Interpolations::default();
    if dockerfile::is_one(text) {
        let found = dockerfile::find(text);
        return Ok(found.iter().filter_map(|each| each.translated(&put_in, false)).collect());
    }
    if text.starts_with("#!") {
        let found = Found::script(text);
        return Ok(found.translated(&put_in, false).into_iter().collect());
    }
    let documents = yaml::documents(text).map_err(|why| {
        if text.contains("{{") {
            format!("{why}; a template must be rendered first (helm template)")
        } else {
            why
        }
    })?;
    let mut translated = Vec::new();
    for document in &documents {
        let (found, compose) = if manifests::is_compose(document) {
            (manifests::compose(document, text, &mut put_in), true)
        } else {
            (manifests::kubernetes(document, text), false)
        };
        translated.extend(found.iter().filter_map(|each| each.translated(&put_in, compose)));
    }
    // What a fragment says holds wherever an alias leads to it, and is told once.
    translated.sort_by_cached_key(|each| each.line);
    translated.dedup_by(|one, other| one.line == other.line && one.original == other.original);
    Ok(translated)
}
