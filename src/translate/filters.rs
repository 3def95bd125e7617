//! What stands behind a `|`: which of the answers it lets through.

use crate::compat::grep::GrepOutput;

use super::notation::base;
use super::patterns::{self, Grep};
use super::semantics::{Check, Exit, HeadLines, Output, Refusal, Semantics, Statuses};
use super::{jq, notation, sockets};

/// What comes of `from` when `words` read it.
pub(super) fn apply(from: Semantics, words: Vec<String>) -> Result<Semantics, Refusal> {
    let mut words = words.into_iter();
    let name = words.next().unwrap_or_default();
    let args: Vec<String> = words.collect();
    match base(&name) {
        "grep" | "egrep" | "fgrep" => {
            let grep = Grep::parse(base(&name), &args)?;
            if !grep.files().is_empty() {
                return Err(Refusal::new("a grep that reads files behind a pipe"));
            }
            search(from, &grep)
        }
        "jq" => jq::apply(from, &args),
        "cat" | "tee" | "sort" | "uniq" => Ok(passed_on(from)),
        "head" => {
            let first = args.iter().any(|arg| matches!(arg.as_str(), "-1" | "-n1" | "1"));
            Ok(match from.output {
                Output::Head(HeadLines::All, statuses) if first => {
                    passed_on(Semantics { output: Output::Head(HeadLines::First, statuses), ..from })
                }
                Output::Body(_) | Output::Content | Output::Reply => {
                    return Err(Refusal::new("only the beginning of what comes is looked at"));
                }
                _ => passed_on(from),
            })
        }
        "tail" => match from.output {
            Output::Code | Output::Lines(_) | Output::Json(..) => Ok(passed_on(from)),
            _ => Err(Refusal::new("only the end of what comes is looked at")),
        },
        "tr" | "xargs" | "sed" if keeps_text(base(&name), &args) => Ok(passed_on(from)),
        "cut" | "awk" if takes_status(base(&name), &args) => match from.output {
            Output::Head(HeadLines::First, _) => Ok(passed_on(Semantics { output: Output::Code, ..from })),
            _ => Err(Refusal::new(format!("{name} takes apart what is not a status line"))),
        },
        "wc" if args.iter().any(|arg| matches!(arg.as_str(), "-l" | "--lines")) => match from.output {
            Output::Lines(means) => {
                Ok(Semantics { check: from.check, exit: Exit::Known(true), output: Output::Count(means) })
            }
            _ => Err(Refusal::new("a count of lines that no check of ours makes")),
        },
        "true" => Ok(Semantics { exit: Exit::Known(true), ..from }),
        "exit" | "false" => Err(Refusal::new(format!("a pipe into {name}"))),
        other => Err(Refusal::new(format!("{other} behind a pipe is not known here"))),
    }
}

/// The same text, from a program that always succeeds.
fn passed_on(from: Semantics) -> Semantics {
    Semantics { exit: Exit::Known(true), ..from }
}

/// Whether a program only takes away what changes no comparison: line ends, blanks, quotes.
fn keeps_text(name: &str, args: &[String]) -> bool {
    match (name, args) {
        ("tr", [flag, set]) => flag == "-d" && set.chars().all(|c| "\\\"'rn \r\n[:space]".contains(c)),
        ("xargs", []) => true,
        _ => false,
    }
}

/// Whether a program takes the second field.
fn takes_status(name: &str, args: &[String]) -> bool {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match name {
        "cut" => matches!(
            args.as_slice(),
            ["-d", " ", "-f", "2"] | ["-d ", "-f2"] | ["-d", " ", "-f2"] | ["-d ", "-f", "2"]
        ),
        _ => args.iter().any(|arg| arg.replace(' ', "").contains("{print$$2}")),
    }
}

