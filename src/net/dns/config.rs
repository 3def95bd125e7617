//! What /etc/resolv.conf says (resolv.conf(5)), with the bounds of glibc.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};
use std::path::Path;
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use resolv_conf::ScopedIp;

use crate::system::file::{self, ReadMode};

/// Where it is.
const PATH: &str = "/etc/resolv.conf";

/// The most bytes of it that are read.
const BYTES_MAX: usize = 64 * 1024;

/// Where a name server listens.
const PORT: u16 = 53;

/// The most name servers that are asked: glibc's `MAXNS`.
const SERVERS_MAX: usize = 3;

/// The most search domains that are tried: Kubernetes allows 32.
const SUFFIXES_MAX: usize = 32;

/// How to ask.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Config {
    /// Whom, in this order; at least one.
    pub(super) servers: Vec<SocketAddr>,
    /// Why those.
    pub(super) origin: Origin,
    /// What is appended to a name, without dots at the ends.
    suffixes: Vec<String>,
    /// A name with as many dots is tried as it is before the suffixes are.
    ndots: usize,
    /// How long one try may take.
    pub(super) timeout: Duration,
    /// How often each server is asked.
    pub(super) attempts: usize,
    /// Over what.
    pub(super) transport: Transport,
    /// Whom to begin with.
    pub(super) order: Order,
    /// Whether a name without a dot is tried as it is.
    bare: BareName,
    /// Whether IPv6 addresses are asked for when nobody insists.
    pub(super) aaaa: AaaaLookup,
}

/// Where the servers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The file names them.
    File,
    /// There is no file.
    NoFile,
    /// There is one that cannot be read.
    Unreadable,
    /// The user names them.
    Given,
    /// The file names none.
    NoServer,
}

/// What a question goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// UDP, and TCP for an answer that is too large for it.
    Udp,
    /// TCP: `options use-vc`.
    Tcp,
}

/// Which server is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The first one.
    Listed,
    /// Any: `options rotate`.
    Rotated,
}

/// What becomes of a name without a dot when no search domain has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BareName {
    /// It is tried as it is.
    Tried,
    /// It is not: `options no-tld-query`.
    Skipped,
}

/// Whether IPv6 addresses are asked for when nobody insists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AaaaLookup {
    /// They are.
    Asked,
    /// They are not: `options no-aaaa`.
    Skipped,
}

impl Config {
    /// Reads the file as it is now.
    pub(super) fn read() -> Self {
        match file::read(Path::new(PATH), BYTES_MAX, ReadMode::NonBlocking) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self { origin: Origin::NoFile, ..Self::parse(b"") }
            }
            Err(_) => Self { origin: Origin::Unreadable, ..Self::parse(b"") },
        }
    }

    /// Asks `servers`, whatever the file says.
    pub(super) fn asking(servers: Vec<SocketAddr>) -> Self {
        Self { servers, origin: Origin::Given, ..Self::parse(b"") }
    }

    /// Takes what can be understood, as every resolver does, and bounds it.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let (file, _) = resolv_conf::Config::parse_with_errors(bytes);
        let mut servers: Vec<_> = file.nameservers.iter().filter_map(address).take(SERVERS_MAX).collect();
        let origin = if servers.is_empty() { Origin::NoServer } else { Origin::File };
        if servers.is_empty() {
            servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
        }
        let suffixes =
            file.get_last_search_or_domain().take(SUFFIXES_MAX).map(|suffix| suffix.trim_matches('.'));
        Self {
            servers,
            origin,
            suffixes: suffixes.map(str::to_owned).collect(),
            ndots: usize::try_from(file.ndots.min(15)).unwrap_or(15),
            timeout: Duration::from_secs(file.timeout.clamp(1, 30).into()),
            attempts: usize::try_from(file.attempts.clamp(1, 5)).unwrap_or(1),
            transport: if file.use_vc { Transport::Tcp } else { Transport::Udp },
            order: if file.rotate { Order::Rotated } else { Order::Listed },
            bare: if file.no_tld_query { BareName::Skipped } else { BareName::Tried },
            aaaa: if file.no_aaaa { AaaaLookup::Skipped } else { AaaaLookup::Asked },
        }
    }

    /// The full names to ask for, in order, when `name` is looked up; the dot at the end is not in them.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let dots = name.bytes().filter(|&byte| byte == b'.').count();
        let as_it_is = name.to_owned();
        let mut names: Vec<String> = Vec::with_capacity(self.suffixes.len() + 1);
        if dots >= self.ndots {
            names.push(as_it_is.clone());
        }
        for suffix in &self.suffixes {
            let full = if suffix.is_empty() { as_it_is.clone() } else { format!("{name}.{suffix}") };
            if !names.contains(&full) {
                names.push(full);
            }
        }
        let skipped = dots == 0 && self.bare == BareName::Skipped && !names.is_empty();
        if !skipped && !names.contains(&as_it_is) {
            names.push(as_it_is);
        }
        names
    }
}

