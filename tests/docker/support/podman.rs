//! Podman, with a storage of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::geteuid;

use super::{Directory, Engine, finish};

/// What a sandbox may not raise is not asked for, also not for the first container of a pod.
const CONFIGURATION: &str = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";

/// All that it keeps goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Podman {
    program: PathBuf,
    directory: Directory,
}

impl Podman {
    /// Where it is and may be used; `None` after a sentence.
    pub(crate) fn find() -> Option<Self> {
        let program = PathBuf::from("/usr/bin/podman");
        if !program.exists() || !geteuid().is_root() {
            Engine::skip("no podman, or not root (apt-get install podman)");
            return None;
        }
        let directory = Directory::short();
        fs::write(directory.path.join("containers.conf"), CONFIGURATION).expect("a file is written");
        Some(Self { program, directory })
    }

    /// `podman WORDS...`
    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let at = |name: &str| self.directory.path.join(name);
        let mut command = Command::new(&self.program);
        command.env("CONTAINERS_CONF", at("containers.conf"));
        command.arg("--root").arg(at("storage")).arg("--runroot").arg(at("run"));
        command.args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"]);
        command.args(words);
        command
    }

    /// Its stdout, or what it said.
    pub(crate) fn try_run(&self, words: &[&str]) -> Result<String, String> {
        finish(&mut self.command(words))
    }

    /// The same for what must succeed.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        self.try_run(words).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Builds `dockerfile` under `name`, with these files beside it.
    pub(crate) fn build(&self, name: &str, dockerfile: &str, files: &[(&str, PathBuf)]) {
        let context = Directory::new();
        fs::write(context.path.join("Dockerfile"), dockerfile).expect("a Dockerfile is written");
        for (name, source) in files {
            fs::copy(source, context.path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        self.run(&["build", "--format", "docker", "--tag", name, &context.path.display().to_string()]);
    }
}

impl Drop for Podman {
    /// Whatever a failed test has left: containers outlive podman itself.
    fn drop(&mut self) {
        let _ = self.try_run(&["pod", "rm", "--all", "--force", "--time", "0"]);
        let _ = self.try_run(&["rm", "--all", "--force", "--time", "0"]);
    }
}
