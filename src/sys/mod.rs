//! All unsafe code: what the kernel offers and nix cannot say safely. Imports nothing of ours.
#![allow(unsafe_code, reason = "the one folder that holds it")]

pub(crate) mod alarm;
pub(crate) mod args;
mod errno;
pub(crate) mod exec;
pub(crate) mod fds;
pub(crate) mod file;
pub(crate) mod folder;
pub(crate) mod memory;
mod open;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod reserve;
pub(crate) mod shared_page;
pub(crate) mod signal;
pub(crate) mod stdio;
pub(crate) mod task;
pub(crate) mod terminal;
pub(crate) mod time;
pub(crate) mod window;
