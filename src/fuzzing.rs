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

/// All targets, by the names of the files under `fuzz/`, each with bytes to begin with.
pub const TARGETS: &[(&str, Input, &[&[u8]])] = &[
    ("dns_answer", Input::Bytes(dns_answer), &[b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x02db\x07example\0\0\x01\0\x01"]),
    ("hosts_file", Input::Bytes(hosts_file), &[b"127.0.0.1 localhost db.example # x\n::1 db.example\nsearch a b\noptions ndots:5"]),
    ("certificate", Input::Bytes(certificate), &[b"\x30\x82\x01\x00\x30\x1e\x17\x0d240101000000Z\x17\x0d340101000000Z"]),
    ("json_pointer", Input::Bytes(json_pointer), &[b"/a/0\n{\"a\":[1,{\"b\":null}],\"c~/\":-1.5e3}"]),
    ("location", Input::Bytes(location), &[b"https://u:p@h:81/a/../b?c#d", b"//h/\xff", b"../x?y"]),
    ("redis_answer", Input::Bytes(redis_answer), &[b"+OK\r\n+PONG\r\n", b"-NOAUTH x\r\n", b"$5\r\nrole:\r\n"]),
    ("memcached_answer", Input::Bytes(memcached_answer), &[b"VERSION 1.6\r\n"]),
    ("amqp_answer", Input::Bytes(amqp_answer), &[b"\x01\0\0\0\0\0\x0c\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\xce"]),
    ("postgres_answer", Input::Bytes(postgres_answer), &[b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05II\0\0\0\x04Z\0\0\0\x05I"]),
    ("mysql_answer", Input::Bytes(mysql_answer), &[b"\x4a\0\0\0\x0a8.0.36\0\x01\0\0\0abcdefgh\0\xff\xff\x2d\x02\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0"]),
    ("server_answer", Input::Bytes(server_answer), &[b"INFO {\"ldm\":false}\r\nPONG\r\n", b"220 h\r\n250 h\r\n", b"\x20\x02\0\0", b"\x84\0\0\0\x06\0\0\0\x02\0\0", b"Zookeeper version: 3\nMode: leader\n"]),
    ("fcgi_answer", Input::Bytes(fcgi_answer), &[b"\x01\x06\0\x01\0\x14\0\0Status: 200\r\n\r\npong\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0"]),
    ("pattern", Input::Text(pattern), &[b"^a\\(b*\\)[[:digit:]]\\{1,3\\}$\nabbb12", b"(a|b)+?\nab"]),
    ("process_table", Input::Bytes(process_table), &[b"42 (a) b) S 1 42 42 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0"]),
    ("escapes", Input::Text(escapes), &[b"a\\r\\n\\x41\\\\"]),
    ("shell_line", Input::Text(shell_line), &[b"curl -f \"http://h/$X\" | grep -q 'ok' || exit 1", b"[ $(curl -w %{http_code} h) -eq 200 ] && ! (false)"]),
    ("argv", Input::Text(argv), &[b"tini\n-g\n-p\nTERM\n--\nx", b"curl\n-fsSL\n-w\n%{http_code}\nhttp://h", b"wget\n-qO-\nh", b"dumb-init\n-r\n15:3\nx", b"sexton\ninit\n--watch\nhttp://h\n--\nx", b"grpc_health_probe\n-addr=h:1", b"wait-for-it.sh\nh:1\n-t\n1", b"nc\n-z\nh\n1", b"dockerize\n-wait\ntcp://h:1"]),
    ("target", Input::Text(target), &[b"db=postgres://u:hunter2@h/d?sslmode=require", b"http://${H:-h}:80/#status=200&contains=x", b"unix:@a", b"dns:a@b:53", b"mongodb://u:hunter2@h", b"zombies:5"]),
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
        for &(name, input, seeds) in TARGETS {
            let mut seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
            // What a longer run has found lies there.
            let found = fs::read_dir(folder.join("corpus").join(name)).into_iter().flatten().flatten();
            seeds.extend(found.filter_map(|entry| fs::read(entry.path()).ok()));
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
        for (name, ..) in TARGETS {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
            assert!(file.exists(), "{}", file.display());
        }
    }
}
