//! sexton as the init that an engine puts under every `run --init`: dockerd's `--init-path`, podman's `--init-path`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::support::{Directory, Engine, eventually, sexton};

/// An engine of its own, that has sexton as its init.
struct Dockerd {
    child: Child,
    socket: String,
    _directory: Directory,
}

impl Dockerd {
    /// Starts it, where one can be started: as root, beside an engine that answers.
    fn start() -> Option<Self> {
        Engine::find()?;
        if !geteuid().is_root() || find("dockerd").is_none() {
            Engine::skip("no second engine can be started: that needs root and dockerd");
            return None;
        }
        let directory = Directory::short();
        let at = |name: &str| directory.path.join(name).display().to_string();
        fs::copy(sexton(), at("docker-init")).expect("a copy");
        // Not the options of the engine that runs already.
        fs::write(at("daemon.json"), "{}").expect("a file");
        let socket = format!("unix://{}", at("docker.sock"));
        let log = fs::File::create(at("log")).expect("a file");
        // In a network of its own: an engine without a bridge removes the one that another engine uses.
        let child = Command::new("unshare")
            .arg("--net")
            .arg(find("dockerd").expect("it was there"))
            .args(["--config-file", &at("daemon.json"), "--host", &socket])
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["--init-path", &at("docker-init"), "--storage-driver", "vfs"])
            .args(["--bridge", "none", "--iptables=false", "--ip-forward=false"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("dockerd starts");
        let dockerd = Self { child, socket, _directory: directory };
        eventually(Duration::from_secs(60), "the engine answers", || dockerd.run(["info"]).map(drop));
        Some(dockerd)
    }

    /// `docker` for this engine.
    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("docker");
        command.args(["--host", &self.socket]).args(args).stdin(Stdio::null());
        command
    }

    /// Its output, when it succeeds.
    fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<String, String> {
        let output = self.command(args).output().expect("docker starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Imports `root` as an image.
    fn import(&self, root: &Path, name: &str) {
        let archive = root.with_extension("tar");
        let made = Command::new("tar").arg("-C").arg(root).arg("-cf").arg(&archive).arg(".").status();
        assert!(made.expect("tar starts").success());
        self.run([OsStr::new("import"), archive.as_os_str(), OsStr::new(name)]).expect("it can be imported");
    }
}

impl Drop for Dockerd {
    /// Ended as its service would end it, so that it takes its containerd along.
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid is an i32"));
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// A program in one of the usual places.
fn find(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
}

/// A root with busybox and nothing else.
fn root(directory: &Directory) -> Option<PathBuf> {
    let Some(busybox) = find("busybox") else {
        Engine::skip("no busybox (apt-get install busybox-static)");
        return None;
    };
    let root = directory.path.join("root");
    for folder in ["bin", "proc", "dev", "sys", "tmp", "run", "etc"] {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    fs::copy(busybox, root.join("bin/busybox")).expect("a copy");
    for name in ["sh", "ps", "sleep", "tty", "cat", "tr"] {
        symlink("busybox", root.join("bin").join(name)).expect("a link");
    }
    Some(root)
}

#[test]
fn dockerd_takes_it_as_its_init_and_tells_its_version() {
    let directory = Directory::short();
    let (Some(dockerd), Some(root)) = (Dockerd::start(), root(&directory)) else { return };
    dockerd.import(&root, "busybox");

    let info = dockerd.run(["info", "--format", "{{json .InitCommit.ID}} {{.InitBinary}}"]).unwrap();
    assert!(info.starts_with("\"sexton-"), "{info}");

    let started = ["run", "--rm", "--init", "--network", "none", "busybox"];
    let command = |script: &str| {
        started
            .iter()
            .map(|word| (*word).to_owned())
            .chain(["sh", "-c", script].map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let init = dockerd.run(command("tr '\\0' ' ' < /proc/1/cmdline")).unwrap();
    assert!(init.starts_with("/sbin/docker-init -- sh -c"), "{init}");
    assert_eq!(dockerd.command(command("exit 7")).status().unwrap().code(), Some(7));

    // An orphan's zombie is gone before the container is.
    let states = "(sleep 0.1 &); sleep 0.5; cat /proc/[0-9]*/stat";
    let states = dockerd.run(command(states)).unwrap();
    assert!(!states.contains(") Z "), "{states}");

    // With a terminal: the main child has it in its foreground, and ^C ends it with 130.
    let typed = "printf 'tty\\r'; sleep 1; printf 'sleep 60\\r'; sleep 1; printf '\\003'; sleep 1; printf 'exit $?\\r'; sleep 2";
    let session = format!("docker --host {} run --rm --init -it --network none busybox sh", dockerd.socket);
    let script = Command::new("sh")
        .args(["-c", &format!("({typed}) | script -qec '{session}' /dev/null")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let screen = String::from_utf8_lossy(&script.stdout);
    assert!(screen.contains("/dev/pts/0"), "{screen}");
    assert_eq!(script.status.code(), Some(130), "{screen}");

    // `docker stop` reaches the app at once.
    let id = dockerd
        .run([
            "run",
            "-d",
            "--init",
            "--network",
            "none",
            "busybox",
            "sh",
            "-c",
            "trap 'exit 3' TERM; while :; do sleep 0.1; done",
        ])
        .unwrap();
    let id = id.trim();
    let asked = Instant::now();
    dockerd.run(["stop", "-t", "30", id]).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(dockerd.run(["inspect", "--format", "{{.State.ExitCode}}", id]).unwrap().trim(), "3");
    dockerd.run(["rm", id]).unwrap();
}

#[test]
fn podman_takes_it_as_its_init() {
    let Some(podman) = find("podman").filter(|_| geteuid().is_root()) else {
        return Engine::skip("no podman, or not root (apt-get install podman)");
    };
    let directory = Directory::short();
    let Some(root) = root(&directory) else { return };
    let init = directory.path.join("catatonit");
    fs::copy(sexton(), &init).unwrap();
    let run = |script: &str| {
        let at = |name: &str| directory.path.join(name);
        let output = Command::new(&podman)
            .arg("--root")
            .arg(at("storage"))
            .arg("--runroot")
            .arg(at("run"))
            .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"])
            .args(["run", "--rm", "--init", "--network", "none"])
            // What may not be raised here is not asked for.
            .args(["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"])
            .arg("--init-path")
            .arg(&init)
            .arg("--rootfs")
            .arg(&root)
            .args(["sh", "-c", script])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, init, said) = run("tr '\\0' ' ' < /proc/1/cmdline; exit 7");
    assert_eq!(code, Some(7), "{said}");
    assert!(init.contains("init -- sh -c"), "{init}");
    let (_, states, said) = run("(sleep 0.1 &); sleep 0.5; cat /proc/[0-9]*/stat");
    assert!(states.contains("1 (podman-init) S") && !states.contains(") Z "), "{states} {said}");
}
