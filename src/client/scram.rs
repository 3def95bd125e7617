//! SCRAM-SHA-256 and its like (RFC 5802, RFC 7677), the client's side.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Phase};

use crate::client::secret::Secret;
use crate::client::wire;

/// The mechanisms that servers ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// By SHA-256.
    Sha256,
    /// By SHA-512, which only Kafka has.
    Sha512,
}

impl Mechanism {
    /// The name of the mechanism.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    /// What it signs by.
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// How many rounds are computed between two looks at the clock: far under a millisecond's worth, even unoptimised.
const ROUNDS_AT_ONCE: u32 = 256;

/// `n,,`: no channel binding, no other identity.
const GS2_HEADER: &str = "n,,";

/// Why an exchange came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScramError {
    /// The server said something that is not SCRAM.
    Malformed,
    /// The server wants more rounds than there is time for.
    OutOfTime,
    /// The server knows no proof of the password: it is not the one that the password is for.
    Unproven,
}

/// What was said first.
#[derive(Debug)]
pub(crate) struct ClientFirst {
    mechanism: Mechanism,
    /// As it stands in a message: `=` and `,` are escaped (RFC 5802, 5.1).
    user: String,
    nonce: String,
}

/// What the server must still prove.
#[derive(Debug)]
pub(crate) struct Proof {
    server_key: hmac::Key,
    auth_message: String,
}

impl ClientFirst {
    /// Begins as `user`, who may be empty where the server knows it already.
    ///
    /// # Errors
    ///
    /// When the kernel has no random numbers.
    pub(crate) fn begin(mechanism: Mechanism, user: &str) -> Result<Self, Failure> {
        let mut bytes = [0; 12];
        let broken = |_| Failure::new(Phase::Local, Cause::Broken, "the kernel gives no random numbers");
        SystemRandom::new().fill(&mut bytes).map_err(broken)?;
        Ok(Self::new(mechanism, user, wire::hex(&bytes)))
    }

    /// Begins with a nonce of printable characters other than the comma.
    pub(crate) fn new(mechanism: Mechanism, user: &str, nonce: String) -> Self {
        Self { mechanism, user: user.replace('=', "=3D").replace(',', "=2C"), nonce }
    }

    /// The client-first-message.
    pub(crate) fn message(&self) -> String {
        format!("{GS2_HEADER}{}", self.bare())
    }

    /// The client-first-message-bare.
    fn bare(&self) -> String {
        format!("n={},r={}", self.user, self.nonce)
    }

    /// The client-final-message for the server-first-message, and what the server must prove then. The server says how
    /// many rounds that takes, so the deadline has the last word. `password` is as the protocol at hand prepares it.
    pub(crate) fn answer(
        &self,
        server_first: &[u8],
        password: &Secret,
        deadline: Deadline,
    ) -> Result<(String, Proof), ScramError> {
        let server_first = std::str::from_utf8(server_first).map_err(|_| ScramError::Malformed)?;
        let (nonce, salt, rounds) = parse_first(server_first).ok_or(ScramError::Malformed)?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Malformed);
        }
        let algorithm = self.mechanism.hmac();
        let salted = salted_password(algorithm, password, &salt, rounds, deadline)?;
        let salted = hmac::Key::new(algorithm, &salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = digest::digest(algorithm.digest_algorithm(), client_key.as_ref());
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(GS2_HEADER));
        let auth_message = format!("{},{server_first},{without_proof}", self.bare());
        let stored_key = hmac::Key::new(algorithm, stored_key.as_ref());
        let signature = hmac::sign(&stored_key, auth_message.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server_key = hmac::sign(&salted, b"Server Key");
        let server_key = hmac::Key::new(algorithm, server_key.as_ref());
        Ok((format!("{without_proof},p={}", STANDARD.encode(proof)), Proof { server_key, auth_message }))
    }
}

impl ScramError {
    /// The failure that it means.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Malformed => {
                Failure::new(Phase::Response, Cause::Protocol, "the server's SCRAM message is malformed")
            }
            Self::OutOfTime => Failure::timed_out(Phase::Response),
            Self::Unproven => Failure::answer(
                Phase::Response,
                "the server does not prove that it knows the password (SCRAM); is it the right server?",
            ),
        }
    }
}

impl Proof {
    /// Looks at the server-final-message.
    pub(crate) fn check(&self, server_final: &[u8]) -> Result<(), ScramError> {
        let Some(signature) = server_final.strip_prefix(b"v=") else { return Err(ScramError::Malformed) };
        let signature = signature.split(|&byte| byte == b',').next().unwrap_or_default();
        let signature = STANDARD.decode(signature).map_err(|_| ScramError::Malformed)?;
        hmac::verify(&self.server_key, self.auth_message.as_bytes(), &signature)
            .map_err(|_| ScramError::Unproven)
    }
}

