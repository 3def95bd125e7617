//! What is wrong with a command line, in one line.

use std::fmt::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::ExitStatus;

/// A refused command line.
#[derive(Debug)]
pub(crate) struct Usage {
    /// What is wrong and what would be right.
    pub(crate) message: String,
    /// What to end with.
    pub(crate) exit: ExitStatus,
}

impl Usage {
    /// Refused with `exit`, because of `why`.
    pub(crate) fn new(exit: ExitStatus, why: impl AsRef<str>) -> Self {
        Self { message: format!("sexton: {}", why.as_ref()), exit }
    }

    /// Refused with `exit`, in the words of a personality.
    pub(crate) fn bare(exit: ExitStatus, message: String) -> Self {
        Self { message, exit }
    }

    /// What clap found, of the command `name`.
    pub(crate) fn from_clap(name: &str, exit: ExitStatus, error: &clap::Error) -> Self {
        let argument = flag(&text(error, ContextKind::InvalidArg));
        let value = text(error, ContextKind::InvalidValue);
        let mut message = match error.kind() {
            ErrorKind::UnknownArgument => format!("unknown option {argument}"),
            ErrorKind::InvalidValue if value.is_empty() => format!("{argument} lacks its value"),
            ErrorKind::MissingRequiredArgument => format!("no {} given", argument.to_lowercase()),
            ErrorKind::ArgumentConflict => match flag(&text(error, ContextKind::PriorArg)) {
                same if same == argument => format!("{argument} is given twice"),
                other => format!("{argument} cannot be used with {other}"),
            },
            ErrorKind::TooManyValues => format!("{argument} takes no value"),
            ErrorKind::InvalidUtf8 => "an argument is not UTF-8".into(),
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
                let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                format!("{argument} {value}: {why}")
            }
            _ => {
                error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
        };
        if let Some(ContextValue::String(similar)) = error.get(ContextKind::SuggestedArg) {
            // Writing to a String does not fail.
            let _ = write!(message, "; did you mean {similar}?");
        }
        Self::new(exit, format!("{message} (see sexton {name} --help)"))
    }
}

/// An argument by the name that a user knows it by: `--timeout` of `--timeout <DURATION>`, `TARGET` of `<TARGET>...`.
fn flag(argument: &str) -> String {
    let name = argument.split([' ', '=']).next().unwrap_or_default();
    name.trim_end_matches("...").trim_matches(['<', '>']).to_owned()
}

/// A piece of context as text, empty when clap has none.
fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}
