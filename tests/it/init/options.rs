//! Every option, from the command line and from the environment; bad input.

use std::time::Duration;

use crate::support::inits::Opt;
use crate::support::launch::{Launch, Role, both_roles};

/// With one variable, and an actor.
fn with(role: Role, variable: &str, actor: &str) -> Launch {
    Launch::new(role).world(&format!("setenv={variable}")).actor(actor)
}

both_roles! {
    fn group_signals_the_whole_group(role: Role) {
        let words = "block=15 fork say=begun await=15 say=child end say=ready await=15 wait say=main exit=3";
        for launch in [Launch::new(role).option(Opt::Group).actor(words), with(role, "SEXTON_INIT_GROUP=1", words)] {
            let running = launch.start();
            running.line("ready");
            running.line("begun");
            running.signal(15);
            let run = running.finish();
            assert_eq!(run.code, Some(3), "{run:?}");
            assert!(run.stdout.contains("child\n"), "{run:?}");
        }
    }
}

both_roles! {
    fn without_group_only_the_main_child_is_signalled(role: Role) {
        // Were the child told, it would say so before the main child, which waits for it a moment.
        let words = "block=10 fork say=begun await=10 say=child end say=ready await=10 sleep=200 exit=3";
        let running = Launch::new(role).option(Opt::Drain("200ms")).actor(words).start();
        running.line("ready");
        running.line("begun");
        running.signal(10);
        let run = running.finish();
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(!run.stdout.contains("child"), "{run:?}");
    }
}

both_roles! {
    fn every_option_can_come_from_the_environment(role: Role) {
        let code = |variable: &str, actor: &str| {
            let run = with(role, variable, actor).run();
            run.code.unwrap_or_else(|| panic!("{variable}: {run:?}"))
        };
        assert_eq!(code("SEXTON_INIT_EXIT_ZERO=3,SIGTERM", "exit=3"), 0);
        assert_eq!(code("SEXTON_INIT_EXIT_ZERO=3,SIGTERM", "die=15"), 0);
        assert_eq!(code("SEXTON_INIT_EXIT_ZERO=3", "exit=4"), 4);
        assert_eq!(code("SEXTON_INIT_EXIT_ZERO=", "exit=4"), 4);
        assert_eq!(code("SEXTON_INIT_PARENT_DEATH=TERM", "exit=4"), 4);
        assert_eq!(code("SEXTON_INIT_STOP_DELAY=1s", "exit=4"), 4);
        let asked = |variable: &str, actor: &str| {
            let running = with(role, variable, actor).start();
            running.line("ready");
            running.signal(15);
            running.finish_within(Duration::from_secs(4))
        };
        let run = asked("SEXTON_INIT_REWRITE=TERM:USR1,HUP:0", "block=10,15 say=ready await=10 exit=5");
        assert_eq!(run.code, Some(5), "{run:?}");
        let run = asked("SEXTON_INIT_KILL_AFTER=200ms", "ignore=15 say=ready pause");
        assert_eq!(run.code, Some(137), "{run:?}");
        let left = "fork setsid ignore=15 alarm=60 pause end block=15 say=ready await=15 exit=6";
        let run = asked("SEXTON_INIT_DRAIN=200ms", left);
        assert_eq!(run.code, Some(6), "{run:?}");
    }
}

both_roles! {
    fn the_command_line_is_stronger_than_the_environment(role: Role) {
        let launch = |code| with(role, "SEXTON_INIT_EXIT_ZERO=3", code).option(Opt::Own(&["--exit-zero", "4"]));
        assert_eq!(launch("exit=4").run().code, Some(0));
        assert_eq!(launch("exit=3").run().code, Some(3));
    }
}

