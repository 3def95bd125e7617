//! What users copy from `examples/kubernetes/`, each run from its own text.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Containerd, Manifest, Pod, Processes, eventually};

/// For a pod to be ready, or not to be, on a busy machine: a few rounds of checks.
const SOON: Duration = Duration::from_secs(120);

/// Far below the grace period of 30 s.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn install_yaml_brings_sexton_into_an_image_that_has_none_and_its_probes_pass_and_fail() {
    let Some(containerd) = Containerd::find() else { return };
    let Some(manifest) = Manifest::read("examples/kubernetes/install.yaml") else { return };
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = manifest.start(&containerd, &pod);
    assert_eq!(manifest.probes(), ["startupProbe", "readinessProbe", "livenessProbe"]);
    for probe in manifest.probes() {
        eventually(SOON, probe, || manifest.probe(&containerd, &pod, &app, probe));
    }

    // The app hangs: it accepts, and never answers. The probe says so, and the runtime need not kill it.
    kill(Pid::from_raw(app.pid()), Signal::SIGUSR2).expect("the app runs");
    for probe in ["readinessProbe", "livenessProbe"] {
        let said = eventually(SOON, probe, || match manifest.probe(&containerd, &pod, &app, probe) {
            Err(said) if said.starts_with("unhealthy: ") => Ok(said),
            other => Err(other),
        });
        assert!(said.starts_with("unhealthy: timed out"), "{said}");
    }
}

#[test]
fn listen_yaml_answers_the_kubelet_itself_and_stops_after_its_delay() {
    let Some(containerd) = Containerd::find() else { return };
    let Some(manifest) = Manifest::read("examples/kubernetes/listen.yaml") else { return };
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = manifest.start(&containerd, &pod);
    for probe in manifest.probes() {
        eventually(SOON, probe, || manifest.probe(&containerd, &pod, &app, probe));
    }
    let fresh = pod.shim().left();
    for _ in 0..20 {
        let _ = manifest.probe(&containerd, &pod, &app, "livenessProbe");
    }
    assert_eq!(pod.shim().left(), fresh, "such a probe is no process, and costs the node nothing");

    kill(Pid::from_raw(app.pid()), Signal::SIGUSR2).expect("the init forwards it");
    eventually(SOON, "it is not ready", || match manifest.probe(&containerd, &pod, &app, "readinessProbe") {
        Err(said) if said.contains("503") => Ok(()),
        other => Err(other),
    });

    let took = app.stop(30);
    assert_eq!(app.exit_code(), Some(0), "{}", pod.log("app"));
    assert!(took >= Duration::from_secs(3), "the delay: {took:?}");
    assert!(took < AT_ONCE, "{took:?}");
}
