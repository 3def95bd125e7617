//! A PID namespace of a test's own, with its own /proc: nobody else's processes are counted.

use std::process::Command;

use super::{Run, run};

/// Says why a test cannot be run here; where everything must be run, that is a failure.
#[allow(clippy::print_stderr, reason = "a test that was not run must not look like one that was")]
pub(crate) fn skip(why: &str) {
    let required = std::env::var("SEXTON_TEST_NAMESPACES").is_ok_and(|value| value == "required");
    assert!(!required, "SEXTON_TEST_NAMESPACES=required, and {why}");
    eprintln!("skipped: {why}");
}

/// Whether we are root, and may be anybody.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs `script` by sh as PID 1 of new PID and mount namespaces; `$SEXTON` is the program. None, with a sentence, where
/// no namespace may be made.
pub(crate) fn isolated(script: &str) -> Option<Run> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--pid", "--mount", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script]);
        command.env("SEXTON", super::program::binary());
        run(&mut command)
    };
    let run = unshare(script);
    if run.stderr.starts_with("unshare:") {
        skip(&format!("no PID namespace can be made: {}", run.stderr.trim()));
        return None;
    }
    Some(run)
}
