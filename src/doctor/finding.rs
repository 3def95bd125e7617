//! What was found, and how it is printed.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::report;
use crate::system::clock;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What was looked at: a word to search for.
    pub(super) check: &'static str,
    /// How bad it is.
    pub(super) level: Level,
    /// What was seen.
    pub(super) message: String,
    /// How it comes, where that can be told.
    pub(super) cause: Option<String>,
    /// The line that fixes it; none where nothing needs fixing.
    pub(super) fix: Option<String>,
}

/// How bad a finding is; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// It is wrong now.
    Problem,
    /// It may go wrong, or could not be seen.
    Note,
    /// Nothing is wrong.
    Ok,
}

/// The first process and its container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// The name of PID 1; empty where it cannot be seen.
    pub(super) name: String,
    /// Its command line without secrets.
    pub(super) command: String,
    /// How long it has been running.
    pub(super) uptime: Duration,
    /// Whether it is known to be an init.
    pub(super) is_init: bool,
    /// How many processes there are, zombies included.
    pub(super) processes: usize,
}

/// All that was found.
#[derive(Debug)]
pub(super) struct Diagnosis {
    /// Whom it is about.
    pub(super) subject: Subject,
    /// The worst first.
    pub(super) findings: Vec<Finding>,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For a person.
    Text,
    /// One JSON object on one line.
    Json,
}

impl Level {
    /// As it is printed.
    fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Note => "note",
            Self::Ok => "ok",
        }
    }
}

impl Finding {
    /// Nothing is wrong.
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), cause: None, fix: None }
    }

    /// It may go wrong.
    pub(super) fn note(check: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Note, ..Self::ok(check, message) }
    }

    /// It is wrong, and this fixes it.
    pub(super) fn problem(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Problem, fix: Some(fix.into()), ..Self::ok(check, message) }
    }

    /// With how it comes.
    pub(super) fn caused_by(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// With what to do about it.
    pub(super) fn fixed_by(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}

impl Diagnosis {
    /// How many things are wrong.
    pub(super) fn problems(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Problem).count()
    }

    /// As text, with the end of the last line.
    pub(super) fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Json => format!("{}\n", self.json()),
        }
    }

    /// The verdict first, then PID 1, then one paragraph for each finding.
    fn text(&self) -> String {
        let verdict = match self.problems() {
            0 => "nothing is wrong in this container".to_owned(),
            1 => "1 problem in this container".to_owned(),
            many => format!("{many} problems in this container"),
        };
        let Subject { name, command, uptime, is_init, processes } = &self.subject;
        let first = match name.as_str() {
            "" => "PID 1 cannot be seen".to_owned(),
            name => {
                let kind = if *is_init { ", an init" } else { "" };
                format!("PID 1 is {name}{kind}, up {}: {command}", clock::spoken(*uptime))
            }
        };
        let mut text = String::new();
        for line in [verdict, format!("{first} ({processes} processes)")] {
            push(&mut text, &line);
        }
        let mut last_fix = None;
        for Finding { check, level, message, cause, fix } in &self.findings {
            let fix = match fix.as_deref() {
                // One line for all of them.
                Some(line) if last_fix == Some(line) => Some("the same"),
                other => other,
            };
            if fix != Some("the same") {
                last_fix = fix.or(last_fix);
            }
            // An empty line before what needs to be read.
            if *level == Level::Problem {
                text.push('\n');
            }
            push(&mut text, &format!("{:8} {check}: {message}", level.name()));
            for (word, told) in [("cause", cause.as_deref()), ("fix", fix)] {
                if let Some(told) = told {
                    push(&mut text, &format!("{:8} {word}: {told}", ""));
                }
            }
            if *level == Level::Problem {
                text.push('\n');
            }
        }
        // One empty line between two problems, none at the end.
        format!("{}\n", text.replace("\n\n\n", "\n\n").trim_end())
    }

    /// The same as an object.
    fn json(&self) -> Value {
        let Subject { name, command, uptime, is_init, processes } = &self.subject;
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|Finding { check, level, message, cause, fix }| {
                json!({"check": check, "level": level.name(), "message": message, "cause": cause, "fix": fix})
            })
            .collect();
        json!({
            "healthy": self.problems() == 0,
            "problems": self.problems(),
            "processes": processes,
            "pid1": {"name": name, "command": command, "uptime_seconds": uptime.as_secs(), "init": is_init},
            "findings": findings,
        })
    }
}

/// Adds one line. Names and command lines are other people's text.
fn push(text: &mut String, line: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{}", report::tidy(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_read_first_and_other_peoples_text_cannot_draw() {
        let subject = Subject {
            name: "app\x1b[31m".into(),
            command: "/app".into(),
            uptime: Duration::from_secs(90),
            is_init: false,
            processes: 3,
        };
        let wrong = Finding::problem("zombies", "2 zombies", "an init").caused_by("no init");
        let findings = vec![wrong.clone(), wrong, Finding::ok("sigterm", "handled")];
        let diagnosis = Diagnosis { subject, findings };
        assert_eq!(
            diagnosis.render(Format::Text),
            "2 problems in this container\n\
             PID 1 is app?[31m, up 1m 30s: /app (3 processes)\n\n\
             problem  zombies: 2 zombies\n         cause: no init\n         fix: an init\n\n\
             problem  zombies: 2 zombies\n         cause: no init\n         fix: the same\n\n\
             ok       sigterm: handled\n"
        );
        let json = diagnosis.json();
        assert_eq!((&json["healthy"], &json["problems"]), (&json!(false), &json!(2)));
        assert_eq!(
            json["findings"][2],
            json!({"check": "sigterm", "level": "ok", "message": "handled", "cause": null, "fix": null})
        );
    }
}
