//! A network of a test's own: nothing but loopback, an /etc that the test writes, and name servers on port 53.

use std::collections::HashMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use simple_dns::rdata::{A, AAAA, CNAME, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, ResourceRecord, TYPE};

use super::isolated::skip;
use super::temp::Folder;

/// How often a name server looks whether it is over.
const TICK: Duration = Duration::from_millis(20);

/// The files of a test's own /etc.
#[derive(Debug)]
pub(crate) struct Etc(Folder);

impl Etc {
    /// Writes `name`, at once and whole.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let new = self.0.join("new");
        fs::write(&new, text).expect("a new file");
        fs::rename(new, self.0.join(name)).expect("it takes its place");
    }

    /// Writes /etc/hosts.
    pub(crate) fn hosts(&self, text: &str) {
        self.write("hosts", text);
    }

    /// Writes /etc/resolv.conf.
    pub(crate) fn resolv_conf(&self, text: &str) {
        self.write("resolv.conf", text);
    }
}

/// Runs `test` on a thread with network and mount namespaces of its own, where lo is up and /etc has no hosts and no
/// resolv.conf; what the test starts is there, too. Skips with a sentence where that is not allowed.
pub(crate) fn in_own_network(test: impl FnOnce(&Etc) + Send + 'static) {
    let isolated = move || {
        if let Err(errno) = unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS) {
            skip(&format!("no network namespace can be made: {errno}"));
            return;
        }
        let etc = Folder::new();
        // Servers look up whom they run as.
        for name in ["passwd", "group"] {
            let _ = fs::copy(format!("/etc/{name}"), etc.join(name));
        }
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("mounts become private");
        mount(Some(etc.path()), "/etc", none, MsFlags::MS_BIND, none).expect("/etc can be replaced");
        ip("link set lo up");
        test(&Etc(etc));
    };
    if let Err(panic) = thread::spawn(isolated).join() {
        resume_unwind(panic);
    }
}

/// Runs ip(8), of the package iproute2.
pub(crate) fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().expect("ip is installed");
    assert!(status.success(), "ip {arguments}");
}

/// Whether this kernel gives lo an IPv6 address.
pub(crate) fn has_ipv6() -> bool {
    let has = fs::read_to_string("/proc/thread-self/net/if_inet6").is_ok_and(|text| !text.is_empty());
    if !has {
        skip("this kernel has no IPv6");
    }
    has
}

/// What a name server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// The whole message.
    pub(crate) bytes: Vec<u8>,
    /// The name, without the dot at the end.
    pub(crate) name: String,
    /// `A` or `AAAA`.
    pub(crate) kind: &'static str,
    /// `udp` or `tcp`.
    pub(crate) over: &'static str,
}

impl Query {
    /// Reads one.
    fn parse(bytes: &[u8], over: &'static str) -> Self {
        let packet = Packet::parse(bytes).expect("sexton asks properly");
        assert!(packet.has_flags(PacketFlag::RECURSION_DESIRED));
        let [question] = packet.questions.as_slice() else { panic!("not one question") };
        let kind = match question.qtype {
            QTYPE::TYPE(TYPE::A) => "A",
            QTYPE::TYPE(TYPE::AAAA) => "AAAA",
            other => panic!("{other:?}"),
        };
        Self { bytes: bytes.to_vec(), name: question.qname.to_string(), kind, over }
    }

    /// An answer with code 0 and those of `records`, each `(owner, data)`, that are of the kind or aliases.
    pub(crate) fn answer(&self, records: &[(&str, &str)]) -> Vec<u8> {
        let question = Packet::parse(&self.bytes).expect("it was parsed before");
        let mut packet = Packet::new_reply(question.id());
        packet.questions.clone_from(&question.questions);
        for &(owner, data) in records {
            let rdata = match (data.parse::<IpAddr>(), self.kind) {
                (Ok(IpAddr::V4(address)), "A") => RData::A(A::from(address)),
                (Ok(IpAddr::V6(address)), "AAAA") => RData::AAAA(AAAA::from(address)),
                (Ok(_), _) => continue,
                (Err(_), _) => RData::CNAME(CNAME(Name::new(data).expect("a name"))),
            };
            let owner = Name::new(owner).expect("a name");
            packet.answers.push(ResourceRecord::new(owner, CLASS::IN, 1, rdata));
        }
        packet.build_bytes_vec_compressed().expect("it fits")
    }

