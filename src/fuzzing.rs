//! The parsers of foreign bytes, for the targets under `fuzz/`, and for a test that gives each of them a while; not
//! there in any other build.

#![allow(clippy::missing_panics_doc, reason = "a panic is what a fuzzer looks for")]

use std::ffi::OsString;

use crate::expect::JsonPointer;
use crate::http::Url;
use crate::net::dns::message::{self, RecordType, Reply};
use crate::net::{dns, hosts};
use crate::probe::fuzzing as probe;
use crate::probe::fuzzing_local;
use crate::regex::{self, Case, Syntax};

/// Reads a name server's answer to each question that it could be one to.
pub fn dns_answer(message: &[u8]) {
    let id = message.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    for kind in [RecordType::A, RecordType::Aaaa] {
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

/// Reads the dates of a server's certificate.
pub fn certificate(der: &[u8]) {
    // The last second that a certificate can name is that of the year 9999.
    if let Some(leaf) = crate::net::tls::certificate::read(der) {
        assert!(leaf.not_before.max(leaf.not_after) <= 253_402_300_799);
    }
}

/// Looks up a pointer, which is the first line, in the JSON document that the rest is.
pub fn json_pointer(input: &[u8]) {
    let mut parts = input.splitn(2, |&byte| byte == b'\n');
    let pointer = parts.next().and_then(|line| str::from_utf8(line).ok()).map(JsonPointer::parse);
    if let (Some(Ok(pointer)), Some(document)) = (pointer, parts.next()) {
        let tree = serde_json::from_slice::<serde_json::Value>(document).ok();
        match (pointer.find(document), &tree) {
            // What is there is what serde_json finds, and what is missing can be told.
            (Ok(Ok(value)), Some(tree)) => {
                let value = serde_json::from_str::<serde_json::Value>(value).ok();
                assert_eq!(tree.pointer(pointer.text()), value.as_ref());
            }
            (Ok(Err(missing)), _) => assert!(!missing.to_string().is_empty()),
            _ => {}
        }
    }
}

/// Reads certificates and a key of a file that an option names.
pub fn pem(file: &[u8]) {
    use crate::net::tls::{certificate, pem};

    for der in pem::certificates_in(file).unwrap_or_default() {
        assert!(der.len() < file.len());
        let _ = certificate::read(&der);
    }
    for flag in ["--cert", "--key"] {
        if let Ok(key) = pem::key_in(flag, file) {
            let _ = rustls::crypto::ring::sign::any_supported_type(&key);
        }
    }
}

/// An HTTP server's response: heads, lengths, chunks.
pub fn http_answer(says: &[u8]) {
    probe::http(says);
}

/// A gRPC server's frames.
pub fn grpc_answer(says: &[u8]) {
    probe::grpc(says);
}

/// What is asked of the listener of an init.
pub fn listener_request(head: &[u8]) {
    crate::init::read_request(head);
}

/// Reads a format of curl's `-w`.
pub fn write_out(format: &str) {
    crate::compat::read_write_out(format);
}

/// Joins a URL and what a server gives as Location.
pub fn location(location: &[u8]) {
    for base in ["http://a/b/c?d", "https://[::1]:8443/"] {
        let Ok((base, _)) = Url::parse(base) else { return };
        if let Ok(next) = base.join(location) {
            // Joined again, it stays what it is.
            assert_eq!(next.join(next.uri.to_string().as_bytes()).as_ref(), Ok(&next));
        }
    }
}

/// Redis's answers, to each kind of question.
pub fn redis_answer(says: &[u8]) {
    probe::redis(says);
}

/// memcached's answer, to each kind of question.
pub fn memcached_answer(says: &[u8]) {
    probe::memcached(says);
}

/// A broker's answers, to each kind of question.
pub fn amqp_answer(says: &[u8]) {
    probe::amqp(says);
}

/// `PostgreSQL`'s answers, and its part of SCRAM, to each kind of question.
pub fn postgres_answer(says: &[u8]) {
    probe::postgres(says);
}

/// `MySQL`'s greeting and answers, to each kind of question.
pub fn mysql_answer(says: &[u8]) {
    probe::mysql(says);
}

/// The answers of the other servers: `MongoDB`, Kafka, Cassandra, NATS, MQTT, SMTP, LDAP, `ZooKeeper`.
pub fn server_answer(says: &[u8]) {
    probe::others(says);
}

/// Reads a command line of ours, or of another program: a word a line, the program's name first.
pub fn argv(text: &str) {
    let argv: Vec<OsString> = text.split('\n').map(OsString::from).collect();
    match crate::compat::personality(argv.first()) {
        Some(personality) => drop(personality.parse(argv)),
        None => drop(crate::cli::parse(argv, crate::compat::names)),
    }
}

/// Reads a target, with its `${}`, its name and its options; no password of it is shown.
pub fn target(text: &str) {
    let argv = ["sexton", "check", text].map(OsString::from).to_vec();
    drop(crate::cli::parse(argv, crate::compat::names));
    if text.starts_with("mongodb://u:hunter2@") {
        assert!(!crate::target::label(text).contains("hunter2@"), "{text}");
    }
}

/// php-fpm's answer, to each kind of question.
pub fn fcgi_answer(says: &[u8]) {
    probe::fcgi(says);
}

/// Reads the first line as a pattern, in each syntax, and matches it against the rest.
pub fn pattern(text: &str) {
    let (pattern, text) = text.split_once('\n').unwrap_or((text, ""));
    for syntax in [Syntax::Basic, Syntax::Extended, Syntax::Fixed] {
        for case in [Case::Sensitive, Case::Insensitive] {
            if let Ok(regex) = regex::grep(&[pattern.to_owned()], syntax, case) {
                let _ = regex.is_match(text);
            }
        }
    }
}

/// Reads what /proc says of a process, a pid file, and where the cgroup is.
pub fn process_table(content: &[u8]) {
    fuzzing_local::process_table(content);
    fuzzing_local::cgroup_files(content);
}

/// Reads the escapes of `--send` and `--expect`.
pub fn escapes(text: &str) {
    fuzzing_local::escapes(text);
}

/// Reads a line as `sh -c` does.
pub fn shell_line(line: &str) {
    crate::compat::shell_line(line);
}

/// What a target takes.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// Any bytes.
    Bytes(fn(&[u8])),
    /// Text.
    Text(fn(&str)),
}

/// All targets, by the names of the files under `fuzz/fuzz_targets`; what each begins with lies under `fuzz/seeds`.
pub const TARGETS: &[(&str, Input)] = &[
    ("dns_answer", Input::Bytes(dns_answer)),
    ("hosts_file", Input::Bytes(hosts_file)),
    ("certificate", Input::Bytes(certificate)),
    ("pem", Input::Bytes(pem)),
    ("http_answer", Input::Bytes(http_answer)),
    ("grpc_answer", Input::Bytes(grpc_answer)),
    ("listener_request", Input::Bytes(listener_request)),
    ("write_out", Input::Text(write_out)),
    ("json_pointer", Input::Bytes(json_pointer)),
    ("location", Input::Bytes(location)),
    ("redis_answer", Input::Bytes(redis_answer)),
    ("memcached_answer", Input::Bytes(memcached_answer)),
    ("amqp_answer", Input::Bytes(amqp_answer)),
    ("postgres_answer", Input::Bytes(postgres_answer)),
    ("mysql_answer", Input::Bytes(mysql_answer)),
    ("server_answer", Input::Bytes(server_answer)),
    ("fcgi_answer", Input::Bytes(fcgi_answer)),
    ("pattern", Input::Text(pattern)),
    ("process_table", Input::Bytes(process_table)),
    ("escapes", Input::Text(escapes)),
    ("shell_line", Input::Text(shell_line)),
    ("argv", Input::Text(argv)),
    ("target", Input::Text(target)),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::*;

    /// How long each target is given.
    const WHILE: Duration = Duration::from_millis(400);

    /// Numbers that look random and are the same in each run.
    struct Xorshift(u64);

    impl Xorshift {
        /// The next one below `limit`.
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
        }
    }

    /// `seed` with a few bytes changed, left out, doubled or from `other`.
    fn mutated(seed: &[u8], other: &[u8], random: &mut Xorshift) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() + 1);
            match random.below(6) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
                2 => bytes.truncate(at),
                3 => bytes.insert(at, [0, 0xff, b'\n', b'%', b'$', b'@'][random.below(6)]),
                4 => {
                    let from = random.below(other.len() + 1);
                    bytes.splice(at.., other[from..].iter().copied());
                }
                _ => {
                    let piece = bytes[at..].to_vec();
                    bytes.extend(piece.into_iter().take(64));
                }
            }
            bytes.truncate(4096);
        }
        bytes
    }

    /// Runs `input` on `bytes`, as text where it takes text.
    fn run(input: Input, bytes: &[u8]) {
        match input {
            Input::Bytes(run) => run(bytes),
            Input::Text(run) => run(&String::from_utf8_lossy(bytes)),
        }
    }

    #[test]
    fn no_target_falls_to_its_seeds_or_what_they_become() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        for &(name, input) in TARGETS {
            // What a longer run has found lies in the second.
            let folders = ["seeds", "corpus"].map(|kind| folder.join(kind).join(name));
            let entries =
                folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
            let seeds: Vec<_> = entries.filter_map(|entry| fs::read(entry.path()).ok()).collect();
            assert!(!seeds.is_empty(), "{name} has nothing to begin with");
            for seed in &seeds {
                run(input, seed);
            }
            let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
            let started = Instant::now();
            let mut rounds = 0_u32;
            while started.elapsed() < WHILE || rounds < 50 {
                let (one, other) = (random.below(seeds.len()), random.below(seeds.len()));
                let bytes = mutated(&seeds[one], &seeds[other], &mut random);
                let ran = std::panic::catch_unwind(|| run(input, &bytes));
                assert!(ran.is_ok(), "{name} falls to {:?}", bytes.escape_ascii().to_string());
                rounds += 1;
            }
        }
    }

    #[test]
    fn every_target_has_its_file_for_longer_runs() {
        for (name, _) in TARGETS {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
            assert!(file.exists(), "{}", file.display());
        }
    }
}
