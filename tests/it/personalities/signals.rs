//! Every signal, sent to each init: what the child gets of it, what is said, and whether the init stops with it.

use super::compare::same;
use super::line::{Line, Place, Step};

/// Ready for everything: a child that reports each signal that comes, and ends at the last one.
const LISTENER: &str = "@tied state place block=all say=ready await=63 exit=7";
/// The same with one below it in its group.
const PAIR: &str = "@tied block=all fork tied to=below say=up await=63 pause end until=below say=ready await=63 endchild exit=7";

/// What the kernel forces on a program that does something wrong. Some inits leave them at their default.
const FAULTS: [i32; 7] =
    [libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGSEGV, libc::SIGSYS];

/// Every signal that can be caught, but faults and the two that the test itself uses.
fn ordinary() -> impl Iterator<Item = Step> {
    let uncatchable = [libc::SIGKILL, libc::SIGSTOP];
    (1..=62)
        .filter(move |signal| !uncatchable.contains(signal) && !FAULTS.contains(signal))
        .filter(|signal| !(32..=33).contains(signal))
        .map(Step::Signal)
}

/// The lines of `program`, in all its modes.
fn lines(program: &'static str, modes: &[&[&str]], env: &[(&'static str, &'static str)]) -> Vec<Line> {
    let mut lines = Vec::new();
    let fault_row = match program {
        "tini" => Some("tini fault"),
        "catatonit" => Some("catatonit fault"),
        _ => None,
    };
    let with = |line: Line| env.iter().fold(line, |line, (name, value)| line.env(name, value));
    for place in [Place::Ordinary, Place::Pid1] {
        for mode in modes {
            let is_told = !env.is_empty() || mode.iter().any(|word| word.starts_with("-v"));
            let listener = with(Line::new(program, &[mode, &["--", LISTENER][..]].concat()).at(place));
            lines.push(listener.clone().steps(ordinary()));
            for fault in FAULTS {
                let line = listener.clone().steps([Step::Signal(fault)]);
                match fault_row {
                    None => lines.push(line),
                    Some(row) if !is_told => lines.push(line.differs(row)),
                    Some(_) => {}
                }
            }
            for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGWINCH, libc::SIGCHLD, 34] {
                let pair = with(Line::new(program, &[mode, &["--", PAIR][..]].concat()).at(place));
                lines.push(pair.steps([Step::Signal(signal)]));
            }
        }
    }
    lines
}

#[test]
fn tini_passes_signals_on_as_tini_does() {
    let lines = lines("tini", &[&[], &["-g"], &["-vvv"], &["-s", "-g", "-v"]], &[]);
    same("tini", "tini", &lines);
}

#[test]
fn dumb_init_passes_signals_on_as_dumb_init_does() {
    let lines =
        lines("dumb-init", &[&[], &["-c"], &["-v"], &["-vc"], &["-v", "-r", "15:10", "-r", "1:0"]], &[]);
    same("dumb-init", "dumb-init", &lines);
}

#[test]
fn catatonit_passes_signals_on_as_catatonit_does() {
    let plain = lines("catatonit", &[&[], &["-g"]], &[]);
    let debug = lines("catatonit", &[&[], &["-g"]], &[("CATATONIT_DEBUG", "1")]);
    same("catatonit", "catatonit", &[plain, debug].concat());
}
