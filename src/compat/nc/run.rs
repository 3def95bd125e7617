//! Running a command line of nc or ncat.

use std::io::{Read, Write};
use std::time::Duration;

use crate::attempt;
use crate::command::Command;
use crate::compat::RunResult;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::net::{self, ConnectOptions, Endpoint, Stream, datagram};
use crate::outcome::{Cause, Failure, Phase, Trace};
use crate::report::{self, Stream as Standard};
use crate::{sys, watchdog};

use super::{Flavor, Netcat, Peer, StdinEnd};

/// How long nc listens for a refusal of its datagrams.
const DATAGRAM_WAIT: Duration = Duration::from_secs(3);

/// The most bytes of stdin that are sent.
const STDIN_MAX: u64 = 1024 * 1024;

impl Command for Netcat {
    fn run(self: Box<Self>) -> ExitStatus {
        let deadline =
            Deadline::after(self.own_limit().map_or(self.default_limit, |own| own.max(self.default_limit)));
        sys::stdio::reopen_closed();
        // Without a timer the deadlines of the connections still hold.
        let _ = watchdog::arm(deadline, "nc: timed out\n".into(), 2, 1);
        if self.touches_files() {
            return attempt::run_aside(|| self.run_by(deadline))
                .map_or(ExitStatus::Unhealthy, |ran| ran.exit);
        }
        self.run_by(deadline).exit
    }
}

impl Netcat {
    /// Whether it looks at files: on a file system whose server is gone that never ends.
    pub(crate) fn touches_files(&self) -> bool {
        match &self.peer {
            Peer::Unix(_) => true,
            Peer::Tcp { host, .. } => host.is_looked_up(),
        }
    }

    /// Connects to each port in turn; success with one is success.
    pub(crate) fn run_by(&self, deadline: Deadline) -> RunResult {
        let options = ConnectOptions { family: self.family, ..ConnectOptions::default() };
        let (host, shown, ports) = match &self.peer {
            Peer::Unix(path) => {
                let endpoint = Endpoint::Unix(path.clone());
                return self.one(&endpoint, &path.display().to_string(), "", &options, deadline);
            }
            Peer::Tcp { host, shown, ports } => (host, shown, ports),
        };
        let mut result = RunResult::failed(1, "no port");
        for port in ports {
            let endpoint = Endpoint::Tcp { host: host.clone(), port: *port };
            let one = if self.datagrams {
                self.datagram(&endpoint, shown, *port, &options, deadline)
            } else {
                self.one(&endpoint, shown, &port.to_string(), &options, deadline)
            };
            if result.exit != ExitStatus::Healthy {
                result = one;
            }
        }
        result
    }

    /// One connection.
    fn one(
        &self,
        endpoint: &Endpoint,
        host: &str,
        port: &str,
        options: &ConnectOptions,
        deadline: Deadline,
    ) -> RunResult {
        let connecting = self.idle.map_or(deadline, |idle| deadline.at_most(idle));
        let mut trace = Trace::default();
        match net::connect(endpoint, options, connecting, &mut trace) {
            Ok(stream) => {
                let address = trace.address.unwrap_or_default();
                self.tell_success(host, port, &address, "tcp", deadline);
                if self.scan { RunResult::success() } else { self.talk(stream, deadline) }
            }
            Err(failure) => self.failed(host, port, "tcp", &failure, deadline),
        }
    }

    /// A few datagrams: a refusal comes back at once, silence is success.
    fn datagram(
        &self,
        endpoint: &Endpoint,
        shown: &str,
        port: u16,
        options: &ConnectOptions,
        deadline: Deadline,
    ) -> RunResult {
        let Endpoint::Tcp { host, .. } = endpoint else { return RunResult::failed(1, "-u needs a port") };
        if !self.scan {
            return RunResult::failed(1, "-u without -z is not offered; use sexton check udp://");
        }
        let mut trace = Trace::default();
        let port_shown = port.to_string();
        let addresses = match net::socket_addresses(host, port, options, deadline, &mut trace) {
            Ok(addresses) => addresses,
            Err(failure) => return self.failed(shown, &port_shown, "udp", &failure, deadline),
        };
        let address = addresses.first().copied();
        // OpenBSD's nc does not wait for a refusal without -v.
        let waits = self.verbose || self.flavor == Flavor::Ncat;
        let wait = if waits {
            self.idle.unwrap_or(DATAGRAM_WAIT).min(DATAGRAM_WAIT)
        } else {
            Duration::from_millis(1)
        };
        let until = deadline.at_most(wait);
        let answered = datagram::ask(address.as_slice(), b"X", until, &mut trace, |_| true);
        match answered {
            Err(datagram::NoAnswer::Refused(failure)) if waits => {
                self.failed(shown, &port_shown, "udp", &failure, deadline)
            }
            _ => {
                let address = address.map(|address| address.to_string()).unwrap_or_default();
                self.tell_success(shown, &port_shown, &address, "udp", deadline);
                RunResult::success()
            }
        }
    }

