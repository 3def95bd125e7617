//! The Stormkit case: a supervisor that kills `npm` and not the `next start` under it. What is left lives on as a child of
//! PID 1, with all of its memory.

use std::time::Duration;

use crate::support::{Container, Engine, Image, Process, diagnosed, eventually, peer, sexton};

/// Deployments that were replaced by a newer one.
const REPLACED: usize = 3;

/// For all of that, on a busy machine.
const DONE: Duration = Duration::from_secs(60);

/// The supervisor under `pid1`, when all deployments are done.
fn deployed(engine: Engine, pid1: &str) -> (Image, Container) {
    let dockerfile = format!(
        "FROM scratch\nCOPY sexton supervisor npm next ps /\nENTRYPOINT [{pid1}\"/supervisor\"]\nCMD [\"{REPLACED}\"]\n"
    );
    let supervisor = peer("supervisor");
    let files = [
        ("sexton", sexton()),
        ("supervisor", supervisor.clone()),
        ("npm", supervisor.clone()),
        ("next", supervisor),
        ("ps", peer("ps")),
    ];
    let image = Image::build(engine, &dockerfile, &files);
    let container = Container::run(engine, &image.name, ["--pids-limit=100"]);
    eventually(DONE, "it is deployed", || {
        assert_eq!(container.exit_code(), None, "it has ended: {}", container.logs());
        let logs = container.logs();
        if logs.contains("deployed") { Ok(()) } else { Err(logs) }
    });
    (image, container)
}

/// What lives under PID 1 and is no child that it has started.
fn left_over(container: &Container) -> Vec<Process> {
    container.processes().into_iter().filter(|one| one.parent == 1 && one.name == "next").collect()
}

#[test]
fn a_supervisor_that_kills_npm_alone_leaves_next_to_itself_as_pid_1() {
    let Some(engine) = Engine::find() else { return };
    let (_image, container) = deployed(engine, "");
    let left = left_over(&container);
    assert_eq!(left.len(), REPLACED, "{left:?}");
    assert!(left.iter().all(|one| !one.is_zombie()), "{left:?}");

    let told = diagnosed(&container, "stormkit");
    assert!(
        told.contains("cause: next ran under npm before: somebody killed that and not what it had started"),
        "{told}"
    );
    assert!(told.contains("fix: start npm in a process group of its own and signal the group"), "{told}");
}

#[test]
fn under_the_init_they_are_told_and_end_with_the_container() {
    let Some(engine) = Engine::find() else { return };
    let (_image, container) = deployed(engine, r#""/sexton", "init", "--", "#);
    assert_eq!(left_over(&container).len(), REPLACED);
    let (code, told) = container.exec_code(&["/sexton", "doctor"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("problem  orphans: 3 orphans under PID 1 (sexton): 3 x /next start"), "{told}");
    container.stop(10);
    assert_eq!(container.exit_code(), Some(0), "{}", container.logs());
}
