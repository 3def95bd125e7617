//! Where an init by another name is meant to differ from the original: only where that hangs, loses a signal, dies, or
//! says what is not true of us. The same table is in `docs/migrating.md`.

use std::fs;
use std::path::Path;

use super::line::{Line, Seen};

/// One difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    /// What lines name it by.
    pub(super) name: &'static str,
    /// Which of the three.
    init: &'static str,
    /// In which situation.
    when: &'static str,
    /// What the original does.
    original: &'static str,
    /// What ours does.
    ours: &'static str,
    /// How it is held.
    pub(super) proof: Proof,
}

/// How a difference is held.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// In the lines that name it: turns what came of the original into what has to come of ours.
    NamedLines(fn(&Line, &mut Seen)),
    /// The same in each line of that init that shows it.
    EveryLine(fn(&Line, &mut Seen)),
    /// By another test, `file::name`.
    Test(&'static str),
}

/// All of them.
pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "tini fault",
        init: "tini",
        when: "somebody sends it ILL, TRAP, ABRT, BUS, FPE, SEGV or SYS",
        original: "dies of it; as PID 1 it loses it",
        ours: "passes it on like any other signal",
        proof: Proof::NamedLines(gets_the_fault),
    },
    Difference {
        name: "tini ignored CHLD",
        init: "tini",
        when: "it was started with SIGCHLD ignored",
        original: "hangs when the command has ended",
        ours: "ends with the command's code",
        proof: Proof::NamedLines(|line, seen| {
            seen.succeeds(3);
            seen.child = line.reported("0000000000000000", "0000000000010000", &[0, 1, 2]);
        }),
    },
    Difference {
        name: "tini stopped",
        init: "tini",
        when: "the command is stopped (^Z, SIGSTOP) and it is asked to end",
        original: "hangs until the runtime kills the container",
        ours: "continues the command, which ends at once",
        proof: Proof::NamedLines(ends_though_stopped),
    },
    Difference {
        name: "tini stdin",
        init: "tini",
        when: "stdin is closed",
        original: "dies with 1, the command is not run",
        ours: "runs the command, with stdin closed",
        proof: Proof::NamedLines(|line, seen| {
            seen.succeeds(3);
            seen.child = line.reported("0000000000000000", "0000000000000000", &[1, 2]);
        }),
    },
    Difference {
        name: "tini refused subreaper",
        init: "tini",
        when: "the kernel or a seccomp filter refuses a subreaper (`-s`)",
        original: "dies with 1, the command is not run",
        ours: "warns, and runs the command",
        proof: Proof::NamedLines(|line, seen| {
            seen.succeeds(3);
            seen.stderr = vec![
                "[WARN  tini (PID)] cannot become a subreaper (EPERM: Operation not permitted): orphans go to PID PID"
                    .into(),
            ];
            seen.child = line.reported("0000000000000000", "0000000000000000", &[0, 1, 2]);
        }),
    },
    Difference {
        name: "tini refused signal",
        init: "tini",
        when: "the command may not be signalled any more, since it has changed its user",
        original: "dies with 1 at the first signal, and the container with it",
        ours: "warns, and goes on",
        proof: Proof::NamedLines(|_, seen| {
            seen.succeeds(5);
            let why = "Operation not permitted (os error 1)";
            seen.stderr = vec![format!("[WARN  tini (PID)] Could not pass signal 'Terminated': {why}")];
        }),
    },
    Difference {
        name: "tini doubled trace",
        init: "tini",
        when: "`-vvv`, and the command cannot be run",
        original: "says again what it had not written when it forked",
        ours: "says everything once",
        proof: Proof::NamedLines(|_, seen| {
            let twice = seen.stdout.iter().position(|line| line.contains("Registered as child subreaper"));
            twice.map(|twice| seen.stdout.remove(twice));
        }),
    },
    Difference {
        name: "tini wake-ups",
        init: "tini",
        when: "nothing happens, with `-vvv`",
        original: "wakes up every second to say \"No child to reap\"",
        ours: "sleeps; says it after each signal",
        proof: Proof::Test("init/reaping.rs::item_10_idle_it_never_wakes_up"),
    },
    Difference {
        name: "tini version",
        init: "tini",
        when: "`--version`",
        original: "names the commit it was built from, if any",
        ours: "names sexton there, as `docker info` shows it",
        proof: Proof::NamedLines(|_, seen| {
            let version = env!("CARGO_PKG_VERSION").replace('.', "_");
            seen.stdout = vec![format!("tini version 0.19.0 - git.sexton-{version}")];
        }),
    },
    Difference {
        name: "tini license",
        init: "tini",
        when: "`-l`",
        original: "prints tini's license",
        ours: "prints sexton's",
        proof: Proof::NamedLines(|_, seen| {
            seen.stdout = include_str!("../../../LICENSE-MIT").lines().map(str::to_owned).collect();
        }),
    },
    Difference {
        name: "dumb-init dispositions",
        init: "dumb-init",
        when: "it was started with signals ignored or blocked, as by nohup",
        original: "gives them all to the command, which dies of the SIGHUP that was to be ignored",
        ours: "starts the command with what it was given itself",
        proof: Proof::NamedLines(|line, seen| {
            seen.child = line.reported("0000000000000200", "0000000000001001", &[0, 1, 2]);
            let place = "leads group 1 session 1; with its parent group 0 session 0";
            if let Some(line) = seen.child.get_mut(1) {
                place.clone_into(line);
            }
        }),
    },
    Difference {
        name: "dumb-init start",
        init: "dumb-init",
        when: "a signal comes while the command is being started",
        original: "loses it now and then",
        ours: "passes it on",
        proof: Proof::Test("init/races.rs::item_13_term_while_it_starts_is_never_lost"),
    },
    Difference {
        name: "catatonit fault",
        init: "catatonit",
        when: "somebody sends it ILL, TRAP, ABRT, BUS, FPE, SEGV or SYS",
        original: "dies of it; as PID 1 it loses it",
        ours: "passes it on like any other signal",
        proof: Proof::NamedLines(gets_the_fault),
    },
    Difference {
        name: "catatonit mask",
        init: "catatonit",
        when: "always",
        original: "starts the command with TSTP, TTIN and TTOU blocked, which are lost on it",
        ours: "starts the command with the mask it was given itself",
        proof: Proof::EveryLine(|_, seen| {
            for line in &mut seen.child {
                *line = line.replace("blocked 0000000000380000", "blocked 0000000000000000");
            }
        }),
    },
    Difference {
        name: "catatonit ignored CHLD",
        init: "catatonit",
        when: "it was started with SIGCHLD ignored",
        original: "hangs when the command has ended",
        ours: "ends with the command's code",
        proof: Proof::NamedLines(|line, seen| {
            seen.succeeds(3);
            seen.child = line.reported("0000000000000000", "0000000000010000", &[0, 1, 2]);
        }),
    },
    Difference {
        name: "catatonit stopped",
        init: "catatonit",
        when: "the command is stopped (^Z, SIGSTOP) and it is asked to end",
        original: "hangs until the runtime kills the container",
        ours: "continues the command, which ends at once",
        proof: Proof::NamedLines(ends_though_stopped),
    },
    Difference {
        name: "catatonit refused subreaper",
        init: "catatonit",
        when: "the kernel or a seccomp filter refuses a subreaper",
        original: "dies with 1, the command is not run",
        ours: "warns, and runs the command",
        proof: Proof::NamedLines(|line, seen| {
            seen.succeeds(3);
            seen.stderr = vec![
                "WARN (catatonit:PID): cannot become a subreaper (EPERM: Operation not permitted): orphans go to PID PID"
                    .into(),
            ];
            seen.child = line.reported("0000000000000000", "0000000000000000", &[0, 1, 2]);
        }),
    },
    Difference {
        name: "catatonit refused signalfd",
        init: "catatonit",
        when: "a seccomp filter refuses signalfd",
        original: "dies with 1, the command is not run",
        ours: "waits for signals in another way",
        proof: Proof::NamedLines(|line, seen| {
            seen.succeeds(3);
            seen.child = line.reported("0000000000000000", "0000000000000000", &[0, 1, 2]);
        }),
    },
    Difference {
        name: "catatonit version",
        init: "catatonit",
        when: "`-V`, `--version`",
        original: "its own version",
        ours: "that of catatonit 0.2.1, and sexton's",
        proof: Proof::NamedLines(|_, seen| {
            let version = env!("CARGO_PKG_VERSION");
            seen.stdout = vec![format!("tini version 0.2.1_catatonit (sexton {version})")];
        }),
    },
    Difference {
        name: "catatonit license",
        init: "catatonit",
        when: "`-L`",
        original: "prints catatonit's license",
        ours: "names sexton's",
        proof: Proof::NamedLines(|_, seen| {
            seen.stdout = vec!["sexton, called as catatonit. MIT OR Apache-2.0.".into()];
        }),
    },
    Difference {
        name: "log",
        init: "tini, dumb-init, catatonit",
        when: "it logs, and the log's reader is slow or gone",
        original: "hangs in the write, or passes its own SIGPIPE on to the command, which dies of it",
        ours: "drops lines, and works on",
        proof: Proof::Test("init/signals.rs::item_16_a_full_log_holds_nothing_up"),
    },
    Difference {
        name: "job control",
        init: "tini, catatonit",
        when: "^Z on a terminal in a container, `fg` and `bg` in a shell",
        original: "freezes (tini), or keeps the foreground from the shell",
        ours: "has job control as any program",
        proof: Proof::Test("init/terminal.rs::item_34_suspend_never_freezes_it_interrupt_still_ends_it"),
    },
];

