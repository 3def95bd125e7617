//! The shim of a pod: what a probe leaves behind on the node is left with it.

use std::fs;
use std::path::Path;

use super::process::{Process, descendants, processes};

/// The process that starts and reaps what runs in one pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shim {
    pid: i32,
}

/// What is left of probes, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// The names of processes, dead or alive.
    pub(crate) processes: Vec<String>,
    /// Of these the dead.
    pub(crate) zombies: usize,
    /// Descriptors of the shim.
    pub(crate) descriptors: usize,
}

impl Shim {
    /// The one of the pod `id`, of the containerd that listens at `socket`.
    pub(crate) fn find(socket: &Path, id: &str) -> Self {
        let found = processes().into_iter().find(|process| {
            let words = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).into_owned();
            words.contains("containerd-shim")
                && words.contains(id)
                && words.contains(&*socket.to_string_lossy())
        });
        Self { pid: found.expect("a pod has a shim").pid }
    }

    /// All that runs in the pod and nobody has waited for, and what the shim holds open.
    pub(crate) fn left(self) -> Left {
        let mut all: Vec<Process> = descendants(self.pid);
        all.sort_by_key(|process| process.pid);
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.pid)).expect("the shim lives").count();
        Left {
            zombies: all.iter().filter(|process| process.state == 'Z').count(),
            processes: all.into_iter().map(|process| process.name).collect(),
            descriptors,
        }
    }
}
