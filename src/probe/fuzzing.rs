//! Dialogues with a server that says whatever the fuzzer says.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::outcome::{Failure, Trace};

use crate::client::dial::{Confidentiality, Layer};
use crate::client::scram;
use crate::client::secret::Secret;
use crate::client::wire::LineReader;
use crate::http::{BodyLimit, Exchange, RawHead, Request, Url};
use crate::net::Stream;
use crate::probe::{
    amqp, cassandra, fcgi, grpc, kafka, ldap, memcached, mongodb, mqtt, mysql, nats, postgres, redis, smtp,
    zookeeper,
};

/// What no reason may repeat.
const PASSWORD: &str = "hunter2";

/// How long a dialogue may compute; nothing is waited for.
const LIMIT: Duration = Duration::from_millis(20);

/// The most bytes of a reason: a line is cut at 480, and the target must fit after it.
const REASON_MAX: usize = 400;

/// Says the fuzzer's bytes, and hears nothing.
struct Server<'a>(&'a [u8]);

impl Read for Server<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Server<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The password.
fn password() -> Secret {
    Secret::new(PASSWORD.into())
}

/// What is told is short, and holds no password that the server was told, whatever it says.
fn look(outcome: Result<impl Into<String>, Failure>, told: Option<&Secret>) {
    let text = outcome.map_or_else(|failure| failure.reason, Into::into);
    assert!(text.len() <= REASON_MAX, "{text}");
    assert!(told.is_none() || !text.contains(PASSWORD), "{text}");
}

/// Speaks to redis, with and without a login.
pub(crate) fn redis(says: &[u8]) {
    let password = password();
    look(redis::converse(&mut Server(says), &redis::Question::default()), None);
    let question = redis::Question {
        user: Some("u"),
        password: Some(&password),
        database: Some(1),
        ..redis::Question::default()
    };
    look(redis::converse(&mut Server(says), &question), Some(&password));
}

/// Speaks to memcached.
pub(crate) fn memcached(says: &[u8]) {
    look(memcached::converse(&mut Server(says)), None);
}

/// Speaks to a broker, with and without a login.
pub(crate) fn amqp(says: &[u8]) {
    let password = password();
    look(amqp::converse(&mut Server(says), None), None);
    let account = amqp::Account { user: "u", password: &password, vhost: "/" };
    look(amqp::converse(&mut Server(says), Some(&account)), Some(&password));
}

/// Speaks to `PostgreSQL`, in every way; and SCRAM alone, since a dialogue's nonce cannot be guessed.
pub(crate) fn postgres(says: &[u8]) {
    let password = password();
    for confidentiality in [Confidentiality::None, Confidentiality::Tls] {
        for password in [None, Some(&password)] {
            let deadline = Deadline::after(LIMIT);
            let session = postgres::Session { user: "u", database: "d", password, confidentiality, deadline };
            let outcome = postgres::converse(&mut Server(says), &session);
            look(outcome.map_err(postgres::Refusal::into_failure), password);
        }
    }
    let (first, last) = says.split_at(says.len() / 2);
    let answer = scram::ClientFirst::new(scram::Mechanism::Sha256, "", "a".into()).answer(
        first,
        &password,
        Deadline::after(LIMIT),
    );
    if let Ok((_, proof)) = answer {
        assert!(proof.check(last).is_err(), "a proof was guessed");
    }
}

/// Speaks to `MySQL`, in every way.
pub(crate) fn mysql(says: &[u8]) {
    let password = password();
    for (layer, confidentiality) in
        [(Layer::Plain, Confidentiality::None), (Layer::Tls, Confidentiality::Tls)]
    {
        for password in [None, Some(&password)] {
            let mut server = Server(says);
            let greeting = mysql::greet(&mut server, password);
            if let Ok(greeting) = &greeting {
                let session =
                    mysql::Session { user: "u", database: Some("d"), password, layer, confidentiality };
                let outcome = mysql::log_in(&mut server, greeting, &session);
                look(outcome.map(|()| ""), password);
            }
            look(greeting.map(|_| ""), password);
        }
    }
}

/// Speaks to the servers of the other protocols, with and without a login.
pub(crate) fn others(says: &[u8]) {
    let known = password();
    for password in [None, Some(&known)] {
        let deadline = Deadline::after(LIMIT);
        let user = password.map(|_| "u");
        let session = mongodb::Session { user: "u", password, auth_source: "admin", deadline };
        look(mongodb::converse(&mut Server(says), &session), password);
        let session = kafka::Session { user: "u", password, layer: Layer::Plain, deadline };
        look(kafka::converse(&mut Server(says), &session), password);
        look(cassandra::converse(&mut Server(says), "u", password), password);
        look(mqtt::converse(&mut Server(says), "sexton-1", user, password), password);
        look(ldap::converse(&mut Server(says), user, password), password);
        let (mut server, mut lines) = (Server(says), LineReader::default());
        let info = nats::introduction(&mut server, &mut lines, password);
        look(info.and_then(|info| nats::converse(&mut server, &mut lines, &info, user, password)), password);
    }
    look(smtp::greet(&mut Server(says)), None);
    look(smtp::ask_for_tls(&mut Server(says)).map(|()| ""), None);
    look(zookeeper::converse(&mut Server(says)), None);
}

/// Speaks to php-fpm, about its ping page and another.
pub(crate) fn fcgi(says: &[u8]) {
    for page in ["", "/index.php?a"] {
        if let Ok(page) = fcgi::Page::parse(page) {
            look(fcgi::converse(&mut Server(says), &page, &mut Trace::default()), None);
        }
    }
}

/// Asks a gRPC server about its health.
pub(crate) fn grpc(says: &[u8]) {
    look(grpc::converse(says, Deadline::after(LIMIT)), None);
}

/// Asks an HTTP server, and reads its response to the end.
pub(crate) fn http(says: &[u8]) {
    let deadline = Deadline::after(LIMIT);
    let Ok((stream, peer)) = Stream::saying(says, deadline) else { return };
    let _ = peer.shutdown(Shutdown::Write);
    let Ok((url, _)) = Url::parse("http://h/") else { return };
    let request = Request::get(url.uri);
    let exchange = Exchange::new(stream, RawHead::Kept, BodyLimit::Bytes(1024), deadline);
    match exchange.send(&request) {
        Ok(mut response) => {
            assert!(response.raw_head.len() <= says.len());
            let mut read = 0;
            let mut piece = [0; 64];
            let end = loop {
                match response.read(&mut piece) {
                    Ok(0) => break Ok(()),
                    Ok(amount) => read += amount,
                    Err(failure) => break Err(failure),
                }
            };
            assert!(read <= says.len());
            look(end.map(|()| ""), None);
        }
        Err(error) => look(Err::<&str, _>(error.failure), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise everything that is made of it ends at its first frame.
    #[test]
    fn the_seed_of_a_grpc_server_is_serving() {
        let seed = include_bytes!("../../fuzz/seeds/grpc_answer/0");
        assert_eq!(grpc::converse(seed, Deadline::after(Duration::from_secs(10))), Ok("s is SERVING".into()));
    }
}
