//! Items 41, 42 and 44: what is left when the main child is gone.

use std::time::Duration;

use crate::support::Run;
use crate::support::inits::Opt;
use crate::support::launch::{Launch, Role, both_roles};
use crate::support::process::{kill, process};

/// A main child that starts `before`, and ends with 9 when it is told to (USR1).
fn main_with(before: &str) -> String {
    format!("block=10,15,18 {before} say=ready await=10 exit=9")
}

/// Starts it, lets the main child end when stdout has said `left`, and tells how long the rest took.
fn drained(launch: Launch, before: &str) -> (Run, Duration) {
    let running = launch.actor(&main_with(before)).start();
    running.line("ready");
    running.line("left");
    let main = running.main().pid;
    let told = running.age();
    kill(main, 10);
    let run = running.finish();
    let took = run.elapsed.saturating_sub(told);
    (run, took)
}

/// What needs 300 ms to clean up after it was asked to end.
const TIDY: &str = "say=left await=15 sleep=300 say=clean exit=0";

/// Asserts that a leftover is asked and may clean up, and that the exit code is the main child's.
fn is_asked_and_may_clean_up(role: Role, before: &str) {
    let (run, took) = drained(Launch::new(role), before);
    assert_eq!(run.code, Some(9), "{run:?}");
    assert!(run.stdout.contains("got 15\nclean\n"), "{run:?}");
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(3), "{took:?}");
}

both_roles! {
    fn item_41_a_leftover_of_the_group_is_asked_and_may_clean_up(role: Role) {
        is_asked_and_may_clean_up(role, &format!("fork {TIDY} end"));
    }
}

both_roles! {
    fn item_41_a_leftover_in_another_session_is_asked_and_may_clean_up(role: Role) {
        is_asked_and_may_clean_up(role, &format!("fork setsid {TIDY} end"));
    }
}

both_roles! {
    fn item_41_a_leftover_that_was_forked_twice_is_asked_and_may_clean_up(role: Role) {
        is_asked_and_may_clean_up(role, &format!("fork setsid fork {TIDY} end exit=0 end wait"));
    }
}

both_roles! {
    fn item_41_a_leftover_below_a_leftover_is_asked_and_may_clean_up(role: Role) {
        is_asked_and_may_clean_up(role, &format!("fork setsid fork setsid {TIDY} end await=15 wait exit=0 end"));
    }
}

both_roles! {
    fn item_41_a_stopped_leftover_is_continued(role: Role) {
        let before = "fork setsid say=left stop await=15 say=clean exit=0 end";
        let (run, took) = drained(Launch::new(role), before);
        assert_eq!(run.code, Some(9), "{run:?}");
        assert!(run.stdout.contains("clean"), "{run:?}");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}

both_roles! {
    fn item_41_a_death_of_the_main_child_by_a_signal_is_drained_the_same(role: Role) {
        let running = Launch::new(role).actor(&main_with(&format!("fork setsid {TIDY} end"))).start();
        running.line("ready");
        running.line("left");
        kill(running.main().pid, 9);
        let run = running.finish();
        assert_eq!(run.code, Some(137), "{run:?}");
        assert!(run.stdout.contains("clean"), "{run:?}");
    }
}

both_roles! {
    fn item_42_a_leftover_that_ignores_term_is_killed_on_time(role: Role) {
        let (run, took) =
            drained(Launch::new(role).option(Opt::Drain("500ms")), "fork setsid ignore=15 say=left ids pause end");
        assert_eq!(run.code, Some(9), "{run:?}");
        assert!(took >= Duration::from_millis(500) && took < Duration::from_millis(1500), "{took:?}");
        if role == Role::Subreaper {
            assert!(process(number(&run)).is_none(), "it outlived the drain");
        }
    }
}

/// The number that an actor's `ids` told.
fn number(run: &Run) -> i32 {
    let line = run.stdout.lines().find_map(|line| line.strip_prefix("pid ")).expect("it told its ids");
    line.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a number")
}

both_roles! {
    fn item_42_the_drain_is_over_when_the_last_one_is(role: Role) {
        let before = "fork setsid say=left await=15 exit=0 end fork setsid await=15 sleep=100 exit=0 end";
        let (run, took) = drained(Launch::new(role).option(Opt::Drain("20s")), before);
        assert_eq!(run.code, Some(9), "{run:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

both_roles! {
    fn item_42_without_leftovers_the_exit_is_immediate(role: Role) {
        // On a machine that has time: one of a few runs must show it.
        let best = (0..20).map(|_| drained(Launch::new(role), "say=left").1).min().expect("twenty runs");
        assert!(best < Duration::from_millis(10), "at best after {best:?}");
    }
}

#[test]
fn item_42_a_drain_of_zero_leaves_the_rest_to_the_kernel() {
    let before = "fork setsid alarm=60 say=left ids await=15 say=asked exit=0 end";
    let (run, took) = drained(Launch::new(Role::Subreaper).option(Opt::Own(&["--drain", "0"])), before);
    assert_eq!(run.code, Some(9), "{run:?}");
    assert!(took < Duration::from_secs(2) && !run.stdout.contains("asked"), "{run:?}");
    let left = number(&run);
    assert!(process(left).is_some(), "it was ended");
    kill(left, 9);
}

#[test]
fn item_42_as_pid_1_a_drain_of_zero_is_the_kernels_kill() {
    if !Role::Pid1.is_playable() {
        return;
    }
    let before = "fork setsid alarm=60 say=left await=15 say=asked exit=0 end";
    let (run, took) = drained(Launch::new(Role::Pid1).option(Opt::Own(&["--drain", "0"])), before);
    assert_eq!(run.code, Some(9), "{run:?}");
    assert!(took < Duration::from_secs(2) && !run.stdout.contains("asked"), "{run:?}");
}

both_roles! {
    fn item_44_a_process_that_is_forked_during_the_drain_is_caught(role: Role) {
        let before = "fork setsid say=left await=15 fork setsid ignore=15 say=late ids pause end exit=0 end";
        let (run, took) = drained(Launch::new(role).option(Opt::Drain("500ms")), before);
        assert_eq!(run.code, Some(9), "{run:?}");
        assert!(run.stdout.contains("late"), "{run:?}");
        assert!(took >= Duration::from_millis(500) && took < Duration::from_millis(1500), "{took:?}");
        if role == Role::Subreaper {
            assert!(process(number(&run)).is_none(), "it outlived the drain");
        }
    }
}

both_roles! {
    fn item_44_a_process_that_is_forked_during_the_drain_is_asked(role: Role) {
        let before = "fork setsid say=left await=15 fork setsid say=late await=15 say=clean exit=0 end exit=0 end";
        let (run, took) = drained(Launch::new(role).option(Opt::Drain("10s")), before);
        assert_eq!(run.code, Some(9), "{run:?}");
        assert!(run.stdout.contains("clean"), "{run:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

both_roles! {
    fn item_44_a_fork_bomb_does_not_stretch_the_bound(role: Role) {
        let before = "fork setsid say=left await=15 bomb=4000 end";
        let (run, took) = drained(Launch::new(role).option(Opt::Drain("500ms")), before);
        assert_eq!(run.code, Some(9), "{run:?}");
        assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(2), "{took:?}");
    }
}