/// Where to send to; a link-local address needs its interface.
fn address(server: &ScopedIp) -> Option<SocketAddr> {
    match server {
        ScopedIp::V4(address) => Some(SocketAddr::new((*address).into(), PORT)),
        ScopedIp::V6(address, None) => Some(SocketAddr::new((*address).into(), PORT)),
        ScopedIp::V6(address, Some(zone)) => {
            let index = zone.parse().ok().or_else(|| if_nametoindex(zone.as_str()).ok())?;
            Some(SocketAddrV6::new(*address, PORT, 0, index).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_empty_file_means_the_server_on_this_machine() {
        for text in ["", "# nothing\n", "nameserver\n", "nameserver 10.0.0.1:53\n", "\u{0}\u{0}"] {
            let config = Config::parse(text.as_bytes());
            assert_eq!(config.servers, ["127.0.0.1:53".parse().unwrap()], "{text:?}");
            assert_eq!((config.origin, config.ndots, config.attempts), (Origin::NoServer, 1, 2));
            assert_eq!((config.timeout, config.transport), (Duration::from_secs(5), Transport::Udp));
        }
    }

    #[test]
    fn servers_and_options_are_taken_and_bounded() {
        let config = Config::parse(
            b"; comment\r\nnameserver 10.0.0.1\r\nnameserver fd00::1\nnonsense\nnameserver fe80::1%7\n\
              nameserver 10.0.0.4\noptions ndots:99 timeout:0 attempts:4000000000 edns0 use-vc rotate no-aaaa\n",
        );
        let expected = ["10.0.0.1:53", "[fd00::1]:53", "[fe80::1%7]:53"];
        assert_eq!(config.servers, expected.map(|text| text.parse().unwrap()));
        assert_eq!((config.origin, config.ndots, config.attempts), (Origin::File, 15, 5));
        assert_eq!((config.timeout, config.transport), (Duration::from_secs(1), Transport::Tcp));
        assert_eq!((config.order, config.aaaa), (Order::Rotated, AaaaLookup::Skipped));
    }

    #[test]
    fn names_are_completed_as_glibc_does_it() {
        let kubernetes = "search default.svc.cluster.local svc.cluster.local cluster.local.\noptions ndots:5";
        for (file, name, expected) in [
            ("", "db", &["db"][..]),
            ("", "db.", &["db"]),
            ("search a b.", "db", &["db.a", "db.b", "db"]),
            ("search a b", "db.x", &["db.x", "db.x.a", "db.x.b"]),
            ("search a b", "db.x.", &["db.x"]),
            ("search a\noptions ndots:2", "db.x", &["db.x.a", "db.x"]),
            ("search a\noptions ndots:0", "db", &["db", "db.a"]),
            ("search a\ndomain b", "db", &["db.b", "db"]),
            ("search a a .", "db", &["db.a", "db"]),
            ("search .", "db", &["db"]),
            ("search a\noptions no-tld-query", "db", &["db.a"]),
            ("options no-tld-query", "db", &["db"]),
            (
                kubernetes,
                "db.other",
                &[
                    "db.other.default.svc.cluster.local",
                    "db.other.svc.cluster.local",
                    "db.other.cluster.local",
                    "db.other",
                ],
            ),
        ] {
            assert_eq!(Config::parse(file.as_bytes()).candidates(name), expected, "{file:?} {name}");
        }
        let long: Vec<_> = (0..100).map(|number| format!("s{number}")).collect();
        let config = Config::parse(format!("search {}", long.join(" ")).as_bytes());
        assert_eq!(config.candidates("db").len(), SUFFIXES_MAX + 1);
    }
}
