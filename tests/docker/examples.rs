//! What users copy from `examples/`, each run from its own text. The names of images are arguments there: here they
//! are images that need no registry.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Compose, Container, Debian, Directory, Engine, Image, eventually, peer, sexton};

/// For a few rounds of checks, five seconds each, on a busy machine.
const HEALTHY: Duration = Duration::from_secs(180);

/// An image of sexton alone, as the repository's own Dockerfile makes it.
fn sexton_image(engine: Engine) -> Image {
    let dockerfile = "FROM scratch\nCOPY sexton /\nENTRYPOINT [\"/sexton\"]\n";
    Image::build(engine, dockerfile, &[("sexton", sexton())])
}

/// The folder of examples, without the programs in it.
fn examples() -> Directory {
    let copy = Directory::new();
    for name in ["Dockerfile", "compose.yaml", "kubernetes.yaml"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        fs::copy(source, copy.path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    copy
}

/// What `examples/Dockerfile` builds.
fn app_image(engine: Engine, sexton: &Image, debian: &Debian) -> Image {
    let arguments = [format!("SEXTON={}", sexton.name), format!("BASE={}", debian.image)];
    Image::build_in(engine, &examples().path, &["--build-arg", &arguments[0], "--build-arg", &arguments[1]])
}

#[test]
fn examples_dockerfile_goes_healthy_and_stops_by_sigterm() {
    let Some(engine) = Engine::find() else { return };
    let Some(debian) = Debian::find(engine) else { return };
    let sexton = sexton_image(engine);
    let app = app_image(engine, &sexton, &debian);
    let container = Container::run(engine, &app.name, [""; 0]);
    eventually(HEALTHY, "the app is healthy", || match container.health().as_str() {
        "healthy" => Ok(()),
        _ => Err((container.health_log(), container.logs())),
    });
    container.stop(10);
    assert_eq!(container.exit_code(), Some(143), "128 and SIGTERM: {}", container.logs());
}

/// Debian with the servers of the stack behind what the official images of each have: a `docker-entrypoint.sh`.
fn servers_image(engine: Engine) -> Option<Image> {
    let debian = Debian::with(engine, &["postgresql", "redis-server"])?;
    let context = Directory::new();
    let dockerfile = format!("FROM {}\nCOPY docker-entrypoint.sh /usr/local/bin/\n", debian.image);
    fs::write(context.path.join("Dockerfile"), dockerfile).expect("a file is written");
    let entrypoint = context.path.join("docker-entrypoint.sh");
    fs::write(&entrypoint, ENTRYPOINT).expect("a file is written");
    fs::set_permissions(&entrypoint, Permissions::from_mode(0o755)).expect("it is made a program");
    Some(Image::build_in(engine, &context.path, &[]))
}

/// As the official images start their servers: a new database first, filled through a socket; then the server in the
/// shell's place, as its own user. Here `postgres` wants the password from everybody.
const ENTRYPOINT: &str = r#"#!/bin/sh
set -eu
case $1 in
redis-server) exec setpriv --reuid redis --regid redis --init-groups "$@" --dir /var/lib/redis ;;
esac
as_postgres='setpriv --reuid postgres --regid postgres --init-groups'
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
export PGDATA=/var/lib/postgresql/data
mkdir -p /var/run/postgresql
chown postgres:postgres /var/run/postgresql /var/lib/postgresql
echo "$POSTGRES_PASSWORD" >/tmp/password
chmod 644 /tmp/password
$as_postgres initdb --username "$POSTGRES_USER" --pwfile /tmp/password --auth-local trust --auth-host scram-sha-256
rm /tmp/password
$as_postgres pg_ctl --wait --options "-c listen_addresses=''" start
createdb --username "$POSTGRES_USER" "${POSTGRES_DB:-$POSTGRES_USER}"
$as_postgres pg_ctl --wait --mode fast stop
exec $as_postgres "$@"
"#;

#[test]
fn examples_compose_yaml_starts_each_once_what_it_needs_is_healthy() {
    let Some(engine) = Engine::find() else { return };
    let Some(compose) = Compose::find() else { return };
    let Some(servers) = servers_image(engine) else { return };
    let sexton = sexton_image(engine);
    let examples = examples();
    let services = ["postgres", "redis", "app", "worker"];
    let over = services.map(|name| {
        let arguments = format!("{{SEXTON: {}, BASE: {}}}", sexton.name, servers.name);
        format!("  {name}:\n    build: {{context: ., args: {arguments}}}\n")
    });
    fs::write(examples.path.join("over.yaml"), format!("services:\n{}", over.concat()))
        .expect("a file is written");

    let project = compose.up(engine, &examples.path, &["compose.yaml", "over.yaml"]);
    let containers = services.map(|name| (name, project.container(name)));
    for (name, container) in &containers {
        eventually(HEALTHY, &format!("{name} is healthy"), || match container.health().as_str() {
            "healthy" => Ok(()),
            _ => Err((container.health_log(), container.logs())),
        });
        let first = container.exec(&["cat", "/proc/1/comm"]);
        assert_eq!(first.as_deref(), Ok("sexton\n"), "{name} runs under sexton");
    }

    // Whoever sets a password and forgets the check finds the reason where Docker keeps it.
    let [(_, postgres), (_, redis), ..] = &containers;
    redis.exec(&["redis-cli", "config", "set", "requirepass", "changed"]).expect("redis takes a password");
    let change = "ALTER ROLE app PASSWORD 'changed'";
    postgres.exec(&["psql", "--username", "app", "--command", change]).expect("postgres takes a password");
    for (container, reason) in [
        (redis, "redis wants a password (NOAUTH)"),
        (postgres, "the server refuses this user or password (28P01)"),
    ] {
        eventually(HEALTHY, reason, || {
            let log = container.health_log();
            let told = log.last().is_some_and(|line| line.starts_with(&format!("unhealthy: {reason}")));
            (told && container.health() == "unhealthy").then_some(()).ok_or(log)
        });
        let log = container.health_log().concat();
        assert!(!log.contains("secret"), "the old password is not told: {log}");
    }
}

#[test]
fn examples_distroless_compose_yaml_goes_healthy_without_a_shell_and_curl() {
    let Some(engine) = Engine::find() else { return };
    let Some(compose) = Compose::find() else { return };
    let sexton = sexton_image(engine);
    let app = Image::build(engine, "FROM scratch\nCOPY server /\n", &[("server", peer("server"))]);
    let copy = Directory::new();
    // `examples/distroless/Dockerfile` and `examples/distroless/compose.yaml`.
    for name in ["Dockerfile", "compose.yaml"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/distroless").join(name);
        fs::copy(source, copy.path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let over = format!(
        "{{build: {{context: ., args: {{SEXTON: {}, APP: {}}}}}, command: ['8080', answering, '0']}}",
        sexton.name, app.name
    );
    let over = format!("services:\n  shell-form: {over}\n  exec-form: {over}\n");
    fs::write(copy.path.join("over.yaml"), over).expect("a file is written");

    let project = compose.up(engine, &copy.path, &["compose.yaml", "over.yaml"]);
    for name in ["shell-form", "exec-form"] {
        let container = project.container(name);
        eventually(HEALTHY, &format!("{name} is healthy"), || match container.health().as_str() {
            "healthy" => Ok(()),
            _ => Err((container.health_log(), container.logs())),
        });
        // The same line must tell a server that hangs: it accepts, and says nothing.
        container.signal("USR2");
        eventually(HEALTHY, &format!("{name} is unhealthy"), || match container.health().as_str() {
            "unhealthy" => Ok(()),
            _ => Err((container.health_log(), container.logs())),
        });
    }
}

#[test]
fn examples_kubernetes_yaml_is_a_pod_whose_probes_pass() {
    let Some(engine) = Engine::find() else { return };
    let Some(debian) = Debian::find(engine) else { return };
    let Some(pod) = yaml(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes.yaml")) else {
        return;
    };
    assert_eq!((&pod["apiVersion"], &pod["kind"]), (&Value::from("v1"), &Value::from("Pod")));
    let sexton = sexton_image(engine);
    let app = app_image(engine, &sexton, &debian);
    for spec in pod["spec"]["containers"].as_array().expect("a pod has containers") {
        let keys: Vec<_> = spec.as_object().expect("a container is a map").keys().collect();
        let known =
            ["args", "command", "image", "livenessProbe", "name", "ports", "readinessProbe", "startupProbe"];
        assert!(keys.iter().all(|key| known.contains(&key.as_str())), "{keys:?}");
        // Kubernetes' command is Docker's entrypoint, its args are Docker's command.
        let (command, args) = (words(&spec["command"]), words(&spec["args"]));
        let options = ["--no-healthcheck", "--entrypoint", &command[0]];
        let rest = [&command[1..], &args[..]].concat();
        let container = Container::run_with(engine, &app.name, options, &rest);
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let probe = &spec[probe];
            assert!(probe["timeoutSeconds"].as_u64() <= probe["periodSeconds"].as_u64(), "{probe}");
            let command = words(&probe["exec"]["command"]);
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            eventually(HEALTHY, "the probe passes", || container.exec(&command));
        }
    }
}

/// The words of a command.
fn words(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("a list of words, not {list}"));
    list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// A YAML file as JSON, read by Debian's Python.
fn yaml(path: &Path) -> Option<Value> {
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let output = Command::new("/usr/bin/python3").args(["-c", script]).arg(path).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        Engine::skip("YAML is read by Python with yaml (Debian: python3-yaml)");
        return None;
    };
    Some(serde_json::from_slice(&output.stdout).expect("Python writes JSON"))
}
