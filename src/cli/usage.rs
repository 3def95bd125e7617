//! What is wrong with a command line, in one line.

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
}
