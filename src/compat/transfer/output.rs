//! Where a body goes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::deadline::Deadline;
use crate::report;

/// Where to write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Our stdout.
    Stdout,
    /// `/dev/null`, also where there is none.
    Discard,
    /// A file, made when there is something to write.
    File(PathBuf),
}

/// Why something could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// The reader did not take it in time.
    TimedOut,
    /// It was refused, for this reason.
    Refused(String),
}

/// What writes to a place.
#[derive(Debug)]
pub(crate) struct Output {
    place: Destination,
    file: Option<File>,
    /// How much was written.
    pub(crate) bytes: u64,
}

impl Output {
    /// Writes to `place`, whose file is not opened yet.
    pub(crate) fn new(place: &Destination) -> Self {
        Self { place: place.clone(), file: None, bytes: 0 }
    }

    /// Makes the file, empty, unless it was done already.
    pub(crate) fn open(&mut self) -> Result<(), WriteError> {
        if let (Destination::File(path), None) = (&self.place, &self.file) {
            let opened = OpenOptions::new().write(true).create(true).truncate(true).open(path);
            self.file = Some(opened.map_err(|error| refused(&error, &path.display().to_string()))?);
        }
        Ok(())
    }

    /// Writes all of `bytes`, by `deadline`.
    pub(crate) fn write(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), WriteError> {
        self.open()?;
        match &mut self.file {
            Some(file) => file.write_all(bytes).map_err(|error| refused(&error, "the file"))?,
            None if self.place == Destination::Stdout => {
                report::content(bytes, deadline).map_err(|errno| match errno {
                    Errno::ETIMEDOUT => WriteError::TimedOut,
                    errno => refused(&errno.into(), "stdout"),
                })?;
            }
            None => {}
        }
        self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }
}

/// The refusal that `error` is, of `what`.
fn refused(error: &std::io::Error, what: &str) -> WriteError {
    let text = error.to_string().to_lowercase();
    WriteError::Refused(format!("{what}: {}", text.split(" (os error").next().unwrap_or_default()))
}