    /// Sends stdin and writes what comes back, until the peer closes.
    fn talk(&self, mut stream: Stream, deadline: Deadline) -> RunResult {
        let broken = |what: &str| RunResult::failed(1, what);
        let Ok(input) = sys::stdio::read_stdin(STDIN_MAX) else { return broken("stdin cannot be read") };
        if stream.write_all(&input).and_then(|()| stream.flush()).is_err() {
            return broken("the peer closed the connection");
        }
        let mut deadline = deadline;
        match self.stdin_end {
            StdinEnd::Wait => {}
            StdinEnd::ShutDown => stream.shut_down_write(),
            StdinEnd::Quit(length) => {
                stream.shut_down_write();
                deadline = deadline.at_most(length);
            }
        }
        stream.allow(u64::MAX);
        let mut piece = vec![0; 16 * 1024];
        loop {
            let until = self.idle.map_or(deadline, |idle| deadline.at_most(idle));
            stream.set_deadline(until);
            match stream.read(&mut piece) {
                Ok(0) => return RunResult::success(),
                Ok(amount) => {
                    if report::content(piece.get(..amount).unwrap_or_default(), deadline).is_err() {
                        return broken("stdout takes nothing");
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    // The end of -w or -q is a good one; that of our own limit is none.
                    let own = self.idle.is_some() || matches!(self.stdin_end, StdinEnd::Quit(_));
                    return if own { RunResult::success() } else { broken("timed out") };
                }
                Err(_) => return broken("the peer reset the connection"),
            }
        }
    }

    /// The line of a success.
    fn tell_success(&self, host: &str, port: &str, address: &str, protocol: &str, deadline: Deadline) {
        if !self.verbose {
            return;
        }
        let ip = address.rsplit_once(':').map_or(address, |(ip, _)| ip).trim_matches(['[', ']']);
        let line = match self.flavor {
            Flavor::Ncat => format!("Ncat: Connected to {ip}:{port}."),
            Flavor::OpenBsd if port.is_empty() => {
                format!("Connection to {host} port [{protocol}/*] succeeded!")
            }
            Flavor::OpenBsd if ip == host => {
                format!("Connection to {host} {port} port [{protocol}/*] succeeded!")
            }
            Flavor::OpenBsd => format!("Connection to {host} ({ip}) {port} port [{protocol}/*] succeeded!"),
        };
        report::line(Standard::Stderr, &line, deadline);
    }

    /// The line of a failure, and its code.
    fn failed(
        &self,
        host: &str,
        port: &str,
        protocol: &str,
        failure: &Failure,
        deadline: Deadline,
    ) -> RunResult {
        let unresolved = failure.phase == Phase::Resolve;
        let why = match failure.cause {
            Cause::Refused => "Connection refused",
            Cause::TimedOut => "Operation timed out",
            _ => failure.reason.as_str(),
        };
        let (line, is_told) = match self.flavor {
            Flavor::OpenBsd if port.is_empty() => (format!("nc: {host}: {why}"), true),
            Flavor::OpenBsd if unresolved => {
                (format!("nc: getaddrinfo for host \"{host}\" port {port}: {}", failure.reason), true)
            }
            Flavor::OpenBsd => (
                format!("nc: connect to {host} port {port} ({protocol}) failed: {why}"),
                self.verbose && protocol == "tcp",
            ),
            Flavor::Ncat if unresolved => {
                (format!("Ncat: Could not resolve hostname \"{host}\": {}. QUITTING.", failure.reason), true)
            }
            Flavor::Ncat => (format!("Ncat: {why}."), self.verbose || !self.scan),
        };
        if is_told {
            report::line(Standard::Stderr, &line, deadline);
        }
        let code = if unresolved && self.flavor == Flavor::Ncat { 2 } else { 1 };
        RunResult::failed(code, &format!("nc: {host} port {port}: {}", failure.reason))
    }
}
