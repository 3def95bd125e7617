//! On a terminal: how dumb-init hands it over, and what ^Z does.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::actor::actor;
use crate::support::peers::program;
use crate::support::process::{children, held_within, kill, process};
use crate::support::pty::Pty;

use super::Names;
use super::line::masked;

const PATIENCE: Duration = Duration::from_secs(20);

/// dumb-init: ours, and the original where it is installed.
fn both(names: &Names) -> Vec<PathBuf> {
    [Some(names.0.join("dumb-init")), program("dumb-init", "dumb-init")].into_iter().flatten().collect()
}

/// Starts `binary` as dumb-init in `world` on `pty`, with what is said in a pipe.
fn start(pty: &Pty, world: &[&str], binary: &Path, args: &[&str]) -> Child {
    Command::new(actor())
        .args(["clean", "closefrom=3", "tied"])
        .args(world)
        .arg(format!("file={}", binary.display()))
        .args(["exec", "dumb-init"])
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(pty.slave())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the actor starts")
}

/// The number of a child.
fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a PID")
}

#[test]
fn a_session_leader_ignores_the_first_signals_of_the_terminals_hand_over_and_says_so() {
    let names = Names::new();
    let mut said = Vec::new();
    for binary in both(&names) {
        let pty = Pty::open();
        let child = start(&pty, &["ctty=0"], &binary, &["-v", "sleep", "60"]);
        let init = pid(&child);
        let runs = |name: &str| children(init).iter().any(|process| process.name == name);
        assert!(held_within(PATIENCE, || runs("sleep")), "{binary:?} starts its command");
        // Both have been taken by now, or are about to be: the loop is asleep again.
        assert!(held_within(PATIENCE, || crate::support::process::rests(init)));
        kill(init, libc::SIGHUP);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(129), "{binary:?}");
        let mut lines: Vec<_> = String::from_utf8_lossy(&output.stderr).lines().map(masked).collect();
        lines.sort();
        assert!(lines.contains(&"[dumb-init] Ignoring tty hand-off signal 1.".to_owned()), "{lines:?}");
        assert!(lines.contains(&"[dumb-init] Ignoring tty hand-off signal 18.".to_owned()), "{lines:?}");
        assert!(!lines.contains(&"[dumb-init] Forwarded signal 18 to children.".to_owned()), "{lines:?}");
        said.push(lines);
    }
    said.dedup();
    assert_eq!(said.len(), 1, "ours and the original say the same: {said:?}");
}

#[test]
fn in_single_child_mode_suspend_gives_the_prompt_back_and_fg_takes_it_again() {
    let names = Names::new();
    for binary in both(&names) {
        let mut pty = Pty::open();
        let shell = start(&pty, &["ctty=0", "job=fg"], &binary, &["-c", "sleep", "60"]);
        let outer = pid(&shell);
        let job = || children(outer).pop();
        let sleeps = || {
            let job = job()?;
            children(job.pid).into_iter().find(|process| process.name == "sleep")
        };
        assert!(held_within(PATIENCE, || sleeps().is_some()), "{binary:?} starts its command");
        let init = job().expect("just seen").pid;
        let is_stopped = || process(init).is_some_and(|init| init.state == 'T');
        pty.types("\x1a");
        assert!(held_within(PATIENCE, is_stopped), "{binary:?} stops with its command");
        kill(init, libc::SIGCONT);
        let goes_on = || !is_stopped() && sleeps().is_some_and(|sleep| sleep.state == 'S');
        assert!(held_within(PATIENCE, goes_on), "{binary:?} goes on, and so does its command");
        pty.types("\x03");
        let output = shell.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("job 130"), "{binary:?}: {said}");
    }
}
