//! A small language for tests in a real engine: images from a Dockerfile's text, containers that go when the test
//! does, their health and their processes.

mod builder;
mod command;
mod compose;
mod container;
mod debian;
mod doctor;
mod engine;
mod image;
mod peers;
mod podman;
mod wait;

pub(crate) use self::builder::builder;
pub(crate) use self::command::finish;
pub(crate) use self::compose::Compose;
pub(crate) use self::container::{Container, Process};
pub(crate) use self::debian::Debian;
pub(crate) use self::doctor::diagnosed;
pub(crate) use self::engine::Engine;
pub(crate) use self::image::{Directory, Image};
pub(crate) use self::peers::peer;
pub(crate) use self::podman::Podman;
pub(crate) use self::wait::{eventually, within};

use std::path::PathBuf;

/// The program under test: the one that cargo has built, or the one that `SEXTON_TEST_BIN` names.
pub(crate) fn sexton() -> PathBuf {
    std::env::var_os("SEXTON_TEST_BIN").map_or_else(|| env!("CARGO_BIN_EXE_sexton").into(), PathBuf::from)
}
