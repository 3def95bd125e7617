//! What the kubelet does with a pod's manifest, as far as these tests need it: volumes, init containers, containers,
//! probes. A key that it does not know is a failure, and not left out.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::command::finish;
use super::containerd::Containerd;
use super::pod::{Container, Pod, Spec};
use super::volume::Volume;
use super::wait::eventually;
use super::{sexton, skipped};

/// For a container to start, to end or to be healthy on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// `timeoutSeconds` of a probe that has none.
const TIMEOUT: i64 = 1;

/// A manifest of a pod.
#[derive(Debug)]
pub(crate) struct Manifest(Value);

impl Manifest {
    /// Reads `path` in this repository; `None` after a sentence where YAML cannot be read.
    pub(crate) fn read(path: &str) -> Option<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
        let Ok(text) = finish(Command::new("/usr/bin/python3").args(["-c", script]).arg(path)) else {
            let required = std::env::var_os("SEXTON_TEST_CRI").is_some_and(|value| value == "required");
            assert!(!required, "required, but YAML is read by Python with yaml (Debian: python3-yaml)");
            skipped("YAML is read by Python with yaml (Debian: python3-yaml)");
            return None;
        };
        let pod: Value = serde_json::from_str(&text).expect("Python writes JSON");
        assert_eq!((&pod["apiVersion"], &pod["kind"]), (&Value::from("v1"), &Value::from("Pod")));
        known(&pod["spec"], &["containers", "initContainers", "volumes"]);
        Some(Self(pod["spec"].clone()))
    }

    /// Makes its volume, runs its init containers to their ends, and gives its only container, started.
    pub(crate) fn start<'a>(&self, containerd: &Arc<Containerd>, pod: &'a Pod) -> Container<'a> {
        let volumes = self.0["volumes"].as_array().expect("volumes");
        assert_eq!(volumes.len(), 1);
        known(&volumes[0], &["emptyDir", "name"]);
        let volume = Volume::new(containerd);
        for init in list(&self.0["initContainers"]) {
            let container = start(pod, &init, &volume);
            let ended = || container.exit_code().ok_or("it runs");
            let code = eventually(SOON, "the init container ends", ended);
            assert_eq!(code, 0, "{}", pod.log(text(&init["name"])));
        }
        let [container] = &list(&self.0["containers"])[..] else { panic!("one container") };
        start(pod, container, &volume)
    }

    /// Asks what the probe `name` asks of the container, once: whether it passes, and what was said.
    pub(crate) fn probe(
        &self,
        containerd: &Containerd,
        pod: &Pod,
        container: &Container<'_>,
        name: &str,
    ) -> Result<String, String> {
        let probe = &self.0["containers"][0][name];
        known(probe, &["exec", "failureThreshold", "httpGet", "periodSeconds", "timeoutSeconds"]);
        if let Some(get) = probe.get("httpGet") {
            let url = format!("http://{}:{}{}", pod.address(), get["port"], text(&get["path"]));
            // The kubelet takes 200 to 399.
            let mut ask = containerd.on_the_node(&sexton());
            return finish(ask.args(["check", "--timeout", "1s", "--status", "200-399", &url]));
        }
        let command = list(&probe["exec"]["command"]);
        let command: Vec<&str> = command.iter().map(text).collect();
        let timeout = probe["timeoutSeconds"].as_i64().unwrap_or(TIMEOUT);
        let (answer, _) = container.probe(&command, timeout);
        let answer = answer.map_err(|why| why.to_string())?;
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        if answer.exit_code == 0 { Ok(said) } else { Err(said) }
    }

    /// The probes of its container.
    pub(crate) fn probes(&self) -> Vec<&'static str> {
        let all = ["startupProbe", "readinessProbe", "livenessProbe"];
        all.into_iter().filter(|name| self.0["containers"][0].get(name).is_some()).collect()
    }
}

/// Starts one of the containers.
fn start<'a>(pod: &'a Pod, container: &Value, volume: &Volume) -> Container<'a> {
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
    let keys = ["args", "command", "env", "image", "name", "securityContext", "volumeMounts"];
    known(container, &[&keys[..], &probes].concat());
    known(&container["securityContext"], &["readOnlyRootFilesystem", "runAsUser"]);
    let (command, args, env) =
        (list(&container["command"]), list(&container["args"]), list(&container["env"]));
    let [mount] = &list(&container["volumeMounts"])[..] else { panic!("one volume") };
    known(mount, &["mountPath", "name", "readOnly"]);
    let command: Vec<&str> = command.iter().map(text).collect();
    let args: Vec<&str> = args.iter().map(text).collect();
    let env: Vec<(&str, &str)> = env.iter().map(|pair| (text(&pair["name"]), text(&pair["value"]))).collect();
    pod.start(Spec {
        name: text(&container["name"]),
        image: text(&container["image"]),
        command: &command,
        args: &args,
        env: &env,
        volume: Some((volume.path(), text(&mount["mountPath"]))),
        read_only_volume: mount["readOnly"].as_bool().unwrap_or(false),
        user: container["securityContext"]["runAsUser"].as_i64().unwrap_or(0),
        target: None,
    })
}

/// Fails on a key that is not among `keys`.
fn known(map: &Value, keys: &[&str]) {
    for key in map.as_object().into_iter().flat_map(serde_json::Map::keys) {
        assert!(keys.contains(&key.as_str()), "these tests know no {key}");
    }
}

/// A list, or an empty one.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// A text.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}"))
}
