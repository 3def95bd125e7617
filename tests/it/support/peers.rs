//! Real servers, from the distribution's packages. Each runs on a free port in a folder of its own, and is over when
//! dropped, or when the tests are ended by force.
//!
//! A server that is not installed skips its tests with a sentence; `SEXTON_TEST_PEERS=required` makes that a failure.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, User, chown, geteuid};

use super::temp::Folder;

/// How long a server may take to begin; a broker in a virtual machine of its own is slow on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The path of `name`, which comes with `package`, or a skip.
pub(crate) fn program(name: &str, package: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/usr/lib/rabbitmq/bin"]
            .map(PathBuf::from)
            .to_vec();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        let sentence = format!("skipped: {name} is not installed (apt-get install {package})");
        let required = std::env::var_os("SEXTON_TEST_PEERS").is_some_and(|value| value == "required");
        assert!(!required, "{sentence}");
        // Past the capture of the test harness: a skip must be seen.
        let _ = writeln!(std::io::stderr(), "{sentence}");
    }
    found
}

/// A port of 127.0.0.1 that nobody listens on. Below the kernel's ephemeral ports, so that no client of another test
/// takes it before the server does, and each only once.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (std::process::id().wrapping_mul(97).wrapping_add(turn)) % 20_000;
        let port = u16::try_from(port).expect("under 30000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Whether something accepts connections on `port` of 127.0.0.1.
pub(crate) fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// How to start a server.
#[derive(Debug)]
pub(crate) struct Recipe {
    command: Command,
    folder: Folder,
    user: Option<User>,
}

impl Recipe {
    /// Runs `program`, as `user` where we are root: some servers refuse to be root.
    pub(crate) fn new(program: &Path, user: Option<&str>) -> Self {
        let folder = Folder::new();
        let user = user.filter(|_| geteuid().is_root());
        let user =
            user.map(|name| User::from_name(name).expect("a user").expect("the package makes this user"));
        let mut recipe = Self { command: Command::new("true"), folder, user };
        recipe.own(recipe.folder.path());
        recipe.command = recipe.command(program);
        // A test that is ended by force takes its servers with it.
        recipe.command.process_group(0);
        recipe
    }

    /// A command under the same user, for what comes before the server or beside it.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = &self.user {
            command.args(["--reuid", &user.name, "--regid", &user.gid.to_string(), "--clear-groups"]);
        }
        command
            .arg(program)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8");
        command.env("HOME", self.folder.path()).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Gives `path` to the server's user.
    pub(crate) fn own(&self, path: &Path) {
        if let Some(user) = &self.user {
            chown(path, Some(user.uid), Some(user.gid)).expect("root may give files away");
        }
    }

    /// The server's folder.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Writes a file into the server's folder.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder.join(name);
        fs::write(&path, content).expect("a new file");
        self.own(&path);
        self
    }

    /// Starts the server, without waiting for it.
    pub(crate) fn start(mut self) -> Peer {
        let log = self.folder.join("output");
        let file = File::options().create_new(true).append(true).open(&log).expect("a new file");
        self.own(&log);
        self.command.stdout(file.try_clone().expect("a second handle")).stderr(file);
        let process = self.command.spawn().expect("setpriv starts");
        Peer { process, log, folder: self.folder }
    }
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Peer {
    process: Child,
    log: PathBuf,
    folder: Folder,
}

impl Peer {
    /// Waits until `ready`, and fails when the server has ended before that.
    #[track_caller]
    pub(crate) fn until(mut self, what: &str, ready: impl Fn(&Self) -> bool) -> Self {
        let started = Instant::now();
        while !ready(&self) {
            let ended = self.process.try_wait().expect("it is our child");
            let late = started.elapsed() > PATIENCE;
            assert!(ended.is_none() && !late, "in vain: {what}; {ended:?}\n{}", self.output());
            thread::sleep(Duration::from_millis(10));
        }
        self
    }

    /// Waits until `port` is listened on.
    #[track_caller]
    pub(crate) fn listening(self, port: u16) -> Self {
        self.until("the server listens", |_| accepts(port))
    }

    /// All that it has written so far.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().try_into().expect("a pid"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.process.wait();
    }
}

/// A certificate for localhost and 127.0.0.1 that vouches for itself, and its key, in PEM.
pub(crate) fn certificate() -> (String, String) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}
