//! The only writer to stdout and stderr: bounded, sanitised, never blocks past a deadline, never panics.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::shown::shown;
use crate::sys::{fds, stdio};

/// The most bytes of a line: Podman keeps 500 characters of a check's output, Docker 4096 bytes.
const LINE_MAX: usize = 480;

/// How long a usage error or a help text may wait for its reader.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many bytes went to stdout and to stderr so far.
static WRITTEN: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Where a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// What was asked for.
    Stdout,
    /// What went wrong with the asking.
    Stderr,
}

/// How much a check or a wait prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Nothing; the exit code is the answer.
    Quiet,
    /// One line per target.
    Lines,
    /// One line per step as well.
    Steps,
    /// JSON objects.
    Json,
}

/// Writes one line, cut and cleaned; gives up silently at `deadline` or when the reader is gone.
pub(crate) fn line(stream: Stream, text: &str, deadline: Deadline) {
    let _ = write(stream, format!("{}\n", tidy(text)).as_bytes(), deadline);
}

/// Writes one line for a machine to read, whole: JSON has its control characters escaped already, and is useless cut.
pub(crate) fn record(stream: Stream, text: &str, deadline: Deadline) {
    let _ = write(stream, format!("{text}\n").as_bytes(), deadline);
}

/// Writes to the terminal at stderr as it is, control sequences included: the caller has cleaned what is not ours.
pub(crate) fn screen(text: &str, deadline: Deadline) {
    let _ = write(Stream::Stderr, text.as_bytes(), deadline);
}

/// Writes as much of a line as can be written now, and says how much that was. The init's log must not wait: PID 1 would
/// stop to forward and reap.
pub(crate) fn log_bytes(stream: Stream, bytes: &[u8]) -> usize {
    let fd = match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    };
    fds::write_now(fd, bytes).unwrap_or(0)
}

/// Writes what somebody asked for, byte for byte, and says why not all of it was taken: `ETIMEDOUT` at `deadline`.
pub(crate) fn content(bytes: &[u8], deadline: Deadline) -> Result<(), Errno> {
    write(Stream::Stdout, bytes, deadline)
}

/// Prints a text of ours, `--help` for one, as it is.
pub(crate) fn document(stream: Stream, text: &str) {
    let _ = write(stream, text.as_bytes(), Deadline::after(PATIENCE));
}

/// Says what is wrong with the command line, and ends with `exit`, which its command has for that.
pub(crate) fn refusal(message: &str, exit: ExitStatus) -> ExitStatus {
    line(Stream::Stderr, message, Deadline::after(PATIENCE));
    exit
}

/// How many bytes went to stdout and to stderr so far.
pub(crate) fn written() -> [u64; 2] {
    WRITTEN.each_ref().map(|written| written.load(Ordering::Relaxed))
}

/// `text` on one line, without control characters, of at most [`LINE_MAX`] bytes.
pub(crate) fn tidy(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(LINE_MAX));
    for c in text.chars() {
        if clean.len() + c.len_utf8() > LINE_MAX - 3 {
            clean.push_str("...");
            break;
        }
        clean.push(shown(c));
    }
    clean
}

/// Writes as much as the reader takes until `deadline`. A reader that is gone raises no SIGPIPE.
fn write(stream: Stream, mut bytes: &[u8], deadline: Deadline) -> Result<(), Errno> {
    let (stdout, stderr);
    let fd: BorrowedFd<'_> = match stream {
        Stream::Stdout => {
            stdout = std::io::stdout();
            stdout.as_fd()
        }
        Stream::Stderr => {
            stderr = std::io::stderr();
            stderr.as_fd()
        }
    };
    while !bytes.is_empty() {
        let mut fds = [PollFd::new(fd, PollFlags::POLLOUT)];
        match poll(&mut fds, PollTimeout::from(deadline.poll_timeout())) {
            Ok(0) if deadline.has_passed() => return Err(Errno::ETIMEDOUT),
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) if fds.iter().any(|fd| fd.revents().is_some_and(|is| is.contains(PollFlags::POLLOUT))) => {}
            Ok(_) => return Err(Errno::EPIPE),
            Err(errno) => return Err(errno),
        }
        // A pipe that polls as writable takes this much without blocking (pipe(7), PIPE_BUF).
        let piece = bytes.get(..4096).unwrap_or(bytes);
        match stdio::write(fd, piece) {
            Ok(amount) => {
                bytes = bytes.get(amount..).unwrap_or_default();
                let counted = u64::try_from(amount).unwrap_or(0);
                let [stdout, stderr] = &WRITTEN;
                let written = if stream == Stream::Stdout { stdout } else { stderr };
                written.fetch_add(counted, Ordering::Relaxed);
            }
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_control_characters_and_a_bound() {
        assert_eq!(tidy("a\r\nb\x1b[31m\u{202e}"), "a??b?[31m?");
        let long = tidy(&"ä".repeat(1000));
        assert!(long.len() <= LINE_MAX && long.ends_with("..."), "{}", long.len());
    }
}
