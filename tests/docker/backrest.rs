//! The Backrest case: an app in Go as PID 1 runs programs again and again. It waits for what it has started; what those
//! leave behind comes to it as PID 1, and stays.

use std::time::Duration;

use crate::support::{Container, Engine, Image, Process, diagnosed, eventually, peer, sexton};

/// Programs that the app runs; each leaves one orphan, which ends 20 ms later.
const PROGRAMS: usize = 50;

/// For all of that, on a busy machine.
const DONE: Duration = Duration::from_secs(60);

/// The app's children and their orphans, when the app has run all programs and `enough` holds.
fn processes_when(engine: Engine, pid1: &str, enough: impl Fn(&[Process]) -> bool) -> (Image, Container) {
    let dockerfile = format!(
        "FROM scratch\nCOPY sexton spawner ps /\nENTRYPOINT [{pid1}\"/spawner\"]\nCMD [\"{PROGRAMS}\"]\n"
    );
    let files = [("sexton", sexton()), ("spawner", peer("spawner")), ("ps", peer("ps"))];
    let image = Image::build(engine, &dockerfile, &files);
    let container = Container::run(engine, &image.name, ["--pids-limit=100"]);
    eventually(DONE, "the app has run its programs", || {
        assert_eq!(container.exit_code(), None, "it has ended: {}", container.logs());
        let logs = container.logs();
        if logs.contains("spawned") { Ok(()) } else { Err(logs) }
    });
    eventually(DONE, "the orphans have come to rest", || {
        let processes = container.processes();
        if enough(&processes) { Ok(()) } else { Err(processes) }
    });
    (image, container)
}

#[test]
fn an_app_as_pid_1_keeps_each_orphan_of_its_programs_as_a_zombie() {
    let Some(engine) = Engine::find() else { return };
    let (_image, container) =
        processes_when(engine, "", |all| all.iter().filter(|one| one.is_zombie()).count() == PROGRAMS);

    let told = diagnosed(&container, "backrest");
    assert!(told.contains("cause: a program that the app ran left spawner behind"), "{told}");
    assert!(told.contains(r#"fix: ENTRYPOINT ["/sexton", "init", "--", "/spawner", "#), "{told}");
}

#[test]
fn under_the_init_nothing_is_left_of_them() {
    let Some(engine) = Engine::find() else { return };
    processes_when(engine, r#""/sexton", "init", "--", "#, |all| {
        all.len() == 2 && all.iter().all(|one| !one.is_zombie() && one.parent < 2)
    });
}
