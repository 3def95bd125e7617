//! `sexton doctor`: whom it blames, what it says to do, and what it never shows.

use serde_json::Value;

use crate::support::isolated::{is_root, isolated, skip};
use crate::support::{Run, sexton};

/// Runs `script` as `isolated` does, with `doctor` as a command; stdout and stderr together.
fn examined(script: &str) -> Option<Run> {
    isolated(&format!("exec 2>&1; mount -t tmpfs none /mnt; doctor() {{ $SEXTON doctor \"$@\"; }}; {script}"))
}

/// The findings of one check: the paragraphs that begin with `level` and `check`.
fn paragraph<'a>(text: &'a str, level: &str, check: &str) -> &'a str {
    let start = format!("{level:8} {check}: ");
    let at = text.find(&start).unwrap_or_else(|| panic!("no {start}in: {text}"));
    let rest = &text[at..];
    // Until the next line that is not indented.
    let end = rest.match_indices('\n').find(|(at, _)| !rest[at + 1..].starts_with("    "));
    &rest[..end.map_or(rest.len(), |(at, _)| at)]
}

#[test]
fn under_the_init_nothing_is_wrong() {
    let script = "exec $SEXTON init -- sh -c \"sh -c '(sleep 0.1 &)'; sleep 0.3; $SEXTON doctor; exit \\$?\"";
    let Some(run) = examined(script) else { return };
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stdout.starts_with("nothing is wrong in this container\nPID 1 is sexton, an init, up "),
        "{run:?}"
    );
    assert_eq!(paragraph(&run.stdout, "ok", "zombies"), "ok       zombies: none");
    assert_eq!(paragraph(&run.stdout, "ok", "reaping"), "ok       reaping: PID 1 (sexton) reaps");
    let stop = paragraph(&run.stdout, "ok", "sigterm");
    assert!(stop.starts_with("ok       sigterm: PID 1 (sexton) passes SIGTERM on to sh (pid "), "{stop}");
}

#[test]
fn a_shell_as_pid_1_is_told_with_the_line_that_replaces_it() {
    let Some(run) = examined("sleep 1000 & doctor; echo exit $?") else { return };
    assert!(run.stdout.ends_with("exit 1\n"), "{run:?}");
    let stop = paragraph(&run.stdout, "problem", "sigterm");
    assert!(
        stop.contains("PID 1 (sh) has no handler for SIGTERM") && stop.contains("exit code 137"),
        "{stop}"
    );
    assert!(stop.contains("\"init\", \"--group\", \"--\", \"sh\", \"-c\", \"exec 2>&1; mount"), "{stop}");
    let entry = paragraph(&run.stdout, "problem", "entrypoint");
    assert!(
        entry.contains("a shell (sh)") && entry.contains("sleep (pid ") && entry.contains("exec app"),
        "{entry}"
    );
}

#[test]
fn a_parent_that_does_not_wait_is_named_with_its_command_line() {
    let script = "sh -c '(until [ -e /mnt/go ]; do sleep 0.1; done) & exec sleep 1234' &
        until [ \"$(cat /proc/$!/comm)\" = sleep ]; do sleep 0.05; done; touch /mnt/go
        until grep -q ') Z' /proc/[0-9]*/stat; do sleep 0.05; done; doctor";
    let Some(run) = examined(script) else { return };
    let zombies = paragraph(&run.stdout, "problem", "zombies");
    assert!(zombies.starts_with("problem  zombies: 1 zombie under sleep (pid "), "{zombies}");
    assert!(zombies.contains(": 1 x sh; the oldest started "), "{zombies}");
    assert!(
        zombies.contains("cause: sleep 1234 does not wait for the children that it started"),
        "{zombies}"
    );
    assert!(zombies.contains("fix: have sleep wait for its children"), "{zombies}");
}

#[test]
fn an_app_that_ignores_sigterm_is_told_under_an_init_too() {
    let script = "exec $SEXTON init -- sh -c \"trap '' TERM; $SEXTON doctor; true\"";
    let Some(run) = examined(script) else { return };
    let stop = paragraph(&run.stdout, "problem", "sigterm");
    assert!(
        stop.contains("sigterm: sh (pid ")
            && stop.contains(") ignores SIGTERM")
            && stop.contains("--rewrite TERM:INT"),
        "{stop}"
    );
}

#[test]
fn secrets_on_command_lines_are_shown_in_no_format() {
    let secrets = "--password hunter2 DB=postgres://me:hunter3@db/x --api-key=hunter4";
    let script = format!("doctor; doctor --json; : {secrets}");
    let Some(run) = examined(&format!("sh -c 'sleep 0.1 & exec sleep 1000' {secrets} & sleep 0.3; {script}"))
    else {
        return;
    };
    assert!(run.stdout.contains("problem") && run.stdout.contains("\"healthy\":false"), "{run:?}");
    assert!(!run.stdout.contains("hunter"), "{run:?}");
}

#[test]
fn json_says_the_same_to_a_machine() {
    let Some(run) = examined("sleep 1000 & doctor --json") else { return };
    let told: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert_eq!((run.code, &told["healthy"]), (Some(1), &Value::from(false)));
    assert_eq!((&told["pid1"]["name"], &told["pid1"]["init"]), (&Value::from("sh"), &Value::from(false)));
    let findings = told["findings"].as_array().expect("findings");
    let problems: Vec<_> = findings.iter().filter(|finding| finding["level"] == "problem").collect();
    assert_eq!(told["problems"].as_u64(), u64::try_from(problems.len()).ok());
    for problem in problems {
        assert!(problem["check"].is_string() && problem["fix"].is_string(), "{problem}");
    }
}

#[test]
fn what_cannot_be_seen_is_told() {
    if !is_root() {
        return skip("another user can only be root's");
    }
    let script = "cp $SEXTON /mnt/x; chmod 755 /mnt/x; mount -t proc -o hidepid=2 proc /proc
        setpriv --reuid 65534 --regid 65534 --clear-groups /mnt/x doctor; mount -t tmpfs none /proc; /mnt/x doctor; echo exit $?";
    let Some(run) = examined(script) else { return };
    let hidden = paragraph(&run.stdout, "note", "pid1");
    assert!(hidden.contains("hidepid") && hidden.contains("as root"), "{hidden}");
    assert!(run.stdout.contains("sexton: doctor: /proc is not mounted"), "{run:?}");
    assert!(run.stdout.ends_with("exit 1\n"), "{run:?}");
    sexton(["doctor", "--help"]).code.expect("it has a help");
}
