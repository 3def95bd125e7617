//! An image, made from a Dockerfile's text.

use std::fs;
use std::path::{Path, PathBuf};

use super::engine::Engine;

/// Goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Image {
    engine: Engine,
    /// The name to run it by.
    pub(crate) name: String,
    /// The IDs of what it was made from, and of other stages, oldest first.
    steps: Vec<String>,
}

impl Image {
    /// Builds `dockerfile` with a context of `files`: what each is called there, and where it comes from.
    pub(crate) fn build(engine: Engine, dockerfile: &str, files: &[(&str, PathBuf)]) -> Self {
        let context = Directory::new();
        fs::write(context.path.join("Dockerfile"), dockerfile).expect("a Dockerfile is written");
        for (name, source) in files {
            fs::copy(source, context.path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        Self::build_in(engine, &context.path, &[])
    }

    /// Builds what the directory `context` holds, with `options` such as `--build-arg`.
    pub(crate) fn build_in(engine: Engine, context: &Path, options: &[&str]) -> Self {
        let mut image = Self { engine, name: Engine::fresh_name(), steps: Vec::new() };
        let mut command = engine.command(["build", "--force-rm", "--tag", &image.name]);
        command.args(Engine::label()).args(options).arg(context);
        let told = super::command::finish(&mut command).unwrap_or_else(|why| panic!("{why}"));
        let steps = told.lines().filter_map(|line| line.strip_prefix(" ---> "));
        image.steps = steps.filter(|id| !id.contains(' ')).map(str::to_owned).collect();
        image
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = self.engine.try_run(["rmi", "--force", &self.name]);
        // The classic builder keeps the other stages, with no name and no label. What has a name is somebody's.
        for id in self.steps.iter().rev() {
            let names = self.engine.try_run(["inspect", "--format", "{{len .RepoTags}}", id]);
            if names.is_ok_and(|count| count.trim() == "0") {
                let _ = self.engine.try_run(["rmi", id]);
            }
        }
    }
}

/// A directory of a test's own, gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Directory {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self::under(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    /// One with a short path, for sockets and for podman, which have little room for it.
    pub(crate) fn short() -> Self {
        Self::under(&std::env::temp_dir())
    }

    /// An empty one in `parent`.
    fn under(parent: &Path) -> Self {
        let path = parent.join(Engine::fresh_name());
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory is made");
        Self { path }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
