//! The small C programs that containers run: static, so that they run in an image from scratch.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};

/// The program `name`, compiled from `tests/docker/peers/NAME.c`. Whoever can link sexton has a C compiler and a
/// static libc.
pub(crate) fn peer(name: &str) -> PathBuf {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker/peers").join(name).with_extension("c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("peer-{name}"));
    let _alone = lock(&program.with_extension("lock"));
    let newer = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    if newer(&program) <= newer(&source) {
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-static", "-o"]).arg(&program).arg(&source);
        super::command::finish(&mut compiler).unwrap_or_else(|why| panic!("{why}"));
    }
    program
}

/// Waits until no other test, in whatever process, holds `path`.
pub(crate) fn lock(path: &Path) -> Flock<File> {
    let file = File::options().create(true).append(true).open(path).expect("a lock file is made");
    Flock::lock(file, FlockArg::LockExclusive).expect("a lock is had")
}
