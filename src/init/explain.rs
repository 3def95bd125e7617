//! `--explain`: what would be done, in the order in which it would be.

use std::fmt::Write;

use humantime::format_duration;

use crate::sys::process;

use super::plan::{
    DrainPolicy, Init, JobControl, MainChild, OnUnhealthy, ParentDeath, Placement, SignalScope, Subreaper,
};
use super::stop_budget::{DRAIN, DRAIN_AFTER_STOP};

/// What `plan` does, a line for each thing.
pub(crate) fn explain(plan: &Init) -> String {
    let is_first = process::own_pid() == 1;
    let mut lines = Columns(String::new());
    lines.add(
        "role",
        match (is_first, plan.subreaper) {
            (true, _) => "PID 1: reaps every orphan of this PID namespace",
            (false, Subreaper::Never) => "not PID 1, no subreaper: orphans go elsewhere",
            (false, _) => "not PID 1: becomes a subreaper and reaps the orphans below it",
        },
    );
    targets(plan, &mut lines);
    match &plan.main {
        MainChild::None => pause(plan, is_first, &mut lines),
        MainChild::Command(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("'{}'", word.display())).collect();
            lines.add("command", &words.join(" "));
            main_child(plan, is_first, &mut lines);
        }
    }
    lines.0
}

/// What is asked before the start and after it.
fn targets(plan: &Init, lines: &mut Columns) {
    if let Some(wait) = &plan.wait {
        let targets: Vec<_> = wait.plan.probes.iter().map(|probe| probe.label()).collect();
        let limit = wait.plan.timeout.map(|limit| format!("at most {}", format_duration(limit)));
        let limit = limit.unwrap_or_else(|| "without a limit".to_owned());
        lines.add("wait", &format!("for {}, {limit}, before the start", targets.join(", ")));
    }
    if let Some(watch) = &plan.watch {
        let targets: Vec<_> = watch.probes.iter().map(|probe| probe.label()).collect();
        let (interval, retries) = (format_duration(watch.interval), watch.retries);
        let then = match watch.on_unhealthy {
            OnUnhealthy::Stop { exit } => format!("SIGTERM and exit {exit}"),
            OnUnhealthy::Signal(signal) => format!("SIG{signal}"),
            OnUnhealthy::SignalThenStop { signal, times, exit } => {
                format!("SIG{signal}, {times} times at most, then SIGTERM and exit {exit}")
            }
            OnUnhealthy::Report => "a line in the log".to_owned(),
        };
        let targets = targets.join(", ");
        lines.add("watch", &format!("{targets} every {interval}; after {retries} failures in a row: {then}"));
    }
}

/// What is done without a main child.
fn pause(plan: &Init, is_first: bool, lines: &mut Columns) {
    lines.add("command", "none: reaps until SIGTERM or SIGINT, and ignores all other signals");
    let limit = match plan.drain_policy {
        DrainPolicy::Default => Some(DRAIN),
        DrainPolicy::Limit(limit) => Some(limit).filter(|limit| !limit.is_zero()),
        DrainPolicy::SignalGroup(_) | DrainPolicy::Leave => None,
    };
    let who = if is_first { "every other process of this PID namespace" } else { "every process below it" };
    let stop = limit.map_or_else(
        || leave(is_first).to_owned(),
        |limit| {
            format!("SIGTERM and SIGCONT to {who}, SIGKILL to what is left after {}", format_duration(limit))
        },
    );
    lines.add("stop", &stop);
    lines.add("exit", "0");
}

/// What is done with the main child, and after it.
fn main_child(plan: &Init, is_first: bool, lines: &mut Columns) {
    lines.add(
        "placement",
        match plan.placement {
            Placement::Group => "a process group of its own, in the foreground of the terminal if we have it",
            Placement::Session => "a session of its own",
            Placement::Inherited => "our process group",
        },
    );
    lines.add(
        "signals",
        match plan.signal_scope {
            SignalScope::MainChild => "forwarded to the main child",
            SignalScope::ProcessGroup => "forwarded to the main child's process group",
        },
    );
    for (from, to) in plan.rewrites.changed() {
        let what = to.map_or_else(|| "dropped".to_owned(), |to| format!("forwarded as SIG{to}"));
        lines.add("rewrite", &format!("SIG{from} is {what}"));
    }
    if plan.job_control == JobControl::StopSelf {
        lines.add("stop", "SIGTSTP, SIGTTIN and SIGTTOU stop us too");
    }
    match plan.parent_death {
        ParentDeath::Ignored => {}
        ParentDeath::Signal(signal) => lines.add("parent", &format!("SIG{signal} when our parent ends")),
        ParentDeath::Chain(signal) => {
            let text = format!("SIG{signal} when our parent ends, and to the main child when we do");
            lines.add("parent", &text);
        }
    }
    if !plan.stop_delay.is_zero() {
        let delay = format_duration(plan.stop_delay);
        lines.add("delay", &format!("SIGTERM and SIGINT are held back for {delay}"));
    }
    if let Some(after) = plan.kill_after {
        let after = format_duration(after);
        lines.add(
            "kill",
            &format!("SIGKILL to everything {after} after the first SIGTERM or SIGINT was sent"),
        );
    }
    if let Some(limit) = plan.stop_timeout {
        let limit = format_duration(limit);
        lines.add(
            "budget",
            &format!("our exit comes before {limit} after the first SIGTERM or SIGINT, if CMD's does"),
        );
    }
    lines.add("leftovers", &leftovers(plan, is_first));
    let zero: Vec<String> =
        (0..=255_u8).filter(|&code| plan.exit_zero.contains(code)).map(|code| code.to_string()).collect();
    let zero = if zero.is_empty() { String::new() } else { format!("; {} becomes 0", zero.join(", ")) };
    lines.add("exit", &format!("the main child's code, 128+n when signal n ended it{zero}"));
}

/// What happens to the processes that the main child leaves behind.
fn leftovers(plan: &Init, is_first: bool) -> String {
    match plan.drain_policy {
        DrainPolicy::Limit(limit) if limit.is_zero() => leave(is_first).to_owned(),
        DrainPolicy::Limit(limit) => {
            format!("SIGTERM and SIGCONT, then SIGKILL after {}", format_duration(limit))
        }
        DrainPolicy::Default => {
            let known = plan.kill_after.is_some() || plan.stop_timeout.is_some();
            let after_stop = if known { DRAIN } else { DRAIN_AFTER_STOP };
            format!(
                "SIGTERM and SIGCONT, then SIGKILL after {}; after a stop from outside, {} at most",
                format_duration(DRAIN),
                format_duration(after_stop)
            )
        }
        DrainPolicy::SignalGroup(signal) => format!("SIG{signal} to the main child's process group"),
        DrainPolicy::Leave => leave(is_first).to_owned(),
    }
}

/// What becomes of processes that nobody drains.
fn leave(is_first: bool) -> &'static str {
    if is_first { "killed by the kernel when we exit" } else { "left alone" }
}

/// Columns of a name and a text, in two columns.
struct Columns(String);

impl Columns {
    /// Adds one.
    fn add(&mut self, name: &str, text: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "{name:<10} {text}");
    }
}
