//! `sexton translate`: what it prints has the verdict of the original.

mod http;
mod states;
