//! `--pause`, and catatonit -P: no command, but a namespace that others live in.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::actor::actor;
use crate::support::inits::{Opt, program};
use crate::support::launch::{Launch, PATIENCE, Role, Running, both_roles};
use crate::support::process::{blocks, children, held_within, kill, until};
use crate::support::temp::{Folder, copy};

/// A process in a namespace that others have made, as `docker run --pid container:` puts it there.
struct Stranger {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Stranger {
    /// In the namespace of `init`; has said "ready".
    fn new(init: i32, words: &str) -> Self {
        let enter = format!("enter={init}");
        let mut child = Command::new(actor())
            .args(["clean", "tied", &enter, "block=15", "say=ready"].into_iter().chain(words.split(' ')))
            .env_clear()
            .stdout(Stdio::piped())
            .spawn()
            .expect("the actor starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it is read");
        assert_eq!(line, "ready\n");
        Self { child, stdout }
    }

    /// What else it has said, once it has ended.
    fn said(mut self) -> String {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).expect("it is read");
        self.child.wait().expect("it ends");
        text
    }
}

/// A pause as PID 1 with these options, which loses no signal any more.
fn pause(options: &[Opt]) -> Running {
    let launch = Launch::new(Role::Pid1).option(Opt::Pause).without_dashes();
    let running = options.iter().cloned().fold(launch, Launch::option).start();
    running.blocking();
    running
}

#[test]
fn item_51_as_pid_1_a_pause_asks_everybody_and_waits_until_they_are_gone() {
    if !Role::Pid1.is_playable() {
        return;
    }
    let running = pause(&[]);
    let app = Stranger::new(running.init(), "await=15 fork sleep=1000 say=saved exit=0 end wait exit=0");
    let asked = Instant::now();
    running.signal(15);
    let run = running.finish();
    let took = asked.elapsed();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(app.said(), "got 15\nsaved\n");
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn as_pid_1_a_pause_waits_no_longer_than_the_drain() {
    if !Role::Pid1.is_playable() {
        return;
    }
    let running = pause(&[Opt::Own(&["--drain", "500ms"])]);
    let app = Stranger::new(running.init(), "pause");
    let asked = Instant::now();
    running.signal(15);
    let run = running.finish();
    let took = asked.elapsed();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(app.said(), "");
    assert!(took >= Duration::from_millis(500) && took < Duration::from_millis(1500), "{took:?}");
}

#[test]
fn under_the_name_catatonit_a_pause_drains_too() {
    if !Role::Pid1.is_playable() {
        return;
    }
    let folder = Folder::new();
    let path = folder.join("catatonit");
    copy(&program().path, &path);
    let words = ["clean", "closefrom=3", "tied", "pidns", "exec", path.to_str().expect("UTF-8"), "-P"];
    let mut outside = Command::new(actor()).args(words).env_clear().spawn().expect("the actor starts");
    let outer = i32::try_from(outside.id()).expect("a PID");
    let mut init = None;
    let begins = || {
        init = children(outer).into_iter().find(|child| child.name == "catatonit");
        init.is_some()
    };
    assert!(held_within(*PATIENCE, begins), "it does not start");
    let init = init.expect("just found").pid;
    until(*PATIENCE, "it blocks SIGTERM", || blocks(init, 15));
    let app = Stranger::new(init, "await=15 sleep=500 say=saved exit=0");
    kill(init, 15);
    assert_eq!(outside.wait().expect("it ends").code(), Some(0));
    assert_eq!(app.said(), "got 15\nsaved\n");
}

both_roles! {
    fn a_pause_drains_what_was_given_to_it_and_says_so_before(role: Role) {
        // A child that was there before the init was.
        let running = Launch::new(role)
            .world("fork block=15 say=child await=15 sleep=300 say=saved exit=0 end")
            .option(Opt::Pause)
            .without_dashes()
            .start();
        running.line("child");
        running.blocking();
        running.signal(15);
        let run = running.finish();
        assert_eq!((run.code, run.stdout.contains("saved")), (Some(0), true), "{run:?}");
        let run = Launch::new(role).option(Opt::Own(&["--pause", "--explain"])).without_dashes().run();
        assert!(run.stdout.contains("SIGKILL to what is left after 5s"), "{run:?}");
        assert!(!run.stdout.contains("main child"), "{run:?}");
    }
}
