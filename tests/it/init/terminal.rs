//! Items 33 to 38: terminals.

use std::fs;
use std::time::Duration;

use crate::support::launch::{Launch, PATIENCE, Role, both_roles};
use crate::support::process::{held_within, kill, process, rests, until};
use crate::support::pty::Pty;
use crate::support::temp::Folder;

/// An init that leads a session on the terminal, as `docker run -it` starts it.
fn on(pty: &Pty, role: Role) -> Launch {
    Launch::new(role).stdin(pty.slave()).world("ctty=0")
}

/// An init that a shell on the terminal starts as a job: `bg`, `fg`, or in the shell's own group (`same`). PID 1 has no
/// shell in its namespace that could.
fn job(pty: &Pty, how: &str) -> Launch {
    Launch::new(Role::Subreaper).stdin(pty.slave()).outside(&format!("ctty=0 job={how}"))
}

both_roles! {
    fn item_33_the_main_child_has_the_foreground_and_can_read(role: Role) {
        let mut pty = Pty::open();
        let running = on(&pty, role).actor("say=ready read exit=3").start();
        running.line("ready");
        assert_eq!(pty.foreground(), running.main().group, "the main child's group has the foreground");
        pty.types("hello\n");
        assert_eq!(running.line("read "), "hello");
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn item_33_interrupt_ends_it_with_130(role: Role) {
        let mut pty = Pty::open();
        let running = on(&pty, role).actor("say=ready pause").start();
        running.line("ready");
        pty.types("\x03");
        assert_eq!(running.finish_within(Duration::from_secs(5)).code, Some(130));
    }
}

both_roles! {
    fn item_33_an_interactive_bash_has_job_control(role: Role) {
        let mut pty = Pty::open();
        let running = on(&pty, role)
            .stdout(pty.slave())
            .stderr(pty.slave())
            .command(["/bin/bash", "--norc", "--noprofile", "-i"])
            .start();
        pty.types("set -o | grep monitor; echo over''over\n");
        let screen = pty.shows("overover", *PATIENCE);
        assert!(screen.contains("monitor") && screen.contains("on\r\n"), "{screen}");
        assert!(!screen.contains("no job control"), "{screen}");
        // A job that is stopped and continued, by the keyboard.
        pty.types("(echo st''arted; exec sleep 60)\n");
        pty.shows("started", *PATIENCE);
        let main = running.main();
        until(*PATIENCE, "bash has given the foreground away", || pty.foreground() != main.group);
        pty.types("\x1a");
        let screen = pty.shows("Stopped", *PATIENCE);
        assert!(screen.contains("Stopped"), "{screen}");
        pty.types("kill %1; exit 7\nexit 7\n");
        assert_eq!(running.finish().code, Some(7));
    }
}

/// Types ^Z, and waits until it has had its effect, if it has one that lasts.
fn suspend(pty: &mut Pty, main: i32) {
    pty.types("\x1a");
    held_within(Duration::from_millis(300), || process(main).is_none_or(|main| main.state == 'T'));
}

both_roles! {
    fn item_34_suspend_never_freezes_it_interrupt_still_ends_it(role: Role) {
        let mut pty = Pty::open();
        let running = on(&pty, role).actor("say=ready pause").start();
        running.line("ready");
        suspend(&mut pty, running.main().pid);
        pty.types("\x03");
        assert_eq!(running.finish_within(Duration::from_secs(2)).code, Some(130));
    }
}

both_roles! {
    fn item_34_suspend_never_freezes_it_a_request_to_stop_takes_under_a_second(role: Role) {
        let mut pty = Pty::open();
        let running = on(&pty, role).actor("say=ready pause").start();
        running.line("ready");
        suspend(&mut pty, running.main().pid);
        running.signal(15);
        assert_eq!(running.finish_within(Duration::from_secs(1)).code, Some(143));
    }
}

#[test]
fn item_34_under_a_shell_suspend_stops_the_whole_job() {
    let mut pty = Pty::open();
    let running = job(&pty, "fg").actor("say=ready pause").start();
    running.line("ready");
    let (init, main) = (running.init(), running.main());
    until(*PATIENCE, "the main child has the foreground", || pty.foreground() == main.group);
    pty.types("\x1a");
    running.line("job stopped 20");
    kill(init, 18);
    until(*PATIENCE, "the main child goes on", || process(main.pid).is_some_and(|main| main.state == 'S'));
    running.signal(15);
    running.line("job 143");
}

#[test]
fn item_35_started_in_the_background_it_does_not_take_the_foreground() {
    let pty = Pty::open();
    let running = job(&pty, "bg").actor("say=ready pause").start();
    running.line("ready");
    let init = running.init();
    until(*PATIENCE, "the init rests", || rests(init));
    assert_eq!(pty.foreground(), running.outer(), "the shell has lost the foreground");
    running.signal(15);
    assert_eq!(running.line("job "), "143 foreground shell");
    assert_eq!(running.stdout(), ["ready", "job 143 foreground shell"]);
}

#[test]
fn item_36_started_in_the_foreground_by_a_script_it_gives_the_foreground_back() {
    let pty = Pty::open();
    let running = job(&pty, "same").actor("say=ready pause").start();
    running.line("ready");
    running.signal(15);
    assert_eq!(running.line("job "), "143 foreground shell");
}

#[test]
fn item_36_the_foreground_comes_back_when_the_command_cannot_be_started() {
    let pty = Pty::open();
    let running = job(&pty, "same").command(["/nonexistent"]).start();
    assert_eq!(running.line("job "), "127 foreground shell");
}

#[test]
fn item_36_a_script_whose_main_child_had_the_foreground_gets_it_back() {
    let pty = Pty::open();
    let running = job(&pty, "same").actor("say=ready pause").start();
    running.line("ready");
    // The case is only one if the foreground was away in between.
    assert_eq!(pty.foreground(), running.main().group);
    running.signal(15);
    assert_eq!(running.line("job "), "143 foreground shell");
}

both_roles! {
    fn item_37_a_redirected_stdin_keeps_nobody_from_the_terminal(role: Role) {
        let mut pty = Pty::open();
        let running = on(&pty, role).world("close=0 open=0").actor("say=ready readtty exit=3").start();
        running.line("ready");
        pty.types("hello\n");
        assert_eq!(running.line("read "), "hello");
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn item_37_a_terminal_that_is_gone_at_the_start_is_not_fatal(role: Role) {
        let pty = Pty::open();
        let running = on(&pty, role).world("ignore=1 say=attached read").actor("exit=3").start();
        running.line("attached");
        drop(pty);
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn item_37_a_terminal_that_goes_while_it_runs_is_not_fatal(role: Role) {
        let pty = Pty::open();
        let running = on(&pty, role).actor("block=1,10 say=ready await=10 exit=3").start();
        running.line("ready");
        drop(pty);
        // The kernel sends HUP to the session's leader, which is the init, and to the foreground.
        running.line("got 1");
        running.signal(10);
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn item_37_no_terminal_and_a_terminal_of_others_are_not_fatal(role: Role) {
        // ENXIO of /dev/tty, then a stdin that is a terminal, but not ours to control.
        assert_eq!(Launch::new(role).world("setsid").actor("exit=3").run().code, Some(3));
        let pty = Pty::open();
        let run = Launch::new(role).world("setsid").stdin(pty.slave()).actor("exit=4").run();
        assert_eq!(run.code, Some(4), "{run:?}");
    }
}

both_roles! {
    fn item_37_a_terminal_with_every_descriptor_closed_is_not_fatal(role: Role) {
        let pty = Pty::open();
        let folder = Folder::new();
        let report = folder.join("report");
        let actor = format!("probe to={} say=ran probed exit=5", report.display());
        let run = on(&pty, role).world("close=0 close=1 close=2").actor(&actor).run();
        assert_eq!(run.code, Some(5), "{run:?}");
        assert_eq!(fs::read_to_string(&report).expect("it was written"), "ran\n");
    }
}

both_roles! {
    fn item_38_only_a_real_hup_reaches_the_child(role: Role) {
        let pty = Pty::open();
        let running = on(&pty, role).actor("block=all say=ready await=1 exit=6").start();
        running.line("ready");
        let init = running.init();
        until(*PATIENCE, "the init rests", || rests(init));
        assert_eq!(running.stdout(), ["ready"], "something came before anything was sent");
        running.signal(1);
        let run = running.finish();
        assert_eq!((run.code, run.stdout.as_str()), (Some(6), "ready\ngot 1\n"));
    }
}
