//! What is done when the machine says so. Nothing in here fails: what cannot be done is told, and the loop goes on.

use std::time::Instant;

use nix::errno::Errno;

use crate::sys::process::{self, Pid};
use crate::sys::signal;

use super::child::Child;
use super::drain::Remaining;
use super::log::Log;
use super::log_event::LogEvent;
use super::machine::Action;
use super::plan::{BeforeStopRequest, Init, Placement, SignalScope};
use super::signals::Signal;
use super::spawn_error::errno;
use super::terminal::Terminal;

/// Everything that actions are about.
#[derive(Debug)]
pub(super) struct Effects<'p> {
    pub(super) plan: &'p Init,
    pub(super) child: Option<Child>,
    pub(super) terminal: Terminal,
    pub(super) remaining: Remaining,
    pub(super) log: Log,
    /// When the main child was first asked to end.
    pub(super) asked_at: Option<Instant>,
    /// The watched target that the main child was stopped for.
    pub(super) culprit: Option<String>,
}

impl Effects<'_> {
    /// Does what the machine says.
    pub(super) fn apply(&mut self, action: Action) {
        match action {
            Action::Send { received, signal } => self.send(received, signal),
            Action::Drop(signal) => self.log.record(LogEvent::Dropped { signal }),
            Action::Ignore(signal) => self.log.record(LogEvent::Ignored { signal }),
            Action::Hold(signal) => {
                self.log.record(LogEvent::Held { signal, delay: self.plan.stop_delay });
            }
            Action::ContinueIfStopped => self.continue_if_stopped(),
            Action::KillMain => {
                self.log.record(LogEvent::Escalated {
                    who: "the main child is",
                    after: self.asked_at.map(|at| at.elapsed()),
                });
                self.send(Signal::KILL, Signal::KILL);
            }
            Action::FollowStop(stop) => {
                if let Some(child) = &self.child {
                    self.terminal.follow_stop(child.pid, stop);
                }
            }
            Action::FollowContinue => {
                if let Some(child) = &self.child {
                    self.terminal.follow_continue(child.pid);
                }
            }
            Action::StopSelf => {
                self.log.record(LogEvent::Suspending);
                let _ = signal::kill(process::own_pid(), Signal::STOP.number());
            }
            Action::SignalGroup(received) => self.signal_group(received),
            Action::SignalRemaining { limit } => {
                self.log.record(LogEvent::Draining { limit });
                // A ^C is for us now: whoever presses it does not want to wait.
                self.terminal.give_back();
                self.remaining.signal_all();
            }
            Action::SignalNewcomers => self.remaining.signal_newcomers(),
            Action::KillRemaining => {
                self.log.record(LogEvent::Escalated { who: "other processes are", after: None });
                self.remaining.kill();
            }
        }
    }

    /// Sends `signal` to the main child or its group. An app that has changed its uid answers EPERM, and that is its right.
    fn send(&mut self, received: Signal, signal: Signal) {
        let Some(child) = &self.child else { return };
        // As the machine has it, whose `--kill-after` counts from then on. A SIGHUP may only ask it to reload.
        if received.is_terminating() || signal.is_terminating() {
            self.asked_at.get_or_insert_with(Instant::now);
        }
        let sent = match signal::kill(self.pid_or_group(child.pid), signal.number()) {
            // It has left its group for another one; its pid is still its own.
            Err(why) if errno(&why) == Errno::ESRCH => signal::kill(child.pid, signal.number()),
            sent => sent,
        };
        match sent {
            Ok(()) => {
                let scope = self.plan.signal_scope;
                let is_rewritten = self.plan.rewrites.is_set(received);
                let pid = child.pid;
                self.log.record(LogEvent::Forwarded { received, signal, is_rewritten, pid, scope });
            }
            Err(why) => self.log.record(LogEvent::NotForwarded { signal, why: &why }),
        }
    }

    /// The last signal for the group of a main child that is gone.
    fn signal_group(&mut self, received: Signal) {
        let signal = self.plan.rewrites.get(received);
        // In our own group its number may be anybody's by now.
        if let (Some(signal), Placement::Group | Placement::Session) = (signal, self.plan.placement) {
            self.remaining.signal_group(signal);
        }
        let is_rewritten = self.plan.rewrites.is_set(received);
        self.log.record(LogEvent::LastSignal { received, signal, is_rewritten });
    }

    /// The stopped cannot act on a stop request. Those who are not stopped are not bothered, as far as we can know it.
    fn continue_if_stopped(&mut self) {
        let Some(child) = &self.child else { return };
        let is_for_all = self.plan.signal_scope == SignalScope::ProcessGroup
            && self.plan.before_stop_request == BeforeStopRequest::Continue;
        if is_for_all || process::peek_stopped(child.pid).is_some() {
            let _ = signal::kill(self.pid_or_group(child.pid), Signal::CONT.number());
        }
    }

    /// What kill(2) is told: the main child, or the group that it leads.
    fn pid_or_group(&self, pid: Pid) -> Pid {
        match (self.plan.signal_scope, self.plan.placement) {
            (SignalScope::ProcessGroup, Placement::Group | Placement::Session) => -pid,
            _ => pid,
        }
    }
}
