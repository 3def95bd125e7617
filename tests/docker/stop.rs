//! `docker stop` of an app under the init: the app hears SIGTERM, ends as it wants, and its code is the container's.

use std::path::PathBuf;
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

/// The peer that ends with 42 at SIGTERM, beside a leftover that ignores it.
fn beside_a_stubborn_leftover() -> &'static str {
    r#"
FROM scratch
COPY sexton server busybox /
ENTRYPOINT ["/sexton", "init", "--", "/busybox", "sh", "-c", "(trap '' TERM; while :; do /busybox sleep 1; done) & exec /server 8080 answering 42"]
"#
}

#[test]
fn a_leftover_that_ignores_sigterm_does_not_cost_the_apps_code() {
    let Some(engine) = Engine::find() else { return };
    let files =
        [("sexton", sexton()), ("server", peer("server")), ("busybox", PathBuf::from("/bin/busybox"))];
    let image = Image::build(engine, beside_a_stubborn_leftover(), &files);
    for limit in [4, 3] {
        let container = Container::run(engine, &image.name, [""; 0]);
        listens(&container, 1);
        container.stop(limit);
        assert_eq!(container.exit_code(), Some(42), "docker stop -t {limit}: {}", container.logs());
    }
}

#[test]
fn a_pause_asks_the_containers_that_share_its_namespace() {
    let Some(engine) = Engine::find() else { return };
    let dockerfile = "FROM scratch\nCOPY sexton busybox /\nENTRYPOINT [\"/sexton\", \"init\", \"--pause\"]\n";
    let files = [("sexton", sexton()), ("busybox", PathBuf::from("/bin/busybox"))];
    let image = Image::build(engine, dockerfile, &files);
    let pause = Container::run(engine, &image.name, [""; 0]);
    let script =
        "trap '/busybox sleep 1; echo saved; exit 0' TERM; echo ready; while :; do /busybox sleep 0.1; done";
    let options = [format!("--pid=container:{}", pause.id()), "--entrypoint=/busybox".to_owned()];
    let words = ["sh", "-c", script].map(str::to_owned);
    let app = Container::run_with(engine, &image.name, &options, &words);
    eventually(SOON, "the app runs", || if app.logs().contains("ready") { Ok(()) } else { Err(()) });
    let took = pause.stop(10);
    assert_eq!(pause.exit_code(), Some(0), "{}", pause.logs());
    assert!(app.logs().contains("saved"), "{}", app.logs());
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(6), "{took:?}");
}
