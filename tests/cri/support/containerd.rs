//! A containerd of the tests' own, with its CRI plugin: its state, its socket and its images are in a temporary folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use prost::Message;
use serde_json::json;
use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::api::{VersionRequest, VersionResponse};
use super::archive::{APP, Archive, PAUSE, SEXTON};
use super::command::finish;
use super::folder::Folder;

/// For a daemon to answer on a busy machine.
const STARTS: Duration = Duration::from_secs(60);

/// No call takes longer, unless it hangs: a limit of the runtime itself would be hidden by a shorter one.
const HUNG: Duration = Duration::from_secs(60);

/// Where Debian has the network plugins.
const PLUGINS: &str = "/usr/lib/cni";

/// Ends with the last test that uses it.
#[derive(Debug)]
pub(crate) struct Containerd {
    child: Child,
    runtime: Runtime,
    channel: Channel,
    /// Where it is.
    folder: Folder,
}

impl Containerd {
    /// The one that runs, or a new one; `None` after a sentence on why there is none. With `SEXTON_TEST_CRI=required`
    /// that is a failure.
    pub(crate) fn find() -> Option<Arc<Self>> {
        static RUNNING: Mutex<Weak<Containerd>> = Mutex::new(Weak::new());
        static MISSING: OnceLock<Option<String>> = OnceLock::new();
        if let Some(why) = MISSING.get_or_init(missing) {
            let required = std::env::var_os("SEXTON_TEST_CRI").is_some_and(|value| value == "required");
            assert!(!required, "required, but cannot run: {why}");
            super::skipped(why);
            return None;
        }
        let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = running.upgrade().unwrap_or_else(|| Arc::new(Self::start()));
        *running = Arc::downgrade(&found);
        Some(found)
    }

    /// Starts one and imports the images.
    fn start() -> Self {
        let folder = Folder::new();
        let at = |name: &str| folder.join(name);
        fs::write(at("config.toml"), config(folder.path())).expect("a file is written");
        let log = File::create(at("log")).expect("a file is made");
        let networks = at("networks");
        fs::create_dir(&networks).expect("a folder is made");
        fs::write(networks.join("10-pods.conflist"), network(folder.path())).expect("a file is written");
        // In a network of its own, which is the node's for all pods.
        let child = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && exec containerd --config \"$0\""])
            .arg(at("config.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor"))
            .stderr(log)
            .spawn()
            .expect("containerd starts");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let endpoint = format!("unix://{}", at("containerd.sock").display());
        let endpoint = Endpoint::from_shared(endpoint).expect("an address").timeout(HUNG);
        let channel = {
            let _inside = runtime.enter();
            endpoint.connect_lazy()
        };
        let daemon = Self { child, runtime, channel, folder };
        daemon.wait_until_it_answers();
        daemon.import(&Archive::of_sexton(daemon.folder.path(), SEXTON, &["/sexton"]));
        daemon.import(&Archive::of_sexton(daemon.folder.path(), PAUSE, &["/sexton", "init", "--pause"]));
        daemon.import(&Archive::of_the_app(daemon.folder.path(), APP));
        daemon
    }

    /// Until its CRI plugin is there.
    fn wait_until_it_answers(&self) {
        let started = Instant::now();
        loop {
            match self.call::<_, VersionResponse>("Version", VersionRequest {}) {
                Ok(version) => return assert_eq!(version.runtime_name, "containerd"),
                Err(why) if started.elapsed() > STARTS => {
                    let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    panic!("no answer after {STARTS:?}: {why}\n{log}");
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// One call of the runtime service.
    pub(crate) fn call<Q, A>(&self, method: &str, question: Q) -> Result<A, Status>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let path = format!("/runtime.v1.RuntimeService/{method}");
        let path = PathAndQuery::try_from(path).expect("a path");
        self.runtime.block_on(async {
            let mut client = Grpc::new(self.channel.clone());
            client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
            let answer = client.unary(Request::new(question), path, ProstCodec::default()).await?;
            Ok(answer.into_inner())
        })
    }

    /// A call that must succeed.
    pub(crate) fn must<Q, A>(&self, method: &str, question: Q) -> A
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        self.call(method, question).unwrap_or_else(|why| panic!("{method}: {why}"))
    }

    /// Imports an image, for the CRI plugin to see.
    fn import(&self, archive: &Archive) {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(self.folder.join("containerd.sock"));
        command.args(["--namespace", "k8s.io", "images", "import", "--snapshotter", "native"]);
        finish(command.arg(&archive.path)).unwrap_or_else(|why| panic!("{why}"));
    }

    /// A folder for one volume.
    pub(crate) fn empty_dir(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::create_dir(&path).expect("a new folder");
        path
    }

    /// A command that runs on the node: what the kubelet asks a pod for, it asks from there.
    pub(crate) fn on_the_node(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.child.id())).arg("--").arg(program);
        command
    }

    /// The path of its socket, which its shims have on their command lines.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("containerd.sock")
    }
}

impl Drop for Containerd {
    /// Each pod has gone with its test.
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid is an i32"));
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// Why no containerd can be started here.
fn missing() -> Option<String> {
    if !geteuid().is_root() {
        return Some("containerd needs root".into());
    }
    if !["loopback", "ptp", "host-local"].iter().all(|name| Path::new(PLUGINS).join(name).is_file()) {
        return Some("there are no network plugins (Debian: containernetworking-plugins)".into());
    }
    ["containerd", "ctr", "runc", "containerd-shim-runc-v2"].into_iter().find_map(|program| {
        let folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin"];
        let found = folders.iter().any(|folder| Path::new(folder).join(program).is_file());
        (!found).then(|| format!("there is no {program} (Debian: containerd, runc)"))
    })
}

/// A pair of interfaces for each pod, one of them the node's, and no bridge.
fn network(folder: &Path) -> String {
    let addresses = json!({
        "type": "host-local",
        "dataDir": folder.join("addresses"),
        "ranges": [[{"subnet": "10.199.0.0/16"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    });
    json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [{"type": "ptp", "ipMasq": false, "ipam": addresses}],
    })
    .to_string()
}

/// Plain copies instead of overlays, which are not to be had everywhere.
fn config(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.overlayfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{PLUGINS}"
  conf_dir = "{folder}/networks"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
"#
    )
}
