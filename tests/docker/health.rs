//! Docker's verdict on a server that hangs and recovers, in an image that holds nothing but the two programs.

use std::time::Duration;

use crate::support::{Container, Engine, Image, eventually, peer, sexton};

/// Three failures, two seconds each, and time for a busy machine.
const TURNED: Duration = Duration::from_secs(180);

#[test]
fn a_server_that_recovers_goes_from_starting_to_unhealthy_to_healthy() {
    let Some(engine) = Engine::find() else { return };
    let dockerfile = r#"
FROM scratch
COPY sexton server /
HEALTHCHECK --interval=1s --timeout=1s --retries=3 \
    CMD ["/sexton", "check", "--timeout", "800ms", "http://127.0.0.1:8080/health"]
ENTRYPOINT ["/server", "8080", "silent", "0"]
"#;
    let image = Image::build(engine, dockerfile, &[("sexton", sexton()), ("server", peer("server"))]);
    let container = Container::run(engine, &image.name, [""; 0]);
    assert_eq!(container.health(), "starting");
    becomes(&container, "unhealthy");
    let reason = "timed out";
    eventually(TURNED, "the log holds our reason", || {
        let log = container.health_log();
        let told = log.iter().any(|line| line.contains("127.0.0.1:8080/health") && line.contains(reason));
        if told { Ok(()) } else { Err(log) }
    });

    container.signal("USR1");
    becomes(&container, "healthy");
    let log = container.health_log();
    assert!(log.last().is_some_and(|line| line.contains("200")), "{log:?}");

    container.signal("USR2");
    becomes(&container, "unhealthy");
}

/// Waits for a verdict.
fn becomes(container: &Container, verdict: &str) {
    eventually(TURNED, &format!("is {verdict}"), || {
        let health = container.health();
        if health == verdict { Ok(()) } else { Err((health, container.health_log())) }
    });
}
