//! Checks and entry points of a Dockerfile (<https://docs.docker.com/reference/dockerfile/>).

use std::ops::Range;
use std::time::Duration;

use super::found::{Found, Layout, Runtime};
use super::line::{self, Role};

/// Docker's own limit of a check.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One instruction with its continuation lines.
struct Instruction<'a> {
    /// In upper case.
    keyword: String,
    /// Where it stands, the line end left out.
    place: Range<usize>,
    /// What follows the keyword.
    arguments: Range<usize>,
    /// The line that it begins in, from 1.
    line: usize,
    text: &'a str,
}

/// Whether `text` looks like one: the first instruction says so.
pub(super) fn is_one(text: &str) -> bool {
    instructions(text).first().is_some_and(|first| matches!(first.keyword.as_str(), "FROM" | "ARG"))
}

/// What is found in it.
pub(super) fn find(text: &str) -> Vec<Found> {
    let all = instructions(text);
    let mut found = Vec::new();
    for stage in stages(&all) {
        let has_sexton = stage.iter().any(|each| each.keyword == "COPY" && each.slice().contains("/sexton"));
        let entry = last(stage, "ENTRYPOINT").or_else(|| last(stage, "CMD"));
        let entry_form = entry.and_then(|entry| line::form(&entry.content()).ok());
        let mut is_copied = has_sexton;
        for instruction in stage {
            let is_entry = entry.is_some_and(|entry| entry.place == instruction.place);
            let (content, role, runtime) = match instruction.keyword.as_str() {
                "HEALTHCHECK" => {
                    let Some(command) = instruction.command() else { continue };
                    (command, Role::Check, Runtime { limit: Some(instruction.timeout()), is_default: false })
                }
                "ENTRYPOINT" | "CMD" if is_entry => {
                    (instruction.arguments.clone(), Role::Entry, Runtime::default())
                }
                _ => continue,
            };
            let original = joined(text.get(content.clone()).unwrap_or_default());
            let each = Found {
                line: instruction.line,
                form: line::form(&original),
                original: format!("{} {original}", instruction.keyword),
                role,
                runtime,
                layout: Layout::Exec(content),
                entry: entry_form.clone(),
                has_init: None,
                is_started_alone: true,
                copy_before: (!is_copied).then_some(instruction.place.start),
            };
            is_copied |= each.changes();
            found.push(each);
        }
    }
    found
}

/// The last instruction of a kind.
fn last<'a, 'b>(stage: &'b [Instruction<'a>], keyword: &str) -> Option<&'b Instruction<'a>> {
    stage.iter().rev().find(|instruction| instruction.keyword == keyword)
}

/// Instructions from one FROM to the next.
fn stages<'a, 'b>(all: &'b [Instruction<'a>]) -> Vec<&'b [Instruction<'a>]> {
    let mut stages = Vec::new();
    let mut rest = all;
    while !rest.is_empty() {
        let next = rest.iter().skip(1).position(|each| each.keyword == "FROM").map(|at| at + 1);
        let (stage, after) = rest.split_at(next.unwrap_or(rest.len()));
        stages.push(stage);
        rest = after;
    }
    stages
}

impl Instruction<'_> {
    /// Its text.
    fn slice(&self) -> &str {
        self.text.get(self.place.clone()).unwrap_or_default()
    }

    /// What follows the keyword, on one line.
    fn content(&self) -> String {
        joined(self.text.get(self.arguments.clone()).unwrap_or_default())
    }

    /// Where the command of a HEALTHCHECK stands.
    fn command(&self) -> Option<Range<usize>> {
        let arguments = self.text.get(self.arguments.clone())?;
        let mut at = 0;
        for word in arguments.split_inclusive(char::is_whitespace) {
            if word.trim() == "CMD" {
                let rest = arguments.get(at + word.len()..)?;
                let start = self.arguments.start + at + word.len() + (rest.len() - rest.trim_start().len());
                return Some(start..self.place.end);
            }
            at += word.len();
        }
        None
    }

    /// Its own `--timeout`, or Docker's.
    fn timeout(&self) -> Duration {
        let option = self.content();
        let value = option.split_whitespace().find_map(|word| word.strip_prefix("--timeout="));
        value.and_then(|value| humantime::parse_duration(value).ok()).unwrap_or(TIMEOUT)
    }
}

/// `text` without its line ends, and without comments between them.
fn joined(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        match line.trim_end().strip_suffix('\\') {
            Some(before) => out.push_str(before),
            None => out.push_str(line),
        }
    }
    out.trim().to_owned()
}

/// The instructions of `text`.
fn instructions(text: &str) -> Vec<Instruction<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut number = 0;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        number += 1;
        let (start, first) = (at, number);
        at += line.len();
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let mut continues = trimmed.ends_with('\\');
        while continues {
            let Some(next) = lines.next() else { break };
            number += 1;
            at += next.len();
            let next = next.trim();
            continues = next.ends_with('\\') || next.is_empty() || next.starts_with('#');
        }
        let start = start + (line.len() - line.trim_start().len());
        let place = start..start + text.get(start..at).unwrap_or_default().trim_end().len();
        let slice = text.get(place.clone()).unwrap_or_default();
        let keyword = slice.split_whitespace().next().unwrap_or_default();
        let rest = slice.get(keyword.len()..).unwrap_or_default();
        let arguments = place.start + keyword.len() + (rest.len() - rest.trim_start().len());
        let ends: Vec<String> = here_documents(rest);
        found.push(Instruction {
            keyword: keyword.to_ascii_uppercase(),
            arguments: arguments.min(place.end)..place.end,
            place,
            line: first,
            text,
        });
        for end in ends {
            for line in lines.by_ref() {
                number += 1;
                at += line.len();
                if line.trim() == end {
                    break;
                }
            }
        }
    }
    found
}

/// The words that end the here-documents of an instruction.
fn here_documents(arguments: &str) -> Vec<String> {
    let mut ends = Vec::new();
    for piece in arguments.split("<<").skip(1) {
        let word: String = piece
            .trim_start_matches('-')
            .trim_start_matches(['"', '\''])
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if !word.is_empty() && !piece.starts_with('<') {
            ends.push(word);
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_continue_and_hold_documents() {
        let text = "# x\nFROM a\nRUN <<EOF\nHEALTHCHECK CMD no\nEOF\nhealthcheck --timeout=3s \\\n  # why\n  CMD curl -f \\\n  http://x || exit 1\nCMD [\"app\"]\n";
        let found = find(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].line, 6);
        assert_eq!(found[0].original, "HEALTHCHECK curl -f   http://x || exit 1");
        assert_eq!(found[0].runtime.limit, Some(Duration::from_secs(3)));
        let Layout::Exec(place) = &found[0].layout else { panic!() };
        assert!(text[place.clone()].starts_with("curl -f"));
    }
}
