//! An image to build Rust programs in, from Debian's packages and this machine's Rust: the official ones are in a
//! registry.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::finish;
use super::debian::{Debian, Tree, import, pack};
use super::engine::Engine;
use super::peers::lock;

/// A C compiler for ring, and what a static link needs.
const PACKAGES: &[&str] = &["gcc", "libc6-dev"];

/// Where programs look for the certificates that they trust, on Debian.
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

/// The name of the image; `None` after a sentence. It stays between runs.
pub(crate) fn builder(engine: Engine) -> Option<String> {
    let debian = Debian::with(engine, PACKAGES)?;
    let sysroot = said(Command::new("rustc").args(["--print", "sysroot"]));
    let bundle = bundle();
    let config = cargo_home().join("config.toml");
    let mut hasher = DefaultHasher::new();
    (&debian.image, said(Command::new("rustc").arg("-vV"))).hash(&mut hasher);
    (fs::read(&bundle).ok(), fs::read(&config).ok()).hash(&mut hasher);
    let image = format!("sexton-test/builder:{:016x}", hasher.finish());

    let archive = debian.archive.with_extension("builder.tar");
    let _alone = lock(&env::temp_dir().join("sexton-test-builder.lock"));
    if engine.try_run(["image", "inspect", &image]).is_err() {
        let root = Tree(archive.with_extension("root"));
        root.remove();
        fs::create_dir_all(&root.0).expect("a directory is made");
        said(Command::new("tar").arg("--extract").arg("--file").arg(&debian.archive).arg("-C").arg(&root.0));
        install(Path::new(sysroot.trim()), &root.0);
        // Where a proxy stands between this machine and the world, its certificate is trusted here.
        let _ = fs::copy(&bundle, root.0.join(BUNDLE));
        if config.exists() {
            fs::create_dir_all(root.0.join("root/.cargo")).expect("a directory is made");
            fs::copy(&config, root.0.join("root/.cargo/config.toml")).expect("cargo's settings are copied");
        }
        pack(&root.0, &archive);
        import(engine, &archive, &image);
        let _ = fs::remove_file(&archive);
    }
    Some(image)
}

/// Copies what builds a program for this machine, and neither documentation nor other targets, to `/usr/local`.
fn install(sysroot: &Path, root: &Path) {
    let local = root.join("usr/local");
    let host = said(Command::new("rustc").args(["--print", "host-tuple"]));
    for part in ["bin", "lib"] {
        fs::create_dir_all(local.join(part)).expect("a directory is made");
    }
    fs::create_dir_all(local.join("lib/rustlib")).expect("a directory is made");
    let mut copy = Command::new("cp");
    copy.arg("--archive").arg("--target-directory").arg(local.join("bin"));
    said(copy.args(["cargo", "rustc"].map(|name| sysroot.join("bin").join(name))));
    let libraries = fs::read_dir(sysroot.join("lib")).expect("a toolchain has libraries");
    let mut copy = Command::new("cp");
    copy.arg("--archive").arg("--target-directory").arg(local.join("lib"));
    said(copy.args(libraries.flatten().map(|one| one.path()).filter(|path| path.is_file())));
    let mut copy = Command::new("cp");
    copy.arg("--archive").arg("--target-directory").arg(local.join("lib/rustlib"));
    said(copy.arg(sysroot.join("lib/rustlib").join(host.trim())));
}

/// The certificates that this machine trusts.
fn bundle() -> PathBuf {
    env::var_os("SSL_CERT_FILE").map_or_else(|| Path::new("/").join(BUNDLE), PathBuf::from)
}

/// Where cargo keeps its settings.
fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// The stdout of a command that must succeed.
fn said(command: &mut Command) -> String {
    finish(command).unwrap_or_else(|why| panic!("{why}"))
}
