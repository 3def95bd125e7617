//! An app that hangs: it accepts connections and never answers. A restart policy sees only processes that end; with
//! `--watch` this one does.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Container, Engine, Image, eventually, peer, sexton};

/// For a container to be up on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// As the entry points below have them.
const INTERVAL: Duration = Duration::from_secs(1);
const RETRIES: u32 = 2;

/// What the stop, the engine's restart and the start may take.
const RESTART: Duration = Duration::from_secs(2);

/// A busy machine may hold up one restart, not each of so many.
const ROUNDS: usize = 4;

/// A server that answers from its start on, under the init with `options`, and always restarted.
/// Without a STOPSIGNAL the engine takes every `docker kill`, whatever the signal, for the end of the restarts.
fn serve(engine: Engine, options: &str) -> (Image, Container) {
    let dockerfile = format!(
        "FROM scratch\nCOPY sexton server /\nSTOPSIGNAL SIGTERM\nENTRYPOINT [\"/sexton\", \"init\", {options}\"--\", \"/server\"]\n\
         CMD [\"8080\", \"answering\", \"0\"]\n"
    );
    let image = Image::build(engine, &dockerfile, &[("sexton", sexton()), ("server", peer("server"))]);
    let container = Container::run(engine, &image.name, ["--restart=always", "--network=none"]);
    (image, container)
}

/// Waits until the server answers after it was started `starts` times in all.
fn answers(container: &Container, starts: usize, limit: Duration) {
    eventually(limit, "the server answers", || {
        let logs = container.logs();
        if logs.matches("listening").count() < starts {
            return Err(logs);
        }
        container.exec(&["/sexton", "check", "--timeout", "300ms", "http://127.0.0.1:8080/"])
    });
}

#[test]
fn a_hung_app_that_is_watched_is_back_within_the_retries_and_two_seconds() {
    let Some(engine) = Engine::find() else { return };
    let options = r#""--watch", "http://127.0.0.1:8080/", "--interval", "1s", "--retries", "2",
        "--attempt-timeout", "400ms", "#;
    let (_image, container) = serve(engine, &options.replace('\n', ""));
    let mut fastest = Duration::MAX;
    for round in 1..=ROUNDS {
        answers(&container, round, SOON);
        container.signal("USR2");
        let hung = Instant::now();
        answers(&container, round + 1, SOON);
        fastest = fastest.min(hung.elapsed());
        let told = "sexton: unhealthy: http://127.0.0.1:8080/: timed out";
        assert!(container.logs().contains(told), "{}", container.logs());
        if fastest < INTERVAL * RETRIES + RESTART {
            return;
        }
    }
    panic!("the fastest of {ROUNDS} took {fastest:?}");
}

#[test]
fn the_same_app_stays_hung_where_nobody_watches() {
    let Some(engine) = Engine::find() else { return };
    let (_image, container) = serve(engine, "");
    answers(&container, 1, SOON);
    container.signal("USR2");
    eventually(SOON, "it hangs", || if hangs(&container) { Ok(()) } else { Err(()) });
    thread::sleep((INTERVAL * RETRIES + RESTART) * 2);
    assert!(hangs(&container), "the negative control");
    assert_eq!(container.logs().matches("listening").count(), 1);
}

/// Whether it accepts and does not answer.
fn hangs(container: &Container) -> bool {
    container.exec(&["/sexton", "check", "tcp://127.0.0.1:8080"]).is_ok()
        && container.exec(&["/sexton", "check", "--timeout", "300ms", "http://127.0.0.1:8080/"]).is_err()
}