both_roles! {
    fn verbose_tells_each_event(role: Role) {
        let words = "block=10 fork fork exit=0 end exit=0 end wait say=ready await=10 exit=3";
        for launch in [Launch::new(role).option(Opt::Verbose).actor(words), with(role, "SEXTON_INIT_VERBOSE=1", words)] {
            let running = launch.start();
            running.line("ready");
            running.signal(10);
            let run = running.finish();
            assert_eq!(run.code, Some(3), "{run:?}");
            for part in ["started ", "forwarded SIGUSR1", "reaped pid ", "reaped the main child", "exit 3"] {
                assert!(run.stderr.contains(part), "nothing of {part:?}: {run:?}");
            }
            assert!(run.stderr.lines().all(|line| line.contains("Z sexton: ")), "{run:?}");
        }
    }
}

both_roles! {
    fn the_json_log_is_one_object_a_line(role: Role) {
        let words = "block=10,15 fork setsid ignore=15 say=left pause end say=ready await=10 exit=3";
        let launch = Launch::new(role).option(Opt::Own(&["--log", "json", "--drain", "200ms"]));
        let running = launch.actor(words).start();
        running.line("ready");
        running.line("left");
        running.signal(10);
        let run = running.finish();
        assert_eq!(run.code, Some(3), "{run:?}");
        let events: Vec<serde_json::Value> =
            run.stderr.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
        let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().expect("a name")).collect();
        assert_eq!(names, ["started", "forwarded", "reaped", "draining", "escalated", "reaped", "exit"], "{run:?}");
        assert!(events[0]["pid"].is_i64() && events[0]["program"].is_string(), "{run:?}");
        assert_eq!(events[1]["signal"], "USR1", "{run:?}");
        assert_eq!((&events[2]["main"], &events[2]["code"]), (&true.into(), &3.into()), "{run:?}");
        assert_eq!(events[5]["signal"], "KILL", "{run:?}");
        assert_eq!(events[6]["code"], 3, "{run:?}");
    }
}

both_roles! {
    fn without_verbose_nothing_is_said(role: Role) {
        let words = "block=10 fork fork exit=0 end exit=0 end wait say=ready await=10 exit=3";
        let running = Launch::new(role).actor(words).start();
        running.line("ready");
        running.signal(10);
        assert_eq!(running.finish().stderr, "");
    }
}

both_roles! {
    fn explain_prints_what_would_be_done_and_does_nothing(role: Role) {
        for launch in [
            Launch::new(role).option(Opt::Own(&["--explain", "--kill-after", "8s"])).actor("say=ran"),
            with(role, "SEXTON_INIT_EXPLAIN=1", "say=ran").option(Opt::Own(&["--kill-after", "8s"])),
        ] {
            let run = launch.run();
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
            assert!(run.stdout.contains("say=ran") && run.stdout.contains("8s"), "{run:?}");
            assert!(!run.stdout.lines().any(|line| line == "ran"), "{run:?}");
        }
    }
}

