//! `--explain`: what would be done, in the order in which it would be.

use std::fmt::Write;

use humantime::format_duration;

use crate::sys::process;

use super::plan::{
    DrainPolicy, Init, JobControl, MainChild, OnUnhealthy, ParentDeath, Placement, SignalScope, Subreaper,
};

/// What `plan` does, a line for each thing.
pub(crate) fn explain(plan: &Init) -> String {
    let mut lines = Lines(String::new());
    let is_first = process::own_pid() == 1;
    lines.add(
        "role",
        match (is_first, plan.subreaper) {
            (true, _) => "PID 1: every orphan of this namespace is reaped",
            (false, Subreaper::Never) => "not PID 1, no subreaper: orphans go elsewhere",
            (false, _) => "not PID 1: becomes a subreaper, orphans below it are reaped",
        },
    );
    match &plan.main {
        MainChild::None => lines.add("command", "none: reaps until SIGTERM or SIGINT, then exits with 0"),
        MainChild::Command(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("'{}'", word.display())).collect();
            lines.add("command", &words.join(" "));
        }
    }
    if let Some(before) = &plan.wait {
        let targets: Vec<_> = before.plan.probes.iter().map(|probe| probe.label()).collect();
        let limit =
            before.plan.timeout.map_or_else(|| "ever".to_owned(), |limit| format_duration(limit).to_string());
        lines.add("wait", &format!("for {}, {limit} at most, before the start", targets.join(", ")));
    }
    if let Some(watch) = &plan.watch {
        let targets: Vec<_> = watch.probes.iter().map(|probe| probe.label()).collect();
        let (interval, retries) = (format_duration(watch.interval), watch.retries);
        let then = match watch.on_unhealthy {
            OnUnhealthy::Stop { exit } => format!("SIGTERM and exit {exit}"),
            OnUnhealthy::Signal(signal) => format!("SIG{signal}"),
            OnUnhealthy::Report => "a line".to_owned(),
        };
        let targets = targets.join(", ");
        lines.add("watch", &format!("{targets} every {interval}; {retries} failures in a row: {then}"));
    }
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
            SignalScope::MainChild => "sent on to the main child",
            SignalScope::ProcessGroup => "sent on to the main child's process group",
        },
    );
    for (from, to) in plan.rewrites.changed() {
        let what = to.map_or_else(|| "dropped".to_owned(), |to| format!("sent on as SIG{to}"));
        lines.add("rewrite", &format!("SIG{from} is {what}"));
    }
    if plan.job_control == JobControl::StopSelf {
        lines.add("stop", "SIGTSTP, SIGTTIN and SIGTTOU stop us too");
    }
    match plan.parent_death {
        ParentDeath::Ignored => {}
        ParentDeath::Signal(signal) => lines.add("parent", &format!("SIG{signal} when our parent ends")),
        ParentDeath::Chain(signal) => {
            lines.add(
                "parent",
                &format!("SIG{signal} when our parent ends, and to the main child when we do"),
            );
        }
    }
    if !plan.stop_delay.is_zero() {
        lines.add(
            "delay",
            &format!("SIGTERM and SIGINT are held back for {}", format_duration(plan.stop_delay)),
        );
    }
    if let Some(after) = plan.kill_after {
        lines.add("kill", &format!("SIGKILL {} after the first SIGTERM or SIGINT", format_duration(after)));
    }
    lines.add(
        "leftovers",
        &match plan.drain_policy {
            DrainPolicy::Drain(limit) if limit.is_zero() => leave(is_first).to_owned(),
            DrainPolicy::Drain(limit) => {
                format!("SIGTERM and SIGCONT, then SIGKILL after {}", format_duration(limit))
            }
            DrainPolicy::Signal(signal) => format!("SIG{signal} to the main child's process group"),
            DrainPolicy::Leave => leave(is_first).to_owned(),
        },
    );
    let zero: Vec<String> =
        (0..=255_u8).filter(|&code| plan.exit_zero.contains(code)).map(|code| code.to_string()).collect();
    let zero = if zero.is_empty() { String::new() } else { format!("; {} becomes 0", zero.join(", ")) };
    lines.add("exit", &format!("the main child's code, 128+n when signal n ended it{zero}"));
    lines.0
}

/// What becomes of what nobody drains.
fn leave(is_first: bool) -> &'static str {
    if is_first { "killed by the kernel when we exit" } else { "left alone" }
}

/// Lines of a name and a text, in two columns.
struct Lines(String);

impl Lines {
    /// Adds one.
    fn add(&mut self, name: &str, text: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "{name:<10} {text}");
    }
}