    /// An answer that holds nothing but `code`: 2 is SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
    pub(crate) fn code(&self, code: u8) -> Vec<u8> {
        let mut message = self.answer(&[]);
        message[3] |= code;
        message
    }

    /// An answer that says that it did not fit, with what did.
    pub(crate) fn truncated(&self, records: &[(&str, &str)]) -> Vec<u8> {
        let mut message = self.answer(records);
        message[2] |= 0x02;
        message
    }
}

/// A name server on port 53 of an address, in threads of its own; over when dropped.
#[derive(Debug)]
pub(crate) struct NameServer {
    over: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Query>>>,
    threads: Vec<JoinHandle<()>>,
}

/// What a name server does with a query: the messages that it sends, in order.
type Behaviour = Arc<dyn Fn(&Query) -> Vec<Vec<u8>> + Send + Sync>;

impl NameServer {
    /// Sends what `behave` makes of each query, over UDP and TCP.
    pub(crate) fn on(address: &str, behave: impl Fn(&Query) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
        let mut server = Self::over_udp(address, behave);
        let listener = TcpListener::bind((address, 53)).expect("port 53 is free here");
        listener.set_nonblocking(true).expect("it can be polled");
        let behave = server.behaviour.take().expect("it has one");
        server.server.serve_tcp(listener, behave);
        server.server
    }

    /// The same over UDP only: TCP is refused.
    pub(crate) fn on_udp_only(
        address: &str,
        behave: impl Fn(&Query) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self::over_udp(address, behave).server
    }

    /// Knows these names: their addresses, or the name that each is an alias of. Others do not exist.
    pub(crate) fn knowing(address: &str, records: &[(&'static str, &'static str)]) -> Self {
        let mut zone: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
        for &(owner, data) in records {
            zone.entry(owner).or_default().push((owner, data));
        }
        Self::on(address, move |query| match zone.get(query.name.as_str()) {
            Some(records) => vec![query.answer(records)],
            None => vec![query.code(3)],
        })
    }

    /// Starts the thread that speaks UDP.
    fn over_udp(address: &str, behave: impl Fn(&Query) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Begun {
        let socket = UdpSocket::bind((address, 53)).expect("port 53 is free here");
        socket.set_read_timeout(Some(TICK)).expect("not zero");
        let behave: Behaviour = Arc::new(behave);
        let mut server = Self { over: Arc::default(), asked: Arc::default(), threads: Vec::new() };
        let (over, asked, behaviour) =
            (Arc::clone(&server.over), Arc::clone(&server.asked), Arc::clone(&behave));
        server.threads.push(thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !over.load(Ordering::Acquire) {
                let Ok((amount, client)) = socket.recv_from(&mut buffer) else { continue };
                let query = Query::parse(&buffer[..amount], "udp");
                asked.lock().expect("no panic").push(query.clone());
                for message in behaviour(&query) {
                    // The client may be gone.
                    let _ = socket.send_to(&message, client);
                }
            }
        }));
        Begun { server, behaviour: Some(behave) }
    }

    /// Starts the thread that speaks TCP, one connection and one question at a time.
    fn serve_tcp(&mut self, listener: TcpListener, behave: Behaviour) {
        let (over, asked) = (Arc::clone(&self.over), Arc::clone(&self.asked));
        self.threads.push(thread::spawn(move || {
            while !over.load(Ordering::Acquire) {
                let mut stream = match listener.accept() {
                    Ok((stream, _)) => stream,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        thread::sleep(Duration::from_millis(2));
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                };
                stream.set_nonblocking(false).expect("it can block");
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    continue;
                }
                let mut message = vec![0; u16::from_be_bytes(length).into()];
                if stream.read_exact(&mut message).is_err() {
                    continue;
                }
                let query = Query::parse(&message, "tcp");
                asked.lock().expect("no panic").push(query.clone());
                for message in behave(&query) {
                    let length = u16::try_from(message.len()).expect("64 KiB at most");
                    // The client may be gone.
                    let _ = stream.write_all(&[&length.to_be_bytes()[..], &message].concat());
                }
            }
        }));
    }

    /// The names that it was asked for, in order, each once.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.asked().into_iter().map(|query| query.name).collect();
        names.dedup();
        names
    }

    /// All that it was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Query> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// A server whose TCP may still be missing.
struct Begun {
    server: NameServer,
    behaviour: Option<Behaviour>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let result = thread.join();
            assert!(result.is_ok() || thread::panicking(), "a name server panicked");
        }
    }
}