/// What is left once grep has looked.
fn search(from: Semantics, grep: &Grep) -> Result<Semantics, Refusal> {
    let Semantics { check, output, .. } = from;
    if let Output::Processes(pattern, alone) = output {
        return processes(check, pattern, alone, grep);
    }
    let found = found(check, output, grep)?;
    let (check, means) = match found {
        Found::Check(check, means) => (check, means),
        Found::Known(answer) => (Check::default(), Exit::Known(answer)),
    };
    let output = match grep.output() {
        GrepOutput::Nothing => Output::Nothing,
        GrepOutput::Count => Output::Count(means.clone()),
        GrepOutput::Lines | GrepOutput::Matches => Output::Lines(means.clone()),
    };
    Ok(Semantics { check, exit: means, output })
}

/// What a search comes to.
enum Found {
    Check(Check, Exit),
    Known(bool),
}

/// Whether something is found in what was written.
fn found(check: Check, output: Output, grep: &Grep) -> Result<Found, Refusal> {
    let literal = || grep.literal().filter(|_| !grep.is_inverted()).map(|text| notation::escaped(&text));
    let contains = |check: &Check| {
        let text = grep.literal_text().unwrap_or_else(|| "TEXT".into());
        let flag = if grep.is_inverted() { "--not-contains" } else { "--contains" };
        Refusal::with(
            format!("grep looks for what is more than a text: `{}`", grep.pattern),
            nearest(check, flag, &text, grep),
        )
    };
    match output {
        Output::Body(statuses) => {
            let text = literal().ok_or_else(|| contains(&check))?;
            Ok(Found::Check(check.flag("--contains", text), Exit::Http(statuses)))
        }
        Output::Content => {
            let text = literal().ok_or_else(|| contains(&check))?;
            Ok(Found::Check(check.flag("--contains", text), Exit::Check))
        }
        Output::Reply => {
            let text = literal().ok_or_else(|| contains(&check))?;
            Ok(Found::Check(check.flag("--expect", sockets::payload(&text)), Exit::Check))
        }
        Output::Code => {
            let holds = |code: &str| grep.is_match(code) != grep.is_inverted();
            if holds("000") {
                return Err(Refusal::with(
                    "curl writes 000 where nothing answers, and that is found: it is healthy without an app",
                    "sexton check --status LIST URL",
                ));
            }
            let statuses = Statuses::any().filter(|status| holds(&status.to_string()));
            Ok(Found::Check(check, Exit::Http(statuses)))
        }
        Output::Head(lines, of) => {
            if grep.is_inverted() {
                return Err(Refusal::new("what a head of a response has not"));
            }
            let statuses = of.filter(|status| grep.is_match(&patterns::status_line(status)));
            if statuses.is_empty() {
                return Err(Refusal::with(
                    format!("`{}` is looked for in the response's headers", grep.pattern),
                    "sexton check URL, which asks for the status",
                ));
            }
            if statuses.reaches(300..=399) && check.flags.iter().any(|flag| flag.0 == "--follow") {
                return Err(Refusal::new("the heads of redirects are looked at, too"));
            }
            let check = match lines {
                HeadLines::All => {
                    check.note("verdict gets stricter: the status alone counts, not a header with that text")
                }
                HeadLines::First => check,
            };
            Ok(Found::Check(check, Exit::Http(statuses)))
        }
        Output::Json(statuses, pointer) => {
            let text = grep.literal_text().or_else(|| {
                let inner = grep.pattern.strip_prefix('^')?.strip_suffix('$')?;
                Some(inner.to_owned())
            });
            let text = text
                .filter(|text| !grep.is_inverted() && !text.is_empty())
                .ok_or_else(|| contains(&check))?;
            let value = notation::escaped(text.trim_matches('"'));
            let check = check
                .flag("--json-path", format!("{pointer}={value}"))
                .note("verdict gets stricter: the value must be that text, not only have it");
            Ok(Found::Check(check, Exit::Http(statuses)))
        }
        Output::Says(text, means) => {
            if text.lines().any(|line| grep.is_match(line)) && !grep.is_inverted() {
                Ok(Found::Check(check, means))
            } else {
                Err(Refusal::with(
                    format!("`{}` is not what says that it works", grep.pattern),
                    format!("sexton check {}", check.target),
                ))
            }
        }
        Output::Lines(means) if grep.matches_all() => Ok(Found::Check(check, means)),
        // A second text on the line that has the first.
        Output::Lines(means) if check.flags.last().is_some_and(|flag| flag.0 == "--contains") => {
            let text = literal().ok_or_else(|| contains(&check))?;
            let note = "verdict gets looser: the texts may stand on different lines";
            Ok(Found::Check(check.flag("--contains", text).note(note), means))
        }
        Output::Text(text) => {
            Ok(Found::Known(text.lines().any(|line| grep.is_match(line) != grep.is_inverted())))
        }
        Output::Nothing => Ok(Found::Known(false)),
        _ => Err(Refusal::with(
            format!("`{}` is looked for in what no check of ours reads", grep.pattern),
            if check.target.is_empty() { String::new() } else { format!("sexton check {}", check.target) },
        )),
    }
}

