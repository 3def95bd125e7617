//! The actor: a C program, built once, that tests put around an init and under it. Its words are in `actor/actor.c`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The sources: the name of the built file depends on them, so that another state of them is another file.
const SOURCES: [(&str, &str); 5] = [
    ("actor.h", include_str!("actor/actor.h")),
    ("actor.c", include_str!("actor/actor.c")),
    ("signals.c", include_str!("actor/signals.c")),
    ("world.c", include_str!("actor/world.c")),
    ("crowd.c", include_str!("actor/crowd.c")),
];

/// The built program. Static, because it runs where there is nothing else.
pub(crate) fn actor() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// Compiles it, unless an earlier run did.
fn build() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    SOURCES.hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let built = folder.join(format!("actor-{:016x}", hasher.finish()));
    if built.exists() {
        return built;
    }
    let fresh = folder.join(format!("actor-{}", std::process::id()));
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/actor");
    let files = SOURCES.iter().map(|(name, _)| *name).filter(|name| *name != "actor.h");
    let output = Command::new("cc")
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o"])
        .arg(&fresh)
        .args(files.map(|name| sources.join(name)))
        .output()
        .expect("cc is there (Debian: gcc, libc6-dev)");
    assert!(output.status.success(), "the actor compiles:\n{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&fresh, &built).expect("the built actor is ours");
    built
}
