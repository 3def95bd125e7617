//! What a pod is, beside its exec probes: a stop that keeps the app's code, one process namespace for all, and
//! `--listen` for a probe that costs the node nothing.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{APP, Containerd, Pod, Processes, SEXTON, Spec, eventually, installed, sexton};

/// For a container to be up on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Kubernetes' default of `terminationGracePeriodSeconds`.
const GRACE: i64 = 30;

/// Far below that.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Waits until the container `app` has said `word`.
fn said(pod: &Pod, word: &str) {
    eventually(SOON, word, || {
        let log = pod.log("app");
        if log.contains(word) { Ok(()) } else { Err(log) }
    });
}

#[test]
fn stop_container_reaches_the_app_and_keeps_its_exit_code() {
    let Some(containerd) = Containerd::find() else { return };
    let volume = installed(&containerd);
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = pod.start(Spec {
        name: "app",
        image: APP,
        command: &["/probes/sexton", "init", "--"],
        args: &["/server", "8080", "answering", "42"],
        volume: Some(volume.mount()),
        ..Spec::default()
    });
    said(&pod, "listening");
    let took = app.stop(GRACE);
    assert_eq!(app.exit_code(), Some(42), "{}", pod.log("app"));
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn stop_container_kills_an_app_as_pid_1_that_has_no_handler() {
    let Some(containerd) = Containerd::find() else { return };
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = pod.start(Spec { name: "app", image: APP, command: &["/spawner", "0"], ..Spec::default() });
    said(&pod, "spawned");
    app.stop(1);
    assert_eq!(app.exit_code(), Some(137), "the negative control: the kernel shields PID 1");
}

#[test]
fn sexton_as_the_pause_reaps_for_all_containers_of_a_pod_that_share_processes() {
    let Some(containerd) = Containerd::find() else { return };
    let pod = Pod::run(&containerd, Processes::Shared);
    let app = pod.start(Spec { name: "app", image: APP, command: &["/spawner", "20"], ..Spec::default() });
    said(&pod, "spawned");
    let statuses = fs::read_to_string(format!("/proc/{}/status", app.pid())).expect("it runs");
    let numbers =
        statuses.lines().find_map(|line| line.strip_prefix("NSpid:")).expect("a number in each namespace");
    assert!(!numbers.trim().ends_with("\t1"), "PID 1 is the pause: {numbers}");
    eventually(SOON, "the orphans are reaped", || {
        let left = pod.shim().left();
        if left.processes == ["sexton", "spawner"] && left.zombies == 0 { Ok(()) } else { Err(left) }
    });
}

#[test]
fn http_get_on_listen_says_what_watch_has_found() {
    let Some(containerd) = Containerd::find() else { return };
    let volume = installed(&containerd);
    let pod = Pod::run(&containerd, Processes::Apart);
    let watch = ["/probes/sexton", "init", "--watch", "http://127.0.0.1:8080/", "--interval", "200ms"];
    let report = ["--attempt-timeout", "100ms", "--on-unhealthy", "report", "--listen", "0.0.0.0:9180", "--"];
    let app = pod.start(Spec {
        name: "app",
        image: APP,
        command: &[&watch[..], &report].concat(),
        args: &["/server", "8080", "answering", "0"],
        volume: Some(volume.mount()),
        ..Spec::default()
    });
    // The kubelet asks from the node; whatever answers 200 there is ready.
    let url = format!("http://{}:9180/healthz", pod.address());
    let answers = |status: &str| {
        eventually(SOON, status, || {
            let mut ask = containerd.on_the_node(&sexton());
            let answer = ask.args(["check", "--status", status, &url]).output().expect("sexton runs");
            let said = String::from_utf8_lossy(&answer.stdout).into_owned();
            if answer.status.success() { Ok(()) } else { Err(said) }
        });
    };
    answers("200");
    kill(Pid::from_raw(app.pid()), Signal::SIGUSR2).expect("the init forwards it");
    answers("503");
    kill(Pid::from_raw(app.pid()), Signal::SIGUSR1).expect("the init forwards it");
    answers("200");
}

/// `kubectl debug --image sexton --target app -- /sexton doctor`: an ephemeral container with the app's processes.
#[test]
fn the_doctor_examines_an_app_that_has_no_sexton_from_an_ephemeral_container() {
    let Some(containerd) = Containerd::find() else { return };
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = pod.start(Spec { name: "app", image: APP, command: &["/spawner", "5"], ..Spec::default() });
    said(&pod, "spawned");
    let doctor = pod.start(Spec {
        name: "debugger",
        image: SEXTON,
        args: &["doctor"],
        target: Some(&app),
        ..Spec::default()
    });
    let code = eventually(SOON, "the doctor ends", || doctor.exit_code().ok_or("it looks"));
    let told = pod.log("debugger");
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("problem  zombies: 5 zombies under PID 1 (spawner): 5 x spawner"), "{told}");
}
