//! The program in a real Docker Engine. The table of contents:
//!
//! * `zipkin`: the check that leaves processes behind when the runtime kills it, and the one that does not
//! * `health`: starting, unhealthy, healthy, and what the log says
//! * `sequences`: Docker's own verdicts beside those of `--watch`
//! * `init_path`: as the init of an engine, of Docker and of podman
//! * `stop`: `docker stop` reaches the app
//! * `install`: images that one does not build, by Compose, Docker and Podman
//! * `podman`: readiness, and a pod under our pause
//! * `backrest`: an app that starts programs and does not wait for their orphans
//! * `stormkit`: a supervisor that ends a child and not its grandchildren
//! * `wakapi`: an entry point that waits for the database
//! * `watch`: an app that hangs is restarted
//! * `dockerfile`: the image that this repository builds
//! * `examples`: what users copy, run from its own text
//!
//! Without an engine each test says so and passes; `SEXTON_TEST_DOCKER=required` makes that a failure.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests start processes and threads, and fail loudly"
)]

mod backrest;
mod dockerfile;
mod examples;
mod health;
mod init_path;
mod install;
mod podman;
mod sequences;
mod stop;
mod stormkit;
mod support;
mod wakapi;
mod watch;
mod zipkin;