#[test]
fn bad_input_is_one_line_and_125() {
    let table: [(&[&str], &str); 31] = [
        (&[], "no command"),
        (&["--"], "no command"),
        (&["--", ""], "empty"),
        (&["--group"], "no command"),
        (&["--pause", "x"], "--pause"),
        (&["--bogus", "x"], "--bogus"),
        (&["-Z", "x"], "-Z"),
        (&["--exit-zero", "256", "x"], "256"),
        (&["--exit-zero", "-1", "x"], "-1"),
        (&["--exit-zero", "FOO", "x"], "FOO"),
        (&["--exit-zero", "", "x"], "--exit-zero"),
        (&["--exit-zero"], "--exit-zero"),
        (&["--rewrite", "FOO:TERM", "x"], "FOO"),
        (&["--rewrite", "TERM:FOO", "x"], "FOO"),
        (&["--rewrite", "TERM", "x"], "TERM"),
        (&["--rewrite", "65:15", "x"], "65"),
        (&["--rewrite", "0:15", "x"], "0"),
        (&["--rewrite", "RTMIN+31:15", "x"], "RTMIN+31"),
        (&["--rewrite", "KILL:TERM", "x"], "KILL"),
        (&["--rewrite", "TERM:KILL", "x"], "KILL"),
        (&["--rewrite", "STOP:TERM", "x"], "STOP"),
        (&["--rewrite", "TERM:TERM", "x"], "itself"),
        (&["--rewrite", "TERM:INT,TERM:HUP", "x"], "twice"),
        (&["--parent-death", "FOO", "x"], "FOO"),
        (&["--kill-after", "-1s", "x"], "-1s"),
        (&["--kill-after", "0", "x"], "--kill-after"),
        (&["--drain", "-5s", "x"], "-5s"),
        (&["--drain", "5", "x"], "duration"),
        (&["--stop-delay", "soon", "x"], "soon"),
        (&["--subreaper", "maybe", "x"], "maybe"),
        (&["--log", "xml", "x"], "xml"),
    ];
    for (words, part) in table {
        let run = crate::support::sexton(["init"].iter().chain(words));
        assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{words:?}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{words:?}: {run:?}");
        assert!(run.stderr.starts_with("sexton: ") && run.stderr.contains(part), "{words:?}: {run:?}");
    }
}

#[test]
fn a_bad_variable_is_one_line_that_names_it_and_125() {
    for (variable, part) in [
        ("SEXTON_INIT_GROUP=maybe", "maybe"),
        ("SEXTON_INIT_EXIT_ZERO=256", "256"),
        ("SEXTON_INIT_REWRITE=TERM", "TERM"),
        ("SEXTON_INIT_PARENT_DEATH=FOO", "FOO"),
        ("SEXTON_INIT_KILL_AFTER=-1s", "-1s"),
        ("SEXTON_INIT_STOP_DELAY=x", "x"),
        ("SEXTON_INIT_DRAIN=x", "x"),
        ("SEXTON_INIT_SUBREAPER=x", "x"),
        ("SEXTON_INIT_PAUSE=x", "x"),
        ("SEXTON_INIT_EXPLAIN=x", "x"),
        ("SEXTON_INIT_VERBOSE=x", "x"),
        ("SEXTON_INIT_LOG=x", "x"),
    ] {
        let run = with(Role::Subreaper, variable, "say=ran").run();
        assert_eq!((run.code, run.stdout.as_str()), (Some(125), ""), "{variable}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{variable}: {run:?}");
        let name = variable.split('=').next().expect("a name");
        assert!(run.stderr.contains(name) && run.stderr.contains(part), "{variable}: {run:?}");
    }
}

#[test]
fn help_names_every_option_and_fits_a_screen() {
    let run = crate::support::sexton(["init", "--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    for option in [
        "--group",
        "--exit-zero",
        "--rewrite",
        "--parent-death",
        "--kill-after",
        "--stop-delay",
        "--drain",
        "--stop-timeout",
        "--subreaper",
        "--pause",
        "--explain",
        "--verbose",
        "--log",
        "SEXTON_INIT_",
    ] {
        assert!(run.stdout.contains(option), "nothing of {option}: {}", run.stdout);
    }
    assert!(run.stdout.starts_with("Runs CMD"), "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.len() <= 120), "{}", run.stdout);
}

both_roles! {
    fn its_own_variables_are_not_the_commands(role: Role) {
        let world = "setenv=SEXTON_INIT_STOP_DELAY=300ms setenv=SEXTON_INIT_GROUP=1 setenv=SEXTON_OTHER=2";
        let words = "variable=SEXTON_INIT_STOP_DELAY variable=SEXTON_INIT_GROUP variable=SEXTON_OTHER exit=0";
        let run = Launch::new(role).world(world).actor(words).run();
        let told = "SEXTON_INIT_STOP_DELAY=(unset)\nSEXTON_INIT_GROUP=(unset)\nSEXTON_OTHER=2\n";
        assert_eq!(run.stdout, told, "{run:?}");
    }
}
