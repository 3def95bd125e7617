//! Pods and containers, as the kubelet makes them: it asks the runtime for a sandbox, then for containers in it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tonic::Status;

use super::api::{
    ContainerConfig, ContainerId, ContainerMetadata, ContainerSecurityContext, ContainerStatus,
    ContainerStatusRequest, ContainerStatusResponse, CreateContainerRequest, Done, ExecSyncRequest,
    ExecSyncResponse, ImageSpec, Int64Value, KeyValue, LinuxContainerConfig, LinuxPodSandboxConfig, Mount,
    NamespaceOption, PodSandboxConfig, PodSandboxId, PodSandboxMetadata, PodSandboxStatusResponse,
    RunPodSandboxRequest, RunPodSandboxResponse, SandboxSecurityContext, StopContainerRequest, namespace,
    state,
};
use super::containerd::Containerd;
use super::shim::Shim;

/// Whether the containers of a pod see each other's processes: `shareProcessNamespace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processes {
    /// No.
    Apart,
    /// Yes: PID 1 is the pause.
    Shared,
}

/// A pod, which goes with all of its containers when it is dropped.
#[derive(Debug)]
pub(crate) struct Pod {
    containerd: Arc<Containerd>,
    config: PodSandboxConfig,
    id: String,
    processes: Processes,
}

/// A container of a pod.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    pod: &'a Pod,
    id: String,
}

/// What a container is started with, in the words of a pod's manifest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spec<'a> {
    /// `name`
    pub(crate) name: &'a str,
    /// `image`
    pub(crate) image: &'a str,
    /// `command`: instead of the image's entry point.
    pub(crate) command: &'a [&'a str],
    /// `args`: instead of the image's command.
    pub(crate) args: &'a [&'a str],
    /// `env`
    pub(crate) env: &'a [(&'a str, &'a str)],
    /// A volume, and where it is mounted.
    pub(crate) volume: Option<(&'a Path, &'a str)>,
    /// `readOnly` of that mount.
    pub(crate) read_only_volume: bool,
    /// `securityContext.runAsUser`
    pub(crate) user: i64,
    /// `targetContainerName` of an ephemeral container: it sees the processes of that one.
    pub(crate) target: Option<&'a Container<'a>>,
}

impl Pod {
    /// Starts one without containers.
    pub(crate) fn run(containerd: &Arc<Containerd>, processes: Processes) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pod-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let logs = containerd.empty_dir(&format!("{name}-logs"));
        let config = PodSandboxConfig {
            metadata: Some(PodSandboxMetadata { uid: name.clone(), name, namespace: "default".into() }),
            log_directory: logs.display().to_string(),
            linux: Some(LinuxPodSandboxConfig {
                security_context: Some(SandboxSecurityContext {
                    namespace_options: Some(namespaces(processes)),
                }),
            }),
        };
        let request = RunPodSandboxRequest { config: Some(config.clone()) };
        let made: RunPodSandboxResponse = containerd.must("RunPodSandbox", request);
        Self { containerd: Arc::clone(containerd), config, id: made.pod_sandbox_id, processes }
    }

    /// Starts a container in it.
    pub(crate) fn start(&self, spec: Spec<'_>) -> Container<'_> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let mount = |&(host, inside): &(&Path, &str)| Mount {
            container_path: inside.into(),
            host_path: host.display().to_string(),
            readonly: spec.read_only_volume,
        };
        let namespaces = namespaces(self.processes);
        let namespaces = match spec.target {
            Some(target) => {
                NamespaceOption { pid: namespace::TARGET, target_id: target.id.clone(), ..namespaces }
            }
            None => namespaces,
        };
        let security = ContainerSecurityContext {
            namespace_options: Some(namespaces),
            run_as_user: Some(Int64Value { value: spec.user }),
            readonly_rootfs: true,
        };
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: spec.name.into() }),
            image: Some(ImageSpec { image: spec.image.into() }),
            command: words(spec.command),
            args: words(spec.args),
            envs: spec
                .env
                .iter()
                .map(|(key, value)| KeyValue { key: (*key).into(), value: (*value).into() })
                .collect(),
            mounts: spec.volume.iter().map(mount).collect(),
            log_path: format!("{}.log", spec.name),
            linux: Some(LinuxContainerConfig { security_context: Some(security) }),
        };
        let request = CreateContainerRequest {
            pod_sandbox_id: self.id.clone(),
            config: Some(config),
            sandbox_config: Some(self.config.clone()),
        };
        let ContainerId { container_id: id } = self.containerd.must("CreateContainer", request);
        let Done {} = self.containerd.must("StartContainer", ContainerId { container_id: id.clone() });
        Container { pod: self, id }
    }

    /// The process on the node that starts and reaps what runs in it.
    pub(crate) fn shim(&self) -> Shim {
        Shim::find(&self.containerd.socket(), &self.id)
    }

    /// Its address, which the node can reach.
    pub(crate) fn address(&self) -> String {
        let request = PodSandboxId { pod_sandbox_id: self.id.clone() };
        let found: PodSandboxStatusResponse = self.containerd.must("PodSandboxStatus", request);
        found.status.and_then(|status| status.network).expect("a pod has a network").ip
    }

    /// The log of the container `name`: lines with a time, a stream and a tag before each.
    pub(crate) fn log(&self, name: &str) -> String {
        let path = Path::new(&self.config.log_directory).join(format!("{name}.log"));
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        for method in ["StopPodSandbox", "RemovePodSandbox"] {
            let request = PodSandboxId { pod_sandbox_id: self.id.clone() };
            let _ = self.containerd.call::<_, Done>(method, request);
        }
    }
}

impl Container<'_> {
    /// An exec probe: its answer, or the runtime's error, and how long that took.
    pub(crate) fn probe(&self, cmd: &[&str], timeout: i64) -> (Result<ExecSyncResponse, Status>, Duration) {
        let request = ExecSyncRequest {
            container_id: self.id.clone(),
            cmd: cmd.iter().map(|&word| word.to_owned()).collect(),
            timeout,
        };
        let started = Instant::now();
        let answer = self.pod.containerd.call("ExecSync", request);
        (answer, started.elapsed())
    }

    /// `StopContainer` with so many seconds until SIGKILL: how long it took.
    pub(crate) fn stop(&self, timeout: i64) -> Duration {
        let started = Instant::now();
        let request = StopContainerRequest { container_id: self.id.clone(), timeout };
        let Done {} = self.pod.containerd.must("StopContainer", request);
        started.elapsed()
    }

    /// The code that it has ended with, if it has.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        let (status, _) = self.status();
        (status.state == state::EXITED).then_some(status.exit_code)
    }

    /// The PID of its first process on the node.
    pub(crate) fn pid(&self) -> i32 {
        let (_, info) = self.status();
        let info: serde_json::Value = serde_json::from_str(&info).expect("containerd writes JSON");
        info["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("it runs")
    }

    /// Its status, and what containerd says besides.
    fn status(&self) -> (ContainerStatus, String) {
        let request = ContainerStatusRequest { container_id: self.id.clone(), verbose: true };
        let mut found: ContainerStatusResponse = self.pod.containerd.must("ContainerStatus", request);
        (found.status.expect("a container has a status"), found.info.remove("info").unwrap_or_default())
    }
}

/// The network of the pod; processes as they are asked for.
fn namespaces(processes: Processes) -> NamespaceOption {
    let pid = match processes {
        Processes::Apart => namespace::CONTAINER,
        Processes::Shared => namespace::POD,
    };
    NamespaceOption { network: namespace::POD, pid, ipc: namespace::POD, target_id: String::new() }
}
