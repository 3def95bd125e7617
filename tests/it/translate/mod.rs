//! `sexton translate`: what it prints has the verdict of the original.

mod docs;
mod files;
mod http;
mod lines;
mod local;
mod real_world;
mod services;
mod states;
mod stores;
mod waits;
