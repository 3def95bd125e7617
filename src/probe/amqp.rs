//! `amqp://`, `amqps://`: the protocol header is answered by Connection.Start; with a user, a login to its end.

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::client::dial::{Dial, Layer};
use crate::client::login;
use crate::client::login::Login;
use crate::client::secret::Secret;
use crate::client::wire;
use crate::client::wire::{Fields, Peer};
use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::target::Target;

/// The ports that a broker has when nobody says otherwise.
const PORT: u16 = 5672;
/// The same, for TLS.
const TLS_PORT: u16 = 5671;

/// Longer than any frame of a handshake: what RabbitMQ takes before a limit is agreed on.
const FRAME_MAX: usize = 128 * 1024;

/// More frames than a handshake has, heartbeats between them included.
const FRAMES_MAX: u32 = 16;

/// What a client says first (AMQP 0-9-1, 4.2.2).
const HEADER: &[u8; 8] = b"AMQP\0\0\x09\x01";

/// The methods by their class, connection or channel, and number (AMQP 0-9-1, 1.4 and 1.5 of the reference).
mod method {
    pub(super) const START: (u16, u16) = (10, 10);
    pub(super) const START_OK: (u16, u16) = (10, 11);
    pub(super) const TUNE: (u16, u16) = (10, 30);
    pub(super) const TUNE_OK: (u16, u16) = (10, 31);
    pub(super) const OPEN: (u16, u16) = (10, 40);
    pub(super) const OPEN_OK: (u16, u16) = (10, 41);
    pub(super) const CLOSE: (u16, u16) = (10, 50);
    pub(super) const CLOSE_OK: (u16, u16) = (10, 51);
    /// RabbitMQ's own (<https://www.rabbitmq.com/docs/connection-blocked>).
    pub(super) const BLOCKED: (u16, u16) = (10, 60);
    pub(super) const CHANNEL_OPEN: (u16, u16) = (20, 10);
    pub(super) const CHANNEL_OPEN_OK: (u16, u16) = (20, 11);
    pub(super) const CHANNEL_CLOSE: (u16, u16) = (20, 40);
    pub(super) const PUBLISH: (u16, u16) = (60, 40);
}

/// The channel that a message is sent over; 0 is the connection's own.
const CHANNEL: u8 = 1;

/// Says hello, and logs in if there is a user.
#[derive(Debug)]
pub(super) struct Amqp {
    dial: Dial,
    login: Login,
    vhost: String,
}

/// Reads `//[user:password@]host[:port][/vhost]`.
pub(super) fn parse(target: &Target<'_>, options: &Options) -> Result<Box<dyn Kind>, String> {
    let authority = login::authority(target)?;
    let (layer, port) = if target.scheme == "amqps" { (Layer::Tls, TLS_PORT) } else { (Layer::Plain, PORT) };
    let login = Login::parse(authority.userinfo, &options.login)?;
    if login.user.is_some() != login.has_password() {
        return Err("a user without a password, or a password without a user,".into());
    }
    let vhost = login::decode_text(authority.path.strip_prefix('/').unwrap_or(authority.path), "vhost")?;
    if !vhost.is_empty() && login.user.is_none() {
        return Err(
            "a vhost, which takes a login to be looked at; write amqp://user:password@host/vhost,".into()
        );
    }
    if u8::try_from(vhost.len()).is_err() {
        return Err("a vhost of more than 255 bytes".into());
    }
    let vhost = if vhost.is_empty() { "/".into() } else { vhost };
    let dial = Dial::tcp(authority.host, authority.port.unwrap_or(port), layer, &options.dial);
    Ok(Box::new(Amqp { dial, login, vhost }))
}

impl Kind for Amqp {
    /// Passes on Connection.Start, with a user on Connection.OpenOk.
    fn run(&self, deadline: Deadline, trace: &mut Trace) -> Outcome {
        let password = self.login.password()?;
        let mut stream = self.dial.connect(deadline, trace)?;
        let account = match (self.login.user.as_deref(), password.as_ref()) {
            (Some(user), Some(password)) => Some(Account { user, password, vhost: &self.vhost }),
            _ => None,
        };
        converse(&mut stream, account.as_ref())
    }
}

