//! `docker stop` of an app under the init: the app hears SIGTERM, ends as it wants, and its code is the container's.

use std::time::Duration;

use crate::support::{Container, Engine, Image, eventually, peer, sexton};

/// For the app to listen.
const SOON: Duration = Duration::from_secs(60);

/// Without the signal it would take Docker's ten seconds; with it the app ends at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A busy machine may hold up one stop, not each of so many.
const ROUNDS: u32 = 5;

#[test]
fn docker_stop_ends_an_app_under_the_init_at_once_with_its_own_code() {
    let Some(engine) = Engine::find() else { return };
    let dockerfile = r#"
FROM scratch
COPY sexton server /
ENTRYPOINT ["/sexton", "init", "--"]
CMD ["/server", "8080", "answering", "42"]
"#;
    let image = Image::build(engine, dockerfile, &[("sexton", sexton()), ("server", peer("server"))]);
    let container = Container::run(engine, &image.name, [""; 0]);
    let mut fastest = Duration::MAX;
    for round in 1..=ROUNDS {
        listens(&container, round);
        let took = container.stop(10);
        assert_eq!(container.exit_code(), Some(42), "{}", container.logs());
        fastest = fastest.min(took);
        if fastest < AT_ONCE {
            return;
        }
        container.start();
    }
    panic!("the fastest of {ROUNDS} stops took {fastest:?}");
}

#[test]
fn docker_stop_kills_an_app_as_pid_1_that_has_no_handler() {
    let Some(engine) = Engine::find() else { return };
    let dockerfile = "FROM scratch\nCOPY spawner /\nENTRYPOINT [\"/spawner\", \"0\"]\n";
    let image = Image::build(engine, dockerfile, &[("spawner", peer("spawner"))]);
    let container = Container::run(engine, &image.name, [""; 0]);
    eventually(SOON, "the app runs", || if container.logs().contains("spawned") { Ok(()) } else { Err(()) });
    container.stop(1);
    assert_eq!(container.exit_code(), Some(137), "the negative control: the kernel shields PID 1");
}

#[test]
fn docker_stop_ends_the_same_app_under_the_init_by_sigterm() {
    let Some(engine) = Engine::find() else { return };
    let dockerfile = r#"
FROM scratch
COPY sexton spawner /
ENTRYPOINT ["/sexton", "init", "--", "/spawner", "0"]
"#;
    let image = Image::build(engine, dockerfile, &[("sexton", sexton()), ("spawner", peer("spawner"))]);
    let container = Container::run(engine, &image.name, [""; 0]);
    eventually(SOON, "the app runs", || if container.logs().contains("spawned") { Ok(()) } else { Err(()) });
    container.stop(10);
    assert_eq!(container.exit_code(), Some(143), "128 and SIGTERM: {}", container.logs());
}

/// Waits until the server has been started for the `round`th time.
fn listens(container: &Container, round: u32) {
    eventually(SOON, "the server listens", || {
        let logs = container.logs();
        let starts = logs.matches("listening").count();
        if starts >= usize::try_from(round).expect("a small number") { Ok(()) } else { Err(logs) }
    });
}
