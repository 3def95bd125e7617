//! curl and wget by name: the same commands through the real programs and through sexton.

mod curl;
mod limits;
mod wget;
mod world;
