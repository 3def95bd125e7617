//! `zombies:`: what is counted, who is named, and what may not be seen.

use crate::support::isolated::{is_root, isolated, skip};
use crate::support::sexton;

/// Defines `leave N`: a parent called `sleep` that leaves N zombies called `true`, and waits until they are ones.
const LEAVE: &str = r#"
zombies() { grep -s "^State:.Z" /proc/[0-9]*/status | wc -l; }
leave() {
    before=$(zombies)
    sh -c 'for i in $(seq '$1'); do true_is_no_builtin=/bin/true; $true_is_no_builtin & done; exec sleep 1000' &
    until [ "$(zombies)" -ge $((before + $1)) ]; do sleep 0.05; done
}
"#;

#[test]
fn zombies_are_counted_and_their_parent_is_named() {
    let script = format!(
        "{LEAVE} $SEXTON check zombies:; echo $?; leave 3; parent=$!
        $SEXTON check zombies:; echo $?; $SEXTON check zombies:2; echo $?; $SEXTON check zombies:3; echo $?
        kill -9 $parent; wait $parent
        until [ $(zombies) = 0 ]; do sleep 0.05; done; $SEXTON check zombies:; echo $?; echo parent $parent"
    );
    let Some(run) = isolated(&script) else { return };
    let lines: Vec<&str> = run.stdout.lines().collect();
    let parent =
        lines.last().and_then(|line| line.strip_prefix("parent ")).expect("the script reached its end");
    let guilty = format!("3 x true under sleep (pid {parent}); the oldest started ");
    assert!(lines[0].starts_with("healthy: no zombies among 2 processes (zombies:, "), "{}", run.stdout);
    assert!(lines[2].starts_with(&format!("unhealthy: 3 zombies, at most 0: {guilty}")), "{}", run.stdout);
    assert!(lines[4].starts_with(&format!("unhealthy: 3 zombies, at most 2: {guilty}")), "{}", run.stdout);
    assert!(lines[6].starts_with("healthy: 3 zombies among 6 processes (zombies:3, "), "{}", run.stdout);
    assert!(lines[8].starts_with("healthy: no zombies among 2 processes"), "{}", run.stdout);
    assert_eq!([lines[1], lines[3], lines[5], lines[7], lines[9]], ["0", "1", "1", "0", "0"]);
}

#[test]
fn a_zombie_of_pid_1_is_blamed_on_it() {
    // The shell becomes a program that reaps nobody; the check is a child that was started before.
    let script = format!(
        "{LEAVE} mount -t tmpfs none /mnt; mkfifo /mnt/over
        (until [ $(zombies) = 1 ]; do sleep 0.05; done; $SEXTON check zombies:; echo > /mnt/over) &
        /bin/true & exec head -n 1 /mnt/over"
    );
    let Some(run) = isolated(&script) else { return };
    let line = "unhealthy: 1 zombie, at most 0: 1 x true under head (pid 1); the oldest started ";
    assert!(run.stdout.starts_with(line), "{run:?}");
}

#[test]
fn without_proc_nothing_is_said_of_zombies() {
    let script = "mount -t tmpfs none /proc && $SEXTON check zombies:; echo $?";
    let Some(run) = isolated(script) else { return };
    assert!(run.stdout.starts_with("unhealthy: /proc is not mounted; mount it"), "{run:?}");
    assert!(run.stdout.ends_with("\n1\n"), "{run:?}");
}

#[test]
fn an_unprivileged_user_sees_all_zombies_unless_hidepid_says_otherwise() {
    if !is_root() {
        return skip("only root can become another user");
    }
    let check = "setpriv --reuid 65534 --regid 65534 --clear-groups $SEXTON check zombies:; echo $?";
    for (options, sight) in [
        ("hidepid=0", "unhealthy: 2 zombies, at most 0: 2 x true under sleep (pid "),
        ("hidepid=1", "healthy: no zombies among the 1 processes that hidepid lets us see (zombies:"),
        ("hidepid=2", "healthy: no zombies among the 1 processes that hidepid lets us see (zombies:"),
    ] {
        let script = format!("{LEAVE} leave 2; mount -o remount,{options} /proc || exit; {check}");
        let Some(run) = isolated(&script) else { return };
        assert!(run.stdout.starts_with(sight), "{options}: {run:?}");
    }
}

#[test]
fn a_zombie_that_is_reaped_at_once_is_no_leak() {
    // A shell that starts and reaps one child after the other always has one that is about to be reaped.
    let script = "(while :; do /bin/true; done) & for i in $(seq 20); do $SEXTON check zombies: || exit; done; echo clean";
    let Some(run) = isolated(script) else { return };
    assert!(run.stdout.ends_with("clean\n"), "{run:?}");
}

#[test]
fn a_limit_that_is_no_number_is_refused() {
    for limit in ["x", "-1", "+1", "1.5", "99999999999999999999999"] {
        let run = sexton(["check", &format!("zombies:{limit}")]);
        run.refused(&format!("`{limit}` is no limit, as 5 is one, in zombies:{limit}"));
    }
}
