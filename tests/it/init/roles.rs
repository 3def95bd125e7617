//! Items 39, 40 and 45: PID 1 or not, the parent's death, the name.

use std::fs;
use std::time::Duration;

use crate::support::inits::{Kind, Opt, program};
use crate::support::launch::{Launch, PATIENCE, Role, both_roles};
use crate::support::process::{children, held_within, kill, process};

/// A main child that leaves an orphan, and tells of it once it is somebody else's.
const WITH_ORPHAN: &str =
    "block=10,15 fork fork orphaned say=adopted ids await=10 end exit=0 end wait say=ready await=10 exit=3";

both_roles! {
    fn item_39_orphans_are_adopted_without_being_asked(role: Role) {
        let running = Launch::new(role).option(Opt::Drain("1s")).actor(WITH_ORPHAN).start();
        running.line("ready");
        running.line("adopted");
        let init = running.init();
        assert_eq!(children(init).len(), 2, "the main child and the orphan: {:?}", children(init));
        running.signal(10);
        assert_eq!(running.finish().code, Some(3));
    }
}

#[test]
fn item_39_with_subreaper_never_orphans_go_to_others() {
    let running =
        Launch::new(Role::Subreaper).option(Opt::Own(&["--subreaper", "never"])).actor(WITH_ORPHAN).start();
    running.line("ready");
    running.line("adopted");
    let orphan: i32 =
        running.line("pid ").split(' ').next().and_then(|pid| pid.parse().ok()).expect("a number");
    let (init, adopter) = (running.init(), process(orphan).expect("it lives").parent);
    running.signal(10);
    let code = running.finish().code;
    kill(orphan, 9);
    assert_ne!(adopter, init);
    assert_eq!(code, Some(3));
}

#[test]
fn item_39_a_refused_subreaper_is_one_warning() {
    // prctl(PR_SET_CHILD_SUBREAPER) answers EPERM (1), ENOSYS (38), EINVAL (22).
    for error in [1, 38, 22] {
        let run = Launch::new(Role::Subreaper).world(&format!("denyprctl={error}:36")).actor("exit=3").run();
        assert_eq!((run.code, run.stderr.lines().count()), (Some(3), 1), "{run:?}");
        assert!(run.stderr.contains("subreaper"), "{run:?}");
    }
}

#[test]
fn item_39_only_pid_1_signals_everybody() {
    // Under this filter kill(-1) is death by SIGSYS (31): the control first.
    let control = Launch::new(Role::Subreaper).bare().actor("killall").run();
    assert_eq!(control.signal, Some(31), "the filter does not work: {control:?}");
    let leftover = "block=10,15 fork setsid ignore=15 say=left await end say=ready await=10 exit=3";
    let running = Launch::new(Role::Subreaper).option(Opt::Drain("200ms")).actor(leftover).start();
    running.line("ready");
    running.line("left");
    running.signal(15);
    running.signal(10);
    let run = running.finish();
    assert_eq!((run.code, run.signal), (Some(3), None), "{run:?}");
}

both_roles! {
    fn item_40_the_parents_death_reaches_the_main_child(role: Role) {
        let mut launch = Launch::new(role);
        if role == Role::Subreaper {
            // Else its parent is the test. In a namespace it is the process that stays outside.
            launch = launch.outside("child");
        }
        let running = launch
            .option(Opt::ParentDeath("TERM"))
            .actor("block=15 say=ready await=15 say=over exit=0")
            .start();
        running.line("ready");
        running.init();
        kill(running.outer(), 9);
        running.line("over");
    }
}

#[test]
fn item_40_a_parent_that_dies_during_the_start_is_noticed() {
    for _ in 0..100 {
        let running = Launch::new(Role::Subreaper)
            .outside("child")
            .world("untied")
            .option(Opt::ParentDeath("TERM"))
            .actor("alarm=30 pause")
            .start();
        let init = running.init();
        let blocks = || {
            let status = fs::read_to_string(format!("/proc/{init}/status")).unwrap_or_default();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t").map(str::to_owned));
            u64::from_str_radix(&mask.unwrap_or_default(), 16).unwrap_or_default() & (1 << 14) != 0
        };
        // From then on it is answerable. Spinning, for the next microseconds are what this is about.
        let began = std::time::Instant::now();
        while !blocks() {
            assert!(
                began.elapsed() < *PATIENCE,
                "it never blocks signals: {}",
                fs::read_to_string(format!("/proc/{init}/status")).unwrap_or_default()
            );
            std::hint::spin_loop();
        }
        kill(running.outer(), 9);
        let ended = held_within(*PATIENCE, || process(init).is_none_or(|init| init.state == 'Z'));
        assert!(
            ended,
            "it lives on without its parent: {}",
            fs::read_to_string(format!("/proc/{init}/status")).unwrap_or_default()
        );
    }
}

both_roles! {
    fn item_45_under_the_name_tini_it_says_what_docker_reads(role: Role) {
        if program().kind != Kind::Sexton && program().kind != Kind::Tini {
            return;
        }
        let folder = crate::support::temp::Folder::new();
        for name in ["tini", "tini-static", "docker-init"] {
            let path = folder.join(name);
            std::os::unix::fs::symlink(&program().path, &path).expect("a new link");
            let run = Launch::new(role).bare().command([path.as_os_str(), "--version".as_ref()]).run();
            assert_eq!(run.code, Some(0), "{run:?}");
            assert!(run.stdout.starts_with("tini version "), "{run:?}");
            let run = Launch::new(role)
                .world("setenv=TINI_SUBREAPER=")
                .bare()
                .command([path.as_os_str(), "--".as_ref(), "/bin/sh".as_ref(), "-c".as_ref(), "exit 3".as_ref()])
                .run();
            assert_eq!(run.code, Some(3), "{run:?}");
            assert_eq!(run.stderr, "", "TINI_SUBREAPER counts as set when it is empty");
        }
    }
}

both_roles! {
    fn pause_reaps_and_waits_for_a_request_to_stop(role: Role) {
        for sig in [15, 2] {
            let running = Launch::new(role).option(Opt::Own(&["--pause", "--verbose"])).without_dashes().start();
            running.complaint("paused");
            assert_eq!(children(running.init()).len(), 0);
            running.signal(10);
            running.complaint("USR1");
            running.signal(sig);
            assert_eq!(running.finish_within(Duration::from_secs(5)).code, Some(0));
        }
    }
}
