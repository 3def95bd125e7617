//! `dir:/path`: the directory exists.

use std::fs;
use std::path::PathBuf;

use crate::deadline::Deadline;
use crate::outcome::{Failure, Outcome, Phase, Trace};

use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::system::file;
use crate::target::Target;

/// Looks at a directory.
#[derive(Debug)]
pub(super) struct Dir {
    path: PathBuf,
}

/// Reads `/path` or `///path`.
pub(super) fn parse(target: &Target<'_>, _: &Options) -> Result<Box<dyn Kind>, String> {
    Ok(Box::new(Dir { path: target.absolute_path()? }))
}

impl Kind for Dir {
    fn touches_files(&self) -> bool {
        true
    }

    /// Looks once. A link is followed.
    fn run(&self, _: Deadline, _: &mut Trace) -> Outcome {
        let metadata = fs::metadata(&self.path).map_err(|error| file::unseen(&self.path, &error))?;
        if metadata.is_dir() {
            return Ok("the directory exists".into());
        }
        let kind = file::kind_name(metadata.file_type());
        Err(Failure::answer(Phase::Local, format!("{kind}, not a directory")))
    }
}
