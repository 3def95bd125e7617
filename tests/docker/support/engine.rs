//! The Docker Engine, driven by its own command line.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::command::finish;

/// On whatever a test makes; its value is the PID of the test run, so that a later one can clear up after one that was
/// killed.
const LABEL: &str = "sexton.test";

/// An engine that answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine {
    /// The command that speaks to it.
    program: &'static str,
}

impl Engine {
    /// The engine, or `None` after a sentence on why the test is skipped. With `SEXTON_TEST_DOCKER=required` a skip is
    /// a failure.
    pub(crate) fn find() -> Option<Self> {
        static FOUND: OnceLock<Result<Engine, String>> = OnceLock::new();
        match FOUND.get_or_init(look) {
            Ok(engine) => Some(*engine),
            Err(why) => {
                Self::skip(why);
                None
            }
        }
    }

    /// Says why a test is skipped, past the harness's capture.
    pub(crate) fn skip(why: &str) {
        let required = std::env::var_os("SEXTON_TEST_DOCKER").is_some_and(|value| value == "required");
        assert!(!required, "required, but cannot run: {why}");
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(io::stderr(), "skipped {test}: {why}");
    }

    /// `docker ARGS`, not yet run, with the classic builder, which every engine has.
    pub(crate) fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(self, args: I) -> Command {
        let mut command = Command::new(self.program);
        command.args(args).env("DOCKER_BUILDKIT", "0");
        command
    }

    /// Runs `docker ARGS`, which must succeed, and gives its stdout.
    pub(crate) fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(self, args: I) -> String {
        finish(&mut self.command(args)).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same for what may fail: its stdout, or how it failed.
    pub(crate) fn try_run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        self,
        args: I,
    ) -> Result<String, String> {
        finish(&mut self.command(args))
    }

    /// `--label` and its value.
    pub(crate) fn label() -> [String; 2] {
        ["--label".into(), format!("{LABEL}={}", std::process::id())]
    }

    /// A name that no other test uses.
    pub(crate) fn fresh_name() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        format!("sexton-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Is there an engine, and does it run Linux? Clears up after dead runs.
fn look() -> Result<Engine, String> {
    let engine = Engine { program: "docker" };
    let output = engine
        .command(["version", "--format", "{{.Server.Os}}"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("no docker command: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("no Docker Engine answers: {said}"));
    }
    match String::from_utf8_lossy(&output.stdout).trim() {
        "linux" => {}
        other => return Err(format!("the Docker Engine runs {other} containers")),
    }
    remove_orphaned(engine, &["ps", "--all"], ".Config.Labels", &["rm", "--force", "--volumes"]);
    remove_orphaned(engine, &["network", "ls"], ".Labels", &["network", "rm"]);
    remove_orphaned(engine, &["images"], ".Config.Labels", &["rmi", "--force"]);
    Ok(engine)
}

/// Removes what a test run left that is no more: those of `list` whose `labels` name a dead process.
fn remove_orphaned(engine: Engine, list: &[&str], labels: &str, remove: &[&str]) {
    let filter = format!("label={LABEL}");
    let Ok(ids) = finish(engine.command(list).args(["--quiet", "--filter", &filter])) else { return };
    for id in ids.split_whitespace() {
        let template = format!("{{{{index {labels} \"{LABEL}\"}}}}");
        let Ok(owner) = engine.try_run(["inspect", "--format", &template, id]) else { continue };
        let alive = fs::exists(Path::new("/proc").join(owner.trim())).unwrap_or(true);
        if !alive && !owner.trim().is_empty() {
            let _ = finish(engine.command(remove).arg(id));
        }
    }
}
