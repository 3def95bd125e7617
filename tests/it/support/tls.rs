//! Servers that speak TLS, and the certificates that they show.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::servers::{Client, Server};
use super::temp::Folder;

/// Somebody who signs certificates.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

/// A certificate and its key.
pub(crate) struct Identity {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    /// A new one, called `name`.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    /// A new one, called `name`, after `change` was done to it.
    pub(crate) fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let params = Self::params(name, change);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { params, key, certificate }
    }

    /// What the certificate of one says.
    fn params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are names");
        // rcgen would put its own name first.
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        params
    }

    /// One below this one, called `name`, after `change` was done to it.
    pub(crate) fn authority(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let params = Self::params(name, change);
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        Self { params, key, certificate }
    }

    /// A new certificate for the same name and key that lasts.
    pub(crate) fn renewed(&self) -> String {
        let mut params = self.params.clone();
        params.not_after = rcgen::date_time_ymd(4000, 1, 1);
        params.self_signed(&self.key).expect("a certificate").pem()
    }

    /// A good certificate for `names`, after `change` was done to it.
    pub(crate) fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let (params, key) = leaf(names, change);
        let issuer = Issuer::from_params(&self.params, &self.key);
        Identity { certificate: params.signed_by(&key, &issuer).expect("a certificate"), key }
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }
}

impl Identity {
    /// A certificate for `names` that vouches for itself.
    pub(crate) fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = leaf(names, change);
        Self { certificate: params.self_signed(&key).expect("a certificate"), key }
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Its key.
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// A server that shows it.
    pub(crate) fn config(&self) -> ServerConfig {
        self.config_of(rustls::ALL_VERSIONS, None)
    }

    /// A server that shows it and the certificate of `intermediate`.
    pub(crate) fn config_with(&self, intermediate: &Authority) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(rustls::ALL_VERSIONS);
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        let chain = vec![self.certificate.der().clone(), intermediate.certificate.der().clone()];
        builder.expect("versions").with_no_client_auth().with_single_cert(chain, key).expect("they fit")
    }

    /// A server that shows it, speaks `versions`, and wants a certificate of `clients`.
    pub(crate) fn config_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Option<&Authority>,
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("versions that there are");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.der().clone()).expect("a root");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        builder.with_single_cert(vec![self.certificate.der().clone()], key).expect("they fit")
    }
}

/// The parts of a good leaf certificate.
fn leaf(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (CertificateParams, KeyPair) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    (params, KeyPair::generate().expect("a key"))
}

/// Shakes hands as `config` says, then reads a request, answers `answer` and closes.
pub(crate) fn answering(config: ServerConfig, answer: &'static str) -> Server {
    let config = Arc::new(config);
    Server::new(move |client| {
        let _ = converse(&config, client, answer);
    })
}

/// One conversation; fails where the client does not want to talk.
pub(crate) fn converse(config: &Arc<ServerConfig>, client: &mut Client, answer: &str) -> io::Result<()> {
    let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut wire = Wire(client);
    let mut stream = rustls::Stream::new(&mut connection, &mut wire);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    stream.write_all(answer.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()?;
    wire.0.close();
    Ok(())
}

/// A connection as TLS reads and writes it.
pub(crate) struct Wire<'a>(pub(crate) &'a mut Client);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.0.read(buffer))
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.send(bytes) { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file with `content` in `folder`; its path as text.
pub(crate) fn file(folder: &Folder, name: &str, content: impl AsRef<[u8]>) -> String {
    let path: PathBuf = folder.join(name);
    fs::write(&path, content).expect("a new file");
    path.to_str().expect("a path in UTF-8").to_owned()
}