/// A listener gets the signal, and all else is as with any other.
fn gets_the_fault(line: &Line, seen: &mut Seen) {
    let said = std::mem::take(&mut seen.stderr);
    seen.succeeds(7);
    seen.stderr = said;
    let fault = line.first_signal();
    seen.child.truncate(3);
    seen.child.extend([format!("got {fault}"), "got 64".into(), "got 63".into()]);
}

/// TERM ends the command.
fn ends_though_stopped(_: &Line, seen: &mut Seen) {
    seen.succeeds(143);
}

/// The one that lines call `name`.
pub(super) fn named(name: &str) -> Difference {
    *DIFFERENCES.iter().find(|difference| difference.name == name).expect("it is in the table")
}

impl Difference {
    /// Whether it is about this one.
    pub(super) fn is_about(self, program: &str) -> bool {
        self.init.split(", ").any(|init| init == program)
    }

    /// Whether the original does not come to an end.
    pub(super) fn hangs(self) -> bool {
        self.original.contains("hangs")
    }
}

/// The heading of the table in the docs.
const HEADING: &str = "## Inits: where ours differs on purpose\n";

#[test]
fn the_docs_have_the_same_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_to_string(root.join("docs/migrating.md")).unwrap();
    let (_, section) = docs.split_once(HEADING).expect("docs/migrating.md has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> =
        section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| --")).skip(1).collect();
    let wanted: Vec<String> = DIFFERENCES
        .iter()
        .map(|row| format!("| {} | {} | {} | {} |", row.init, row.when, row.original, row.ours))
        .collect();
    assert_eq!(rows, wanted, "the table should be:\n{}", wanted.join("\n"));
}

#[test]
fn each_difference_is_held_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for difference in DIFFERENCES {
        if let Proof::Test(test) = difference.proof {
            let (file, name) = test.split_once("::").unwrap();
            let text = fs::read_to_string(root.join(file)).unwrap();
            assert!(text.contains(&format!("fn {name}(")), "{test} is not there");
        }
    }
}
