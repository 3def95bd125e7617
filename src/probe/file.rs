//! `file:/path`: it exists, and is as young, as full and of such content as asked for. Existence and age need no open.

use std::fs::{self, Metadata};
use std::path::PathBuf;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::outcome::{Failure, Outcome, Phase, Trace};

use crate::expect::{self, Condition, Content, Extent, SIZE_MAX};
use crate::probe::kind::Kind;
use crate::probe::options::{FileOptions, FileSize, Options};
use crate::system::clock;
use crate::system::clock::Age;
use crate::system::file::{self, ReadMode};
use crate::target::Target;

/// Looks at a file.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    options: FileOptions,
    conditions: Vec<Condition>,
}

/// Reads `/path` or `///path`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let path = target.absolute_path()?;
    Ok(Box::new(File { path, options: options.file.clone(), conditions: options.conditions.clone() }))
}

impl Kind for File {
    fn touches_files(&self) -> bool {
        true
    }

    /// Looks once. A link is followed: the heartbeat may be one.
    fn run(&self, deadline: Deadline, _: &mut Trace) -> Outcome {
        let metadata = fs::metadata(&self.path).map_err(|error| file::unseen(&self.path, &error))?;
        let kind = file::kind_name(metadata.file_type());
        if metadata.is_dir() {
            // `docker run -v` makes one where a file to mount is missing.
            return Err(Failure::answer(
                Phase::Local,
                "a directory, not a file; dir: checks for directories",
            ));
        }
        let age = self.age()?;
        if self.options.size == FileSize::NonEmpty {
            self.fill(&metadata, deadline)?;
        }
        if !self.conditions.is_empty() {
            self.judge(deadline)?;
        }
        let exists = if metadata.is_file() { "exists".to_owned() } else { format!("exists, {kind}") };
        Ok(match self.options.max_age {
            Some(_) => format!("{exists}, modified {} ago", clock::spoken(age)),
            None => exists,
        })
    }
}

impl File {
    /// How long ago it was modified, if that is recent enough.
    fn age(&self) -> Result<Duration, Failure> {
        let refuse = |reason: String| Err(Failure::answer(Phase::Local, reason));
        let modified = clock::modified(&self.path).map_err(|error| file::unseen(&self.path, &error))?;
        let limit = self.options.max_age.unwrap_or(Duration::MAX);
        match clock::age(modified, clock::now()) {
            Age::Past(age) if age <= limit => Ok(age),
            Age::Past(age) => {
                let (age, limit) = (clock::spoken(age), humantime::format_duration(limit));
                refuse(format!("too old: modified {age} ago, at most {limit} is allowed"))
            }
            Age::Future(_) if self.options.max_age.is_none() => Ok(Duration::ZERO),
            Age::Future(ahead) => {
                let ahead = clock::spoken(ahead);
                refuse(format!("modified {ahead} in the future: its time or this machine's clock is wrong"))
            }
        }
    }

    /// Reads it, and looks whether all conditions hold.
    fn judge(&self, deadline: Deadline) -> Result<(), Failure> {
        let mut bytes = file::read(&self.path, SIZE_MAX + 1, ReadMode::RegularUntil(deadline))
            .map_err(|error| file::unread(&self.path, &error))?;
        let extent = if bytes.len() > SIZE_MAX { Extent::Limit } else { Extent::Whole };
        bytes.truncate(SIZE_MAX);
        let content = Content { what: "file", bytes, extent };
        expect::check(&content, &self.conditions).map_err(|why| Failure::answer(Phase::Local, why))
    }

    /// Passes when there is a byte in it.
    fn fill(&self, metadata: &Metadata, deadline: Deadline) -> Result<(), Failure> {
        if !metadata.is_file() {
            let kind = file::kind_name(metadata.file_type());
            return Err(Failure::answer(Phase::Local, format!("{kind}, which has no size, not a file")));
        }
        // The files of /proc say 0 and have content; one that we may not read proves nothing.
        let content = file::read(&self.path, 1, ReadMode::RegularUntil(deadline))
            .map_err(|error| file::unread(&self.path, &error))?;
        if content.is_empty() { Err(Failure::answer(Phase::Local, "the file is empty")) } else { Ok(()) }
    }
}
