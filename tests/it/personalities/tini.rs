//! Lines for tini and Docker's docker-init.

use super::compare::{are_enough, same};
use super::line::{Line, Place, Step};

/// Every option that changes how a command is run.
const OPTIONS: [&[&str]; 19] = [
    &[],
    &["-s"],
    &["-g"],
    &["-v"],
    &["-vv"],
    &["-v", "-v", "-v"],
    &["-vvvv"],
    &["-w"],
    &["-p", "SIGTERM"],
    &["-pSIGKILL"],
    &["-e", "3"],
    &["-e3"],
    &["-e", "4", "-e", "3"],
    &["-sv"],
    &["-sg"],
    &["-gvw"],
    &["-vge3"],
    &["-svpSIGINT"],
    &["-s", "-s"],
];

/// All names that tini's `-p` might know.
const SIGNAL_NAMES: [&str; 46] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
    "SIGPOLL",
    "SIGIOT",
    "SIGCLD",
    "SIGUNUSED",
    "SIGEMT",
    "SIGRTMIN",
    "SIGRTMAX",
    "KILL",
    "9",
    "sigterm",
    "Sigterm",
    " SIGTERM",
    "SIGTERM ",
    "",
    "TERM",
];

/// Words that are read as exit codes, or are not.
const CODES: [&str; 22] = [
    "0",
    "1",
    "2",
    "3",
    "255",
    "256",
    "-1",
    "+3",
    "",
    " 3",
    "3 ",
    "0x3",
    "03",
    "3x",
    "x",
    "99999999999",
    "99999999999999999999",
    "-0",
    "\t3",
    "3.0",
    "--",
    "\u{663}",
];

/// How options are read.
fn options() -> Vec<Line> {
    let mut lines = Vec::new();
    for options in OPTIONS {
        for (before, behind) in
            [(&[][..], &[][..]), (&["--"], &[]), (&[], &["--", "-v", "--"]), (&["--"], &["--", "-v"])]
        {
            let words = [options, before, &["@3"], behind].concat();
            lines.push(Line::new("tini", &words));
        }
    }
    for words in [
        &["@3", "-s"][..],
        &["@3", "-v", "x"],
        &["@3", "x", "-e3"],
        &["@3", "x", "-e", "3", "y"],
        &["@3", "-p", "SIGINT", "-w"],
        &["@3", "-x"],
        &["@3", "-h"],
        &["@3", "-"],
        &["@3", "--", "-s", "--"],
        &["-s", "@3", "-v", "--", "-v"],
        &["-s", "@3", "x", "--", "--", "y"],
        &["-s", "--", "@3", "--version"],
        &["@3", "--version"],
        &["@3", "--", "--version"],
        &["-s", "sh", "-c", "exit 3"],
        &["-s", "sh", "--", "-c", "exit 3"],
        &["-s", "--", "sh", "-c", "exit 3"],
        &["-s", "--", "sh", "-c", "exit 3", "--"],
        &["-s", "--", "/bin/echo", "--", "-v"],
        &["echo", "-s", "a", "-w", "b"],
        // What ends the run by itself, before or behind something wrong.
        &["-h"],
        &["-h", "-x"],
        &["-x", "-h"],
        &["-hx"],
        &["-xh"],
        &["-sh"],
        &["-e", "x", "-h"],
        &["-h", "-e", "x"],
        &["--version", "x"],
        &["-s", "--version"],
        &["--version="],
        &["--"],
        &["--", "--version"],
        &["--", "-h"],
        // What is wrong.
        &[],
        &["-s"],
        &["-s", "--"],
        &["-v", "-v"],
        &["-x"],
        &["-x", "@3"],
        &["-sx", "@3"],
        &["-X", "-Y"],
        &["--help"],
        &["--verbose", "@3"],
        &["-p"],
        &["-e"],
        &["-sp"],
        &["-se"],
        &["@3", "-p"],
        &["-\u{e4}", "@3"],
        &["-=", "@3"],
        &["-s", "-:", "@3"],
        &["-s", "-?", "@3"],
        &["-s", "-;", "@3"],
        // Commands that cannot be run.
        &[""],
        &["-s", ""],
        &["-"],
        &["-s", "-", "x"],
        &["-s", "nothing-of-that-name"],
        &["-s", "/nothing-of-that-name"],
        &["-s", "/etc"],
        &["-s", "/etc/passwd"],
        &["-s", "/etc/passwd/x"],
        &["-s", "./report"],
        &["-e", "127", "-s", "nothing-of-that-name"],
        &["-e", "126", "-s", "/etc"],
    ] {
        lines.push(Line::new("tini", words));
    }
    for name in SIGNAL_NAMES {
        lines.push(Line::new("tini", &["-s", "-p", name, "--", "@3"]));
    }
    for code in CODES {
        lines.push(Line::new("tini", &["-s", "-e", code, "--", "@3"]));
    }
    lines
}

