//! The main child: laid out before the fork, so that nothing is allocated and no lock is taken between fork and exec.

use std::ffi::{CString, OsStr, OsString, c_int};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

use crate::sys::exec::{self, Image};
use crate::sys::fds;
use crate::sys::process::{self, Pid, Side};
use crate::sys::signal::{self, Disposition, SigSet};

use super::plan::{Init, ParentDeath, Placement};
use super::search::Search;
use super::signals::Signal;
use super::terminal::{self, Terminal};

/// What we were given by our parent and owe to our child, as it was.
#[derive(Debug)]
pub(super) struct Inherited {
    /// The blocked signals.
    pub(super) mask: SigSet,
    /// What SIGCHLD did; the only disposition that we change.
    pub(super) chld: Option<Disposition>,
    /// Who our parent was at the start.
    pub(super) parent: Pid,
}

/// A main child that lives, or has not been reaped.
#[derive(Debug)]
pub(super) struct Child {
    /// Its id, which nobody else has until it is reaped.
    pub(super) pid: Pid,
    /// Where a failed exec is told; closed by a successful one.
    report: OwnedFd,
}

/// Why there is no main child.
#[derive(Debug)]
pub(super) enum Failure {
    /// A word of the command has a NUL in it.
    Nul,
    /// A pipe or the fork was refused.
    Start(io::Error),
}

/// What of this process is closed once the child has its copy.
#[derive(Clone, Copy, Debug)]
pub(super) enum CloseFds<'a> {
    /// All descriptors above 2 but these.
    AllBut(&'a [RawFd]),
    /// Only these, which we were given: a thread of a probe may be about, and what it opens is its own.
    Only(&'a [RawFd]),
}

/// The first word of what a child tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpawnReport {
    /// It leads its session, and can be signalled by its group.
    Ready = 1,
    /// exec failed; errno follows.
    Failed = 2,
}

/// Starts `command`. What `closing` says is the child's alone from here on.
pub(super) fn spawn(
    plan: &Init,
    command: &[OsString],
    inherited: &Inherited,
    terminal: &Terminal,
    closing: CloseFds<'_>,
) -> Result<Child, Failure> {
    let words: Vec<CString> = command
        .iter()
        .map(|word| CString::new(word.as_bytes()))
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::Nul)?;
    let name = command.first().map(OsString::as_os_str).unwrap_or_default();
    let search = Search::new(name, exec::variable(b"PATH").map(OsStr::from_bytes));
    let own_pid = process::own_pid();
    let mut setup =
        ChildSetup { plan, inherited, terminal, image: Image::new(words, own_pid), search, init: own_pid };
    let (report, told) = fds::pipe().map_err(Failure::Start)?;
    let (gate, opener) = fds::pipe().map_err(Failure::Start)?;
    if plan.placement == Placement::Session {
        terminal::detach();
    }
    let pid = match process::fork().map_err(Failure::Start)? {
        Side::Child => {
            drop(opener);
            setup.exec(&gate, &told);
        }
        Side::Parent(pid) => pid,
    };
    drop((told, gate));
    settle(plan.placement, pid, &report, closing, &opener);
    drop(opener);
    Ok(Child { pid, report })
}

/// What the child must not outrun: its group stands before anything is sent to it, and we hold nothing of what it may want to
/// unmount or close. It waits until the gate is opened by our closing `opener`.
fn settle(placement: Placement, pid: Pid, report: &OwnedFd, closing: CloseFds<'_>, opener: &OwnedFd) {
    match placement {
        Placement::Group => {
            let _ = process::lead_group(pid);
        }
        // Only the child can make its session; until it says so nothing could be sent to its group.
        Placement::Session => {
            let _ = read_report(report);
        }
        Placement::Inherited => {}
    }
    let _ = process::change_directory(c"/");
    match closing {
        CloseFds::AllBut(ours) => {
            let mut keep: Vec<RawFd> = ours.to_vec();
            keep.extend([report.as_raw_fd(), opener.as_raw_fd()]);
            fds::close_all_but(&mut keep);
        }
        CloseFds::Only(given) => fds::close_each(given),
    }
}

/// All that becoming the main child takes.
struct ChildSetup<'a> {
    plan: &'a Init,
    inherited: &'a Inherited,
    terminal: &'a Terminal,
    image: Image,
    search: Search<'a>,
    /// Our pid in the parent's life.
    init: Pid,
}

impl ChildSetup<'_> {
    /// The child's side of the fork, to its end: only async-signal-safe work.
    fn exec(&mut self, gate: &OwnedFd, told: &OwnedFd) -> ! {
        self.stand(told);
        // Nothing is ever written to it: this returns when the parent is ready, or gone.
        let _ = fds::read(gate, &mut [0]);
        self.follow_parent();
        if let Some(chld) = &self.inherited.chld {
            let _ = signal::set_disposition(Signal::CHLD.number(), chld);
        }
        // From here on what waits behind the mask, and comes, is the child's.
        let _ = signal::set_mask(self.inherited.mask);
        let errno = self.search.exec(&mut self.image);
        tell(told, SpawnReport::Failed, errno);
        process::exit_now(self.plan.failures.of_exec(Errno::from_raw(errno)).code());
    }

    /// Takes its place among groups, sessions and terminals.
    fn stand(&mut self, told: &OwnedFd) {
        let own = process::own_pid();
        self.image.name_listener(own);
        match self.plan.placement {
            Placement::Group => {
                let _ = process::lead_group(0);
                self.terminal.take(own);
            }
            Placement::Session => {
                let _ = process::lead_session();
                terminal::attach();
                tell(told, SpawnReport::Ready, 0);
            }
            Placement::Inherited => {}
        }
    }

    /// Has itself told when we end, if the plan says so; and is told now, if we have.
    fn follow_parent(&self) {
        if let ParentDeath::Chain(signal) = self.plan.parent_death {
            let _ = process::signal_at_parents_death(signal.number());
            if process::parent_pid() != self.init {
                let _ = signal::kill(process::own_pid(), signal.number());
            }
        }
    }
}

/// Tells the parent; eight bytes are written as one.
fn tell(to: &OwnedFd, tale: SpawnReport, errno: c_int) {
    let tale: c_int = match tale {
        SpawnReport::Ready => 1,
        SpawnReport::Failed => 2,
    };
    let mut bytes = [0; 8];
    let (first, second) = bytes.split_at_mut(4);
    first.copy_from_slice(&tale.to_ne_bytes());
    second.copy_from_slice(&errno.to_ne_bytes());
    fds::write(to, &bytes);
}

/// Reads what a child told; `None` when it told nothing more and is gone or exec'd.
fn read_report(from: &OwnedFd) -> Option<(c_int, c_int)> {
    let mut bytes = [0; 8];
    if fds::read(from, &mut bytes).ok()? < bytes.len() {
        return None;
    }
    let (first, second) = bytes.split_at(4);
    Some((c_int::from_ne_bytes(first.try_into().ok()?), c_int::from_ne_bytes(second.try_into().ok()?)))
}

impl Child {
    /// After it was reaped: why exec failed, if it did.
    pub(super) fn exec_error(&self) -> Option<io::Error> {
        match read_report(&self.report) {
            Some((2, errno)) => Some(io::Error::from_raw_os_error(errno)),
            _ => None,
        }
    }
}
