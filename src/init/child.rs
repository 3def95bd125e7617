//! The main child: laid out before the fork, so that nothing is allocated and no lock is taken between fork and exec.

use std::ffi::{OsString, c_int};
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use nix::errno::Errno;

use crate::exec::Program;
use crate::sys::fds;
use crate::sys::process::{self, ForkResult, Pid};
use crate::sys::shared_page::{Cells, SharedCell, SharedPage};
use crate::sys::signal::{self, Disposition, SigSet};

use super::plan::{Init, ParentDeath, Placement};
use super::signals::Signal;
use super::terminal::{self, Handover, Terminal};

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
    /// How the terminal went from our session to its own, if it leads one.
    pub(super) handover: Option<Handover>,
    /// Where it reports a failed exec.
    page: SharedPage,
}

/// Why there is no main child.
#[derive(Debug)]
pub(super) enum SpawnError {
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

/// What a child reports on its way to exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpawnReport {
    /// It leads its session, and can be signalled by its group; this errno is why it has no terminal, 0 that it has one.
    LeadsSession(c_int),
    /// exec failed, with this errno.
    ExecFailed(c_int),
}

/// Starts `command`. What `closing` says is the child's alone from here on.
pub(super) fn spawn(
    plan: &Init,
    command: &[OsString],
    inherited: &Inherited,
    terminal: &Terminal,
    closing: CloseFds<'_>,
) -> Result<Child, SpawnError> {
    let program = Program::new(command, plan.bare_script, |name| plan.keeps_variable(name));
    let program = program.map_err(|_| SpawnError::Nul)?;
    let mut setup = ChildSetup { plan, inherited, terminal, program, init_as_parent: process::own_pid() };
    let page = SharedPage::new().map_err(SpawnError::Start)?;
    let detached = (plan.placement == Placement::Session).then(terminal::detach);
    let pid = match process::fork().map_err(SpawnError::Start)? {
        ForkResult::Child => setup.exec(page.cells()),
        ForkResult::Parent(pid) => pid,
    };
    prepare_parent(plan.placement, pid, page.cells(), closing);
    let handover = detached.map(|detached| Handover {
        detached,
        attach_error: match SpawnReport::read(&page.cells().to_parent) {
            Some(SpawnReport::LeadsSession(errno)) if errno > 0 => Some(Errno::from_raw(errno)),
            _ => None,
        },
    });
    page.cells().to_child.set(GO);
    Ok(Child { pid, handover, page })
}

/// What the child waits for before it execs.
const GO: u32 = 1;

/// How long either side waits before it looks whether the other one still lives.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What the child must not outrun: its group stands before anything is sent to it, and we hold nothing of what it may want to
/// unmount or close.
fn prepare_parent(placement: Placement, pid: Pid, page: &Cells, closing: CloseFds<'_>) {
    match placement {
        Placement::Group => {
            let _ = process::lead_group(pid);
        }
        // Only the child can make its session; until it says so nothing could be sent to its group.
        Placement::Session => {
            while SpawnReport::read(&page.to_parent).is_none() && !process::is_dead(pid) {
                page.to_parent.wait(LOOK_AGAIN);
            }
        }
        Placement::Inherited => {}
    }
    let _ = process::change_directory(c"/");
    match closing {
        CloseFds::AllBut(ours) => fds::close_all_but(&mut ours.to_vec()),
        CloseFds::Only(given) => fds::close_each(given),
    }
}

/// All that becoming the main child takes.
struct ChildSetup<'a> {
    plan: &'a Init,
    inherited: &'a Inherited,
    terminal: &'a Terminal,
    program: Program<'a>,
    /// What getppid(2) tells the child while we live.
    init_as_parent: Pid,
}

impl ChildSetup<'_> {
    /// The child's side of the fork, to its end: only async-signal-safe work.
    fn exec(&mut self, page: &Cells) -> ! {
        self.join_group(page);
        // The parent is ready, or gone.
        while page.to_child.get() != GO && process::parent_pid() == self.init_as_parent {
            page.to_child.wait(LOOK_AGAIN);
        }
        self.follow_parent();
        if let Some(chld) = &self.inherited.chld {
            let _ = signal::set_disposition(Signal::CHLD.number(), chld);
        }
        // From here on what waits behind the mask, and comes, is the child's.
        let _ = signal::set_mask(self.inherited.mask);
        let errno = self.program.exec();
        SpawnReport::ExecFailed(errno).write(&page.to_parent);
        process::exit_now(self.plan.failures.of_exec(Errno::from_raw(errno)).code());
    }

    /// Takes its place among groups, sessions and terminals.
    fn join_group(&mut self, page: &Cells) {
        let own = process::own_pid();
        self.program.name_listener(own);
        match self.plan.placement {
            Placement::Group => {
                let _ = process::lead_group(0);
                self.terminal.take(own);
            }
            Placement::Session => {
                let _ = process::lead_session();
                SpawnReport::LeadsSession(terminal::attach()).write(&page.to_parent);
            }
            Placement::Inherited => {}
        }
    }

    /// Asks for a signal at our end, if the plan says so; and sends it now, if we have ended.
    fn follow_parent(&self) {
        if let ParentDeath::Chain(signal) = self.plan.parent_death {
            let _ = process::signal_at_parents_death(signal.number());
            if process::parent_pid() != self.init_as_parent {
                let _ = signal::kill(process::own_pid(), signal.number());
            }
        }
    }
}

impl SpawnReport {
    /// What errno is added to: neither looks like the other, nor like none.
    const LEADS_SESSION: u32 = 1 << 15;
    const EXEC_FAILED: u32 = 1 << 16;

    /// Reports to the parent. Async-signal-safe.
    fn write(self, to: &SharedCell) {
        let (report, errno) = match self {
            Self::LeadsSession(errno) => (Self::LEADS_SESSION, errno),
            Self::ExecFailed(errno) => (Self::EXEC_FAILED, errno),
        };
        to.set(report + u32::try_from(errno).unwrap_or(0));
    }

    /// Reads what the child has reported last, if anything.
    fn read(from: &SharedCell) -> Option<Self> {
        let errno = |number: u32| c_int::try_from(number).unwrap_or(0);
        match from.get() {
            report if report >= Self::EXEC_FAILED => {
                Some(Self::ExecFailed(errno(report - Self::EXEC_FAILED)))
            }
            report if report >= Self::LEADS_SESSION => {
                Some(Self::LeadsSession(errno(report - Self::LEADS_SESSION)))
            }
            _ => None,
        }
    }
}

impl Child {
    /// After it was reaped: why exec failed, if it did.
    pub(super) fn exec_error(&self) -> Option<Errno> {
        match SpawnReport::read(&self.page.cells().to_parent) {
            Some(SpawnReport::ExecFailed(errno)) => Some(Errno::from_raw(errno)),
            _ => None,
        }
    }
}
