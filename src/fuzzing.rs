//! The parsers of foreign bytes, for the targets under `fuzz/`; not there in any other build.

use crate::net::dns::message::{self, Kind, Reply};
use crate::net::{dns, hosts};

/// Reads a name server's answer to each question that it could be one to.
pub fn dns_answer(message: &[u8]) {
    let id = message.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    for kind in [Kind::A, Kind::Aaaa] {
        if let Some(Reply::Addresses(addresses)) = message::read(message, "db.example", kind, id) {
            assert!((1..=message.len()).contains(&addresses.len()));
        }
    }
}

/// Looks a name up in a hosts file, and completes it by a resolv.conf.
pub fn hosts_file(file: &[u8]) {
    assert!(hosts::find(file, "db.example").len() <= file.len());
    assert!(!dns::candidates(file, "db.example").is_empty());
}
