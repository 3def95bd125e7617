//! What every kind of check can do.

use std::fmt;

use crate::deadline::Deadline;
use crate::outcome::{Outcome, Trace};

/// One kind of check, made from one target.
pub(crate) trait Kind: Send + Sync {
    /// Tries once. Over by `deadline`; what was met on the way is in `trace`, whatever comes of it.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome;

    /// Whether it touches files that the target names, or what else may keep a system call from ever returning.
    fn touches_files(&self) -> bool {
        false
    }
}

impl fmt::Debug for dyn Kind {
    /// No details: as a supertrait, `Debug` would keep that of each field of each kind in the binary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kind")
    }
}