/// Whom to log in as, and where.
#[derive(Debug)]
pub(crate) struct Account<'a> {
    /// The user.
    pub(crate) user: &'a str,
    /// Sent as it is, as the mechanism PLAIN does.
    pub(crate) password: &'a Secret,
    /// At most 255 bytes.
    pub(crate) vhost: &'a str,
}

/// The dialogue. Without an account it ends at Connection.Start, and RabbitMQ logs a warning about a client that went;
/// nothing that may be said at that point spares it that.
pub(crate) fn converse(peer: &mut dyn Peer, account: Option<&Account<'_>>) -> Outcome {
    wire::send(peer, HEADER)?;
    let secret = account.map(|account| account.password);
    let start = next_method(peer, secret)?;
    if start.number != method::START {
        return Err(unexpected(&start, account));
    }
    let Some(account) = account else { return Ok("accepts AMQP 0-9-1 connections".into()) };

    let mechanisms =
        mechanisms(&start.arguments).ok_or_else(|| wire::stranger("amqp", &start.arguments, secret))?;
    if !mechanisms.split(|&byte| byte == b' ').any(|mechanism| mechanism == b"PLAIN") {
        let offered = wire::quote(mechanisms, secret);
        return Err(Failure::answer(
            Phase::Response,
            format!("the broker takes no passwords (PLAIN), only {offered}"),
        ));
    }
    wire::send(peer, &frame(method::START_OK, &start_ok(account)))?;
    let tune = expect(peer, method::TUNE, account)?;
    wire::send(peer, &frame(method::TUNE_OK, &tune_ok(&tune.arguments)))?;
    wire::send(peer, &frame(method::OPEN, &open(account.vhost)))?;
    expect(peer, method::OPEN_OK, account)?;
    close_unless_alarmed(peer, account)?;
    Ok("accepts AMQP 0-9-1 connections and this login".into())
}

/// The arguments of a good end: 200, no text, no method to blame.
const GOODBYE: [u8; 7] = [0, 200, 0, 0, 0, 0, 0];

