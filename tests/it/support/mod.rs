//! A small language for tests: run sexton, get code, stdout, stderr and time; servers to run it against.

pub(crate) mod actor;
pub(crate) mod hung;
pub(crate) mod inits;
pub(crate) mod isolated;
pub(crate) mod launch;
pub(crate) mod network;
pub(crate) mod peers;
pub(crate) mod pipes;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod pty;
pub(crate) mod servers;
pub(crate) mod temp;
pub(crate) mod tls;

use std::ffi::OsStr;
use std::process::Command;

pub(crate) use self::program::{Output, Run, Sexton, eventually, in_time};

/// Every scheme of the table of probes.
pub(crate) fn schemes() -> Vec<String> {
    let table = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/probe/mod.rs"))
        .expect("the table can be read");
    let names = table.split("scheme(\"").skip(1).filter_map(|rest| rest.split_once('"'));
    let names: Vec<_> = names.map(|(name, _)| name.to_owned()).collect();
    assert!(names.len() > 20, "the scheme table was not found: {names:?}");
    names
}

/// Runs sexton with `args`, an empty environment and no stdin.
pub(crate) fn sexton<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I) -> Run {
    Sexton::with(args).run()
}

/// Runs `command` to its end.
#[allow(dead_code, reason = "for tests that prepare their own command")]
pub(crate) fn run(command: &mut Command) -> Run {
    program::finish(command, Output::Kept)
}
