//! `file:/path`: it exists, and is as young, as full and of such content as asked for. Existence and age need no open.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trail};

use super::clock::{self, Age};
use super::condition::{self, Condition, Content, Extent, SIZE_MAX};
use super::target::Target;
use super::{Kind, Options as ProbeOptions, procfs, regular};

/// What a file must be like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// How long ago it may have been modified.
    pub(crate) max_age: Option<Duration>,
    /// Whether an empty one will do.
    pub(crate) size: Size,
}

/// Which size is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Size {
    /// Any.
    #[default]
    Any,
    /// At least one byte.
    NonEmpty,
}

/// Looks at a file.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    options: Options,
    conditions: Vec<Condition>,
}

/// Reads `/path` or `///path`.
pub(super) fn parse(target: &Target<'_>, options: &ProbeOptions) -> Result<Kind, String> {
    let path = absolute(target)?;
    Ok(Kind::File(File { path, options: options.file.clone(), conditions: options.conditions.clone() }))
}

/// The absolute path that `target` is about.
pub(super) fn absolute(target: &Target<'_>) -> Result<PathBuf, String> {
    let path = target.rest.strip_prefix("//").unwrap_or(target.rest);
    if path.starts_with('/') {
        Ok(path.into())
    } else {
        Err(format!("no absolute path, as {0}:/run/app has one,", target.scheme))
    }
}

impl File {
    /// Looks once. A link is followed: the heartbeat may be one.
    pub(super) fn run(&self, deadline: Deadline, _: &mut Trail) -> Outcome {
        let metadata = fs::metadata(&self.path).map_err(|error| unseen(&self.path, &error))?;
        let kind = name(metadata.file_type());
        if metadata.is_dir() {
            // `docker run -v` makes one where a file to mount is missing.
            return Err(Failure::answer(Phase::Local, "a directory, not a file"));
        }
        let age = self.age(&metadata)?;
        if self.options.size == Size::NonEmpty {
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

    /// How long ago it was modified, if that is recent enough.
    fn age(&self, metadata: &Metadata) -> Result<Duration, Failure> {
        let refuse = |reason: String| Err(Failure::answer(Phase::Local, reason));
        let modified = metadata.modified().map_err(|error| unseen(&self.path, &error))?;
        let limit = self.options.max_age.unwrap_or(Duration::MAX);
        match clock::age(modified, SystemTime::now()) {
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
        let mut bytes =
            regular::read(&self.path, SIZE_MAX + 1, deadline).map_err(|error| unread(&self.path, &error))?;
        let extent = if bytes.len() > SIZE_MAX { Extent::Limit } else { Extent::Whole };
        bytes.truncate(SIZE_MAX);
        let content = Content { what: "file", bytes, extent };
        condition::check(&content, &self.conditions).map_err(|why| Failure::answer(Phase::Local, why))
    }

    /// Passes when there is a byte in it.
    fn fill(&self, metadata: &Metadata, deadline: Deadline) -> Result<(), Failure> {
        if !metadata.is_file() {
            let kind = name(metadata.file_type());
            return Err(Failure::answer(Phase::Local, format!("{kind}, which has no size, not a file")));
        }
        // The files of /proc say 0 and have content.
        if metadata.len() > 0
            || !regular::read(&self.path, 1, deadline).is_ok_and(|content| content.is_empty())
        {
            return Ok(());
        }
        Err(Failure::answer(Phase::Local, "the file is empty"))
    }
}

/// The kind of file that is not a regular one, as a person says it.
fn name(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_fifo() => "a fifo",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_dir() => "a directory",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "a file",
    }
}

/// Why a file cannot be looked at.
pub(super) fn unseen(path: &Path, error: &io::Error) -> Failure {
    let (cause, reason) = match error.kind() {
        io::ErrorKind::NotFound => (Cause::NotFound, missing(path)),
        io::ErrorKind::PermissionDenied => {
            (Cause::Answer, format!("permission denied for uid {}", nix::unistd::geteuid()))
        }
        _ => (Cause::Answer, procfs::sentence(error)),
    };
    Failure::new(Phase::Local, cause, reason)
}

/// Why a file cannot be read by [`regular::read`].
pub(super) fn unread(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut => Failure::timed_out(Phase::Local),
        io::ErrorKind::InvalidInput => {
            let kind = fs::metadata(path).map_or("something else", |metadata| name(metadata.file_type()));
            Failure::answer(Phase::Local, format!("{kind}, not a file that can be read"))
        }
        _ => unseen(path, error),
    }
}

/// What is missing: the file, the directory that it should be in, or where its link points to.
fn missing(path: &Path) -> String {
    if let Ok(target) = fs::read_link(path) {
        return format!("no such file: a link to {}, which does not exist", target.display());
    }
    match path.parent() {
        Some(parent) if fs::symlink_metadata(parent).is_err() => {
            format!("no such file, nor the directory {}", parent.display())
        }
        _ => "no such file".into(),
    }
}
