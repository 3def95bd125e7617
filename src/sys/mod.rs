//! All unsafe code: what the kernel offers and nix cannot say safely. Imports nothing of ours.
#![allow(unsafe_code, reason = "the one folder that holds it")]

pub(crate) mod alarm;
pub(crate) mod args;
pub(crate) mod random;
pub(crate) mod stdio;
pub(crate) mod window;
