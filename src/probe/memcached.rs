//! `memcached://`: `version` is answered.

use crate::deadline::Deadline;
use crate::outcome::{Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::wire;
use crate::client::wire::{Line, LineReader, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port that memcached has when nobody says otherwise.
const PORT: u16 = 11211;

/// Longer than any answer to what we ask.
const LINE_MAX: usize = 512;

/// Asks for the version.
#[derive(Debug)]
pub(super) struct Memcached {
    dial: Dial,
}

/// Reads `//host[:port]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = target.authority()?;
    if authority.userinfo.is_some() {
        return Err("a user, which memcached has no use for,".into());
    }
    if !matches!(authority.path, "" | "/") {
        return Err(format!("`{}`, which memcached has no use for,", authority.path));
    }
    let port = authority.port.unwrap_or(PORT);
    let dial = Dial::tcp(authority.host, port, Layer::Plain, &options.dial);
    Ok(Box::new(Memcached { dial }))
}

impl Kind for Memcached {
    /// Passes when the version is told.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let mut stream = self.dial.connect(deadline, trace)?;
        converse(&mut stream)
    }
}

/// The dialogue (<https://github.com/memcached/memcached/blob/master/doc/protocol.txt>).
pub(crate) fn converse(peer: &mut dyn Peer) -> Outcome {
    wire::send(peer, b"version\r\n")?;
    let line = match LineReader::default().next(peer, LINE_MAX)? {
        Line::Whole(line) => line,
        Line::Cut(start) => return Err(wire::stranger("memcached", &start, None)),
    };
    if let Some(version) = line.strip_prefix(b"VERSION ") {
        return Ok(format!("memcached {}", wire::quote(version, None)));
    }
    let reason = match line.as_slice() {
        b"CLIENT_ERROR unauthenticated" => {
            "memcached wants a login (--auth-file), which is not supported; check tcp:// instead".to_owned()
        }
        b"ERROR Too many open connections" => {
            "memcached has no connection left (Too many open connections); raise its -c".to_owned()
        }
        refusal
            if [&b"ERROR"[..], b"CLIENT_ERROR ", b"SERVER_ERROR "]
                .iter()
                .any(|start| refusal.starts_with(start)) =>
        {
            format!("memcached answers `{}`", wire::quote(refusal, None))
        }
        other => return Err(wire::stranger("memcached", other, None)),
    };
    Err(Failure::answer(Phase::Response, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    #[test]
    fn only_a_version_is_healthy() {
        let answer =
            |says: &str| converse(&mut Script::new(says.as_bytes(), 5)).map_err(|failure| failure.reason);
        assert_eq!(answer("VERSION 1.6.18\r\n"), Ok("memcached 1.6.18".into()));
        for (says, words) in [
            ("ERROR\r\n", "memcached answers `ERROR`"),
            ("SERVER_ERROR out of memory\r\n", "memcached answers `SERVER_ERROR out of memory`"),
            ("CLIENT_ERROR unauthenticated\r\n", "wants a login"),
            ("ERROR Too many open connections\r\n", "no connection left"),
            ("VERSION\r\n", "does not speak memcached"),
            ("+PONG\r\n", "does not speak memcached"),
        ] {
            assert!(answer(says).unwrap_err().contains(words), "{says}");
        }
    }

    #[test]
    fn garbage_and_cut_answers_are_failures() {
        for says in garbage() {
            assert!(converse(&mut Script::new(&says, 7)).is_err(), "{says:?}");
        }
        let whole = b"VERSION 1.6.18\r";
        for end in 0..=whole.len() {
            assert!(converse(&mut Script::new(&whole[..end], 1)).is_err(), "{end}");
        }
    }
}
