//! What users copy from `examples/`, each run from its own text. The names of images are arguments there: here they
//! are images that need no registry.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Compose, Container, Debian, Directory, Engine, Image, eventually, sexton};

/// For a few rounds of checks, five seconds each, on a busy machine.
const HEALTHY: Duration = Duration::from_secs(180);

/// An image of sexton alone, as the repository's own Dockerfile makes it.
fn sexton_image(engine: Engine) -> Image {
    let dockerfile = "FROM scratch\nCOPY sexton /\nENTRYPOINT [\"/sexton\"]\n";
    Image::build(engine, dockerfile, &[("sexton", sexton())])
}

/// The folder of examples, without the programs in it.
fn examples() -> Directory {
    let copy = Directory::new();
    for name in ["Dockerfile", "compose.yaml", "kubernetes.yaml"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        fs::copy(source, copy.path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    copy
}

/// What `examples/Dockerfile` builds.
fn app_image(engine: Engine, sexton: &Image, debian: &Debian) -> Image {
    let arguments = [format!("SEXTON={}", sexton.name), format!("BASE={}", debian.image)];
    Image::build_in(engine, &examples().path, &["--build-arg", &arguments[0], "--build-arg", &arguments[1]])
}

#[test]
fn examples_dockerfile_goes_healthy_and_stops_by_sigterm() {
    let Some(engine) = Engine::find() else { return };
    let Some(debian) = Debian::find(engine) else { return };
    let sexton = sexton_image(engine);
    let app = app_image(engine, &sexton, &debian);
    let container = Container::run(engine, &app.name, [""; 0]);
    eventually(HEALTHY, "the app is healthy", || match container.health().as_str() {
        "healthy" => Ok(()),
        _ => Err((container.health_log(), container.logs())),
    });
    container.stop(10);
    assert_eq!(container.exit_code(), Some(143), "128 and SIGTERM: {}", container.logs());
}

#[test]
fn examples_compose_yaml_starts_each_once_the_other_is_healthy() {
    let Some(engine) = Engine::find() else { return };
    let Some(compose) = Compose::find() else { return };
    let Some(debian) = Debian::find(engine) else { return };
    let sexton = sexton_image(engine);
    let examples = examples();
    let arguments = format!("{{context: ., args: {{SEXTON: {}, BASE: {}}}}}", sexton.name, debian.image);
    let over = format!("services:\n  app:\n    build: {arguments}\n  probe:\n    build: {arguments}\n");
    fs::write(examples.path.join("over.yaml"), over).expect("a file is written");

    let project = compose.up(engine, &examples.path, &["compose.yaml", "over.yaml"]);
    let containers = ["app", "probe"].map(|name| (name, project.container(name)));
    for (name, container) in &containers {
        eventually(HEALTHY, &format!("{name} is healthy"), || match container.health().as_str() {
            "healthy" => Ok(()),
            _ => Err((container.health_log(), container.logs())),
        });
    }
}

#[test]
fn examples_kubernetes_yaml_is_a_pod_whose_probes_pass() {
    let Some(engine) = Engine::find() else { return };
    let Some(debian) = Debian::find(engine) else { return };
    let Some(pod) = yaml(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes.yaml")) else {
        return;
    };
    assert_eq!((&pod["apiVersion"], &pod["kind"]), (&Value::from("v1"), &Value::from("Pod")));
    let sexton = sexton_image(engine);
    let app = app_image(engine, &sexton, &debian);
    for spec in pod["spec"]["containers"].as_array().expect("a pod has containers") {
        let keys: Vec<_> = spec.as_object().expect("a container is a map").keys().collect();
        let known =
            ["args", "command", "image", "livenessProbe", "name", "ports", "readinessProbe", "startupProbe"];
        assert!(keys.iter().all(|key| known.contains(&key.as_str())), "{keys:?}");
        // Kubernetes' command is Docker's entrypoint, its args are Docker's command.
        let (command, args) = (words(&spec["command"]), words(&spec["args"]));
        let options = ["--no-healthcheck", "--entrypoint", &command[0]];
        let rest = [&command[1..], &args[..]].concat();
        let container = Container::run_with(engine, &app.name, options, &rest);
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let probe = &spec[probe];
            assert!(probe["timeoutSeconds"].as_u64() <= probe["periodSeconds"].as_u64(), "{probe}");
            let command = words(&probe["exec"]["command"]);
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            eventually(HEALTHY, "the probe passes", || container.exec(&command));
        }
    }
}

/// The words of a command.
fn words(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("a list of words, not {list}"));
    list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// A YAML file as JSON, read by Debian's Python.
fn yaml(path: &Path) -> Option<Value> {
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let output = Command::new("/usr/bin/python3").args(["-c", script]).arg(path).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        Engine::skip("YAML is read by Python with yaml (Debian: python3-yaml)");
        return None;
    };
    Some(serde_json::from_slice(&output.stdout).expect("Python writes JSON"))
}