/// What the environment changes.
fn environment() -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, value) in [
        ("TINI_SUBREAPER", ""),
        ("TINI_SUBREAPER", "0"),
        ("TINI_SUBREAPER", "1"),
        ("TINI_KILL_PROCESS_GROUP", ""),
        ("TINI_KILL_PROCESS_GROUP", "0"),
        ("TINI_VERBOSITY", ""),
        ("TINI_VERBOSITY", "0"),
        ("TINI_VERBOSITY", "1"),
        ("TINI_VERBOSITY", "2"),
        ("TINI_VERBOSITY", "3"),
        ("TINI_VERBOSITY", "4"),
        ("TINI_VERBOSITY", "-1"),
        ("TINI_VERBOSITY", " 2"),
        ("TINI_VERBOSITY", "2x"),
        ("TINI_VERBOSITY", "+3"),
        ("TINI_VERBOSITY", "x"),
        ("TINI_VERBOSITY", "99999999999"),
        ("TINI_VERBOSITY", "4294967298"),
        ("POSIXLY_CORRECT", ""),
    ] {
        for words in
            [&["@3", "-vvv", "x"][..], &["-vv", "--", "@3", "--"], &["@0"], &["nothing-of-that-name"]]
        {
            lines.push(Line::new("tini", words).env(name, value));
        }
    }
    lines
}

/// Ends, of the child and of those that it leaves.
fn ends() -> Vec<Line> {
    let mut lines = Vec::new();
    for place in [Place::Ordinary, Place::Subreaper, Place::Pid1] {
        for options in [&[][..], &["-s"], &["-g"], &["-vvv"], &["-w"], &["-svvvw"], &["-e", "3"]] {
            if place == Place::Ordinary {
                continue;
            }
            lines.push(Line::new("tini", &[options, &["--", "@3"]].concat()).at(place));
        }
        for options in [&["-w"][..], &["-w", "-vvv"], &["-wg"]] {
            let orphan = "@block=all fork fork end end wait say=ready await=63 exit=5";
            let line = Line::new("tini", &[options, &["--", orphan]].concat()).at(place);
            lines.push(line.steps([Step::Reaped]));
        }
    }
    for signal in ["1", "2", "6", "9", "11", "15", "31", "34", "40", "63", "64"] {
        let child = format!("@die={signal}");
        lines.push(Line::new("tini", &["-svvv", "--", &child]));
        lines.push(Line::new("tini", &["-s", "-e", "143", "-e", "137", "--", &child]));
    }
    lines
}

/// What it is started in.
fn worlds() -> Vec<Line> {
    let child = |world| Line::new("tini", &["-s", "--", "@3"]).world(world);
    let stopped = Line::new("tini", &["-s", "--", "@tied say=ready pause"]);
    // Since kill is refused, not even by us.
    let refused = Line::new("tini", &["-s", "--", "@tied say=ready until=go exit=5"]).world("deny=1:62");
    vec![
        child("ignore=1,13"),
        child("block=10,40"),
        child("setsid"),
        child("open=9"),
        child("deny=11:56,57,58,435"),
        child("nokillall"),
        child("ignore=17").differs("tini ignored CHLD"),
        child("close=0").differs("tini stdin"),
        child("denyprctl=1:36").differs("tini refused subreaper"),
        Line::new("tini", &["--", "@3"]).world("denyprctl=1:36"),
        stopped.steps([Step::StopChild, Step::End(libc::SIGTERM)]).differs("tini stopped"),
        refused.steps([Step::Refused(libc::SIGTERM), Step::Go]).differs("tini refused signal"),
        Line::new("tini", &["--version"]).differs("tini version"),
        Line::new("tini", &["-l"]).differs("tini license"),
        Line::new("tini", &["-sl", "-x"]).differs("tini license"),
        Line::new("tini", &["-vvv", "-s", "/nothing-of-that-name"]).differs("tini doubled trace"),
        Line::new("/usr/bin/tini", &["-x"]),
        Line::new("./docker-init", &["-h"]),
        Line::new("docker-init", &["-s", "--", "@3"]),
        Line::new("docker-init", &[]),
    ]
}

#[test]
fn tini_reads_its_line_as_tini_does() {
    let lines = [options(), environment(), ends(), worlds()].concat();
    are_enough(&lines);
    same("tini", "tini", &lines);
}
