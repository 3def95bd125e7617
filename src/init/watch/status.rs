//! The verdict in a file: whole at any moment, since it is replaced and never written to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{self, Path, PathBuf};

use crate::init::log::Log;
use crate::init::log_event::LogEvent;

/// Where the verdict is kept.
pub(super) struct StatusFile {
    path: PathBuf,
    /// Beside it, where a new one grows.
    fresh: PathBuf,
    /// What is in it.
    kept: Option<String>,
    /// Whether it was told that it cannot be written; once is enough.
    trouble: Trouble,
}

/// What writing came to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// None.
    None,
    /// It failed, and that was told.
    Told,
}

impl StatusFile {
    /// At `path`, as it is understood now: an init goes to / later.
    pub(super) fn new(path: &Path) -> Self {
        let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".new");
        let fresh = path.with_file_name(name);
        Self { path, fresh, kept: None, trouble: Trouble::None }
    }

    /// Replaces what is in it by `line`. A disk that is full keeps the old verdict away, too: none is better than a wrong
    /// one.
    pub(super) fn write(&mut self, line: &str, log: &mut Log) {
        if self.kept.as_deref() == Some(line) {
            return;
        }
        match self.replace(line) {
            Ok(()) => {
                self.kept = Some(line.to_owned());
                self.trouble = Trouble::None;
            }
            Err(why) => {
                self.kept = None;
                let _ = fs::remove_file(&self.fresh);
                self.remove();
                if self.trouble == Trouble::None {
                    self.trouble = Trouble::Told;
                    let text = format!("cannot write the status file {}: {why}", self.path.display());
                    log.record(LogEvent::Warning { text: &text });
                }
            }
        }
    }

    /// Writes the new one and puts it in the old one's place.
    fn replace(&self, line: &str) -> io::Result<()> {
        // Never through a link that somebody has put there.
        let _ = fs::remove_file(&self.fresh);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&self.fresh)?;
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
        fs::rename(&self.fresh, &self.path)
    }

    /// Takes it away.
    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}
