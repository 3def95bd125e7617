//! A container, its health and its processes.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::engine::Engine;

/// Is removed, with all that runs in it, when it is dropped.
#[derive(Debug)]
pub(crate) struct Container {
    engine: Engine,
    id: String,
}

/// One process in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its PID there.
    pub(crate) pid: u32,
    /// Its parent's; 0 for what `docker exec` and health checks put in.
    pub(crate) parent: u32,
    /// As in `/proc/PID/stat`.
    pub(crate) state: char,
    /// Its short name.
    pub(crate) name: String,
}

impl Process {
    /// Dead, and nobody has asked how it ended.
    pub(crate) fn is_zombie(&self) -> bool {
        self.state == 'Z'
    }
}

impl Container {
    /// `docker run --detach OPTIONS... IMAGE`
    pub(crate) fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        engine: Engine,
        image: &str,
        options: I,
    ) -> Self {
        Self::run_with(engine, image, options, &[])
    }

    /// The same with words after the image.
    pub(crate) fn run_with<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        engine: Engine,
        image: &str,
        options: I,
        words: &[String],
    ) -> Self {
        let mut command = engine.command(["run", "--detach"]);
        command.args(Engine::label()).args(options).arg(image).args(words);
        let id = super::command::finish(&mut command).unwrap_or_else(|why| panic!("{why}"));
        Self::adopt(engine, id.trim())
    }

    /// One that was started by another command.
    pub(crate) fn adopt(engine: Engine, id: &str) -> Self {
        Self { engine, id: id.to_owned() }
    }

    /// As `docker` knows it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// `docker exec CONTAINER COMMAND...`: its stdout, or how it failed.
    pub(crate) fn exec(&self, command: &[&str]) -> Result<String, String> {
        self.engine.try_run([&["exec", self.id.as_str()], command].concat())
    }

    /// The same for what may end with any code: that, and its stdout.
    pub(crate) fn exec_code(&self, command: &[&str]) -> (Option<i32>, String) {
        let mut docker = self.engine.command([&["exec", self.id.as_str()], command].concat());
        let output = docker.output().expect("docker exec runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `docker cp FILE CONTAINER:PATH`
    pub(crate) fn copy_in(&self, file: &Path, path: &str) {
        self.engine.run([OsStr::new("cp"), file.as_os_str(), format!("{}:{path}", self.id).as_ref()]);
    }

    /// `docker kill --signal`
    pub(crate) fn signal(&self, signal: &str) {
        self.engine.run(["kill", "--signal", signal, &self.id]);
    }

    /// `docker stop` with so many seconds until SIGKILL (Docker's own default: 10): how long it took.
    pub(crate) fn stop(&self, patience: u32) -> Duration {
        let started = Instant::now();
        self.engine.run(["stop", "--time", &patience.to_string(), &self.id]);
        started.elapsed()
    }

    /// `docker start`
    pub(crate) fn start(&self) {
        self.engine.run(["start", &self.id]);
    }

    /// What it has said on stdout and stderr.
    pub(crate) fn logs(&self) -> String {
        let output = self.engine.command(["logs", &self.id]).output().expect("docker logs runs");
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
    }

    /// Its state, from `docker inspect`.
    fn state(&self) -> Value {
        let text = self.engine.run(["inspect", "--format", "{{json .State}}", &self.id]);
        serde_json::from_str(&text).expect("docker inspect writes JSON")
    }

    /// The code that its PID 1 has ended with, if it has.
    pub(crate) fn exit_code(&self) -> Option<i64> {
        let state = self.state();
        (state["Status"] == "exited").then(|| state["ExitCode"].as_i64()).flatten()
    }

    /// Docker's verdict: starting, healthy, unhealthy.
    pub(crate) fn health(&self) -> String {
        self.state()["Health"]["Status"].as_str().expect("the image has a HEALTHCHECK").to_owned()
    }

    /// How many checks have failed, one after the other.
    pub(crate) fn failing_streak(&self) -> u64 {
        self.state()["Health"]["FailingStreak"].as_u64().expect("the image has a HEALTHCHECK")
    }

    /// What the last checks have said: Docker keeps five.
    pub(crate) fn health_log(&self) -> Vec<String> {
        let state = self.state();
        let log = state["Health"]["Log"].as_array().expect("the image has a HEALTHCHECK");
        log.iter().filter_map(|entry| entry["Output"].as_str()).map(str::to_owned).collect()
    }

    /// What runs in it. Its image must hold the peer `ps` as `/ps`.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let text = self.exec(&["/ps"]).unwrap_or_else(|why| panic!("{why}"));
        text.lines().map(|line| process(line).unwrap_or_else(|| panic!("ps wrote {line:?}"))).collect()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.engine.try_run(["rm", "--force", "--volumes", &self.id]);
    }
}

/// Reads a line of the peer `ps`.
fn process(line: &str) -> Option<Process> {
    let mut words = line.splitn(4, ' ');
    Some(Process {
        pid: words.next()?.parse().ok()?,
        parent: words.next()?.parse().ok()?,
        state: words.next()?.chars().next()?,
        name: words.next()?.to_owned(),
    })
}
