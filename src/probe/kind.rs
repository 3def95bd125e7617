//! What every kind of check can do.

use std::fmt::Debug;

use crate::deadline::Deadline;
use crate::outcome::{Outcome, Trace};

/// One kind of check, made from one target.
pub(crate) trait Kind: Debug + Send + Sync {
    /// Tries once. Over by `deadline`; what was met on the way is in `trace`, whatever comes of it.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome;

    /// Whether it touches files that the target names, or what else may keep a system call from ever returning.
    fn touches_files(&self) -> bool {
        false
    }
}
