//! `--notify`: a service manager hears when CMD is ready, that it stays healthy, and that it stops.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::support::inits::Opt;
use crate::support::launch::{Launch, PATIENCE, Role, Running, both_roles};
use crate::support::process::held_within;
use crate::support::servers::{OK, Refusing, Server};
use crate::support::temp::Folder;

/// What a service manager has heard.
struct NotifySocket {
    socket: UnixDatagram,
    /// As `NOTIFY_SOCKET` has it.
    name: String,
    _folder: Folder,
}

impl NotifySocket {
    /// At a path.
    fn at_path() -> Self {
        let folder = Folder::new();
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a new socket");
        Self::new(socket, path.display().to_string(), folder)
    }

    /// At an abstract name.
    fn abstract_name() -> Self {
        let folder = Folder::new();
        let name = format!("sexton-{}", folder.path().display());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let socket = UnixDatagram::bind_addr(&address).expect("a new socket");
        Self::new(socket, format!("@{name}"), folder)
    }

    fn new(socket: UnixDatagram, name: String, folder: Folder) -> Self {
        socket.set_read_timeout(Some(*PATIENCE)).expect("it can be set");
        Self { socket, name, _folder: folder }
    }

    /// The next message.
    fn hears(&self) -> String {
        let mut buffer = [0; 100];
        let length = self.socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// Whether there is no message now.
    fn hears_nothing(&self) -> bool {
        self.socket.set_nonblocking(true).expect("it can be set");
        let nothing = self.socket.recv(&mut [0; 100]).is_err();
        self.socket.set_nonblocking(false).expect("it can be set");
        nothing
    }

    /// Starts an init that tells it.
    fn start(&self, role: Role, options: &[&str], more: &str) -> Running {
        let words: Vec<&'static str> = options.iter().map(|word| &*String::from(*word).leak()).collect();
        Launch::new(role)
            .world(&format!("setenv=NOTIFY_SOCKET={} {more}", self.name))
            .option(Opt::Own(words.leak()))
            .actor("block=15 variable=NOTIFY_SOCKET variable=WATCHDOG_USEC say=ready await=15 exit=3")
            .start()
    }
}

both_roles! {
    fn item_56_ready_is_told_once_the_command_runs_and_the_socket_is_not_the_commands(role: Role) {
        for manager in [NotifySocket::at_path(), NotifySocket::abstract_name()] {
            let running = manager.start(role, &["--notify"], "setenv=WATCHDOG_USEC=60000000");
            assert_eq!(manager.hears(), "READY=1");
            running.line("ready");
            running.line("NOTIFY_SOCKET=(unset)");
            running.line("WATCHDOG_USEC=(unset)");
            running.signal(15);
            assert_eq!(manager.hears(), "STOPPING=1");
            assert_eq!(running.finish().code, Some(3));
        }
    }
}

both_roles! {
    fn the_socket_is_the_commands_where_that_is_asked_for(role: Role) {
        let manager = NotifySocket::at_path();
        for options in [&["--notify-pass"][..], &["--drain", "1s"]] {
            let running = manager.start(role, options, "");
            running.line("ready");
            running.line(&format!("NOTIFY_SOCKET={}", manager.name));
            running.signal(15);
            assert_eq!(running.finish().code, Some(3));
        }
    }
}

both_roles! {
    fn ready_is_told_after_the_wait_and_the_first_success_of_the_watch(role: Role) {
        let (manager, port, server) = (NotifySocket::at_path(), Refusing::new(), Server::answering(OK));
        let target = format!("tcp://{}", port.address());
        let url = server.url();
        let options = ["--notify", "--wait", &target, "--wait-interval", "20ms", "--watch", &url, "--interval", "50ms"];
        let running = manager.start(role, &options, "");
        running.complaint("connection refused");
        assert!(manager.hears_nothing());
        port.listen();
        assert_eq!(manager.hears(), "READY=1");
        running.line("ready");
        running.signal(15);
        assert_eq!(manager.hears(), "STOPPING=1");
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn the_watchdog_is_fed_twice_in_its_time_and_only_while_healthy(role: Role) {
        let (manager, folder) = (NotifySocket::at_path(), Folder::new());
        let file = folder.join("ok");
        std::fs::write(&file, "").expect("a new file");
        let target = format!("file:{}", file.display());
        let options =
            ["--notify", "--watch", &target, "--interval", "20ms", "--retries", "1", "--on-unhealthy", "report"];
        let running = manager.start(role, &options, "setenv=WATCHDOG_USEC=200000");
        assert_eq!(manager.hears(), "READY=1");
        for _ in 0..3 {
            assert_eq!(manager.hears(), "WATCHDOG=1");
        }
        std::fs::remove_file(&file).expect("it was there");
        running.complaint("unhealthy");
        while !manager.hears_nothing() {}
        assert!(!held_within(Duration::from_millis(400), || !manager.hears_nothing()), "it is still vouched for");
        std::fs::write(&file, "").expect("a new file");
        assert_eq!(manager.hears(), "WATCHDOG=1");
        running.signal(15);
        assert_eq!(running.finish().code, Some(3));
    }
}

both_roles! {
    fn a_socket_that_nobody_reads_or_that_is_not_there_holds_nothing_up(role: Role) {
        let manager = NotifySocket::at_path();
        while manager.socket.send_to_addr(&[0], &manager.socket.local_addr().expect("it has one")).is_ok() {
            if manager.socket.set_nonblocking(true).is_err() {
                break;
            }
        }
        let running = manager.start(role, &["--notify"], "");
        running.line("ready");
        running.signal(15);
        assert_eq!(running.finish_within(Duration::from_secs(5)).code, Some(3));
        for world in ["setenv=NOTIFY_SOCKET=/nowhere/socket", "setenv=NOTIFY_SOCKET=", "unsetenv=NOTIFY_SOCKET"] {
            let run = Launch::new(role).world(world).option(Opt::Own(&["--notify"])).actor("exit=4").run();
            assert_eq!((run.code, run.stderr.as_str()), (Some(4), ""), "{run:?}");
        }
    }
}
