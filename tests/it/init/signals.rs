//! Items 12 and 14 to 22: forwarding. 13 is in `races`, 19 in `stops`.

use std::time::Duration;

use crate::support::inits::{Kind, Opt, program};
use crate::support::launch::{Launch, PATIENCE, Role, Running, both_roles, skipped};
use crate::support::pipes;
use crate::support::process::{children, kill, process, rests, until};

/// What can be caught: all but KILL, STOP, CHLD (each init's own business), and 32 and 33, which belong to the C library.
fn forwarded() -> impl Iterator<Item = i32> {
    (1..=64).filter(|sig| ![9, 17, 19, 32, 33].contains(sig))
}

/// Makes of stdout what stderr is, for tini logs to stdout; the actor then reports on 50.
const BOTH_OUTPUTS: &str = "dup=1:50 dup=2:1";

/// Waits until the init has dealt with all that it was sent.
fn settle(running: &Running) {
    let init = running.init();
    until(*PATIENCE, "the init has dealt with its signals", || rests(init));
}

both_roles! {
    fn item_12_every_signal_is_forwarded_by_its_number(role: Role) {
        let mut running = Launch::new(role).actor("block=all say=ready await").start();
        running.line("ready");
        for sig in forwarded() {
            running.signal(sig);
            running.lines(&format!("got {sig}"), 1);
        }
        assert!(running.is_alive());
        kill(running.main().pid, 9);
        assert_eq!(running.finish().code, Some(137));
    }
}

both_roles! {
    fn item_12_queued_real_time_signals_keep_their_count(role: Role) {
        let running = Launch::new(role).actor("block=all say=ready await=62 exit=3").start();
        running.line("ready");
        for _ in 0..100 {
            for sig in [34, 37, 61] {
                running.signal(sig);
            }
        }
        for sig in [34, 37, 61] {
            running.lines(&format!("got {sig}"), 100);
        }
        running.signal(62);
        let run = running.finish();
        assert_eq!(run.code, Some(3));
        for sig in [34, 37, 61] {
            let line = format!("got {sig}");
            assert_eq!(run.stdout.lines().filter(|&have| have == line).count(), 100, "of signal {sig}");
        }
    }
}

both_roles! {
    fn item_14_terminal_stop_signals_reach_an_app_that_handles_them(role: Role) {
        let mut running = Launch::new(role).actor("handle=20,21,22 say=ready pause").start();
        running.line("ready");
        for sig in [20, 21, 22] {
            running.signal(sig);
            running.lines(&format!("handled {sig}"), 1);
        }
        settle(&running);
        assert!(running.is_alive());
        assert_eq!(process(running.init()).expect("it lives").state, 'S', "the init itself stopped");
        running.signal(15);
        assert_eq!(running.finish().code, Some(143));
    }
}

both_roles! {
    fn item_14_a_stop_signal_does_not_keep_an_app_without_handler_from_term(role: Role) {
        let running = Launch::new(role).actor("say=ready pause").start();
        running.line("ready");
        running.signal(20);
        settle(&running);
        running.signal(15);
        assert_eq!(running.finish_within(Duration::from_secs(2)).code, Some(143));
    }
}

both_roles! {
    fn item_15_a_log_whose_reader_is_gone_sends_the_app_no_sigpipe(role: Role) {
        let mut running = Launch::new(role)
            .option(Opt::Verbose)
            .stderr(pipes::without_reader())
            .world(BOTH_OUTPUTS)
            .actor("report=50 block=all fork fork exit=0 end exit=0 end say=ready await=15 exit=9")
            .start();
        running.line("ready");
        for count in 1..=20 {
            running.signal(10);
            running.lines("got 10", count);
        }
        settle(&running);
        assert!(running.is_alive(), "it died of its log");
        running.signal(15);
        let run = running.finish();
        assert_eq!(run.code, Some(9));
        assert!(!run.stdout.contains("got 13"), "SIGPIPE of the init's own reached the app");
    }
}

both_roles! {
    fn item_15_a_sigpipe_from_a_user_is_forwarded(role: Role) {
        let running = Launch::new(role).option(Opt::Verbose).actor("block=all say=ready await=13 exit=2").start();
        running.line("ready");
        running.signal(13);
        assert_eq!(running.finish().code, Some(2));
    }
}

/// With a stderr that nobody reads: TERM comes through, zombies are reaped, the code is the child's.
fn with_a_full_log(role: Role, options: &[Opt]) {
    let (_reader, writer) = pipes::full();
    let mut launch = Launch::new(role).stderr(writer).world(BOTH_OUTPUTS);
    for option in options {
        launch = launch.option(option.clone());
    }
    let running = launch
        .actor("report=50 block=all fork fork exit=0 end exit=0 end fds say=ready await=15 exit=9")
        .start();
    running.line("ready");
    for count in 1..=20 {
        running.signal(10);
        running.lines("got 10", count);
    }
    let init = running.init();
    // The one child that `fork` made is the main child's own zombie.
    until(*PATIENCE, "the orphan is reaped", || children(init).len() == 1);
    running.signal(15);
    let run = running.finish_within(Duration::from_secs(5));
    assert_eq!(run.code, Some(9));
    assert!(run.stdout.lines().any(|line| line == "fd 2"), "the app's stderr became non-blocking: {run:?}");
}

both_roles! {
    fn item_16_a_full_log_holds_nothing_up(role: Role) {
        with_a_full_log(role, &[Opt::Verbose]);
    }
}

both_roles! {
    fn item_16_a_full_log_in_json_holds_nothing_up(role: Role) {
        with_a_full_log(role, &[Opt::Own(&["--verbose", "--log", "json"])]);
    }
}

