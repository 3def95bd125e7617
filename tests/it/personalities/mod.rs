//! sexton under the names of tini, docker-init, dumb-init and catatonit: their flags, variables, words and codes. Where
//! the program itself is installed, both are run and compared.

mod catatonit;
mod compare;
mod differences;
mod dumb_init;
mod line;
mod signals;
mod terminals;
mod tini;
mod variables;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::peers::program;
use crate::support::program::binary;
use crate::support::temp::Folder;
use crate::support::{Run, Sexton, eventually};

/// sexton by other names.
struct Names(Folder);

impl Names {
    fn new() -> Self {
        let folder = Folder::new();
        for name in ["tini", "docker-init", "dumb-init", "catatonit"] {
            symlink(binary(), folder.join(name)).unwrap();
        }
        Self(folder)
    }

    /// sexton as `name`, with the usual PATH.
    fn start(&self, name: &str, args: &[&str]) -> Sexton {
        ordinary(&self.0.join(name), args)
    }

    fn run(&self, name: &str, args: &[&str]) -> Run {
        self.start(name, args).run()
    }
}

/// `program` with the usual PATH.
fn ordinary(program: &Path, args: &[&str]) -> Sexton {
    Sexton::with(args).at(program).env("PATH", "/usr/bin:/bin")
}

/// Both streams with what differs from run to run made the same.
fn words(run: &Run, program: &Path) -> (Option<i32>, String, Vec<String>) {
    let tidy = |text: &str| {
        let text =
            text.replace(&program.display().to_string(), program.file_name().unwrap().to_str().unwrap());
        let mut tidy = String::new();
        for c in text.chars() {
            match (c.is_ascii_digit(), tidy.ends_with('N')) {
                (true, true) => {}
                (true, false) => tidy.push('N'),
                (false, _) => tidy.push(c),
            }
        }
        tidy
    };
    // Parent and child write at the same time, so that the order of lines is chance.
    let mut lines: Vec<_> = run.stderr.lines().map(tidy).collect();
    lines.sort();
    (run.code, tidy(&run.stdout), lines)
}

#[test]
fn tini_tells_its_version_as_docker_info_reads_it() {
    let names = Names::new();
    for name in ["tini", "docker-init"] {
        let run = names.run(name, &["--version"]);
        // Docker splits at " - " and wants one dot in what follows.
        let (version, commit) = run.stdout.trim_end().split_once(" - ").unwrap();
        assert!(version.starts_with("tini version "), "{run:?}");
        assert_eq!(commit.split('.').collect::<Vec<_>>().len(), 2, "{run:?}");
        assert!(commit.starts_with("git.sexton-"), "{run:?}");
        assert_eq!(run.code, Some(0));
    }
    assert!(names.run("tini", &["-l"]).stdout.starts_with("The MIT License"));
    assert!(names.run("tini", &["-h"]).stdout.contains("TINI_SUBREAPER"));
}

#[test]
fn tini_warns_that_it_is_neither_pid_1_nor_a_subreaper_unless_told_otherwise() {
    let names = Names::new();
    let warning = "Tini is not running as PID 1 and isn't registered as a child subreaper";
    let warns = |run: &Run| run.stderr.contains(warning);
    assert!(warns(&names.run("tini", &["true"])));
    assert!(!warns(&names.run("tini", &["-s", "true"])));
    assert!(!warns(&names.start("tini", &["true"]).env("TINI_VERBOSITY", "0").run()));
    // Set to nothing still counts as set.
    assert!(!warns(&names.start("tini", &["true"]).env("TINI_SUBREAPER", "").run()));
}

