//! A real terminal: the test holds the master (pty(7)).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::unistd::{read, tcgetpgrp};

/// A terminal that nobody sits at but the test.
#[derive(Debug)]
pub(crate) struct Pty {
    master: PtyMaster,
    slave: File,
}

impl Pty {
    /// Opens one. Both ends are close-on-exec: a stranger that inherited the master would keep the terminal alive.
    pub(crate) fn open() -> Self {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).expect("a terminal");
        grantpt(&master).expect("ours");
        unlockpt(&master).expect("ours");
        let path = ptsname_r(&master).expect("it has a name");
        let slave = OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(path);
        Self { master, slave: slave.expect("it opens") }
    }

    /// The end for the program under test.
    pub(crate) fn slave(&self) -> File {
        self.slave.try_clone().expect("a descriptor")
    }

    /// Gives it a size.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        #[expect(unsafe_code, reason = "nix has no call for it without a macro")]
        // SAFETY: the size is live, and the request only reads it.
        let result =
            unsafe { libc::ioctl(self.master.as_fd().as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(result, 0);
    }

    /// Types.
    pub(crate) fn types(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// The group that has the foreground.
    pub(crate) fn foreground(&self) -> i32 {
        tcgetpgrp(self.master.as_fd()).map_or(-1, nix::unistd::Pid::as_raw)
    }

    /// What the screen shows until it shows `text`, for at most `limit`, or until the terminal is let go of.
    pub(crate) fn shows(&self, text: &str, limit: Duration) -> String {
        let end = Instant::now() + limit;
        let mut screen = String::new();
        while !screen.contains(text) && Instant::now() < end {
            let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::from(50u8)).expect("poll") == 0 {
                continue;
            }
            let mut bytes = [0; 1024];
            match read(self.master.as_fd(), &mut bytes) {
                Ok(length) => screen.push_str(&String::from_utf8_lossy(&bytes[..length])),
                Err(_) => break,
            }
        }
        screen
    }
}