/// The nonce, the salt and the number of rounds of a server-first-message: `r=...,s=...,i=...`, extensions behind.
fn parse_first(text: &str) -> Option<(&str, Vec<u8>, u32)> {
    let mut attributes = text.split(',');
    let nonce = attributes.next()?.strip_prefix("r=")?;
    let salt = STANDARD.decode(attributes.next()?.strip_prefix("s=")?).ok()?;
    let rounds = attributes.next()?.strip_prefix("i=")?.parse().ok().filter(|&rounds| rounds > 0)?;
    Some((nonce, salt, rounds))
}

/// `Hi`, which is PBKDF2 with one block of output (RFC 5802, 2.2), in pieces between which the clock is looked at.
fn salted_password(
    algorithm: hmac::Algorithm,
    password: &Secret,
    salt: &[u8],
    rounds: u32,
    deadline: Deadline,
) -> Result<Vec<u8>, ScramError> {
    let key = hmac::Key::new(algorithm, password.expose());
    let mut last = hmac::sign(&key, &[salt, &1_u32.to_be_bytes()].concat());
    let mut sum = vec![0; last.as_ref().len()];
    for round in 1..=rounds {
        for (sum, byte) in sum.iter_mut().zip(last.as_ref()) {
            *sum ^= byte;
        }
        if round < rounds {
            last = hmac::sign(&key, last.as_ref());
        }
        if round % ROUNDS_AT_ONCE == 0 && deadline.has_passed() {
            return Err(ScramError::OutOfTime);
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// RFC 7677, 3, without the user, whom PostgreSQL knows already. What is computed from it was computed with Python's
    /// hashlib, too.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn far() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    #[test]
    fn the_salted_password_is_that_of_the_specification() {
        // The same salt and rounds as in RFC 7677, 3; by `hashlib.pbkdf2_hmac('sha256', b'pencil', salt, 4096)`.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted =
            salted_password(hmac::HMAC_SHA256, &Secret::new(b"pencil".to_vec()), &salt, 4096, far()).unwrap();
        assert_eq!(wire::hex(&salted), "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
    }

    #[test]
    fn an_exchange_proves_both_sides() {
        let first = ClientFirst::new(Mechanism::Sha256, "", NONCE.into());
        assert_eq!(first.message(), "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
        let (answer, proof) = first.answer(SERVER_FIRST, &Secret::new(b"pencil".to_vec()), far()).unwrap();
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k="
        );
        assert_eq!(proof.check(b"v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg="), Ok(()));
        assert_eq!(proof.check(b"v=AAAA"), Err(ScramError::Unproven));
        for bad in [&b""[..], b"v", b"v=*", b"e=invalid-proof", b"x=\xff"] {
            assert_eq!(proof.check(bad), Err(ScramError::Malformed));
        }
    }

    #[test]
    fn a_user_is_escaped_and_sha_512_is_another_mechanism() {
        let first = ClientFirst::new(Mechanism::Sha512, "a=b,c", "abc".into());
        assert_eq!(first.message(), "n,,n=a=3Db=2Cc,r=abc");
        let password = Secret::new(b"pencil".to_vec());
        let (answer, _) = first.answer(b"r=abc1,s=AAAA,i=2", &password, far()).unwrap();
        assert!(answer.starts_with("c=biws,r=abc1,p=") && answer.len() == 16 + 88, "{answer}");
    }

    #[test]
    fn what_is_no_server_first_message_is_refused() {
        let first = ClientFirst::new(Mechanism::Sha256, "", "abc".into());
        for bad in [
            &b""[..],
            b"r=abc,s=AAAA,i=1",
            b"r=abX1,s=AAAA,i=1",
            b"r=abc1,s=AAAA,i=0",
            b"r=abc1,s=AAAA,i=-1",
            b"r=abc1,s=AAAA,i=99999999999",
            b"r=abc1,s=A,i=1",
            b"s=AAAA,r=abc1,i=1",
            b"m=x,r=abc1,s=AAAA,i=1",
            b"r=abc1,s=AAAA",
            b"r=abc1\xff,s=AAAA,i=1",
        ] {
            let flaw = first.answer(bad, &Secret::new(Vec::new()), far()).unwrap_err();
            assert_eq!(flaw, ScramError::Malformed, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn more_rounds_than_there_is_time_for_end_at_the_deadline() {
        let started = Instant::now();
        let limit = Duration::from_millis(50);
        let password = Secret::new(b"x".to_vec());
        let answer = ClientFirst::new(Mechanism::Sha256, "", "a".into()).answer(
            b"r=ab,s=AAAA,i=4294967295",
            &password,
            Deadline::after(limit),
        );
        assert_eq!(answer.unwrap_err(), ScramError::OutOfTime);
        assert!(started.elapsed() >= limit && started.elapsed() < limit + Duration::from_secs(1));
    }
}
