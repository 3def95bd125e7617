//! The Zipkin case: a health check that the runtime kills at its limit. The runtime kills the shell that it started;
//! `wget` under it lives on, becomes a child of PID 1, and a zombie when it ends.

use std::time::Duration;

use crate::support::{Container, Debian, Engine, Image, Process, diagnosed, eventually, peer, sexton};

/// So many checks may leave something behind, each.
const CHECKS: u64 = 20;

/// A round takes two seconds (one until the limit, one until the next), and more on a busy machine.
const CHECKED: Duration = Duration::from_secs(300);

/// For what needs no more than a wake-up.
const SOON: Duration = Duration::from_secs(60);

/// Docker's limit of a check in these tests is 1 s.
const WGET_IN_A_SHELL: &str = r#"CMD ["/bin/sh", "/check.sh"]"#;
const SEXTON: &str = r#"CMD ["/sexton", "check", "--timeout", "800ms", "http://127.0.0.1:8080/health"]"#;

/// PID 1 is the server itself, or the init.
const THE_APP: &str = r#"["/server"]"#;
const THE_INIT: &str = r#"["/sexton", "init", "--", "/server"]"#;

/// Starts a server that never answers under `pid1`, and lets Docker look at it `CHECKS` times with `check`.
fn checked(engine: Engine, check: &str, pid1: &str) -> Option<(Image, Container)> {
    let debian = Debian::find(engine)?;
    let script = r"'url=http://127.0.0.1:8080/health\nwget -q -O /dev/null $url || exit 1\n'";
    let dockerfile = format!(
        r#"
FROM {}
COPY sexton server ps /
RUN printf {script} > /check.sh
HEALTHCHECK --interval=1s --timeout=1s --retries=3 {check}
ENTRYPOINT {pid1}
CMD ["8080", "silent", "0"]
"#,
        debian.image
    );
    let files = [("sexton", sexton()), ("server", peer("server")), ("ps", peer("ps"))];
    let image = Image::build(engine, &dockerfile, &files);
    let container = Container::run(engine, &image.name, ["--pids-limit=500"]);
    eventually(CHECKED, "20 checks have failed", || {
        assert_eq!(container.exit_code(), None, "it has ended: {}", container.logs());
        let failed = container.failing_streak();
        if failed >= CHECKS { Ok(()) } else { Err(failed) }
    });
    Some((image, container))
}

/// What came to PID 1 from outside: its children, apart from the app.
fn left_over(container: &Container) -> Vec<Process> {
    let processes = container.processes();
    processes.into_iter().filter(|one| one.parent == 1 && one.name != "server").collect()
}

/// Like `left_over`, but zombies alone.
fn zombies(container: &Container) -> Vec<Process> {
    left_over(container).into_iter().filter(Process::is_zombie).collect()
}

#[test]
fn wget_in_a_shell_leaves_orphans_and_then_zombies_to_an_app_as_pid_1() {
    let Some(engine) = Engine::find() else { return };
    let Some((_image, container)) = checked(engine, WGET_IN_A_SHELL, THE_APP) else { return };
    let orphans = left_over(&container);
    assert!(!orphans.is_empty(), "the negative control: a killed check leaves a wget");
    assert!(orphans.iter().all(|one| one.name == "wget"), "{orphans:?}");

    container.signal("USR1");
    let zombies = eventually(SOON, "the orphans have ended", || {
        let zombies = zombies(&container);
        if zombies.len() >= orphans.len() { Ok(zombies) } else { Err(zombies) }
    });
    assert!(zombies.iter().all(|one| one.name == "wget"), "{zombies:?}");

    let told = diagnosed(&container, "zipkin");
    assert!(told.contains("cause: a health check by wget: the runtime killed the shell around it"), "{told}");
    assert!(told.contains(r#"fix: HEALTHCHECK CMD ["/sexton", "check", "#), "{told}");
    assert!(told.contains(r#"fix: ENTRYPOINT ["/sexton", "init", "--", "/server", "#), "{told}");
}

#[test]
fn sexton_check_leaves_nothing_to_an_app_as_pid_1() {
    let Some(engine) = Engine::find() else { return };
    let Some((_image, container)) = checked(engine, SEXTON, THE_APP) else { return };
    assert_eq!(left_over(&container), []);

    container.signal("USR1");
    eventually(SOON, "the server is healthy", || match container.health().as_str() {
        "healthy" => Ok(()),
        other => Err(other.to_owned()),
    });
    assert_eq!(left_over(&container), []);
}

#[test]
fn wget_in_a_shell_leaves_no_zombie_under_sexton_init() {
    let Some(engine) = Engine::find() else { return };
    let Some((_image, container)) = checked(engine, WGET_IN_A_SHELL, THE_INIT) else { return };
    let orphans = left_over(&container);
    assert!(!orphans.is_empty(), "an init reaps the dead, it does not end the living");
    assert_eq!(zombies(&container), []);

    container.signal("USR1");
    eventually(SOON, "nothing is left of the orphans", || {
        let left = left_over(&container);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}
