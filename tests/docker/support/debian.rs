//! Images of Debian, made from its packages: there may be no registry.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Permissions};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::finish;
use super::engine::Engine;
use super::peers::lock;

/// Counts how this file makes an image: a change here makes new ones.
const RECIPE: u32 = 1;

/// What all tests of shell-form checks and examples find in it.
const PACKAGES: &[&str] = &["ca-certificates", "curl", "python3", "wget"];

/// An image of Debian that stays between runs; its name says what went in.
#[derive(Clone, Debug)]
pub(crate) struct Debian {
    /// The name to build `FROM`.
    pub(crate) image: String,
    /// The same as a file system in a tar archive.
    pub(crate) archive: PathBuf,
}

/// Where packages come from.
#[derive(Debug, Hash)]
struct Source {
    /// The root of the archive, with `dists` and `pool` in it; debootstrap knows one by itself.
    mirror: Option<String>,
    /// The release's name.
    release: String,
    /// A proxy on the way there.
    proxy: Option<String>,
}

impl Debian {
    /// The image with what most tests need, or `None` after a sentence.
    pub(crate) fn find(engine: Engine) -> Option<Self> {
        Self::with(engine, &[])
    }

    /// The image with `packages` in it, too.
    pub(crate) fn with(engine: Engine, packages: &[&str]) -> Option<Self> {
        let program = Path::new("/usr/sbin/debootstrap");
        if !program.exists() || !nix::unistd::geteuid().is_root() {
            Engine::skip("an image of Debian is made by debootstrap, which is not installed or needs root");
            return None;
        }
        let source = Source::of_this_machine();
        let include = [PACKAGES, packages].concat().join(",");
        let mut hasher = DefaultHasher::new();
        (RECIPE, &source, &include).hash(&mut hasher);
        let key = format!("{:016x}", hasher.finish());
        let made = Self {
            image: format!("sexton-test/debian:{key}"),
            archive: Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("debian-{key}.tar")),
        };

        let _alone = lock(&std::env::temp_dir().join(format!("sexton-test-debian-{key}.lock")));
        if !made.archive.exists() {
            bootstrap(&source, &include, &made.archive);
        }
        if engine.try_run(["image", "inspect", &made.image]).is_err() {
            import(engine, &made.archive, &made.image);
        }
        Some(made)
    }
}

/// Makes the file system `archive` the image `name`.
pub(super) fn import(engine: Engine, archive: &Path, name: &str) {
    let mut command = engine.command(["import", "--change", "CMD [\"/bin/sh\"]"]);
    finish(command.arg(archive).arg(name)).unwrap_or_else(|why| panic!("{why}"));
}

/// Writes a minimal Debian with the packages `include` to `archive`.
fn bootstrap(source: &Source, include: &str, archive: &Path) {
    let root = Tree(archive.with_extension("root"));
    root.remove();
    start_nothing(&root.0);
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", &format!("--include={include}"), &source.release]);
    command.arg(&root.0).args(&source.mirror);
    if let Some(proxy) = &source.proxy {
        command.env("http_proxy", proxy).env("https_proxy", proxy);
    }
    finish(&mut command).unwrap_or_else(|why| {
        let log = fs::read_to_string(root.0.join("debootstrap/debootstrap.log")).unwrap_or_default();
        panic!("{why}\n{log}")
    });
    pack(&root.0, archive);
}

/// Keeps the servers among the packages from being started on this machine by their own installation
/// (<https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt>).
fn start_nothing(root: &Path) {
    let policy = root.join("usr/sbin/policy-rc.d");
    fs::create_dir_all(root.join("usr/sbin")).expect("a directory is made");
    fs::write(&policy, "#!/bin/sh\nexit 101\n").expect("a policy is written");
    fs::set_permissions(&policy, Permissions::from_mode(0o755)).expect("a policy is made a program");
}

/// Writes the file system at `root` to `archive`, which is there only when it is whole.
pub(super) fn pack(root: &Path, archive: &Path) {
    let part = archive.with_extension("part");
    let mut command = Command::new("tar");
    command.arg("--create").arg("--file").arg(&part).arg("--directory").arg(root);
    command.args(["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*"]);
    command.args(["--exclude=./usr/share/doc/*", "--exclude=./usr/share/locale/*", "."]);
    finish(&mut command).unwrap_or_else(|why| panic!("{why}"));
    fs::rename(&part, archive).expect("an archive is put in its place");
}

/// A file system on disk, gone when it is dropped.
pub(super) struct Tree(pub(super) PathBuf);

impl Tree {
    /// Removes it, after what debootstrap may have left mounted in it.
    pub(super) fn remove(&self) {
        for mounted in ["proc", "sys"] {
            let mut command = Command::new("umount");
            let _ = finish(command.args(["--quiet", "--recursive"]).arg(self.0.join(mounted)));
        }
        let _ = finish(Command::new("rm").args(["-rf", "--one-file-system"]).arg(&self.0));
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Source {
    /// What apt is told on this machine; Debian's own where it is told nothing.
    fn of_this_machine() -> Self {
        let format = "$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)";
        let mut apt = Command::new("apt-get");
        apt.args(["indextargets", "--format", format, "Created-By: Packages"]);
        let listed = finish(&mut apt).unwrap_or_default();
        let found = listed.lines().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            // Not -updates, not -security: debootstrap wants a whole release.
            ["Debian" | "Ubuntu", "main", release, mirror] if !release.contains('-') => {
                Some((release.to_owned(), Some(mirror.to_owned())))
            }
            _ => None,
        });
        let (release, mirror) = found.unwrap_or_else(|| ("bookworm".into(), None));
        let mut apt = Command::new("apt-config");
        let proxy = finish(apt.args(["shell", "PROXY", "Acquire::http::Proxy"])).unwrap_or_default();
        let proxy = proxy.trim().strip_prefix("PROXY='").and_then(|rest| rest.strip_suffix('\''));
        Self { mirror, release, proxy: proxy.map(str::to_owned) }
    }
}
