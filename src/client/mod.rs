//! The client side of service protocols: dialing, reading under a cap, logins.

pub(crate) mod ber;
pub(crate) mod dial;
pub(crate) mod login;
pub(crate) mod parameters;
pub(crate) mod payload;
pub(crate) mod saslprep;
pub(crate) mod scram;
pub(crate) mod secret;
pub(crate) mod wire;
