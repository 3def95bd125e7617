//! Items 19 and 43, and the options about stopping.

use std::time::{Duration, Instant};

use crate::support::inits::Opt;
use crate::support::launch::{Launch, PATIENCE, Role, both_roles};
use crate::support::process::{held_within, kill, process, until};

both_roles! {
    fn item_19_a_stopped_main_child_acts_on_term_at_once(role: Role) {
        let running = Launch::new(role).actor("say=ready pause").start();
        running.line("ready");
        let main = running.main().pid;
        kill(main, 19);
        until(*PATIENCE, "the main child is stopped", || process(main).is_some_and(|main| main.state == 'T'));
        running.signal(15);
        assert_eq!(running.finish_within(Duration::from_secs(1)).code, Some(143));
    }
}

both_roles! {
    fn item_43_without_kill_after_the_main_child_is_never_killed(role: Role) {
        let mut running = Launch::new(role).actor("block=all say=ready await=10 exit=4").start();
        running.line("ready");
        for _ in 0..3 {
            running.signal(15);
            running.signal(2);
        }
        running.lines("got 15", 1);
        assert!(!held_within(Duration::from_secs(3), || !running.is_alive()), "it was killed after all");
        running.signal(10);
        assert_eq!(running.finish().code, Some(4));
    }
}

/// From a request to stop to the end of a main child that ignores it.
fn killed_after(role: Role, requests: usize) -> Duration {
    let running =
        Launch::new(role).option(Opt::KillAfter("300ms")).actor("ignore=15 say=ready pause").start();
    running.line("ready");
    running.init();
    let asked = Instant::now();
    for _ in 0..requests {
        running.signal(15);
    }
    let run = running.finish();
    let took = asked.elapsed();
    assert_eq!(run.code, Some(137), "{run:?}");
    assert!(took >= Duration::from_millis(300), "killed after {took:?}");
    took
}

both_roles! {
    fn item_43_with_kill_after_the_main_child_is_killed_on_time_with_137(role: Role) {
        // The promise is for a machine that has time: one of some runs must keep it.
        let mut all = Vec::new();
        while all.len() < 20 && all.iter().all(|took| *took >= Duration::from_millis(350)) {
            all.push(killed_after(role, 1));
        }
        assert!(all.last().is_some_and(|took| *took < Duration::from_millis(350)), "killed after {all:?}");
    }
}

both_roles! {
    fn kill_after_counts_from_the_first_request(role: Role) {
        let running = Launch::new(role).option(Opt::KillAfter("1s")).actor("block=15 say=ready await").start();
        running.line("ready");
        running.init();
        let asked = Instant::now();
        let mut running = running;
        while running.is_alive() && asked.elapsed() < Duration::from_secs(5) {
            running.try_signal(15);
            std::thread::sleep(Duration::from_millis(50));
        }
        let took = asked.elapsed();
        assert_eq!(running.finish().code, Some(137));
        assert!(took < Duration::from_secs(2), "later requests put it off to {took:?}");
    }
}

both_roles! {
    fn kill_after_does_nothing_to_a_main_child_that_obeys(role: Role) {
        let running =
            Launch::new(role).option(Opt::KillAfter("10s")).actor("block=15 say=ready await=15 exit=3").start();
        running.line("ready");
        running.signal(15);
        assert_eq!(running.finish_within(Duration::from_secs(5)).code, Some(3));
    }
}

both_roles! {
    fn stop_delay_holds_a_request_to_stop_back_and_nothing_else(role: Role) {
        let running = Launch::new(role)
            .option(Opt::Own(&["--stop-delay", "700ms"]))
            .actor("block=10,12,15 say=ready await=15 exit=3")
            .start();
        running.line("ready");
        running.init();
        let asked = Instant::now();
        running.signal(15);
        running.signal(10);
        let run = running.finish();
        let took = asked.elapsed();
        assert_eq!(run.code, Some(3));
        // Sent after it, and there before it.
        assert!(run.stdout.contains("got 10\ngot 15\n"), "USR1 waited, too, or TERM did not: {run:?}");
        assert!(took >= Duration::from_millis(700) && took < Duration::from_millis(1700), "after {took:?}");
    }
}

both_roles! {
    fn an_app_that_ends_during_the_stop_delay_ends_the_init_at_once(role: Role) {
        let running = Launch::new(role)
            .option(Opt::Own(&["--stop-delay", "30s"]))
            .actor("block=10,15 say=ready await=10 exit=3")
            .start();
        running.line("ready");
        running.signal(15);
        running.signal(10);
        assert_eq!(running.finish_within(Duration::from_secs(5)).code, Some(3));
    }
}

both_roles! {
    fn item_57_named_codes_count_as_0_and_no_other(role: Role) {
        let code = |option, words: &str| Launch::new(role).option(Opt::ExitZero(option)).actor(words).run().code;
        assert_eq!(code("143", "die=15"), Some(0));
        assert_eq!(code("143", "exit=143"), Some(0));
        assert_eq!(code("143", "die=2"), Some(130));
        assert_eq!(code("143", "exit=1"), Some(1));
    }
}

both_roles! {
    fn exit_zero_takes_lists_and_names_of_signals(role: Role) {
        let code = |words: &str| {
            Launch::new(role).option(Opt::Own(&["--exit-zero", "3,SIGTERM", "--exit-zero", "INT"])).actor(words).run().code
        };
        assert_eq!(code("die=15"), Some(0));
        assert_eq!(code("die=2"), Some(0));
        assert_eq!(code("exit=3"), Some(0));
        assert_eq!(code("exit=4"), Some(4));
    }
}
