//! `zookeeper://`: the server says in which mode it serves (`srvr`).

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::wire::{self, Line, LineReader, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port of its clients.
const PORT: u16 = 2181;

/// Longer than any line of an answer.
const LINE_MAX: usize = 1024;

/// More lines than an answer has.
const LINES_MAX: usize = 32;

/// Asks for the mode.
#[derive(Debug)]
pub(super) struct Zookeeper {
    dial: Dial,
}

/// Reads `//host[:port]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = target.authority()?;
    if authority.userinfo.is_some() {
        return Err("a user, which zookeeper has no use for,".into());
    }
    if !matches!(authority.path, "" | "/") {
        return Err(format!("`{}`, which zookeeper has no use for,", authority.path));
    }
    let layer = if options.dial.tls.is_given() { Layer::Tls } else { Layer::Plain };
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(PORT), layer, &options.dial);
    Ok(Box::new(Zookeeper { dial }))
}

impl Kind for Zookeeper {
    /// Passes when it serves, alone or as part of an ensemble.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let mut stream = self.dial.connect(deadline, trace)?;
        converse(&mut stream)
    }
}

/// The dialogue (<https://zookeeper.apache.org/doc/current/zookeeperAdmin.html#sc_4lw>).
pub(crate) fn converse(peer: &mut dyn Peer) -> Outcome {
    wire::send(peer, b"srvr")?;
    let mut lines = LineReader::default();
    let mut version = None;
    for _ in 0..LINES_MAX {
        let (line, is_cut) = match lines.next(peer, LINE_MAX) {
            Ok(Line::Whole(line)) => (line, false),
            Ok(Line::Cut(line)) => (line, true),
            Err(failure) if failure.cause == Cause::Closed && version.is_some() => break,
            Err(failure) => return Err(failure),
        };
        if let Some(text) = line.strip_prefix(b"Zookeeper version: ") {
            let number = text.split(|&byte| matches!(byte, b'-' | b',' | b' ')).next().unwrap_or_default();
            version = Some(wire::quote(number, None));
        } else if let Some(mode) = line.strip_prefix(b"Mode: ") {
            return verdict(mode, version.as_deref().unwrap_or_default());
        } else if let Some(reason) = refusal(&line) {
            return Err(Failure::answer(Phase::Response, reason));
        } else if version.is_none() || is_cut {
            return Err(wire::stranger("zookeeper", &line, None));
        }
    }
    Err(Failure::new(Phase::Response, Cause::Protocol, "zookeeper does not say its mode"))
}

/// What a mode means.
fn verdict(mode: &[u8], version: &str) -> Outcome {
    match mode {
        b"standalone" | b"leader" | b"follower" | b"observer" => {
            Ok(format!("zookeeper {version}, {}", wire::quote(mode, None)))
        }
        b"read-only" => Err(Failure::answer(
            Phase::Response,
            "zookeeper is read-only: it has lost its quorum; look at the other servers of the ensemble",
        )),
        other => {
            let mode = wire::quote(other, None);
            Err(Failure::answer(Phase::Response, format!("zookeeper serves in the unknown mode `{mode}`")))
        }
    }
}

/// What an answer without a mode means.
fn refusal(line: &[u8]) -> Option<&'static str> {
    if line.starts_with(b"This ZooKeeper instance is not currently serving requests") {
        Some(
            "zookeeper is not serving requests: it has no quorum yet; look at the other servers of the ensemble",
        )
    } else if line.starts_with(b"srvr is not executed because it is not in the whitelist") {
        Some("zookeeper does not answer srvr; add it to 4lw.commands.whitelist, or check tcp://")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    fn answer(says: &str) -> Result<String, String> {
        converse(&mut Script::new(says.as_bytes(), 7)).map_err(|failure| failure.reason)
    }

    #[test]
    fn the_mode_decides() {
        let serves = |mode: &str| {
            answer(&format!(
                "Zookeeper version: 3.8.0-5a02a05, built on 2022-02-25 08:49 UTC\nLatency min/avg/max: 0/0.0/0\n\
                 Received: 1\nZxid: 0x0\nMode: {mode}\nNode count: 5\n"
            ))
        };
        for mode in ["standalone", "leader", "follower", "observer"] {
            assert_eq!(serves(mode), Ok(format!("zookeeper 3.8.0, {mode}")));
        }
        assert!(serves("read-only").unwrap_err().contains("lost its quorum"));
        assert!(serves("odd\u{1b}").unwrap_err().contains("the unknown mode `odd?`"));
        let starting = "This ZooKeeper instance is not currently serving requests\n";
        assert!(answer(starting).unwrap_err().contains("no quorum yet"));
        assert!(
            answer("srvr is not executed because it is not in the whitelist.\n")
                .unwrap_err()
                .contains("whitelist")
        );
        assert!(answer("Zookeeper version: 3.8.0\n").unwrap_err().contains("does not say"));
    }

    #[test]
    fn garbage_and_endless_answers_are_failures() {
        for says in garbage() {
            assert!(converse(&mut Script::new(&says, 9)).is_err(), "{says:?}");
        }
        let endless = format!("Zookeeper version: 1\n{}", "x\n".repeat(100_000));
        assert!(answer(&endless).is_err());
    }
}
