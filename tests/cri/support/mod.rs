//! A small language for tests on containerd's CRI: a daemon of the tests' own, pods that go when the test does, and
//! what is left of them on the node.

mod api;
mod archive;
#[path = "../../docker/support/command.rs"]
mod command;
mod containerd;
#[path = "../../it/support/temp.rs"]
mod folder;
mod manifest;
#[path = "../../docker/support/peers.rs"]
mod peers;
mod pod;
#[allow(dead_code, reason = "other tests ask more of a process")]
#[path = "../../it/support/process.rs"]
mod process;
mod shim;
mod volume;
#[path = "../../docker/support/wait.rs"]
mod wait;

pub(crate) use self::archive::{APP, SEXTON};
pub(crate) use self::containerd::Containerd;
pub(crate) use self::manifest::Manifest;
pub(crate) use self::peers::peer;
pub(crate) use self::pod::{Pod, Processes, Spec};
pub(crate) use self::shim::Left;
pub(crate) use self::volume::installed;
pub(crate) use self::wait::eventually;

use std::io::{self, Write};
use std::path::PathBuf;

/// The program under test: the one that cargo has built, or the one that `SEXTON_TEST_BIN` names.
pub(crate) fn sexton() -> PathBuf {
    std::env::var_os("SEXTON_TEST_BIN").map_or_else(|| env!("CARGO_BIN_EXE_sexton").into(), PathBuf::from)
}

/// Says why a test is skipped, past the harness's capture.
pub(crate) fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(io::stderr(), "skipped {test}: {why}");
}
