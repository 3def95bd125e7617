//! Exec probes: the kubelet calls `ExecSync` with the probe's `timeoutSeconds`, which is 1 unless it is set.

use std::time::Duration;

use crate::support::{APP, Containerd, Left, Pod, Processes, Spec, eventually, installed};

/// The default of `timeoutSeconds`.
const TIMEOUT: i64 = 1;

/// The same as a length.
const LIMIT: Duration = Duration::from_secs(1);

/// What the app is asked.
const URL: &str = "http://127.0.0.1:8080/";

/// Makes it one that accepts and never answers.
const SILENT: &[&str] = &["8080", "silent", "0"];

/// For processes to end on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Probes in a row; a shim that keeps something of each cannot hide it among so many.
const PROBES: usize = 200;

/// What a shim may hold open more than before, whatever it was asked: Go's runtime opens a few once.
const SHIMS_OWN: usize = 4;

/// Waits until `pod` holds no more than it did when it was `fresh`.
fn nothing_is_left(pod: &Pod, fresh: &Left) {
    eventually(SOON, "nothing is left", || {
        let left = pod.shim().left();
        let same = left.processes == fresh.processes && left.zombies == 0;
        let closed = left.descriptors <= fresh.descriptors + SHIMS_OWN;
        if same && closed { Ok(()) } else { Err((fresh.clone(), left)) }
    });
}

/// Waits until the app says that it listens.
fn listens(pod: &Pod) {
    eventually(SOON, "the app listens", || {
        let log = pod.log("app");
        if log.contains("listening") { Ok(()) } else { Err(log) }
    });
}

#[test]
fn a_probe_says_healthy_or_unhealthy_and_why() {
    let Some(containerd) = Containerd::find() else { return };
    let volume = installed(&containerd);
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = pod.start(Spec { name: "app", image: APP, volume: Some(volume.mount()), ..Spec::default() });

    eventually(SOON, "the app is healthy", || {
        let (answer, _) = app.probe(&["/probes/sexton", "check", "--timeout", "800ms", URL], TIMEOUT);
        let answer = answer.map_err(|why| why.to_string())?;
        if answer.exit_code == 0 { Ok(()) } else { Err(String::from_utf8_lossy(&answer.stdout).into_owned()) }
    });
    let (answer, _) =
        app.probe(&["/probes/sexton", "check", "--timeout", "800ms", "tcp://127.0.0.1:8081"], TIMEOUT);
    let answer = answer.expect("an answer");
    let said = String::from_utf8_lossy(&answer.stdout);
    assert_eq!(answer.exit_code, 1, "{said}");
    assert!(said.starts_with("unhealthy: ") && said.contains("refused"), "{said}");
}

#[test]
fn a_probe_of_an_app_that_hangs_says_so_before_the_limit_and_leaves_nothing() {
    let Some(containerd) = Containerd::find() else { return };
    let volume = installed(&containerd);
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = pod.start(Spec {
        name: "app",
        image: APP,
        args: SILENT,
        env: &[("SEXTON_TIMEOUT", "800ms")],
        volume: Some(volume.mount()),
        ..Spec::default()
    });
    listens(&pod);
    let fresh = pod.shim().left();

    let by_option = ["/probes/sexton", "check", "--timeout", "800ms", URL];
    let by_variable = ["/probes/sexton", "check", URL];
    for command in [&by_option[..], &by_variable] {
        // A busy machine may hold up one probe, not each of so many.
        let fastest = (0..5).map(|_| {
            let (answer, took) = app.probe(command, TIMEOUT);
            let said =
                answer.map(|answer| (answer.exit_code, String::from_utf8_lossy(&answer.stdout).into_owned()));
            (took, said)
        });
        let (took, said) = fastest.min_by_key(|(took, _)| *took).expect("five");
        let (code, said) = said.expect("the runtime did not have to kill it");
        assert_eq!(code, 1, "{said}");
        assert!(said.starts_with("unhealthy: timed out"), "{said}");
        assert!(took < LIMIT, "{took:?}");
    }
    nothing_is_left(&pod, &fresh);

    // Whoever forgets the limit gets the runtime's word for it, and still nothing is left: it was one process.
    let (answer, _) = app.probe(&["/probes/sexton", "check", "--timeout", "10s", URL], TIMEOUT);
    assert_eq!(answer.expect_err("it is killed").code(), tonic::Code::DeadlineExceeded);
    nothing_is_left(&pod, &fresh);
}

#[test]
fn a_probe_of_a_shell_that_hangs_is_not_over_at_its_limit() {
    let Some(containerd) = Containerd::find() else { return };
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = pod.start(Spec { name: "app", image: APP, args: SILENT, ..Spec::default() });
    listens(&pod);

    // The runtime kills the shell at 1 s, and waits for the other end of the pipe that `sleep` still holds.
    let line = "/busybox sleep 4 || exit 1";
    let (answer, took) = app.probe(&["/busybox", "sh", "-c", line], TIMEOUT);
    assert_eq!(answer.expect_err("it is killed").code(), tonic::Code::DeadlineExceeded);
    assert!(took > LIMIT * 3, "the negative control: {took:?}");
    eventually(SOON, "sleep is a zombie of the app", || {
        let left = pod.shim().left();
        if left.zombies == 1 { Ok(()) } else { Err(left) }
    });
}

#[test]
fn two_hundred_probes_leave_no_process_no_zombie_and_no_descriptor() {
    let Some(containerd) = Containerd::find() else { return };
    let volume = installed(&containerd);
    let pod = Pod::run(&containerd, Processes::Apart);
    let app = pod.start(Spec { name: "app", image: APP, volume: Some(volume.mount()), ..Spec::default() });
    let check = ["/probes/sexton", "check", "--timeout", "800ms", URL];
    let passed = || app.probe(&check, TIMEOUT).0.is_ok_and(|answer| answer.exit_code == 0);
    eventually(SOON, "the app is healthy", || passed().then_some(()).ok_or("not yet"));
    let fresh = pod.shim().left();

    // A busy machine may hold up some of them beyond the limit of 1 s: these count, too.
    let passed = (0..PROBES).filter(|_| passed()).count();
    assert!(passed > PROBES / 2, "{passed}");
    nothing_is_left(&pod, &fresh);
}
