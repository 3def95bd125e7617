//! An `emptyDir` with sexton in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::containerd::Containerd;
use super::folder::copy;

/// Where it is mounted.
const INSIDE: &str = "/probes";

/// A folder of the node that lasts as long as the daemon.
#[derive(Debug)]
pub(crate) struct Volume {
    path: PathBuf,
}

impl Volume {
    /// An empty one.
    pub(crate) fn new(containerd: &Arc<Containerd>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self { path: containerd.empty_dir(&format!("volume-{}", NEXT.fetch_add(1, Ordering::Relaxed))) }
    }

    /// For a container to mount it.
    pub(crate) fn mount(&self) -> (&Path, &str) {
        (&self.path, INSIDE)
    }
}

/// A volume with sexton in it.
pub(crate) fn installed(containerd: &Arc<Containerd>) -> Volume {
    let volume = Volume::new(containerd);
    copy(&super::sexton(), &volume.path.join("sexton"));
    volume
}
