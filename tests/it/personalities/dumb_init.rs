//! Lines for dumb-init.

use super::compare::{are_enough, same};
use super::line::{Line, Place, Step};

/// Every option that changes how a command is run.
const OPTIONS: [&[&str]; 21] = [
    &[],
    &["-c"],
    &["-v"],
    &["-vc"],
    &["-cv"],
    &["-v", "-v"],
    &["--single-child"],
    &["--verbose"],
    &["--single-child", "--verbose"],
    &["--sin", "--verb"],
    &["--s", "-v"],
    &["-r", "15:2"],
    &["-r15:2"],
    &["-vr", "15:2"],
    &["-vcr15:0"],
    &["-v", "--rewrite", "15:2"],
    &["-v", "--rewrite=15:2"],
    &["-v", "--rew", "15:2"],
    &["-v", "--r=15:0"],
    &["-v", "-r", "15:2", "-r", "15:9"],
    &["-v", "-r", "15:15"],
];

/// Words that `-r` reads as a pair, or does not.
const PAIRS: [&str; 44] = [
    "15:2",
    "15:2x",
    " 15:2",
    "15: 2",
    "15 :2",
    "15:+2",
    "+15:2",
    "-15:2",
    "-1:2",
    "0:2",
    "0:0",
    "1:0",
    "1:-0",
    "32:2",
    "1:32",
    "31:31",
    "31:0",
    "1:31",
    "64:1",
    "1:64",
    "15",
    "15:",
    ":2",
    ":",
    "",
    "x",
    "herp:derp",
    "15::12",
    "15:derp",
    "TERM:INT",
    "15:0x2",
    "0xf:2",
    "015:2",
    "15;2",
    "15:2:3",
    "15,2",
    "\t15:\t2",
    "4294967311:2",
    "15:4294967298",
    "99999999999999999999:2",
    "15:2 ",
    "15:\n2",
    "1:2147483648",
    "1 5:2",
];

/// How options are read.
fn options() -> Vec<Line> {
    let mut lines = Vec::new();
    for options in OPTIONS {
        for (before, behind) in
            [(&[][..], &[][..]), (&["--"], &[]), (&[], &["--", "-v", "--"]), (&["--"], &["--"])]
        {
            let words = [options, before, &["@3"], behind].concat();
            lines.push(Line::new("dumb-init", &words));
        }
    }
    for words in [
        // Nothing after the command is an option.
        &["@3", "-c"][..],
        &["@3", "-h", "-V", "-x"],
        &["@3", "--", "--help"],
        &["-v", "@3", "-v"],
        &["sh", "-c", "exit 3", "-v"],
        &["--", "sh", "-c", "exit 3"],
        // What ends the run by itself, before or behind something wrong.
        &["-h"],
        &["--help"],
        &["--hel"],
        &["--h"],
        &["-V"],
        &["--version"],
        &["--vers"],
        &["-hV"],
        &["-Vh"],
        &["-Vx"],
        &["-xV"],
        &["-cvV"],
        &["-h", "-r", "x"],
        &["-r", "x", "-h"],
        &["-r", "1:2", "-V"],
        &["--help", "--yolo"],
        &["--yolo", "--help"],
        // What is wrong.
        &[],
        &["--"],
        &["-v"],
        &["-c", "--"],
        &["-x"],
        &["-x", "@3"],
        &["-vx", "@3"],
        &["-=3", "@3"],
        &["-v=3", "@3"],
        &["-:", "@3"],
        &["-?", "@3"],
        &["-W", "verbose", "@3"],
        &["-\u{e4}", "@3"],
        &["--yolo", "@3"],
        &["--yolo=3", "@3"],
        &["--v", "@3"],
        &["--ver", "@3"],
        &["--verb=3", "@3"],
        &["--versio", "@3"],
        &["--versions", "@3"],
        &["--=3", "@3"],
        &["--=", "@3"],
        &["--help=3"],
        &["--single-child=", "@3"],
        &["--Verbose", "@3"],
        &["-r"],
        &["-vr"],
        &["--rewrite"],
        &["--rew"],
        &["-r", "15:2", "-r"],
        &["-r", "15:2", "-r", "0", "@3"],
        // Commands that cannot be run.
        &[""],
        &["-"],
        &["-v", ""],
        &["-v", "-", "x"],
        &["--", "-v"],
        &["nothing-of-that-name"],
        &["/nothing-of-that-name"],
        &["/etc"],
        &["/etc/passwd"],
        &["-v", "/etc/passwd/x"],
        &["-vc", "nothing-of-that-name"],
    ] {
        lines.push(Line::new("dumb-init", words));
    }
    for pair in PAIRS {
        lines.push(Line::new("dumb-init", &["-v", "-r", pair, "@3"]));
    }
    lines
}

/// What the environment changes, and ends of the child.
fn environment_and_ends() -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, value) in [
        ("DUMB_INIT_DEBUG", "1"),
        ("DUMB_INIT_DEBUG", "0"),
        ("DUMB_INIT_DEBUG", ""),
        ("DUMB_INIT_DEBUG", "2"),
        ("DUMB_INIT_DEBUG", "1x"),
        ("DUMB_INIT_SETSID", "0"),
        ("DUMB_INIT_SETSID", "1"),
        ("DUMB_INIT_SETSID", ""),
        ("DUMB_INIT_SETSID", "00"),
        ("POSIXLY_CORRECT", ""),
    ] {
        for words in [&["@3"][..], &["-v", "@3"], &["-vc", "@3"], &["-v"], &["-V"], &["-vx"]] {
            lines.push(Line::new("dumb-init", words).env(name, value));
        }
    }
    for words in [&["@3"][..], &["-v", "@3"], &["-c", "@3"], &["-V"], &[]] {
        let both = Line::new("dumb-init", words).env("DUMB_INIT_DEBUG", "1").env("DUMB_INIT_SETSID", "0");
        lines.push(both);
    }
    for place in [Place::Subreaper, Place::Pid1] {
        for options in [&[][..], &["-v"], &["-c"], &["-vc"], &["-vr15:0"]] {
            lines.push(Line::new("dumb-init", &[options, &["@3"]].concat()).at(place));
            let orphan = "@block=all fork fork end end wait say=ready await=63 exit=5";
            let line = Line::new("dumb-init", &[options, &["--", orphan]].concat()).at(place);
            lines.push(line.steps([Step::Reaped]));
        }
    }
    for signal in ["1", "2", "6", "9", "11", "15", "31", "34", "40", "63", "64"] {
        let child = format!("@die={signal}");
        lines.push(Line::new("dumb-init", &["-v", "--", &child]));
        lines.push(Line::new("dumb-init", &["-c", "--", &child]));
    }
    lines
}

/// What it is started in.
fn worlds() -> Vec<Line> {
    let child = |world| Line::new("dumb-init", &["@3"]).world(world);
    vec![
        child("setsid"),
        child("close=0"),
        child("close=0 close=1 close=2"),
        child("open=9"),
        child("deny=11:56,57,58,435"),
        child("ignore=1,13 block=10").differs("dumb-init dispositions"),
        Line::new("/usr/bin/dumb-init", &["-x"]),
        Line::new("./dumb-init", &[]),
    ]
}

#[test]
fn dumb_init_reads_its_line_as_dumb_init_does() {
    let lines = [options(), environment_and_ends(), worlds()].concat();
    are_enough(&lines);
    same("dumb-init", "dumb-init", &lines);
}
