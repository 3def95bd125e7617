//! `SEXTON_INIT_*` under the names of the other inits, whose own command lines have no room for it.

use crate::support::temp::Folder;

use super::Names;

/// How a command is run by each of them.
const LINES: [(&str, &[&str]); 4] =
    [("tini", &["-s", "--"]), ("docker-init", &["--"]), ("dumb-init", &[]), ("catatonit", &["--"])];

#[test]
fn each_variable_of_the_init_has_its_effect_under_every_name() {
    let names = Names::new();
    for (name, args) in LINES {
        let run = |script: &str, variables: &[(&str, &str)]| {
            let args = [args, &["sh", "-c", script][..]].concat();
            variables
                .iter()
                .fold(names.start(name, &args), |start, (name, value)| start.env(name, value))
                .run()
        };
        let zero = run("exit 3", &[("SEXTON_INIT_EXIT_ZERO", "3")]);
        assert_eq!(zero.code, Some(0), "{name}: {zero:?}");

        let wait =
            [("SEXTON_INIT_WAIT", "file:/nothing-of-that-name"), ("SEXTON_INIT_WAIT_TIMEOUT", "100ms")];
        let late = run("echo started", &wait);
        assert_eq!((late.code, late.stdout.contains("started")), (Some(124), false), "{name}: {late:?}");

        let told = run("exit 3", &[("SEXTON_INIT_LOG", "json")]);
        assert!(told.stderr.contains(r#""event":"started""#), "{name}: {told:?}");
        assert_eq!(told.code, Some(3), "{name}: {told:?}");

        let explained = run("echo started", &[("SEXTON_INIT_EXPLAIN", "1")]);
        assert!(explained.stdout.contains("'echo started'"), "{name}: {explained:?}");

        let rewritten = run(
            "trap 'exit 5' USR1; kill -TERM $PPID; while :; do :; done",
            &[("SEXTON_INIT_REWRITE", "TERM:USR1")],
        );
        assert_eq!(rewritten.code, Some(5), "{name}: {rewritten:?}");

        let wrong = run("echo started", &[("SEXTON_INIT_DRAIN", "soon")]);
        assert!(wrong.stderr.contains("SEXTON_INIT_DRAIN"), "{name}: {wrong:?}");
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(1), ""), "{name}: {wrong:?}");
    }
}

#[test]
fn what_is_watched_is_named_by_a_variable_too() {
    let names = Names::new();
    let folder = Folder::new();
    let target = format!("file:{}", folder.join("healthy").display());
    for (name, args) in LINES {
        let args = [args, &["sleep", "60"][..]].concat();
        let run = [
            ("SEXTON_INIT_WATCH", target.as_str()),
            ("SEXTON_INIT_INTERVAL", "50ms"),
            ("SEXTON_INIT_RETRIES", "1"),
            ("SEXTON_INIT_UNHEALTHY_EXIT", "9"),
        ]
        .iter()
        .fold(names.start(name, &args), |start, (name, value)| start.env(name, value))
        .run();
        assert_eq!(run.code, Some(9), "{name}: {run:?}");
    }
}

#[test]
fn the_words_of_the_other_program_are_stronger() {
    let names = Names::new();
    let run = names
        .start(
            "dumb-init",
            &[
                "-r",
                "15:12",
                "sh",
                "-c",
                "trap 'exit 5' USR1; trap 'exit 6' USR2; kill $PPID; while :; do :; done",
            ],
        )
        .env("SEXTON_INIT_REWRITE", "TERM:USR1")
        .run();
    assert_eq!(run.code, Some(6), "{run:?}");
}

#[test]
fn a_variable_that_is_no_option_is_told_and_keeps_nothing_from_starting() {
    let names = Names::new();
    for (name, args) in LINES {
        // It warns of nothing unless asked to.
        let verbose: &[&str] = if name == "dumb-init" { &["-v"] } else { &[] };
        let args = [verbose, args, &["sh", "-c", "exit 3"]].concat();
        let run = |variable: &str| names.start(name, &args).env(variable, "7s").run();
        for (variable, ending) in [
            ("SEXTON_INIT_KILLAFTER", "there is no such option; did you mean SEXTON_INIT_KILL_AFTER?\n"),
            ("SEXTON_INIT_QUUX", "there is no such option\n"),
        ] {
            let told = run(variable);
            let warning = format!("the environment variable {variable} is ignored: {ending}");
            assert!(told.stderr.contains(&warning), "{name}: {told:?}");
            assert_eq!(told.code, Some(3), "{name}: {told:?}");
        }
        // What Kubernetes names after a service that is called sexton-init.
        for variable in ["SEXTON_INIT_SERVICE_PORT_HTTP", "SEXTON_INIT_PORT", "SEXTON_INIT_PORT_80_TCP_ADDR"]
        {
            let told = run(variable);
            assert!(told.code == Some(3) && !told.stderr.contains("ignored"), "{name}: {told:?}");
        }
    }
}
