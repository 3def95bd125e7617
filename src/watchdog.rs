//! The timer that ends a check at its deadline, whatever a library is doing.

use std::ffi::c_int;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::sys::alarm::{self, LastWords};

/// How long after the deadline the process is ended. A probe that keeps the deadline itself has by then told its own,
/// better reason, on a busy machine too, or tells it just then, for which the alarm grants 10 ms more; and limit + 50 ms, which
/// is what we promise, leaves 5 ms for the kernel.
const GRACE: Duration = Duration::from_millis(35);

/// From now on the process ends soon after `deadline` with `code`, after writing `line` to `fd`.
///
/// # Errors
///
/// When the kernel gives no timer; the check then goes on by its own deadlines.
pub(crate) fn arm(deadline: Deadline, line: String, fd: c_int, code: c_int) -> std::io::Result<()> {
    // Leaked on purpose: the handler may read it at any time until the end.
    let line: &'static [u8] = line.leak().as_bytes();
    alarm::arm(deadline.plus(GRACE).remaining(), LastWords { line, fd, code, is_telling: false })
}

/// The verdict stands and is told now: should that take too long, the process ends with `code` and without another word.
pub(crate) fn settle(code: c_int) {
    alarm::say(LastWords { line: b"", fd: -1, code, is_telling: true });
}
