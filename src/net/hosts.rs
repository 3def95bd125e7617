//! The hosts file: `address name alias... # comment` (hosts(5)).

use std::net::IpAddr;
use std::path::Path;
use std::str;

use crate::system::file::{self, ReadMode};

/// Where it is.
const PATH: &str = "/etc/hosts";

/// The most bytes of it that are read; a list of blocked names may be large, a container's is not.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most addresses that are taken for one name.
const ADDRESSES_MAX: usize = 32;

/// The addresses that the hosts file has for `name`, in its order. A file that is missing or unreadable has none.
pub(super) fn lookup(name: &str) -> Vec<IpAddr> {
    file::read(Path::new(PATH), BYTES_MAX, ReadMode::NonBlocking)
        .map(|bytes| find(&bytes, name))
        .unwrap_or_default()
}

/// The addresses of `name` in `bytes`. Lines that are no lines of a hosts file are passed over.
pub(crate) fn find(bytes: &[u8], name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let mut found = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let content = line.split(|&byte| byte == b'#').next().unwrap_or_default();
        let mut words = content.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let Some(address) = words.next() else { continue };
        if !words.any(|word| word.eq_ignore_ascii_case(name)) {
            continue;
        }
        // An address with a zone, `fe80::1%eth0`, is none to connect to without knowing the interface.
        let address = str::from_utf8(address).ok().and_then(|text| text.parse::<IpAddr>().ok());
        if let Some(address) = address.filter(|address| !found.contains(address)) {
            found.push(address);
        }
        if found.len() == ADDRESSES_MAX {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_of_both_families_are_found_in_any_case() {
        let file = b"# head\n127.0.0.1\tlocalhost\r\n::1 localhost ip6-localhost\r\n\n  10.0.0.5   DB.internal db # db2\n\
                     fd00::5 db\n10.0.0.5 db\n10.0.0.6 other";
        let addresses = |name: &str| find(file, name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(addresses("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(addresses("IP6-LOCALHOST"), ["::1"]);
        assert_eq!(addresses("db"), ["10.0.0.5", "fd00::5"]);
        assert_eq!(addresses("db.internal."), ["10.0.0.5"]);
        assert_eq!(addresses("other"), ["10.0.0.6"]);
        for name in ["db2", "10.0.0.5", "head", "internal", ""] {
            assert!(addresses(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn garbage_is_passed_over() {
        let file =
            b"\xff\xfe db\nnot-an-address db\n10.0.0 db\nfe80::1%lo db\ndb\n\0\n10.0.0.7\x0bdb\n10.0.0.8 db";
        assert_eq!(find(file, "db"), [IpAddr::from([10, 0, 0, 8])]);
    }

    #[test]
    fn a_name_with_very_many_addresses_is_cut() {
        let lines: Vec<_> = (0..200).map(|last| format!("10.0.0.{last} db")).collect();
        assert_eq!(find(lines.join("\n").as_bytes(), "db").len(), ADDRESSES_MAX);
    }
}
