//! One budget for a stop: CMD's code reaches the runtime before the runtime's own SIGKILL.

use std::time::{Duration, Instant};

use crate::support::Run;
use crate::support::inits::Opt;
use crate::support::launch::{Launch, PATIENCE, Role, both_roles};
use crate::support::process::{kill, until};
use crate::support::pty::Pty;

/// A leftover that ignores every request to end; its own end comes should the test fail.
const STUBBORN: &str = "fork setsid ignore=2,15 alarm=60 say=left await end";

/// Starts an app that ends with 5 when it is asked to, beside a stubborn leftover; sends TERM, and says how long it took.
fn stopped(role: Role, option: Option<Opt>, app: &str) -> (Run, Duration) {
    let words = format!("block=10,15 {STUBBORN} say=ready {app}");
    let launch = Launch::new(role).actor(&words);
    let running = option.into_iter().fold(launch, Launch::option).start();
    running.line("ready");
    running.line("left");
    running.init();
    let asked = running.age();
    running.signal(15);
    // Not what follows its end: with other inits the leftover outlives it, and holds the pipes.
    let run = running.finish_within((*PATIENCE).max(Duration::from_secs(12)));
    let took = run.elapsed.saturating_sub(asked);
    (run, took)
}

/// Asserts the app's code, and both bounds of the time.
fn takes((run, took): (Run, Duration), least: u64, most: u64) {
    assert_eq!(run.code, Some(5), "{run:?}");
    let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
    assert!(took >= least && took < most, "{took:?}, not {least:?} to {most:?}");
}

both_roles! {
    fn item_48_a_stubborn_leftover_does_not_cost_the_apps_code_within_a_stop_of_three_seconds(role: Role) {
        takes(stopped(role, None, "await=15 exit=5"), 0, 3000);
    }
}

both_roles! {
    fn item_49_nor_does_it_where_the_app_itself_needs_six_of_ten_seconds(role: Role) {
        takes(stopped(role, None, "await=15 sleep=6000 exit=5"), 6000, 10_000);
    }
}

both_roles! {
    fn after_a_stop_from_outside_the_drain_takes_two_seconds(role: Role) {
        takes(stopped(role, Some(Opt::Own(&["--subreaper", "auto"])), "await=15 exit=5"), 2000, 3000);
    }
}

both_roles! {
    fn the_drain_after_a_stop_is_what_the_user_says(role: Role) {
        takes(stopped(role, Some(Opt::Own(&["--drain", "300ms"])), "await=15 exit=5"), 300, 1300);
        takes(stopped(role, Some(Opt::Own(&["--drain", "2500ms"])), "await=15 exit=5"), 2500, 3500);
    }
}

both_roles! {
    fn the_drain_is_over_before_the_runtimes_limit(role: Role) {
        // Of 2 s the app takes 1, and the last half is for our exit.
        takes(stopped(role, Some(Opt::Own(&["--stop-timeout", "2s"])), "await=15 sleep=1000 exit=5"), 1500, 2000);
        takes(stopped(role, Some(Opt::Own(&["--stop-timeout", "2s", "--drain", "30s"])), "await=15 exit=5"), 1500, 2000);
    }
}

both_roles! {
    fn kill_after_is_the_budget_of_all(role: Role) {
        takes(stopped(role, Some(Opt::Own(&["--kill-after", "1s"])), "await=15 sleep=400 exit=5"), 1000, 2000);
    }
}

both_roles! {
    fn without_a_stop_the_drain_takes_five_seconds(role: Role) {
        let words = format!("block=10 {STUBBORN} say=ready await=10 exit=5");
        let running = Launch::new(role).actor(&words).start();
        running.line("ready");
        running.line("left");
        let (asked, main) = (Instant::now(), running.main().pid);
        kill(main, 10);
        let run = running.finish();
        takes((run, asked.elapsed()), 5000, 6000);
    }
}

both_roles! {
    fn item_50_a_second_request_ends_the_drain_at_once(role: Role) {
        for signal in [15, 2] {
            let words = format!("block=10,15 {STUBBORN} say=ready await=15 exit=5");
            let running = Launch::new(role).option(Opt::Own(&["--drain", "20s", "--verbose"])).actor(&words).start();
            running.line("ready");
            running.line("left");
            running.signal(15);
            running.complaint("draining");
            let asked = Instant::now();
            running.signal(signal);
            takes((running.finish(), asked.elapsed()), 0, 1000);
        }
    }
}

both_roles! {
    fn a_first_request_during_the_drain_starts_the_runtimes_clock(role: Role) {
        let words = format!("block=10 {STUBBORN} say=ready await=10 exit=5");
        let running = Launch::new(role).option(Opt::Verbose).actor(&words).start();
        running.line("ready");
        running.line("left");
        kill(running.main().pid, 10);
        running.complaint("draining");
        let asked = Instant::now();
        running.signal(15);
        takes((running.finish(), asked.elapsed()), 2000, 3000);
    }
}

both_roles! {
    fn an_interrupt_key_during_the_drain_ends_it_at_once(role: Role) {
        let mut pty = Pty::open();
        // The leftover is in the main child's group, which has the terminal.
        let words = "block=10 fork ignore=2,15 alarm=60 say=left await end say=ready pause";
        let running =
            Launch::new(role).option(Opt::Verbose).outside("ctty=0").stdin(pty.slave()).actor(words).start();
        running.line("ready");
        running.line("left");
        let group = running.main().group;
        until(*PATIENCE, "the main child has the foreground", || pty.foreground() == group);
        pty.types("\x03");
        running.complaint("draining");
        until(*PATIENCE, "the foreground is back", || pty.foreground() != group);
        let asked = Instant::now();
        pty.types("\x03");
        let run = running.finish();
        assert_eq!(run.code, Some(130), "{run:?}");
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
}

both_roles! {
    fn exit_zero_holds_for_an_end_during_a_wait(role: Role) {
        let options: &[&str] = &["--wait", "file:/nowhere", "--exit-zero", "143,124", "--wait-timeout", "0"];
        let running = Launch::new(role).option(Opt::Own(options)).actor("say=ready").start();
        running.complaint("waiting: ");
        running.signal(15);
        assert_eq!(running.finish().code, Some(0));
        let options: &[&str] = &["--wait", "file:/nowhere", "--exit-zero", "124", "--wait-timeout", "200ms"];
        let run = Launch::new(role).option(Opt::Own(options)).actor("say=ready").run();
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run:?}");
    }
}
