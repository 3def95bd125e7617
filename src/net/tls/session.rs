//! One TLS connection: the handshake, then bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustls::client::Resumption;
use rustls::pki_types::{DnsName, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection};

use crate::net::Host;
use crate::net::socket::Socket;
use crate::outcome::{Cause, Failure, Phase, Trace};
use crate::system::clock;

use super::trust::{self, Asked};
use super::{Alpn, Options, leaf, reason};

/// An encrypted connection, less its socket.
#[derive(Debug)]
pub(crate) struct Session(ClientConnection);

impl Session {
    /// Reads what was sent to us. An end that the peer did not announce is `ErrorKind::UnexpectedEof`.
    pub(in crate::net) fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.0, &mut Overheard::new(socket)).read(buffer)
    }

    /// Sends `bytes`, or some of them.
    pub(in crate::net) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.0, &mut Overheard::new(socket)).write(bytes)
    }

    /// Sends what is still buffered.
    pub(in crate::net) fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        rustls::Stream::new(&mut self.0, &mut Overheard::new(socket)).flush()
    }

    /// Says that nothing more will come, if that can be said without waiting.
    pub(in crate::net) fn close(&mut self, socket: &Socket) {
        let mut goodbye = Vec::new();
        self.0.send_close_notify();
        if self.0.write_tls(&mut goodbye).is_ok() {
            // The peer may be gone already, and then needs no goodbye.
            let _ = socket.send_now(&goodbye);
        }
    }
}

/// Shakes hands over `socket` as `options` say, and looks at the peer's certificate.
pub(in crate::net) fn shake_hands(
    socket: &mut Socket,
    host: &Host,
    options: &Options,
    alpn: Alpn,
    trace: &mut Trace,
) -> Result<Session, Failure> {
    let name = server_name(options.server_name.as_ref().unwrap_or(host)).map_err(ours)?;
    let asked = Arc::new(Asked::default());
    let config = config(options, alpn, &asked).map_err(ours)?;
    let mut connection = ClientConnection::new(Arc::new(config), name)
        .map_err(|error| Failure::new(Phase::Tls, Cause::Broken, error.to_string()))?;
    let mut overheard = Overheard::new(socket);
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut overheard) {
            return Err(reason::of_handshake(&error, &overheard.first, &asked));
        }
    }
    trace.step(|| told(&connection));
    let soon = options.min_validity.and_then(|wanted| expires_within(&connection, wanted));
    match soon {
        Some(reason) => Err(Failure::new(Phase::Tls, Cause::Certificate, reason)),
        None => Ok(Session(connection)),
    }
}

/// A failure before the peer was asked: a file that an option names, or a name.
fn ours(reason: String) -> Failure {
    Failure::new(Phase::Tls, Cause::Broken, reason)
}

/// `host` as TLS takes it; without the dot at the end, which no certificate has (RFC 6066, 3).
fn server_name(host: &Host) -> Result<ServerName<'static>, String> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => DnsName::try_from(name.trim_end_matches('.').to_owned())
            .map(ServerName::from)
            .map_err(|_| format!("{name} cannot stand in a certificate; --server-name NAME says what does")),
    }
}

/// The clock that validity is judged by.
#[derive(Debug)]
struct WallClock;

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        clock::now().duration_since(UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}

/// How to shake hands.
fn config(options: &Options, alpn: Alpn, asked: &Arc<Asked>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = trust::verifier(options, &provider)?;
    let builder = ClientConfig::builder_with_details(provider, Arc::new(WallClock))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match trust::identity(options)? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => "the key of --key is not that of --cert".into(),
            other => format!("--cert and --key: {other}"),
        })?,
        None => builder.with_client_cert_resolver(asked.clone()),
    };
    // Each attempt is a connection of its own.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = match alpn {
        Alpn::Unnamed => Vec::new(),
        Alpn::H2 => vec![b"h2".to_vec()],
    };
    Ok(config)
}

/// The step as `--verbose` has it.
fn told(connection: &ClientConnection) -> String {
    let version = connection.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
    let leaf = connection.peer_certificates().and_then(|chain| leaf::read(chain.first()?));
    match leaf {
        Some(leaf) => {
            format!("{}, certificate valid until {}", version.replace('_', "."), reason::date(leaf.not_after))
        }
        None => version.replace('_', "."),
    }
}

/// Why the peer's certificate does not last for `wanted`, if it does not.
fn expires_within(connection: &ClientConnection, wanted: Duration) -> Option<String> {
    let Some(leaf) = connection.peer_certificates().and_then(|chain| leaf::read(chain.first()?)) else {
        return Some(
            "the certificate does not say until when it is valid, and --min-validity wants to know".into(),
        );
    };
    let now = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_secs(leaf.not_after).checked_sub(now);
    let date = reason::date(leaf.not_after);
    match left {
        Some(left) if left >= wanted => None,
        Some(left) => Some(format!(
            "the certificate expires in {} ({date}), and --min-validity wants {}; renew it",
            reason::roughly(left),
            reason::roughly(wanted)
        )),
        None => Some(format!("the certificate expired on {date}; renew it")),
    }
}

/// A socket to a peer whose words count, also its first and its last: one that does not speak TLS may have said what it
/// speaks, and one that does not listen any more may have said why.
struct Overheard<'a> {
    socket: &'a mut Socket,
    first: Vec<u8>,
}

impl<'a> Overheard<'a> {
    /// Reads and writes `socket`.
    fn new(socket: &'a mut Socket) -> Self {
        Self { socket, first: Vec::new() }
    }
}

/// Enough of a peer's first words to know them by.
const FIRST_WORDS: usize = 5;

impl Read for Overheard<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.socket.read(buffer)?;
        let missing = FIRST_WORDS.saturating_sub(self.first.len());
        self.first.extend(buffer.iter().take(amount.min(missing)));
        Ok(amount)
    }
}

impl Write for Overheard<'_> {
    /// Says that all is well when the peer does not listen any more: the alert that it sent before is still to be read,
    /// and where there is none, the next read fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.socket.write(bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                Ok(bytes.len())
            }
            sent => sent,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
