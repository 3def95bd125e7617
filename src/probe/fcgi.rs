//! `fcgi://`, `fcgi+unix:`: php-fpm's ping page answers pong, or a script answers with a good status.

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::wire;
use crate::client::wire::{Fields, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The port that php-fpm has when nobody says otherwise.
const PORT: u16 = 9000;

/// The page that is asked for when nobody says otherwise.
const PAGE: &str = "/ping";

/// The most bytes of an answer, records and all, that are read; a head is far shorter, and a ping page is four bytes.
const ANSWER_MAX: usize = 256 * 1024;

/// The most bytes of a script's complaints that are kept.
const COMPLAINTS_MAX: usize = 512;

/// The types of records (<https://fastcgi-archives.github.io/FastCGI_Specification.html>, 8).
mod record {
    pub(super) const BEGIN: u8 = 1;
    pub(super) const END: u8 = 3;
    pub(super) const PARAMS: u8 = 4;
    pub(super) const STDIN: u8 = 5;
    pub(super) const STDOUT: u8 = 6;
    pub(super) const STDERR: u8 = 7;
}

/// Asks for a page.
#[derive(Debug)]
pub(super) struct Fcgi {
    dial: Dial,
    page: Page,
}

/// A page, and what it must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Begins with a slash. Script name and file both.
    path: String,
    /// Behind the `?`.
    query: String,
}

/// Reads `//host[:port][/page[?query]]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = target.authority()?;
    if authority.userinfo.is_some() {
        return Err("a user, which FastCGI has no use for,".into());
    }
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(PORT), Layer::Plain, &options.dial);
    Ok(Box::new(Fcgi { dial, page: Page::parse(authority.path)? }))
}

/// Reads `/socket` and `?/page[?query]` after it.
pub(super) fn parse_unix(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let rest = target.rest.strip_prefix("//").unwrap_or(target.rest);
    let (socket, page) = rest.split_once('?').unwrap_or((rest, ""));
    if !socket.starts_with(['/', '@']) {
        return Err("the path of the socket must be absolute".into());
    }
    Ok(Box::new(Fcgi { dial: Dial::unix(socket, &options.dial), page: Page::parse(page)? }))
}

impl Page {
    /// Reads `/path[?query]`, or nothing for the ping page.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = if matches!(text, "" | "/") { PAGE } else { text };
        if !text.starts_with('/') {
            return Err(format!("`{text}`, which is no page: it must begin with a /,"));
        }
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        Ok(Self { path: path.into(), query: query.into() })
    }

    /// Whether this is php-fpm's own page, `/ping` or `/fpm-ping`, whose answer is known.
    fn is_ping(&self) -> bool {
        self.path.ends_with("ping")
    }

    /// What a web server says about a request for this page (RFC 3875, 4.1).
    fn parameters(&self) -> Vec<u8> {
        let uri =
            if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) };
        let mut bytes = Vec::new();
        for (name, value) in [
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("QUERY_STRING", self.query.as_str()),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("REQUEST_METHOD", "GET"),
            ("REQUEST_URI", &uri),
            ("SCRIPT_FILENAME", &self.path),
            ("SCRIPT_NAME", &self.path),
            ("SERVER_NAME", "localhost"),
            ("SERVER_PORT", "80"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_SOFTWARE", "sexton"),
        ] {
            for text in [name, value] {
                // Under 128 one byte says the length, else four with the highest bit set.
                match u8::try_from(text.len()) {
                    Ok(length) if length < 128 => bytes.push(length),
                    _ => {
                        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                        bytes.extend_from_slice(&(length | 0x8000_0000).to_be_bytes());
                    }
                }
            }
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        bytes
    }
}

impl Kind for Fcgi {
    /// Passes on pong, for another page on a status from 200 to 299.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let mut stream = self.dial.connect(deadline, trace)?;
        converse(&mut stream, &self.page, trace)
    }
}

/// The dialogue.
pub(crate) fn converse(peer: &mut dyn Peer, page: &Page, trace: &mut Trace) -> Outcome {
    wire::send(peer, &request(page))?;
    let answer = read_answer(peer)?;
    judge(&answer, page, trace)
}

