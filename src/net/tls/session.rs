//! One TLS connection: the handshake, then bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{ActiveKeyExchange, SupportedKxGroup};
use rustls::pki_types::{CertificateDer, DnsName, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, NamedGroup};

use crate::net::Host;
use crate::net::socket::Socket;
use crate::outcome::{Cause, Failure, Phase, Trace};
use crate::system::clock;

use super::client_certificate::NoClientCertificate;
use super::reason::Role;
use super::verifier::{AcceptAnyCertificate, ChainVerifier};
use super::{Alpn, Options, Verify, certificate, client_certificate, reason, roots};

/// An encrypted connection, less its socket.
#[derive(Debug)]
pub(crate) struct Session(ClientConnection, Arc<NoClientCertificate>);

impl Session {
    /// Reads what was sent to us. An end that the peer did not announce is `ErrorKind::UnexpectedEof`.
    pub(in crate::net) fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<usize> {
        let read = rustls::Stream::new(&mut self.0, &mut RecordingSocket::new(socket)).read(buffer);
        read.map_err(|error| reason::after_handshake(error, &self.1))
    }

    /// Sends `bytes`, or some of them.
    pub(in crate::net) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.0, &mut RecordingSocket::new(socket)).write(bytes)
    }

    /// Sends what is still buffered.
    pub(in crate::net) fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        rustls::Stream::new(&mut self.0, &mut RecordingSocket::new(socket)).flush()
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
    let client = Arc::new(NoClientCertificate::default());
    let (config, chains) = config(options, alpn, &client)?;
    let mut connection = ClientConnection::new(Arc::new(config), name.clone())
        .map_err(|error| ours(reason::sentence(&error).1))?;
    let mut socket = RecordingSocket::new(socket);
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut socket) {
            return Err(reason::of_handshake(&error, &socket.first, &client));
        }
    }
    trace.step(|| told(&connection));
    let chain = connection.peer_certificates().unwrap_or_default();
    let soon =
        options.min_validity.and_then(|wanted| expires_within(chain, chains.as_deref(), &name, wanted));
    match soon {
        Some(reason) => Err(Failure::new(Phase::Tls, Cause::Certificate, reason)),
        None => Ok(Session(connection, client)),
    }
}

/// A failure before the peer was asked.
fn ours(reason: String) -> Failure {
    Failure::new(Phase::Tls, Cause::Broken, reason)
}

/// `host` as TLS takes it; without the dot at the end, which no certificate has (RFC 6066, 3).
fn server_name(host: &Host) -> Result<ServerName<'static>, String> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Zoned(address, _) => Ok(ServerName::from(IpAddr::from(*address))),
        Host::Name(name) => DnsName::try_from(name.trim_end_matches('.').to_owned())
            .map(ServerName::from)
            .map_err(|_| format!("{name} cannot stand in a certificate; --server-name NAME says what does")),
    }
}

/// How to shake hands, and what verifies the chain, if anything does.
fn config(
    options: &Options,
    alpn: Alpn,
    client: &Arc<NoClientCertificate>,
) -> Result<(ClientConfig, Option<Arc<ChainVerifier>>), Failure> {
    let mut provider = rustls::crypto::ring::default_provider();
    if options.verify == Verify::Off {
        provider.kx_groups.push(&NamedOnlyP521);
    }
    let provider = Arc::new(provider);
    let (verifier, chains): (Arc<dyn ServerCertVerifier>, _) = match options.verify {
        Verify::Off => (Arc::new(AcceptAnyCertificate::new(&provider)), None),
        Verify::Full | Verify::Chain => {
            let chains = ChainVerifier::new(roots::load(options)?, options.verify, &provider);
            let chains = Arc::new(chains.map_err(ours)?);
            let verifier: Arc<dyn ServerCertVerifier> = chains.clone();
            (verifier, Some(chains))
        }
    };
    let builder = ClientConfig::builder_with_details(provider, Arc::new(WallClock))
        .with_safe_default_protocol_versions()
        .map_err(|error| ours(reason::sentence(&error).1))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let unusable = |why| Failure::new(Phase::Tls, Cause::ClientCertificate, why);
    let mut config = match client_certificate::load(options).map_err(unusable)? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            unusable(match error {
                rustls::Error::InconsistentKeys(_) => "the key of --key is not that of --cert".into(),
                rustls::Error::InvalidCertificate(_) => "--cert: its first certificate is malformed".into(),
                _ => "--key: not a supported key; RSA from 2048 bits, P-256, P-384 and Ed25519 are".into(),
            })
        })?,
        None => builder.with_client_cert_resolver(client.clone()),
    };
    // Each attempt is a connection of its own.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = match alpn {
        Alpn::Unnamed => Vec::new(),
        Alpn::H2 => vec![b"h2".to_vec()],
    };
    Ok((config, chains))
}

/// The curve P-521 for key exchange, by name alone: in TLS 1.2 a server shows a certificate on a curve only to those that
/// name it (RFC 8422, 5.1), and exchanges keys on another.
#[derive(Debug)]
struct NamedOnlyP521;

impl SupportedKxGroup for NamedOnlyP521 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, rustls::Error> {
        Err(rustls::Error::General("key exchange on P-521 is not supported".into()))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
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

/// The step as `--verbose` has it.
fn told(connection: &ClientConnection) -> String {
    let version = connection.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
    let leaf = connection.peer_certificates().and_then(|chain| certificate::read(chain.first()?));
    match leaf {
        Some(leaf) => {
            format!("{}, certificate valid until {}", version.replace('_', "."), reason::date(leaf.not_after))
        }
        None => version.replace('_', "."),
    }
}

/// Why the peer's chain does not last for `wanted`, if it does not. Where nothing verifies it, its leaf counts alone.
fn expires_within(
    chain: &[CertificateDer<'_>],
    chains: Option<&ChainVerifier>,
    name: &ServerName<'_>,
    wanted: Duration,
) -> Option<String> {
    let Some(leaf) = chain.first().and_then(|leaf| certificate::read(leaf)) else {
        return Some(
            "the certificate does not say until when it is valid, and --min-validity wants to know".into(),
        );
    };
    let now = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(now.saturating_add(wanted));
    let (role, not_after) = if leaf.not_after < at.as_secs() {
        (Role::Leaf, leaf.not_after)
    } else {
        chains?.first_to_expire(chain, name, at)?
    };
    let date = reason::date(not_after);
    Some(match Duration::from_secs(not_after).checked_sub(now) {
        Some(left) => format!(
            "{role} expires in {} ({date}), and --min-validity wants {}; renew it",
            reason::roughly(left),
            reason::roughly(wanted)
        ),
        None => format!("{role} expired on {date}; renew it"),
    })
}

/// A socket that records the peer's first bytes, and reads its last ones: one that does not speak TLS may have said what it
/// speaks, and one that does not listen any more may have said why.
struct RecordingSocket<'a> {
    socket: &'a mut Socket,
    first: Vec<u8>,
}

impl<'a> RecordingSocket<'a> {
    /// Reads and writes `socket`.
    fn new(socket: &'a mut Socket) -> Self {
        Self { socket, first: Vec::new() }
    }
}

/// Enough of a peer's first bytes to know its protocol.
const RECORDED: usize = 32;

impl Read for RecordingSocket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.socket.read(buffer)?;
        let missing = RECORDED.saturating_sub(self.first.len());
        self.first.extend(buffer.iter().take(amount.min(missing)));
        Ok(amount)
    }
}

impl Write for RecordingSocket<'_> {
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
