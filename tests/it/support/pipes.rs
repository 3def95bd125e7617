//! Pipes that do not take a line.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{pipe2, write};

/// A pipe that is full, as a blocking writer meets it: (reader, writer).
pub(crate) fn full() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("O_NONBLOCK is set");
    for size in [4096, 1] {
        while write(&writer, &vec![b'x'; size]) != Err(Errno::EAGAIN) {}
    }
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).expect("O_NONBLOCK is cleared");
    (reader, writer)
}

/// A pipe whose reader is gone: a write to it raises SIGPIPE.
pub(crate) fn without_reader() -> OwnedFd {
    let (_, writer) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    writer
}