#[test]
fn tini_keeps_codes_maps_them_and_has_127_and_126() {
    let names = Names::new();
    for (args, code) in [
        (&["-s", "--", "sh", "-c", "exit 7"][..], 7),
        // Options count after the command, too, until a `--`.
        (&["-s", "sh", "-c", "exit 7"], 1),
        (&["-s", "sh", "--", "-c", "exit 7"], 7),
        (&["-s", "-e", "7", "--", "sh", "-c", "exit 7"], 0),
        (&["-s", "-e7", "-e", "8", "--", "sh", "-c", "exit 8"], 0),
        (&["-s", "--", "sh", "-c", "kill -9 $$"], 137),
        (&["-s", "nothing-of-that-name"], 127),
        (&["-s", "/etc"], 126),
        (&["-e", "256", "true"], 1),
        (&["-p", "SIGNOTHING", "true"], 1),
        (&["-x", "true"], 1),
        (&[], 1),
        (&["--"], 1),
    ] {
        let run = names.run("tini", args);
        assert_eq!(run.code, Some(code), "{args:?}: {run:?}");
    }
    let run = names.run("tini", &["-s", "nothing-of-that-name"]);
    assert!(run.stderr.contains("exec nothing-of-that-name failed: No such file or directory"), "{run:?}");
}

#[test]
fn tini_names_the_zombies_that_it_reaped() {
    let names = Names::new();
    let run = names.run("tini", &["-s", "-w", "--", "sh", "-c", "(sleep 0.05 &); sleep 0.3"]);
    assert!(run.stderr.contains("Reaped zombie process with pid="), "{run:?}");
    let run = names.run("tini", &["-s", "--", "sh", "-c", "(sleep 0.05 &); sleep 0.3"]);
    assert!(!run.stderr.contains("Reaped zombie"), "{run:?}");
    let run = names.run("tini", &["-s", "-vv", "--", "sh", "-c", "exit 3"]);
    assert!(run.stdout.contains("Spawned child process 'sh' with pid '"), "{run:?}");
    assert!(run.stdout.contains("Main child exited normally (with status '3')"), "{run:?}");
}

#[test]
fn tini_sends_signals_to_the_group_when_told_to() {
    let names = Names::new();
    // The shell ignores USR1 for itself only; its child dies of it, and says so by the shell's own code.
    let script = "trap : USR1; echo ready; sleep 30; exit $(($? - 128))";
    for variable in [false, true] {
        let args: &[&str] = if variable { &["-s"] } else { &["-s", "-g"] };
        let args: Vec<&str> = args.iter().chain(&["--", "sh", "-c", script]).copied().collect();
        let mut start = names.start("tini", &args);
        if variable {
            start = start.env("TINI_KILL_PROCESS_GROUP", "1");
        }
        let running = start.start();
        let pid = running.pid();
        let children = format!("/proc/{pid}/task/{pid}/children");
        eventually("the shell has started sleep", || {
            // Until it is sleep by name it is a copy of the shell, with the shell's trap.
            let child = |list: &str| std::fs::read_to_string(list).unwrap_or_default().trim().to_owned();
            let shell = child(&children);
            let sleep = child(&format!("/proc/{shell}/task/{shell}/children"));
            std::fs::read_to_string(format!("/proc/{sleep}/comm")).is_ok_and(|name| name.trim() == "sleep")
        });
        running.signal(Signal::SIGUSR1);
        let run = running.wait();
        assert_eq!(run.code, Some(10), "{run:?}");
    }
}

#[test]
fn dumb_init_says_and_exits_with_what_dumb_init_does() {
    let names = Names::new();
    let ours = names.0.join("dumb-init");
    let Some(theirs) = program("dumb-init", "dumb-init") else { return };
    for args in [
        &["-h"][..],
        &["--help"],
        &["-V"],
        &["--version"],
        &[],
        &["nothing-of-that-name"],
        &["/etc"],
        &["-v", "sh", "-c", "exit 3"],
        &["-c", "-v", "sh", "-c", "exit 3"],
        &["-v", "sh", "-c", "kill -9 $$"],
        &["-v", "-r", "10:12", "sh", "-c", "trap 'exit 4' USR2; kill -USR1 $PPID; while :; do :; done"],
        &["-r", "99:1", "true"],
        &["-r", "15", "true"],
        &["-r", "a:b", "true"],
    ] {
        let (our, their) = (ordinary(&ours, args).run(), ordinary(&theirs, args).run());
        assert_eq!(words(&our, &ours), words(&their, &theirs), "{args:?}");
    }
    for (name, value) in [("DUMB_INIT_DEBUG", "1"), ("DUMB_INIT_SETSID", "0")] {
        let with = |program: &Path| ordinary(program, &["-v", "true"]).env(name, value).run();
        assert_eq!(words(&with(&ours), &ours), words(&with(&theirs), &theirs), "{name}");
    }
}

