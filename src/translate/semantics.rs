//! What a command asks, and what its exit code and its output say of the answer.

use std::collections::BTreeSet;
use std::time::Duration;

use super::notation;

/// Why something has no translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// In one line.
    pub(super) why: String,
    /// What comes nearest, if something does.
    pub(super) nearest: Option<String>,
}

impl Refusal {
    /// Nothing comes near.
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), nearest: None }
    }

    /// `nearest` does.
    pub(super) fn with(why: impl Into<String>, nearest: impl Into<String>) -> Self {
        Self { why: why.into(), nearest: Some(nearest.into()) }
    }
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self::new(why)
    }
}

/// The limit that a line sets itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    /// None: the runtime's kill is its only end.
    #[default]
    None,
    /// This long.
    Length(Duration),
    /// What a variable says, with its unit.
    Variable(String),
}

impl Limit {
    /// Seconds as C programs take them; 0 and nothing are no limit.
    pub(super) fn seconds(text: &str) -> Result<Self, Refusal> {
        if notation::plain(text).is_none() {
            return Ok(Self::Variable(format!("{text}s")));
        }
        let (number, scale) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
            Some(number) if text.ends_with('m') => (number, 60.0),
            Some(number) if text.ends_with('h') => (number, 3600.0),
            Some(number) if text.ends_with('d') => (number, 86400.0),
            Some(number) => (number, 1.0),
            None => (text, 1.0),
        };
        let seconds: f64 = number.parse().map_err(|_| Refusal::new(format!("`{text}` is not a time")))?;
        match Duration::try_from_secs_f64(seconds * scale) {
            Ok(Duration::ZERO) => Ok(Self::None),
            Ok(length) => Ok(Self::Length(length)),
            Err(_) => Err(Refusal::new(format!("`{text}` is not a time"))),
        }
    }

    /// The shorter one of both.
    pub(super) fn min(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, other) => other,
            (Self::Length(one), Self::Length(other)) => Self::Length(one.min(other)),
            // Which one is shorter is known when it runs; the outer one, given first, ends it in any case.
            (this, _) => this,
        }
    }
}

/// An option of `sexton check`, with its value if it takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flag(pub(super) &'static str, pub(super) Option<String>);

/// A check of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Check {
    /// As `sexton check` takes it.
    pub(super) target: String,
    /// Its options, `--timeout` and `--status` aside.
    pub(super) flags: Vec<Flag>,
    /// The statuses that pass, of HTTP.
    pub(super) statuses: Option<Statuses>,
    /// The limit that the original has.
    pub(super) limit: Limit,
    /// The differences that matter.
    pub(super) notes: Vec<String>,
}

impl Check {
    /// Of `target`, without options.
    pub(super) fn of(target: impl Into<String>) -> Self {
        Self { target: target.into(), ..Self::default() }
    }

    /// With an option.
    pub(super) fn flag(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.flags.push(Flag(name, Some(value.into())));
        self
    }

    /// With a difference to tell.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        self
    }

    /// With a limit.
    pub(super) fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }
}

/// HTTP statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statuses(BTreeSet<u16>);

impl Statuses {
    /// Those in `range`.
    pub(super) fn range(range: std::ops::RangeInclusive<u16>) -> Self {
        Self(range.collect())
    }

    /// Any that ends a request.
    pub(super) fn any() -> Self {
        Self::range(200..=599)
    }

    /// Those for which `holds`.
    pub(super) fn filter(&self, holds: impl Fn(u16) -> bool) -> Self {
        Self(self.0.iter().copied().filter(|status| holds(*status)).collect())
    }

    /// Those of both.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// Whether `status` is one of them.
    pub(super) fn contains(&self, status: u16) -> bool {
        self.0.contains(&status)
    }

    /// Whether one of them is in `range`.
    pub(super) fn reaches(&self, range: std::ops::RangeInclusive<u16>) -> bool {
        self.0.range(range).next().is_some()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As `--status` takes them; none where they are its default.
    pub(super) fn flag(&self) -> Option<Flag> {
        if *self == Self::range(200..=299) {
            return None;
        }
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for status in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *status => *last = *status,
                _ => ranges.push((*status, *status)),
            }
        }
        let ranges = ranges
            .into_iter()
            .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
        Some(Flag("--status", Some(ranges.collect::<Vec<_>>().join(","))))
    }
}

/// What an exit code of 0 means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// A whole response with one of these statuses came.
    Http(Statuses),
    /// The check passes.
    Check,
    /// Nothing at all: it is always 0, or always not 0.
    Known(bool),
    /// Something that no check of ours asks.
    Other(Refusal),
}

/// What a command writes to its stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Nothing.
    Nothing,
    /// The body of responses with these statuses, and nothing otherwise.
    Body(Statuses),
    /// The three digits of the status, 000 without a response.
    Code,
    /// The head of responses with these statuses, or so much of it.
    Head(HeadLines, Statuses),
    /// The value at this JSON pointer in the body of such a response.
    Json(Statuses, String),
    /// Something that has this text when what is named holds, and not otherwise.
    Says(String, Exit),
    /// At least one line when that holds, and none otherwise.
    Lines(Exit),
    /// The number of such lines.
    Count(Exit),
    /// The processes: those that match, and whether the search for them is left out.
    Processes(Option<String>, bool),
    /// What comes over a connection.
    Reply,
    /// The content of the file that the check is of.
    Content,
    /// This text.
    Text(String),
    /// Something about which nothing is known.
    Unknown,
}

/// How much of a response's head is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadLines {
    /// All of it.
    All,
    /// The status line.
    First,
}

/// A command that asks something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Semantics {
    /// What it asks.
    pub(super) check: Check,
    /// What its exit code says.
    pub(super) exit: Exit,
    /// What it writes.
    pub(super) output: Output,
}

impl Semantics {
    /// A check whose exit code says it all.
    pub(super) fn by_exit(check: Check) -> Self {
        Self { check, exit: Exit::Check, output: Output::Unknown }
    }

    /// A command that asks nothing and writes nothing.
    pub(super) fn nothing(succeeds: bool) -> Self {
        Self { check: Check::default(), exit: Exit::Known(succeeds), output: Output::Nothing }
    }
}

/// What a pipeline or a test comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Always the same.
    Known(bool),
    /// What the check says.
    Check(Check),
}

impl Semantics {
    /// What its exit code comes to.
    pub(super) fn verdict(self) -> Result<Verdict, Refusal> {
        Self::meaning(self.check, self.exit)
    }

    /// What `exit` comes to, for `check`.
    pub(super) fn meaning(check: Check, exit: Exit) -> Result<Verdict, Refusal> {
        match exit {
            Exit::Known(succeeds) => Ok(Verdict::Known(succeeds)),
            Exit::Check => Ok(Verdict::Check(check)),
            Exit::Http(statuses) => Ok(http(check, &statuses)),
            Exit::Other(refusal) => Err(refusal),
        }
    }
}

/// `check`, with `statuses` as the ones that pass.
pub(super) fn http(mut check: Check, statuses: &Statuses) -> Verdict {
    if statuses.is_empty() {
        return Verdict::Known(false);
    }
    check.statuses = Some(statuses.clone());
    Verdict::Check(check)
}
