//! What a service manager is told over `NOTIFY_SOCKET`: that CMD is ready, that it is still healthy, that it stops.
//! See [sd_notify(3)](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html).

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sendto, socket};

use crate::deadline::Deadline;

use super::plan;

/// When a socket that takes nothing now is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// The socket, and how far we are.
#[derive(Debug)]
pub(super) struct Notifier {
    fd: OwnedFd,
    to: UnixAddr,
    /// How often to say that CMD is healthy.
    period: Option<Duration>,
    stage: Stage,
    /// When there is something to say though nothing happens.
    due: Option<Deadline>,
}

/// How far the service manager knows of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for us to be ready.
    Starting,
    /// It has heard that we are.
    Ready,
    /// It has heard that we stop.
    Stopping,
}

/// What there is to know of CMD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It has not been started, or is not healthy yet or any more.
    NotReady,
    /// It runs, and all that is watched is healthy.
    Ready,
    /// It has been asked to end, or has.
    Stopping,
}

impl Notifier {
    /// Opens the socket.
    ///
    /// # Errors
    ///
    /// Why nobody can be told, in one line.
    pub(super) fn open(plan: &plan::Notify) -> Result<Self, String> {
        let path = plan.socket.as_os_str().as_bytes();
        let refuse = |errno: Errno| format!("cannot use NOTIFY_SOCKET: {}", errno.desc().to_lowercase());
        let to = match path.strip_prefix(b"@") {
            Some(name) => UnixAddr::new_abstract(name),
            None => UnixAddr::new(plan.socket.as_os_str()),
        };
        let fd =
            socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).map_err(refuse)?;
        // Twice as often as it is wanted, as sd_watchdog_enabled(3) says.
        let period = plan.watchdog.map(|limit| limit / 2);
        Ok(Self { fd, to: to.map_err(refuse)?, period, stage: Stage::Starting, due: None })
    }

    /// Says what is new.
    pub(super) fn step(&mut self, condition: Condition) {
        let is_due = self.due.is_none_or(Deadline::has_passed);
        match (condition, self.stage) {
            (Condition::Ready, Stage::Starting) if is_due => self.tell(b"READY=1", Stage::Ready),
            (Condition::Ready, Stage::Ready) if is_due && self.period.is_some() => {
                self.tell(b"WATCHDOG=1", Stage::Ready);
            }
            (Condition::Stopping, Stage::Starting | Stage::Ready) => {
                self.tell(b"STOPPING=1", Stage::Stopping);
            }
            // Who is not healthy is not vouched for; the next news is.
            (Condition::NotReady, Stage::Ready) if is_due => self.due = None,
            _ => {}
        }
    }

    /// Sends `message` without waiting. Where nobody takes it now it is sent again; where nobody is there it is not.
    fn tell(&mut self, message: &[u8], then: Stage) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match sendto(self.fd.as_raw_fd(), message, &self.to, flags) {
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) if then != Stage::Stopping => {
                self.due = Some(Deadline::after(AGAIN));
            }
            _ => {
                self.stage = then;
                self.due = self.period.filter(|_| then == Stage::Ready).map(Deadline::after);
            }
        }
    }

    /// When `step` has something to do though nothing has happened.
    pub(super) fn due(&self) -> Option<Deadline> {
        self.due
    }
}