/// Takes leave, and fails when the broker has stopped its publishers, for want of memory or disk. It tells that to those that
/// publish: an empty message for no queue, which the broker drops. An account that may publish nothing learns nothing.
fn close_unless_alarmed(peer: &mut dyn Peer, account: &Account<'_>) -> Result<(), Failure> {
    // To the default exchange, for a queue that is not there, not mandatory.
    let publish = [&[0, 0, 0][..], b"\x06sexton", &[0]].concat();
    let request = [
        framed(1, CHANNEL, &method_body(method::CHANNEL_OPEN, &[0])),
        framed(1, CHANNEL, &method_body(method::PUBLISH, &publish)),
        // Class basic, no weight, no body, no properties.
        framed(2, CHANNEL, &[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        frame(method::CLOSE, &GOODBYE),
    ];
    wire::send(peer, &request.concat())?;
    // A broker that blocks already says so before it opens the channel, and one that blocks at the message does not read on
    // to the end. The channel is left to that end: RabbitMQ logs errors now and then of a connection that is closed right
    // after its channel.
    for _ in 0..FRAMES_MAX {
        let answer = next_method(peer, Some(account.password))?;
        match answer.number {
            method::CHANNEL_OPEN_OK | method::CHANNEL_CLOSE => {}
            method::CLOSE_OK => return Ok(()),
            method::BLOCKED => {
                let text = answer.arguments.get(1..).unwrap_or_default();
                let text = wire::quote(text, Some(account.password));
                let reason =
                    format!("the broker blocks publishers by an alarm ({text}); free memory or disk there");
                return Err(Failure::answer(Phase::Response, reason));
            }
            _ => return Err(unexpected(&answer, Some(account))),
        }
    }
    Err(Failure::new(Phase::Response, Cause::Protocol, "the broker keeps opening channels"))
}

/// A method.
#[derive(Debug)]
struct Method {
    /// Its class and its number there.
    number: (u16, u16),
    arguments: Vec<u8>,
}

/// Reads frames up to the next method.
fn next_method(peer: &mut dyn Peer, secret: Option<&Secret>) -> Result<Method, Failure> {
    for _ in 0..FRAMES_MAX {
        let header: [u8; 7] = wire::array(peer)?;
        let [kind, _, _, a, b, c, d] = header;
        if header.starts_with(b"AMQP") {
            let [last] = wire::array(peer)?;
            return Err(other_version([b, c, d, last]));
        }
        // 1 is a method, 8 a heartbeat; 2 and 3 carry messages, which no handshake has.
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if !matches!(kind, 1 | 8) || length > FRAME_MAX {
            return Err(wire::stranger("amqp", &header, secret));
        }
        let body = wire::body(peer, length)?;
        if wire::array(peer)? != [0xce] {
            return Err(wire::stranger("amqp", &header, secret));
        }
        if kind == 1 {
            return parse_method(&body).ok_or_else(|| wire::stranger("amqp", &body, secret));
        }
    }
    Err(Failure::new(Phase::Response, Cause::Protocol, "the broker sends nothing but heartbeats"))
}

/// Takes a method of class connection or channel out of a frame.
fn parse_method(body: &[u8]) -> Option<Method> {
    let mut fields = Fields(body);
    let class = u16::from_be_bytes(fields.array()?);
    let number = u16::from_be_bytes(fields.array()?);
    matches!(class, 10 | 20).then(|| Method { number: (class, number), arguments: fields.0.to_vec() })
}

/// Reads the next method, which must be `number`.
fn expect(peer: &mut dyn Peer, number: (u16, u16), account: &Account<'_>) -> Result<Method, Failure> {
    let met = next_method(peer, Some(account.password))?;
    if met.number == number { Ok(met) } else { Err(unexpected(&met, Some(account))) }
}

/// The failure that a method means that was not asked for.
fn unexpected(met: &Method, account: Option<&Account<'_>>) -> Failure {
    match (met.number, close_reason(&met.arguments)) {
        (method::CLOSE, Some((code, text))) => {
            let text = wire::quote(text, account.map(|account| account.password));
            let reason = match code {
                403 => "the broker refuses this user, password or vhost (403)".to_owned(),
                // Its text names the vhost, which the target shows as well.
                _ => format!("the broker closes the connection: {text} ({code})"),
            };
            Failure::answer(Phase::Response, reason)
        }
        ((class, number), _) => {
            let reason = format!("the broker sends the method {class}.{number} out of turn");
            Failure::new(Phase::Response, Cause::Protocol, reason)
        }
    }
}

/// The failure of a server that answered with a header of its own, which names the version that it wants.
fn other_version([id, major, minor, revision]: [u8; 4]) -> Failure {
    let its = match (id, major, minor, revision) {
        (0, 0, 9, 1) => "refuses the connection".to_owned(),
        (0, ..) => format!("speaks AMQP {major}-{minor}-{revision}, not 0-9-1"),
        // 2 is TLS, 3 is SASL (AMQP 1.0, 5.2.1 and 5.3.2).
        (id, ..) => format!("speaks AMQP {major}-{minor}-{revision} with protocol id {id}, not 0-9-1"),
    };
    Failure::new(Phase::Response, Cause::Protocol, format!("the broker {its}"))
}

/// The mechanisms that Connection.Start offers, separated by spaces.
fn mechanisms(arguments: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(arguments);
    let _version: [u8; 2] = fields.array()?;
    let mut long = || {
        let length = usize::try_from(u32::from_be_bytes(fields.array()?)).ok()?;
        fields.take(length)
    };
    let _properties = long()?;
    long()
}

/// The code and the text of Connection.Close.
fn close_reason(arguments: &[u8]) -> Option<(u16, &[u8])> {
    let mut fields = Fields(arguments);
    let code = u16::from_be_bytes(fields.array()?);
    let length = fields.u8()?;
    Some((code, fields.take(usize::from(length))?))
}

/// A method of class connection in its frame, on channel 0.
fn frame(number: (u16, u16), arguments: &[u8]) -> Vec<u8> {
    framed(1, 0, &method_body(number, arguments))
}

/// A method as it stands in a frame.
fn method_body((class, number): (u16, u16), arguments: &[u8]) -> Vec<u8> {
    [&class.to_be_bytes()[..], &number.to_be_bytes(), arguments].concat()
}

/// A frame of `kind` on `channel`.
fn framed(kind: u8, channel: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0, channel][..], &long(body), &[0xce]].concat()
}