#[test]
fn dumb_init_gives_the_command_a_session_and_sends_signals_to_all_of_it() {
    let names = Names::new();
    let session = "cut -d ' ' -f 1,6 /proc/self/stat; cut -d ' ' -f 6 /proc/$$/stat; echo $$";
    let run = names.run("dumb-init", &["sh", "-c", session]);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[1], lines[2], "the command leads its session: {run:?}");
    let run = names.run("dumb-init", &["-c", "sh", "-c", session]);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_ne!(lines[1], lines[2], "it stays in ours: {run:?}");
    // Whoever is left in the session when the command ends gets SIGTERM.
    let folder = Folder::new();
    let mark = folder.join("mark");
    let script = format!(
        "(trap 'echo told > {}; exit' TERM; echo ready; while :; do sleep 0.05; done) & \
        while ! kill -0 $!; do :; done; sleep 0.2; exit 5",
        mark.display()
    );
    let run = names.run("dumb-init", &["sh", "-c", &script]);
    assert_eq!(run.code, Some(5), "{run:?}");
    eventually("the one that was left is told", || mark.exists());
}

#[test]
fn dumb_init_suspends_with_its_session() {
    let names = Names::new();
    let running = names.start("dumb-init", &["sh", "-c", "echo up; while :; do sleep 0.05; done"]).start();
    let pid = running.pid();
    let state = move || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
    };
    let children = format!("/proc/{pid}/task/{pid}/children");
    eventually("the command runs", || std::fs::read_to_string(&children).is_ok_and(|list| !list.is_empty()));
    running.signal(Signal::SIGTSTP);
    eventually("it is stopped", || state() == Some('T'));
    running.signal(Signal::SIGCONT);
    eventually("it goes on", || matches!(state(), Some('S' | 'R')));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().code, Some(143));
}

#[test]
fn catatonit_has_its_codes_its_pause_and_its_words() {
    let names = Names::new();
    for (args, code) in [
        (&["--", "sh", "-c", "exit 7"][..], 7),
        (&["--", "sh", "-c", "kill -9 $$"], 137),
        (&["--", "nothing-of-that-name"], 1),
        (&["-x"], 1),
        (&[], 1),
    ] {
        assert_eq!(names.run("catatonit", args).code, Some(code), "{args:?}");
    }
    assert!(names.run("catatonit", &["-V"]).stdout.starts_with("tini version "));
    assert!(names.run("catatonit", &["-h"]).stderr.starts_with("usage: catatonit"));
    assert!(names.run("catatonit", &["--", "nothing-of-that-name"]).stderr.contains("failed to exec pid1"));
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let running = names.start("catatonit", &["-P"]).start();
        let status = format!("/proc/{}/status", running.pid());
        eventually("it is listening", || {
            std::fs::read_to_string(&status).is_ok_and(|text| !text.contains("SigBlk:\t0000000000000000"))
        });
        running.signal(signal);
        let run = running.wait();
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.elapsed < Duration::from_secs(5), "{run:?}");
    }
}

#[test]
fn a_name_that_means_nothing_is_our_own() {
    let folder = Folder::new();
    let other: PathBuf = folder.join("healthcheck");
    symlink(binary(), &other).unwrap();
    assert!(ordinary(&other, &["--version"]).run().stdout.starts_with("sexton "));
}
