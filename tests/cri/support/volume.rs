//! An `emptyDir` with sexton in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::archive::SEXTON;
use super::containerd::Containerd;
use super::pod::{Pod, Processes, Spec};
use super::wait::eventually;

/// Where it is mounted.
const INSIDE: &str = "/probes";

/// For a container to end on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// A folder of the node that lasts as long as the daemon.
#[derive(Debug)]
pub(crate) struct Volume {
    path: PathBuf,
}

impl Volume {
    /// An empty one.
    pub(crate) fn new(containerd: &Arc<Containerd>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = containerd.empty_dir(&format!("volume-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        // As the kubelet makes an emptyDir: containers have users of their own.
        fs::set_permissions(&path, Permissions::from_mode(0o777)).expect("it is ours");
        Self { path }
    }

    /// Where it is on the node.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// For a container to mount it.
    pub(crate) fn mount(&self) -> (&Path, &str) {
        (&self.path, INSIDE)
    }
}

/// A volume with sexton in it, put there as in Kubernetes: by an init container of the image from scratch.
pub(crate) fn installed(containerd: &Arc<Containerd>) -> Volume {
    let volume = Volume::new(containerd);
    let pod = Pod::run(containerd, Processes::Apart);
    let args = ["install", INSIDE];
    let init = pod.start(Spec {
        name: "init",
        image: SEXTON,
        args: &args,
        volume: Some(volume.mount()),
        user: 65534,
        ..Spec::default()
    });
    let code = eventually(SOON, "the init container ends", || init.exit_code().ok_or("it runs"));
    assert_eq!(code, 0, "{}", pod.log("init"));
    volume
}
