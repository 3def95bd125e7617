//! Lines for catatonit.

use super::compare::{are_enough, same};
use super::line::{Line, Place, Step};

/// Every option that changes how a command is run.
const OPTIONS: [&[&str]; 5] = [&[], &["-g"], &["-gg"], &["-g", "-g"], &["-ggg"]];

/// How options are read.
fn options() -> Vec<Line> {
    let mut lines = Vec::new();
    for options in OPTIONS {
        for (before, behind) in [
            (&[][..], &[][..]),
            (&["--"], &[]),
            (&[], &["-g"]),
            (&[], &["x", "-g", "y"]),
            (&[], &["--", "-g", "--"]),
            (&[], &["-g", "--", "-g"]),
            (&["--"], &["--"]),
            (&["--"], &["-g", "--", "-V"]),
            (&[], &["-x"]),
            (&[], &["--", "-x"]),
            (&[], &["-"]),
        ] {
            let words = [options, before, &["@3"], behind].concat();
            lines.push(Line::new("catatonit", &words));
        }
    }
    for words in [
        &["sh", "-c", "exit 3"][..],
        &["-g", "sh", "-c", "exit 3"],
        &["sh", "--", "-c", "exit 3"],
        &["--", "sh", "-c", "exit 3"],
        &["--", "sh", "-c", "exit 3", "--"],
        &["--", "/bin/echo", "--", "-g"],
        &["echo", "-g", "a"],
        // What ends the run by itself, before or behind something wrong.
        &["-h"],
        &["-gh"],
        &["-hx"],
        &["-xh"],
        &["@3", "-h"],
        &["@3", "x", "-h"],
        // What is wrong.
        &[],
        &["--"],
        &["-g"],
        &["-g", "--"],
        &["-x"],
        &["-gx"],
        &["-x", "@3"],
        &["-gx", "@3"],
        &["-x", "-h"],
        &["-p", "@3"],
        &["-v", "@3"],
        &["-l", "@3"],
        &["-=", "@3"],
        &["-:", "@3"],
        &["-?", "@3"],
        &["-W", "version", "@3"],
        &["-\u{e4}", "@3"],
        &["--help"],
        &["--x", "@3"],
        &["--g", "@3"],
        &["--version=3"],
        &["--ver=3"],
        &["--versionx"],
        &["--Version"],
        &["--license"],
        &["@3", "--x"],
        &["@3", "--version=3"],
        // Commands that cannot be run.
        &[""],
        &["-"],
        &["-g", ""],
        &["-g", "-", "x"],
        &["--", "-g"],
        &["--", "-h"],
        &["--", "--version"],
        &["nothing-of-that-name"],
        &["/nothing-of-that-name"],
        &["/etc"],
        &["/etc/passwd"],
        &["/etc/passwd/x"],
        &["-g", "nothing-of-that-name"],
    ] {
        lines.push(Line::new("catatonit", words));
    }
    lines
}

/// What the environment changes, and ends of the child.
fn environment_and_ends() -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, value) in [
        ("CATATONIT_DEBUG", "1"),
        ("CATATONIT_DEBUG", "0"),
        ("CATATONIT_DEBUG", ""),
        ("CATATONIT_LOG", "debug"),
        ("CATATONIT_LOG", ""),
        ("POSIXLY_CORRECT", ""),
    ] {
        for words in [&["@3"][..], &["-g", "@3"], &["@3", "-x"], &[], &["-h"], &["nothing-of-that-name"]] {
            lines.push(Line::new("catatonit", words).env(name, value));
        }
    }
    for place in [Place::Subreaper, Place::Pid1] {
        for options in [&[][..], &["-g"]] {
            for debug in [false, true] {
                let with = |line: Line| if debug { line.env("CATATONIT_DEBUG", "1") } else { line };
                lines.push(with(Line::new("catatonit", &[options, &["@3"]].concat()).at(place)));
                let orphan = "@block=all fork fork end end wait say=ready await=63 exit=5";
                let line = Line::new("catatonit", &[options, &["--", orphan]].concat()).at(place);
                lines.push(with(line.steps([Step::Reaped])));
            }
        }
    }
    for signal in ["1", "2", "6", "9", "11", "15", "31", "34", "40", "63", "64"] {
        let child = format!("@die={signal}");
        lines.push(Line::new("catatonit", &["--", &child]));
        lines.push(Line::new("catatonit", &["--", &child]).env("CATATONIT_DEBUG", "1"));
    }
    lines
}

/// What it is started in.
fn worlds() -> Vec<Line> {
    let child = |world| Line::new("catatonit", &["@3"]).world(world);
    let stopped = Line::new("catatonit", &["@tied say=ready pause"]);
    vec![
        child("ignore=1,13"),
        child("setsid"),
        child("close=0"),
        child("close=0 close=1 close=2"),
        child("open=9"),
        child("deny=11:56,57,58,435"),
        child("ignore=17").differs("catatonit ignored CHLD"),
        child("denyprctl=1:36").differs("catatonit refused subreaper"),
        child("deny=38:289,282").differs("catatonit refused signalfd"),
        stopped.steps([Step::StopChild, Step::End(libc::SIGTERM)]).differs("catatonit stopped"),
        Line::new("catatonit", &["-V"]).differs("catatonit version"),
        Line::new("catatonit", &["--ver"]).differs("catatonit version"),
        Line::new("catatonit", &["@3", "-gV"]).differs("catatonit version"),
        Line::new("catatonit", &["-L"]).differs("catatonit license"),
        Line::new("/usr/bin/catatonit", &["-x"]),
        Line::new("./catatonit", &[]),
        Line::new("./catatonit", &["-h"]),
    ]
}

#[test]
fn catatonit_reads_its_line_as_catatonit_does() {
    let lines = [options(), environment_and_ends(), worlds()].concat();
    are_enough(&lines);
    same("catatonit", "catatonit", &lines);
}
