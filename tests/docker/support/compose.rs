//! Several containers by Docker Compose.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::finish;
use super::container::Container;
use super::engine::Engine;

/// A Compose that is installed: the plugin, or the older program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compose(&'static [&'static str]);

/// What one Compose file has started; all of it goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Project {
    engine: Engine,
    compose: Compose,
    name: String,
    directory: PathBuf,
    files: Vec<String>,
}

impl Compose {
    /// The first of the two that answers, or `None` after a sentence.
    pub(crate) fn find() -> Option<Self> {
        let found = [Self(&["docker", "compose"]), Self(&["docker-compose"])]
            .into_iter()
            .find(|compose| finish(compose.command().arg("version")).is_ok());
        if found.is_none() {
            Engine::skip("there is no Docker Compose (Debian: docker-compose)");
        }
        found
    }

    /// The program and its first words.
    fn command(self) -> Command {
        let mut command = Command::new(self.0[0]);
        command.args(&self.0[1..]);
        command.env("DOCKER_BUILDKIT", "0").env("COMPOSE_DOCKER_CLI_BUILD", "0");
        command
    }

    /// `up --detach --build` with `files` of `directory`, of which a later one adds to the earlier.
    pub(crate) fn up(self, engine: Engine, directory: &Path, files: &[&str]) -> Project {
        let project = Project {
            engine,
            compose: self,
            name: Engine::fresh_name(),
            directory: directory.to_owned(),
            files: files.iter().map(|&file| file.to_owned()).collect(),
        };
        project.run(&["up", "--detach", "--build"]).unwrap_or_else(|why| panic!("{why}"));
        project
    }
}

impl Project {
    /// One command on this project.
    fn run(&self, words: &[&str]) -> Result<String, String> {
        let mut command = self.compose.command();
        command.current_dir(&self.directory).args(["--project-name", &self.name]);
        for file in &self.files {
            command.args(["--file", file]);
        }
        finish(command.args(words))
    }

    /// The container of the service `name`.
    pub(crate) fn container(&self, name: &str) -> Container {
        let id = self.run(&["ps", "--quiet", name]).unwrap_or_else(|why| panic!("{why}"));
        Container::adopt(self.engine, id.trim())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = self.run(&["down", "--volumes", "--timeout", "1"]);
        // Compose's own `--rmi local` forgets one of two images that are the same.
        let named = format!("--filter=reference={}*", self.name);
        let images = self.engine.try_run(["images", "--format", "{{.Repository}}:{{.Tag}}", &named]);
        for image in images.unwrap_or_default().lines() {
            let _ = self.engine.try_run(["rmi", "--force", image]);
        }
    }
}
