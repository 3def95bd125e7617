//! `smtp://`, `smtps://`: the server greets with 220 and answers EHLO (RFC 5321), over TLS where that is asked for.

use crate::deadline::Deadline;
use crate::outcome::{Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::wire::{self, Line, LineReader, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port of servers among themselves.
const PORT: u16 = 25;

/// The port of TLS from the first byte (RFC 8314).
const PORT_TLS: u16 = 465;

/// Longer than a line may be (RFC 5321, 4.5.3.1.5), with room for those who do not know.
const LINE_MAX: usize = 1024;

/// More lines than a reply has.
const LINES_MAX: usize = 64;

/// Says who we are: an address literal needs no name that resolves.
const EHLO: &[u8] = b"EHLO [127.0.0.1]\r\n";

/// Greets and leaves.
#[derive(Debug)]
pub(super) struct Smtp {
    dial: Dial,
    /// Whether to ask for TLS after the first EHLO (RFC 3207).
    starttls: bool,
}

/// Reads `//host[:port]`. A TLS option on `smtp://` asks for STARTTLS.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = target.authority()?;
    if authority.userinfo.is_some() {
        return Err("a user, which this check has no use for,".into());
    }
    let starttls = match authority.path.trim_start_matches('/') {
        "" => options.dial.tls.is_given(),
        "?starttls=true" => true,
        path => return Err(format!("`{path}`, where only ?starttls=true can be,")),
    };
    let (port, layer) = match target.scheme.as_str() {
        "smtps" => (PORT_TLS, Layer::Tls),
        _ => (PORT, Layer::Plain),
    };
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(port), layer, &options.dial);
    Ok(Box::new(Smtp { dial, starttls: starttls && layer == Layer::Plain }))
}

impl Kind for Smtp {
    /// Passes when the server would take mail.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let mut stream = self.dial.connect(deadline, trace)?;
        let server = greet(&mut stream)?;
        if !self.starttls {
            bid_farewell(&mut stream);
            return Ok(server);
        }
        ask_for_tls(&mut stream)?;
        let mut stream = self.dial.secure(stream, trace)?;
        say_hello(&mut stream)?;
        bid_farewell(&mut stream);
        Ok(format!("{server}, over TLS"))
    }
}

/// Hears the greeting and says EHLO; how the server calls itself.
pub(crate) fn greet(peer: &mut dyn Peer) -> Outcome {
    let greeting = reply(peer).map_err(|failure| wire::ungreeted(failure, "smtp"))?;
    if greeting.code != *b"220" {
        return Err(greeting.refusal());
    }
    say_hello(peer)?;
    let name = greeting.text.split(|&byte| byte == b' ').next().unwrap_or_default();
    Ok(format!("greets as {}", wire::quote(name, None)))
}

/// Says EHLO.
fn say_hello(peer: &mut dyn Peer) -> Result<(), Failure> {
    wire::send(peer, EHLO)?;
    let reply = reply(peer)?;
    if reply.code == *b"250" { Ok(()) } else { Err(reply.refusal()) }
}

/// Asks for TLS. Nothing may follow the answer in clear (CVE-2011-0411): what was read beyond it is dropped with its
/// lines.
pub(crate) fn ask_for_tls(peer: &mut dyn Peer) -> Result<(), Failure> {
    wire::send(peer, b"STARTTLS\r\n")?;
    let reply = reply(peer)?;
    if reply.code == *b"220" {
        return Ok(());
    }
    let said = wire::quote(&reply.text, None);
    Err(Failure::answer(Phase::Tls, format!("the server offers no STARTTLS ({said}); give it a certificate")))
}

/// Leaves politely, so that nothing is logged about a lost connection. The answer is waited for: a server that is cut
/// off while it says goodbye logs that, too.
fn bid_farewell(peer: &mut dyn Peer) {
    wire::bid_farewell(peer, b"QUIT\r\n");
    let _ = reply(peer);
}

/// A reply: three digits, and the text of its first line.
struct Reply {
    code: [u8; 3],
    text: Vec<u8>,
}

impl Reply {
    /// What one means that is not what was hoped for.
    fn refusal(&self) -> Failure {
        let (code, text) = (wire::quote(&self.code, None), wire::quote(&self.text, None));
        let reason = match &self.code {
            b"421" => format!("the server is not available now ({code} {text})"),
            [b'4', ..] => format!("the server refuses for now ({code} {text})"),
            _ => format!("the server refuses ({code} {text})"),
        };
        Failure::answer(Phase::Response, reason)
    }
}

/// Reads a reply of one or more lines (RFC 5321, 4.2.1).
fn reply(peer: &mut dyn Peer) -> Result<Reply, Failure> {
    let mut lines = LineReader::default();
    let mut first: Option<Reply> = None;
    for _ in 0..LINES_MAX {
        let line = match lines.next(peer, LINE_MAX)? {
            Line::Whole(line) => line,
            Line::Cut(line) => return Err(wire::stranger("smtp", &line, None)),
        };
        let (code, is_last, text) = match line.split_first_chunk::<3>() {
            Some((code, [])) => (*code, true, &[][..]),
            Some((code, [b' ', text @ ..])) => (*code, true, text),
            Some((code, [b'-', text @ ..])) => (*code, false, text),
            _ => return Err(wire::stranger("smtp", &line, None)),
        };
        if !code.iter().all(u8::is_ascii_digit) || first.as_ref().is_some_and(|first| first.code != code) {
            return Err(wire::stranger("smtp", &line, None));
        }
        let reply = first.get_or_insert_with(|| Reply { code, text: text.to_vec() });
        if is_last {
            return Ok(Reply { code: reply.code, text: std::mem::take(&mut reply.text) });
        }
    }
    Err(wire::stranger("smtp", b"a reply without end", None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    fn answer(says: &str) -> Result<String, String> {
        greet(&mut Script::new(says.as_bytes(), 1000)).map_err(|failure| failure.reason)
    }

    #[test]
    fn a_greeting_and_an_answer_to_ehlo_are_healthy() {
        // Byte by byte: what lies beyond a reply is not read with it.
        for says in
            ["220 mail.test ESMTP\r\n250 mail.test\r\n", "220-mail.test\r\n220 x\r\n250-a\r\n250 b\r\n"]
        {
            let mut peer = Script::new(says.as_bytes(), 1);
            assert_eq!(greet(&mut peer), Ok("greets as mail.test".into()));
            assert_eq!(peer.heard, EHLO);
        }
    }

    #[test]
    fn refusals_are_told_with_their_code() {
        for (says, reason) in [
            ("421 too busy\r\n", "not available now (421 too busy)"),
            ("554 no SMTP here\r\n", "refuses (554 no SMTP here)"),
            ("450 greylisted\r\n", "refuses for now (450 greylisted)"),
            ("HTTP/1.1 400 Bad Request\r\n", "an HTTP server answers"),
            ("22\r\n", "does not speak smtp"),
            ("220-a\r\n221 b\r\n", "does not speak smtp"),
        ] {
            let error = answer(says).unwrap_err();
            assert!(error.contains(reason), "{says}: {error}");
        }
        let mut none = Script::new(b"502 not here\r\n", 9);
        assert!(ask_for_tls(&mut none).unwrap_err().reason.contains("no STARTTLS (not here)"));
    }

    #[test]
    fn garbage_and_endless_answers_are_failures() {
        for says in garbage() {
            assert!(greet(&mut Script::new(&says, 9)).is_err(), "{says:?}");
        }
        assert!(answer(&"220-x\r\n".repeat(10_000)).is_err());
    }
}