/// The records of a request without a body: begin as a responder and close afterwards, parameters, no input.
fn request(page: &Page) -> Vec<u8> {
    let mut bytes = record(record::BEGIN, &[0, 1, 0, 0, 0, 0, 0, 0]);
    for piece in page.parameters().chunks(usize::from(u16::MAX)) {
        bytes.extend_from_slice(&record(record::PARAMS, piece));
    }
    bytes.extend_from_slice(&record(record::PARAMS, &[]));
    bytes.extend_from_slice(&record(record::STDIN, &[]));
    bytes
}

/// A record of request 1.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[1, kind, 0, 1, high, low, 0, 0], content].concat()
}

/// What came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Exit code and protocol status; none when the answer was longer than we read.
    end: Option<(u32, u8)>,
}

/// Reads records up to the end of the request, or as many as we care for.
fn read_answer(peer: &mut dyn Peer) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    let mut total = 0;
    while total < ANSWER_MAX {
        let header: [u8; 8] = wire::array(peer)?;
        let [version, kind, _, _, high, low, padding, _] = header;
        if version != 1 {
            return Err(wire::stranger("FastCGI", &header, None));
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let content = wire::body(peer, length)?;
        wire::body(peer, usize::from(padding))?;
        total += header.len() + length + usize::from(padding);
        match kind {
            record::STDOUT => answer.stdout.extend_from_slice(&content),
            record::STDERR => {
                let room = COMPLAINTS_MAX.saturating_sub(answer.stderr.len());
                answer.stderr.extend_from_slice(content.get(..room).unwrap_or(&content));
            }
            record::END => {
                let mut fields = Fields(&content);
                let end = fields.array().map(u32::from_be_bytes).zip(fields.u8());
                answer.end = Some(end.ok_or_else(|| wire::stranger("FastCGI", &header, None))?);
                break;
            }
            // Answers to questions that we did not ask.
            _ => {}
        }
    }
    Ok(answer)
}

/// Whether `answer` is a good one.
fn judge(answer: &Answer, page: &Page, trace: &mut Trace) -> Outcome {
    let complaint = match wire::quote(&answer.stderr, None) {
        complaint if complaint.is_empty() => String::new(),
        complaint => format!(": {complaint}"),
    };
    let fail = |reason: String| Err(Failure::answer(Phase::Response, reason));
    match answer.end {
        Some((_, 1 | 2)) => return fail("the server is overloaded and refuses requests".into()),
        Some((_, 3)) => return fail("the server is not a FastCGI responder".into()),
        Some((code, 0)) if code != 0 => return fail(format!("the script ended with code {code}{complaint}")),
        Some((_, 0)) | None => {}
        Some((_, other)) => {
            return fail(format!("the server ends the request with the unknown status {other}"));
        }
    }
    let Some((head, body)) = split_head(&answer.stdout) else {
        let reason = format!("the response has no header{complaint}");
        return Err(Failure::new(Phase::Response, Cause::Protocol, reason));
    };
    let Some(status) = status(head) else {
        let reason = "the response has a malformed Status".to_owned();
        return Err(Failure::new(Phase::Response, Cause::Protocol, reason));
    };
    trace.status = Some(status);
    let remedy = match status {
        200..=299 => "",
        404 if page.is_ping() => "; set ping.path in the pool's configuration to the target's path",
        404 => "; the path must be that of a script on the server's disk",
        _ => return fail(format!("status {status}, wanted 200-299{complaint}")),
    };
    if !remedy.is_empty() {
        return fail(format!("status {status}{complaint}{remedy}"));
    }
    if !page.is_ping() {
        return Ok(format!("status {status}"));
    }
    match body.trim_ascii() {
        b"pong" => Ok("pong".into()),
        other => fail(format!("the ping page answers `{}`, wanted pong", wire::quote(other, None))),
    }
}

