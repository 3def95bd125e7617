//! The Wakapi case: an entry point that waits for the database with a script under `timeout`, then becomes the app.
//! `BusyBox`'s `timeout` leaves a process behind that looks after its limit; it comes to PID 1, which is the app by then.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::{Container, Directory, Engine, Image, Process, diagnosed, eventually, peer, sexton};

/// For a container to be up on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// Waits for a port as scripts do, then takes the app's place.
const SCRIPT: &str = "\
/busybox timeout 60 /busybox sh -c \\
    'until /busybox wget -q -O /dev/null http://db:5432/; do /busybox sleep 1; done'
exec /server 8080 answering 0
";

/// The app with its entry point, and its database, which has to stay as long.
struct Started {
    app: Container,
    _database: Container,
    _image: Image,
}

/// Starts both; `None` after a sentence.
fn start(entry_point: &str) -> Option<Started> {
    let engine = Engine::find()?;
    let busybox = PathBuf::from("/bin/busybox");
    if !busybox.exists() {
        Engine::skip(
            "an image with BusyBox is made from this machine's, which has none (Debian: busybox-static)",
        );
        return None;
    }
    let dockerfile =
        format!("FROM scratch\nCOPY sexton server ps busybox entry /\nENTRYPOINT {entry_point}\n");
    let folder = Directory::new();
    let entry = folder.path.join("entry");
    fs::write(&entry, SCRIPT).expect("a script is written");
    let files = [
        ("sexton", sexton()),
        ("server", peer("server")),
        ("ps", peer("ps")),
        ("busybox", busybox),
        ("entry", entry),
    ];
    let image = Image::build(engine, &dockerfile, &files);
    let name = Engine::fresh_name();
    // As in a pod: both have one network, and one file of hosts.
    let options = ["--name", &name, "--network=none", "--add-host=db:127.0.0.1", "--entrypoint", "/server"];
    let words = ["5432", "answering", "0"].map(str::to_owned);
    let database = Container::run_with(engine, &image.name, options, &words);
    let app = Container::run(engine, &image.name, [format!("--network=container:{name}")]);
    eventually(SOON, "the app listens", || {
        let logs = app.logs();
        if logs.contains("listening") { Ok(()) } else { Err(logs) }
    });
    Some(Started { app, _database: database, _image: image })
}

/// All but PID 1 and what is not under it.
fn under_pid_1(container: &Container) -> Vec<Process> {
    container.processes().into_iter().filter(|one| one.pid != 1 && one.parent != 0).collect()
}

#[test]
fn a_script_with_timeout_leaves_a_zombie_to_the_app() {
    let Some(started) = start(r#"["/busybox", "sh", "/entry"]"#) else { return };
    let zombie = eventually(SOON, "the negative control: what timeout left is a zombie", || {
        let all = under_pid_1(&started.app);
        all.iter().find(|one| one.is_zombie() && one.parent == 1).cloned().ok_or(all)
    });
    assert_eq!(zombie.name, "busybox");

    let told = diagnosed(&started.app, "wakapi");
    assert!(told.contains("cause: a script at the start that waits with busybox"), "{told}");
    assert!(
        told.contains(r#"fix: ENTRYPOINT ["/sexton", "init", "--wait", "tcp://HOST:PORT", "--", "/server""#),
        "{told}"
    );
}

#[test]
fn an_init_that_waits_itself_leaves_nothing_beside_the_app() {
    let entry =
        r#"["/sexton", "init", "--wait", "tcp://db:5432", "--", "/server", "8080", "answering", "0"]"#;
    let Some(started) = start(entry) else { return };
    let all = under_pid_1(&started.app);
    let [app] = all.as_slice() else { panic!("more than the app: {all:?}") };
    assert_eq!((app.name.as_str(), app.parent, app.is_zombie()), ("server", 1, false));
}
