//! The parsers of foreign bytes, for the targets under `fuzz/`; not there in any other build.

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
    if let (Some(Ok(pointer)), Some(text)) = (pointer, parts.next()) {
        let document = serde_json::from_slice::<serde_json::Value>(text).ok();
        // What is missing can be told, and what is there is what serde_json finds.
        match pointer.find(text) {
            Ok(Ok(value)) => {
                let value = serde_json::from_str(value).ok();
                if let (Some(document), Some(value)) = (document, value) {
                    assert_eq!(document.pointer(pointer.text()), Some(&value));
                }
            }
            Ok(Err(missing)) => assert!(!missing.to_string().is_empty()),
            Err(error) => assert!(!error.to_string().is_empty()),
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
