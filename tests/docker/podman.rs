//! Podman: readiness by `--sdnotify=container`, and a pod whose first container is a pause.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Directory, Podman, eventually, sexton};

/// For a container to be up on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// An image with sexton as a pause, and with busybox for apps.
const DOCKERFILE: &str =
    "FROM scratch\nCOPY sexton busybox /\nENTRYPOINT [\"/sexton\", \"init\", \"--pause\"]\n";

/// Podman, and that image under the name `app`.
fn podman() -> Option<Podman> {
    let podman = Podman::find()?;
    podman.build("app", DOCKERFILE, &[("sexton", sexton()), ("busybox", PathBuf::from("/bin/busybox"))]);
    Some(podman)
}

#[test]
fn with_sdnotify_container_podman_tells_readiness_once_the_watched_app_is_healthy() {
    let Some(podman) = podman() else { return };
    let shared = Directory::short();
    let at = |name: &str| shared.path.join(name);
    let manager = UnixDatagram::bind(at("manager")).expect("a new socket");
    manager.set_read_timeout(Some(SOON)).expect("it can be set");
    let hears = || {
        let mut buffer = [0; 200];
        let length = manager.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let volume = format!("{}:/shared", shared.path.display());
    let app = "echo ${NOTIFY_SOCKET:-none} > /shared/started; exec /busybox sleep 1000";
    let run = ["run", "--detach", "--name", "one", "--sdnotify=container", "--network", "none"];
    let init = ["--entrypoint", "/sexton", "app", "init", "--notify", "--watch", "file:/shared/ok"];
    let options =
        ["--interval", "100ms", "--on-unhealthy", "report", "--status-file", "/shared/status", "--"];
    // It returns once the container is ready.
    let mut started = podman
        .command([&run[..], &["--volume", &volume], &init, &options, &["/busybox", "sh", "-c", app]].concat())
        .env("NOTIFY_SOCKET", at("manager"))
        .stdout(Stdio::null())
        .spawn()
        .expect("podman starts");
    assert!(hears().starts_with("MAINPID="), "podman's own first word");
    eventually(SOON, "the app is found unhealthy", || {
        let status = fs::read_to_string(at("status")).unwrap_or_default();
        if status.contains("\"unhealthy\"") && at("started").exists() { Ok(()) } else { Err(status) }
    });
    manager.set_nonblocking(true).expect("it can be set");
    assert!(manager.recv(&mut [0; 200]).is_err(), "it is told ready while it is unhealthy");
    manager.set_nonblocking(false).expect("it can be set");
    fs::write(at("ok"), "").expect("a new file");
    assert_eq!(hears(), "READY=1");
    assert!(started.wait().expect("it ends").success());
    assert_eq!(
        fs::read_to_string(at("started")).expect("it was there"),
        "none\n",
        "the socket is not the app's"
    );
}

/// How many apps share a pod with its pause.
const APPS: [&str; 3] = ["a", "b", "c"];

/// Stops that many pods of three apps, each of which needs 300 ms to save its state at SIGTERM: how many could not.
fn lost_shutdowns(podman: &Podman, infra: &[&str], rounds: usize) -> usize {
    let mut lost = 0;
    for _ in 0..rounds {
        let shared = Directory::short();
        let volume = format!("{}:/shared", shared.path.display());
        podman.run(
            &[&["pod", "create", "--name", "pod", "--share", "pid", "--network", "none"], infra].concat(),
        );
        for app in APPS {
            let script = format!(
                "trap '/busybox sleep 0.3; echo > /shared/{app}.saved; exit 0' TERM
                 echo > /shared/{app}.ready; while :; do /busybox sleep 0.1; done"
            );
            let run = ["run", "--detach", "--pod", "pod", "--volume", &volume, "--entrypoint", "/busybox"];
            podman.run(&[&run[..], &["app", "sh", "-c", &script]].concat());
        }
        let count = |suffix: &str| {
            let is = |app: &&&str| shared.path.join(format!("{app}.{suffix}")).exists();
            APPS.iter().filter(is).count()
        };
        eventually(SOON, "all apps run", || if count("ready") == APPS.len() { Ok(()) } else { Err(()) });
        podman.run(&["pod", "stop", "--time", "10", "pod"]);
        lost += APPS.len() - count("saved");
        podman.run(&["pod", "rm", "--force", "--time", "0", "pod"]);
    }
    lost
}

#[test]
fn podman_pod_stop_loses_no_shutdown_under_our_pause() {
    let Some(podman) = podman() else { return };
    assert_eq!(lost_shutdowns(&podman, &["--infra-image", "app"], 4), 0);
    // The negative control, Podman's own pause: as PID 1 it ends at once, and the kernel kills everybody else.
    assert!(lost_shutdowns(&podman, &[], 1) > 0, "catatonit loses none");
}
