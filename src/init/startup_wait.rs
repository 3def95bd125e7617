//! What the start waits for. Zombies are reaped and signals obeyed meanwhile, as at any other time.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::sys::process;
use crate::sys::process::Reaped;
use crate::sys::signal::{ExtraFd, Interest, Source};
use crate::wait::{OnTimeout, WaitEnd, Waiting};

use crate::init::event_loop;
use crate::init::log::{Log, LogEvent};
use crate::init::machine;
use crate::init::name;
use crate::init::plan::{Init, ParentDeath};
use crate::init::reaper;
use crate::init::signals::Signal;
use crate::init::watch::Watch;

/// Waits for the targets of `plan`, if it has some; who asks for `watch`'s verdict hears meanwhile that it is starting.
/// `orphaned` is the signal of a parent that is gone already. Gives back how many have been reaped.
///
/// # Errors
///
/// What to exit with when the main child is not to be started.
pub(crate) fn wait(
    plan: &Init,
    source: &mut Source,
    mut watch: Option<&mut Watch<'_>>,
    orphaned: Option<Signal>,
    log: &mut Log,
) -> Result<u64, ExitStatus> {
    let Some(before) = &plan.wait else { return Ok(0) };
    let (mut end, mut reaped) = (orphaned, 0);
    let mut waiting = Waiting::start(&before.plan);
    loop {
        reaped += reap(log);
        if let Some(signal) = end {
            return Err(ExitStatus::Code(signal.exit_code()));
        }
        match waiting.step(&before.plan) {
            Some(WaitEnd::TimedOut) if before.on_timeout == OnTimeout::Exit => {
                return Err(ExitStatus::GaveUp);
            }
            Some(_) => return Ok(reaped),
            None => {}
        }
        if let Some(watch) = &mut watch {
            watch.step(reaped, log);
        }
        let mut extra_fds: Vec<_> = waiting.fds().map(readable).collect();
        extra_fds.extend(watch.as_ref().map(|watch| watch.extra_fds()).unwrap_or_default());
        let asked = watch.as_ref().and_then(|watch| watch.due());
        let limit =
            waiting.due().into_iter().chain(asked).min().map(Deadline::remaining).map(at_least_a_little);
        source.wait(limit, &extra_fds, |info| {
            let Some(signal) = Signal::new(info.number).filter(|_| !event_loop::is_own(info)) else {
                return;
            };
            if ends(plan, signal) {
                end.get_or_insert(signal);
            } else if signal != Signal::CHLD {
                log.record(LogEvent::Ignored { signal });
            }
        });
    }
}

/// As the source takes it.
fn readable(fd: BorrowedFd<'_>) -> ExtraFd {
    ExtraFd { fd: fd.as_raw_fd(), interest: Interest::Readable }
}

/// A deadline counts as passed from its own nanosecond on, which a timer may just miss.
fn at_least_a_little(limit: Duration) -> Duration {
    limit.max(Duration::from_micros(10))
}

/// Whether `signal` ends a wait. There is nobody yet to whom a request to end could be sent on, and a parent that is gone
/// wants nothing started.
fn ends(plan: &Init, signal: Signal) -> bool {
    let (ParentDeath::Signal(death) | ParentDeath::Chain(death)) = plan.parent_death else {
        return machine::is_stop_request(signal);
    };
    machine::is_stop_request(signal) || signal == death
}

/// Reaps all who are dead, and counts them; none of them is the main child.
fn reap(log: &mut Log) -> u64 {
    let mut count = 0;
    loop {
        let name = if log.tells_events() { process::peek_dead().map(name::of) } else { None };
        let Reaped::Child(pid, status) = process::reap(-1) else { return count };
        let Some(end) = reaper::End::decode(status) else { continue };
        let name = name.as_ref().map(name::Name::bytes).unwrap_or_default();
        log.record(LogEvent::Reaped { pid, name, end, main: false });
        count += 1;
    }
}