/// `bytes` after their length in four bytes: a long string, a table, a payload.
fn long(bytes: &[u8]) -> Vec<u8> {
    // Ours are far shorter: a password has at most what an argument or a password file's line holds.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

/// The arguments of Connection.StartOk: who we are, PLAIN (RFC 4616), any locale.
fn start_ok(account: &Account<'_>) -> Vec<u8> {
    // RabbitMQ then says that it refuses a login, and does not just hang up; and that it blocks publishers.
    let capability =
        [&b"\x1cauthentication_failure_close"[..], b"t\x01", b"\x12connection.blocked", b"t\x01"].concat();
    let properties =
        [&b"\x07product"[..], b"S", &long(b"sexton"), b"\x0ccapabilities", b"F", &long(&capability)].concat();
    let response = [b"\0", account.user.as_bytes(), b"\0", account.password.expose()].concat();
    [long(&properties).as_slice(), b"\x05PLAIN", &long(&response), b"\x05en_US"].concat()
}

/// The arguments of Connection.TuneOk: what the broker proposes, without heartbeats.
fn tune_ok(proposed: &[u8]) -> Vec<u8> {
    let limits = proposed.get(..6).unwrap_or(&[0; 6]);
    [limits, &[0, 0]].concat()
}

/// The arguments of Connection.Open.
fn open(vhost: &str) -> Vec<u8> {
    let length = u8::try_from(vhost.len()).unwrap_or(u8::MAX);
    [&[length], vhost.as_bytes(), &[0, 0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire::tests::{Script, garbage};

    fn start(mechanisms: &[u8]) -> Vec<u8> {
        let properties = long(b"\x07productS\x00\x00\x00\x08RabbitMQ");
        frame(
            method::START,
            &[b"\x00\x09", properties.as_slice(), &long(mechanisms), &long(b"en_US")].concat(),
        )
    }

    fn close(code: u16, text: &str) -> Vec<u8> {
        let mut arguments = code.to_be_bytes().to_vec();
        arguments.push(u8::try_from(text.len()).unwrap());
        arguments.extend_from_slice(text.as_bytes());
        arguments.extend_from_slice(&[0; 4]);
        frame(method::CLOSE, &arguments)
    }

    fn login(says: &[u8]) -> (Outcome, Vec<u8>) {
        let password = Secret::new(b"hunter2".to_vec());
        let account = Account { user: "u", password: &password, vhost: "/v" };
        let mut peer = Script::new(says, 5);
        (converse(&mut peer, Some(&account)), peer.heard)
    }

    #[test]
    fn connection_start_is_healthy_and_another_version_is_named() {
        let answer =
            |says: &[u8]| converse(&mut Script::new(says, 3), None).map_err(|failure| failure.reason);
        assert!(answer(&start(b"PLAIN")).is_ok());
        for (says, reason) in [
            (&b"AMQP\x00\x01\x00\x00"[..], "the broker speaks AMQP 1-0-0, not 0-9-1"),
            (b"AMQP\x03\x01\x00\x00", "the broker speaks AMQP 1-0-0 with protocol id 3, not 0-9-1"),
            (b"AMQP\x00\x00\x09\x01", "the broker refuses the connection"),
            (&close(320, "CONNECTION_FORCED"), "the broker closes the connection: CONNECTION_FORCED (320)"),
            (&frame(method::OPEN_OK, &[0]), "the broker sends the method 10.41 out of turn"),
        ] {
            assert_eq!(answer(says).unwrap_err(), reason);
        }
    }

    #[test]
    fn a_login_goes_to_its_end() {
        let says = [
            start(b"AMQPLAIN PLAIN"),
            vec![8, 0, 0, 0, 0, 0, 0, 0xce],
            frame(method::TUNE, &[7, 255, 0, 2, 0, 0, 0, 60]),
            frame(method::OPEN_OK, &[0]),
            framed(1, CHANNEL, &method_body(method::CHANNEL_OPEN_OK, &[0; 4])),
            frame(method::CLOSE_OK, &[]),
        ];
        let (outcome, heard) = login(&says.concat());
        assert!(outcome.is_ok(), "{outcome:?}");
        let heard = String::from_utf8_lossy(&heard);
        assert!(
            heard.starts_with("AMQP\0\0\t\u{1}") && heard.contains("PLAIN\0\0\0\n\0u\0hunter2"),
            "{heard:?}"
        );
        assert!(heard.contains("\0\u{a}\0(\u{2}/v"), "{heard:?}");
    }

    #[test]
    fn an_alarm_is_unhealthy_and_an_account_that_may_not_publish_is_not() {
        let opened = [
            start(b"PLAIN"),
            frame(method::TUNE, &[7, 255, 0, 2, 0, 0, 0, 60]),
            frame(method::OPEN_OK, &[0]),
            framed(1, CHANNEL, &method_body(method::CHANNEL_OPEN_OK, &[0; 4])),
        ]
        .concat();
        let blocked = [opened.clone(), frame(method::BLOCKED, b"\x0flow on memory\x1b")].concat();
        assert_eq!(
            login(&blocked).0.unwrap_err().reason,
            "the broker blocks publishers by an alarm (low on memory?); free memory or disk there"
        );
        let refused = framed(1, CHANNEL, &method_body(method::CHANNEL_CLOSE, &[1, 147, 0, 0, 0, 0, 0]));
        assert!(login(&[opened, refused, frame(method::CLOSE_OK, &[])].concat()).0.is_ok());
    }

    #[test]
    fn a_refused_login_is_named_without_the_password() {
        let refused = [start(b"PLAIN"), close(403, "ACCESS_REFUSED hunter2")].concat();
        assert_eq!(
            login(&refused).0.unwrap_err().reason,
            "the broker refuses this user, password or vhost (403)"
        );
        let odd = [start(b"PLAIN"), close(530, "NOT_ALLOWED hunter2")].concat();
        assert!(login(&odd).0.unwrap_err().reason.contains("NOT_ALLOWED *** (530)"));
        assert!(login(&start(b"EXTERNAL")).0.unwrap_err().reason.ends_with("only EXTERNAL"));
    }

    #[test]
    fn garbage_and_cut_answers_are_failures() {
        for says in garbage() {
            assert!(converse(&mut Script::new(&says, 7), None).is_err(), "{says:?}");
        }
        let says = [
            start(b"PLAIN"),
            frame(method::TUNE, &[0; 8]),
            frame(method::OPEN_OK, &[0]),
            framed(1, CHANNEL, &method_body(method::CHANNEL_OPEN_OK, &[0; 4])),
            frame(method::CLOSE_OK, &[]),
        ]
        .concat();
        for end in 0..says.len() {
            assert!(login(&says[..end]).0.is_err(), "{end}");
        }
        assert!(login(&says).0.is_ok());
        let heartbeats = [8, 0, 0, 0, 0, 0, 0, 0xce].repeat(1000);
        assert!(converse(&mut Script::new(&heartbeats, 64), None).is_err());
        // A length that nobody has memory for.
        assert!(converse(&mut Script::new(b"\x01\0\0\xff\xff\xff\xff", 64), None).is_err());
    }
}