both_roles! {
    fn item_17_an_app_that_may_not_be_signalled_does_not_end_the_init(role: Role) {
        if !nix::unistd::geteuid().is_root() {
            skipped("only root can become another user");
            return;
        }
        // Without CAP_KILL (5), root is a user among others.
        let mut running = Launch::new(role)
            .world("dropcap=5")
            .actor("setuid=65534 block=10,15 say=ready await=10 exit=6")
            .start();
        running.line("ready");
        for _ in 0..3 {
            running.signal(15);
            if running.is_alive() {
                settle(&running);
            }
        }
        assert!(running.is_alive(), "EPERM ended the init: {:?}", running.stderr());
        assert!(!running.stdout().iter().any(|line| line == "got 15"), "the test is void: the signal got through");
        kill(running.main().pid, 10);
        assert_eq!(running.finish().code, Some(6));
    }
}

#[test]
fn item_18_the_number_of_the_reaped_main_child_is_never_signalled_again() {
    if !Role::Pid1.is_playable() || program().kind != Kind::Sexton {
        // The others end with the main child: there is no time in which they could.
        return;
    }
    for options in [vec![], vec![Opt::Group]] {
        let mut launch = Launch::new(Role::Pid1).option(Opt::Drain("2s"));
        for option in options {
            launch = launch.option(option);
        }
        // The main child is 2; once it is reaped, another process gets that number.
        let running = launch
            .actor("block=all fork setsid gone=2 lastpid=1 fork ids say=newcomer await end pause end exit=5")
            .start();
        running.line("newcomer");
        assert!(
            running.line("pid ").starts_with("2 "),
            "the number was not given again: {:?}",
            running.stdout()
        );
        running.signal(10);
        settle(&running);
        let run = running.finish();
        assert_eq!(run.code, Some(5));
        assert!(!run.stdout.contains("got 10"), "a stranger got the signal: {run:?}");
    }
}

/// Sends the first signal of each pair, in turn; the app must get the second, or nothing.
fn rewritten(role: Role, options: &[&'static str], pairs: &[(i32, Option<i32>)]) {
    let mut launch = Launch::new(role);
    for option in options {
        launch = launch.option(Opt::Rewrite(option));
    }
    let running = launch.actor("block=all say=ready await=64 exit=3").start();
    running.line("ready");
    let mut expected = Vec::new();
    for (sent, got) in pairs {
        running.signal(*sent);
        settle(&running);
        if let Some(got) = got {
            expected.push(format!("got {got}"));
            let count = expected.iter().filter(|line| *line == &expected[expected.len() - 1]).count();
            running.lines(&format!("got {got}"), count);
        }
    }
    running.signal(64);
    let run = running.finish();
    expected.push("got 64".into());
    // A CONT goes with a request to stop.
    let got: Vec<&str> = run.stdout.lines().skip(1).filter(|&line| line != "got 18").collect();
    assert_eq!(got, expected, "with {options:?}");
}

both_roles! {
    fn item_20_a_signal_is_rewritten_by_numbers(role: Role) {
        rewritten(role, &["15:3"], &[(15, Some(3)), (10, Some(10))]);
    }
}

both_roles! {
    fn item_20_a_signal_is_rewritten_by_names_with_and_without_sig(role: Role) {
        rewritten(
            role,
            &["TERM:INT", "SIGUSR1:SIGUSR2", "hup:sigquit"],
            &[(15, Some(2)), (10, Some(12)), (1, Some(3))],
        );
    }
}

both_roles! {
    fn item_20_real_time_signals_are_named_from_both_ends(role: Role) {
        rewritten(
            role,
            &["TERM:RTMIN+3", "SIGRTMIN+4:USR1", "RTMAX-1:HUP", "RTMIN:RTMAX-2"],
            &[(15, Some(37)), (38, Some(10)), (63, Some(1)), (34, Some(62))],
        );
    }
}

both_roles! {
    fn item_20_zero_drops_a_signal(role: Role) {
        rewritten(role, &["10:0"], &[(10, None), (12, Some(12))]);
    }
}

both_roles! {
    fn item_20_a_swap_is_not_chained(role: Role) {
        rewritten(role, &["10:12", "12:10"], &[(10, Some(12)), (12, Some(10))]);
    }
}

both_roles! {
    fn item_21_fault_signals_from_a_user_are_forwarded_and_do_not_kill_the_init(role: Role) {
        let mut running = Launch::new(role).actor("block=all say=ready await").start();
        running.line("ready");
        for sig in [4, 5, 6, 7, 8, 11, 31] {
            running.signal(sig);
            running.lines(&format!("got {sig}"), 1);
            assert!(running.is_alive(), "signal {sig} ended it");
        }
        kill(running.main().pid, 9);
        assert_eq!(running.finish().code, Some(137));
    }
}

#[test]
fn item_22_killing_the_init_itself_leaves_the_main_child_running() {
    let running = Launch::new(Role::Subreaper).actor("alarm=60 say=ready pause").start();
    running.line("ready");
    let main = running.main().pid;
    running.signal(9);
    assert_eq!(running.finish_within(Duration::from_secs(10)).signal, Some(9));
    let survivor = process(main);
    kill(main, 9);
    assert!(survivor.is_some_and(|main| main.state != 'Z'), "as documented, nothing stops it");
}

#[test]
fn item_22_with_parent_death_killing_the_init_itself_ends_the_main_child() {
    let running = Launch::new(Role::Subreaper)
        .option(Opt::ParentDeath("TERM"))
        .actor("alarm=60 block=15 say=ready await=15 say=over exit=0")
        .start();
    running.line("ready");
    running.signal(9);
    running.line("over");
}
