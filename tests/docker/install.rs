//! Images that one does not build: how sexton gets into their containers, by Compose, Docker and Podman.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::{Compose, Container, Directory, Engine, Image, Podman, eventually, peer, sexton};

/// For a few rounds of checks, five seconds each, on a busy machine.
const HEALTHY: Duration = Duration::from_secs(180);

/// For a container to be up.
const SOON: Duration = Duration::from_secs(60);

/// Somebody else's image: a server, and no sexton.
fn app_image(engine: Engine) -> Image {
    let dockerfile =
        "FROM scratch\nCOPY server /\nENTRYPOINT [\"/server\"]\nCMD [\"8080\", \"answering\", \"0\"]\n";
    Image::build(engine, dockerfile, &[("server", peer("server"))])
}

/// sexton alone, as the repository's own Dockerfile makes it.
fn sexton_image(engine: Engine) -> Image {
    let dockerfile = "FROM scratch\nCOPY sexton /\nENTRYPOINT [\"/sexton\"]\n";
    Image::build(engine, dockerfile, &[("sexton", sexton())])
}

/// A check of the app by a sexton at `path`.
fn check(container: &Container, path: &str) {
    eventually(SOON, "the app is healthy", || {
        container.exec(&[path, "check", "--timeout", "4s", "http://127.0.0.1:8080/"])
    });
}

#[test]
fn examples_install_compose_yaml_checks_an_image_that_has_no_sexton() {
    let Some(engine) = Engine::find() else { return };
    let Some(compose) = Compose::find() else { return };
    let (sexton, app) = (sexton_image(engine), app_image(engine));
    let copy = Directory::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/install/compose.yaml");
    fs::copy(source, copy.path.join("compose.yaml")).expect("a copy");
    let over =
        format!("services:\n  sexton: {{image: '{}'}}\n  app: {{image: '{}'}}\n", sexton.name, app.name);
    fs::write(copy.path.join("over.yaml"), over).expect("a file is written");

    let project = compose.up(engine, &copy.path, &["compose.yaml", "over.yaml"]);
    let container = project.container("app");
    let becomes = |health: &str| {
        eventually(HEALTHY, health, || {
            if container.health() == health {
                Ok(())
            } else {
                Err((container.health_log(), container.logs()))
            }
        });
    };
    becomes("healthy");
    container.signal("USR2");
    becomes("unhealthy");
}

#[test]
fn a_named_volume_a_bind_mount_and_docker_cp_bring_one_file() {
    let Some(engine) = Engine::find() else { return };
    let (image, app) = (sexton_image(engine), app_image(engine));
    let volume = Engine::fresh_name();
    let mount = format!("{volume}:/probes");
    let label = Engine::label();
    engine.run(["volume", "create", &label[0], &label[1], &volume]);
    let installed =
        engine.run(["run", "--rm", "--network=none", "-v", &mount, &image.name, "install", "/probes"]);
    assert_eq!(installed, "installed /probes/sexton\n");
    let read_only = format!("--volume={mount}:ro");
    let by_volume = Container::run(
        engine,
        &app.name,
        [read_only.as_str(), "--network=none", "--read-only", "--user=65534"],
    );
    check(&by_volume, "/probes/sexton");
    drop(by_volume);
    engine.run(["volume", "rm", &volume]);

    // The file for a bind mount comes out of the image: it needs no shell to be read.
    let place = Directory::new();
    let file = place.path.join("sexton");
    let made = engine.run(["create", &label[0], &label[1], &image.name]);
    engine.run(["cp", &format!("{}:/sexton", made.trim()), &file.display().to_string()]);
    engine.run(["rm", made.trim()]);
    let bind = format!("--volume={}:/sexton:ro", file.display());
    let by_bind = Container::run(engine, &app.name, [bind.as_str(), "--network=none", "--read-only"]);
    check(&by_bind, "/sexton");

    let by_copy = Container::run(engine, &app.name, ["--network=none"]);
    by_copy.copy_in(&file, "/sexton");
    check(&by_copy, "/sexton");
    let (code, told) = by_copy.exec_code(&["/sexton", "doctor"]);
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn podman_keeps_the_healthcheck_only_of_an_image_in_dockers_format() {
    let Some(podman) = Podman::find() else { return };
    let context = Directory::new();
    let at = |name: &str| context.path.join(name);
    fs::copy(sexton(), at("sexton")).expect("a copy");
    fs::copy(peer("server"), at("server")).expect("a copy");
    let dockerfile = r#"FROM scratch
COPY sexton server /
HEALTHCHECK CMD ["/sexton", "check", "--timeout", "4s", "http://127.0.0.1:8080/"]
ENTRYPOINT ["/sexton", "init", "--", "/server"]
CMD ["8080", "answering", "0"]
"#;
    fs::write(at("Dockerfile"), dockerfile).expect("a file is written");
    let context = context.path.display().to_string();
    podman.run(&["build", "--format", "docker", "--tag", "app", &context]);
    podman.run(&["build", "--tag", "dropped", &context]);
    let health = |image: &str| podman.run(&["inspect", "--format", "{{.HealthCheck}}", image]);
    assert!(health("app").contains("/sexton"), "{}", health("app"));
    assert!(
        !health("dropped").contains("/sexton"),
        "OCI's format has no health check: {}",
        health("dropped")
    );

    let network = ["--network", "none"];
    let mount = ["--volume", "probes:/probes"];
    podman.run(
        &[&["run", "--rm", "--entrypoint", "/sexton"], &network[..], &mount, &["app", "install", "/probes"]]
            .concat(),
    );
    podman.run(&[&["run", "--detach", "--name", "one"], &network[..], &mount, &["app"]].concat());
    eventually(SOON, "the app is healthy", || podman.try_run(&["healthcheck", "run", "one"]));
    // As a unit of Quadlet has it in HealthCmd=.
    let health = ["--health-cmd", r#"["/probes/sexton", "check", "tcp://127.0.0.1:8080"]"#];
    podman
        .run(&[&["run", "--detach", "--name", "two"], &network[..], &mount, &health, &["dropped"]].concat());
    eventually(SOON, "the app is healthy", || podman.try_run(&["healthcheck", "run", "two"]));
    podman.run(&["rm", "--force", "--time", "0", "two"]);

    let told = podman.run(&["exec", "one", "/probes/sexton", "doctor"]);
    assert!(told.starts_with("nothing is wrong in this container\nPID 1 is sexton, an init"), "{told}");
    podman.run(&["stop", "--time", "10", "one"]);
    assert_eq!(podman.run(&["inspect", "--format", "{{.State.ExitCode}}", "one"]).trim(), "0");
    podman.run(&["rm", "one"]);
}