/// What comes nearest to a search that is none of ours.
fn nearest(check: &Check, flag: &str, text: &str, grep: &Grep) -> String {
    // `"status": *"UP"` and its like are about a member of an object.
    let member = grep.pattern.split_once(':').and_then(|(name, value)| {
        let name = name.trim_end_matches("\\s*").trim_end_matches(" *").trim().trim_matches('"');
        let value = value.trim_start_matches("\\s*").trim_start_matches(" *").trim().trim_matches('"');
        let is_word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        (is_word(name) && is_word(value) && !grep.is_inverted()).then(|| format!("/{name}={value}"))
    });
    if let (Some(texts), "--contains") = (patterns::alternatives(&grep.pattern), flag) {
        let targets: Vec<_> =
            texts.iter().map(|text| format!("'{}#contains={text}'", check.target)).collect();
        return format!("sexton check --any {}", targets.join(" "));
    }
    match member {
        Some(member) => format!("sexton check --json-path {member} {}", check.target),
        None => format!("sexton check {flag} '{text}' {}", check.target),
    }
}

/// A search among processes.
fn processes(check: Check, pattern: Option<String>, alone: bool, grep: &Grep) -> Result<Semantics, Refusal> {
    if grep.is_inverted() && grep.literal_text().as_deref() == Some("grep") {
        let means = means_of(pattern.as_ref(), true);
        let check = pattern.as_ref().map_or(check, |pattern| of_pattern(pattern));
        return Ok(Semantics { check, exit: means, output: Output::Processes(pattern, true) });
    }
    if grep.is_inverted() || pattern.is_some() {
        return Err(Refusal::with("several searches among processes", "sexton check process:NAME"));
    }
    let hides_itself = grep.pattern.contains('[');
    let name = patterns::bracketed(&grep.pattern)
        .ok_or_else(|| Refusal::with("a pattern among the lines of ps", "sexton check process:/PATTERN/"))?;
    let alone = alone || hides_itself;
    let exit = means_of(Some(&name), alone);
    let check = of_pattern(&name);
    Ok(match grep.output() {
        GrepOutput::Count => Semantics { check, exit: exit.clone(), output: Output::Count(exit) },
        GrepOutput::Nothing => Semantics { check, exit, output: Output::Nothing },
        GrepOutput::Lines | GrepOutput::Matches => {
            Semantics { check, exit, output: Output::Processes(Some(name), alone) }
        }
    })
}

/// What the exit code of such a search says.
fn means_of(pattern: Option<&String>, alone: bool) -> Exit {
    match (pattern, alone) {
        (Some(_), true) => Exit::Check,
        (Some(name), false) => Exit::Other(Refusal::with(
            "grep finds itself in the list of processes, so it says healthy for ever",
            format!("sexton check process:{name}"),
        )),
        (None, _) => Exit::Known(true),
    }
}

/// The check for a text in a command line.
fn of_pattern(name: &str) -> Check {
    let escaped: String = name
        .chars()
        .flat_map(|c| {
            let special = "\\.[]{}()*+?^$|".contains(c);
            special.then_some('\\').into_iter().chain([c])
        })
        .collect();
    Check::of(format!("process:/{}/", notation::escaped(&escaped)))
        .note("verdict gets stricter: a zombie is dead, and only command lines are looked at")
}