/// The head and the body of a script's output.
fn split_head(output: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = |mark: &[u8]| {
        let at = output.windows(mark.len()).position(|window| window == mark)?;
        Some((output.get(..at)?, output.get(at + mark.len()..)?))
    };
    match (end(b"\r\n\r\n"), end(b"\n\n")) {
        (Some(a), Some(b)) => Some(if a.0.len() < b.0.len() { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// The status that a head names, 200 when it names none (RFC 3875, 6.3.3), `None` when that is no number.
fn status(head: &[u8]) -> Option<u16> {
    for line in head.split(|&byte| byte == b'\n') {
        let Some((name, value)) = line.split_at_checked(7) else { continue };
        if name.eq_ignore_ascii_case(b"status:") {
            let digits = std::str::from_utf8(value.trim_ascii()).ok()?.get(..3)?;
            return digits.parse().ok().filter(|status| (100..=599).contains(status));
        }
    }
    Some(200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    fn talk(page: &str, says: &[u8]) -> Outcome {
        converse(&mut Script::new(says, 5), &Page::parse(page).unwrap(), &mut Trace::default())
    }

    fn answer(stdout: &str) -> Vec<u8> {
        [record(record::STDOUT, stdout.as_bytes()), record(record::STDOUT, &[]), record(record::END, &[0; 8])]
            .concat()
    }

    fn reason(page: &str, says: &[u8]) -> String {
        talk(page, says).unwrap_err().reason
    }

    #[test]
    fn a_page_is_asked_for_with_its_query() {
        let mut peer = Script::new(&answer("\r\n\r\npong"), 100);
        let page = Page::parse("/ping?full").unwrap();
        assert!(converse(&mut peer, &page, &mut Trace::default()).is_ok());
        let heard = String::from_utf8_lossy(&peer.heard);
        for parameter in
            ["\u{b}\u{5}SCRIPT_NAME/ping", "\u{c}\u{4}QUERY_STRINGfull", "\u{e}\u{3}REQUEST_METHODGET"]
        {
            assert!(heard.contains(parameter), "{heard:?}");
        }
        assert!(heard.ends_with("\u{1}\u{4}\0\u{1}\0\0\0\0\u{1}\u{5}\0\u{1}\0\0\0\0"));
        assert_eq!(Page::parse("").unwrap(), Page::parse("/ping").unwrap());
        assert!(Page::parse("ping").is_err());
        let long = Page::parse(&format!("/{}", "x".repeat(70_000))).unwrap();
        assert!(request(&long).len() > 140_000);
    }

    #[test]
    fn pong_and_good_statuses_are_healthy() {
        assert_eq!(talk("", &answer("Content-type: text/plain\r\n\r\npong")), Ok("pong".into()));
        assert_eq!(talk("/status", &answer("Status: 204 No Content\n\n")), Ok("status 204".into()));
        assert_eq!(talk("/a.php", &answer("X: y\r\nSTATUS:299\r\n\r\n")), Ok("status 299".into()));
        let noisy = [record(record::STDERR, b"PHP Notice"), answer("A: b\n\npong\n")].concat();
        assert_eq!(talk("/fpm-ping", &noisy), Ok("pong".into()));
    }

    #[test]
    fn anything_else_is_named() {
        let missing = [
            record(record::STDERR, b"Primary script unknown\n"),
            answer("Status: 404 Not Found\r\n\r\nFile not found."),
        ];
        assert_eq!(
            reason("", &missing.concat()),
            "status 404: Primary script unknown; set ping.path in the pool's configuration to the target's path"
        );
        assert!(
            reason("/x.php", &missing.concat())
                .ends_with("; the path must be that of a script on the server's disk")
        );
        assert_eq!(reason("/x", &answer("Status: 500 Oh\r\n\r\n")), "status 500, wanted 200-299");
        assert_eq!(reason("", &answer("A: b\r\n\r\nping\x1b")), "the ping page answers `ping?`, wanted pong");
        assert_eq!(reason("", &answer("pong")), "the response has no header");
        assert_eq!(reason("", &answer("Status: ok\r\n\r\npong")), "the response has a malformed Status");
        assert_eq!(
            reason("", &record(record::END, &[0, 0, 0, 0, 2, 0, 0, 0])),
            "the server is overloaded and refuses requests"
        );
        assert_eq!(
            reason("", &record(record::END, &[0, 0, 0, 9, 0, 0, 0, 0])),
            "the script ended with code 9"
        );
    }

    #[test]
    fn garbage_and_cut_answers_are_failures() {
        for says in garbage() {
            assert!(talk("", &says).is_err(), "{says:?}");
            assert!(talk("", &record(record::STDOUT, &says)).is_err(), "{says:?}");
            assert!(talk("", &record(record::END, &says)).is_err(), "{says:?}");
        }
        let whole = answer("Content-type: text/plain\r\n\r\npong");
        for end in 0..whole.len() {
            assert!(talk("", &whole[..end]).is_err(), "{end}");
        }
        let endless = record(record::STDOUT, &[b'x'; 1000]).repeat(1000);
        assert_eq!(reason("", &endless), "the response has no header");
        assert!(talk("", &record(9, &[]).repeat(100_000)).is_err());
    }
}
