//! Images as `docker save` writes them, made without an engine
//! (<https://github.com/moby/docker-image-spec/blob/main/spec.md>).

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::command::finish;
use super::folder::copy;
use super::{peer, sexton};

/// sexton alone, as this repository's Dockerfile makes it. A tag other than `latest`, or the kubelet asks a registry.
pub(crate) const SEXTON: &str = "registry.example.com/sexton:0.1.0";

/// The same as the first process of every pod.
pub(crate) const PAUSE: &str = "registry.example.com/pause:1";

/// Somebody else's app: a server, a shell, and no sexton.
pub(crate) const APP: &str = "registry.example.com/app:1.0";

/// One image in one file.
#[derive(Debug)]
pub(crate) struct Archive {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Archive {
    /// An image of sexton and nothing else.
    pub(crate) fn of_sexton(folder: &Path, name: &str, entry_point: &[&str]) -> Self {
        Self::of(folder, name, (entry_point, &[]), &[("sexton", &sexton())])
    }

    /// An image of an app that has never heard of sexton.
    pub(crate) fn of_the_app(folder: &Path, name: &str) -> Self {
        let busybox = PathBuf::from("/bin/busybox");
        let files = [("server", &peer("server")), ("spawner", &peer("spawner")), ("busybox", &busybox)];
        Self::of(folder, name, (&["/server"], &["8080", "answering", "0"]), &files)
    }

    /// An image `name` of one layer with `files`.
    fn of(
        folder: &Path,
        name: &str,
        (entry_point, command): (&[&str], &[&str]),
        files: &[(&str, &PathBuf)],
    ) -> Self {
        let work = folder.join(name.replace(['/', ':'], "-"));
        let root = work.join("root");
        fs::create_dir_all(&root).expect("a folder is made");
        for (inside, outside) in files {
            copy(outside, &root.join(inside));
            // Symbols only make the copies slower.
            let _ = finish(Command::new("strip").arg(root.join(inside)));
        }
        tar(&root, &work.join("layer.tar"), &["."]);
        let layer = fs::read(work.join("layer.tar")).expect("a layer is read");
        let digest = ring::digest::digest(&ring::digest::SHA256, &layer);
        let digest = digest.as_ref().iter().fold(String::from("sha256:"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let config = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {"Entrypoint": entry_point, "Cmd": command, "Env": ["PATH=/"]},
            "rootfs": {"type": "layers", "diff_ids": [digest]},
        });
        let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
        for (file, content) in [("config.json", config), ("manifest.json", manifest)] {
            fs::write(work.join(file), content.to_string()).expect("a file is written");
        }
        let path = work.with_extension("tar");
        tar(&work, &path, &["manifest.json", "config.json", "layer.tar"]);
        let _ = fs::remove_dir_all(work);
        Self { path }
    }
}

/// Packs `names` of `folder` into `archive`.
fn tar(folder: &Path, archive: &Path, names: &[&str]) {
    let mut command = Command::new("tar");
    command.args(["--create", "--owner=0", "--group=0", "--numeric-owner", "--file"]);
    command.arg(archive).arg("--directory").arg(folder).args(names);
    finish(&mut command).unwrap_or_else(|why| panic!("{why}"));
}
