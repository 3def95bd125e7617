//! The program in a real Docker Engine. The table of contents:
//!
//! * `zipkin`: the check that leaves processes behind when the runtime kills it, and the one that does not
//! * `health`: starting, unhealthy, healthy, and what the log says
//! * `dockerfile`: the image that this repository builds
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

mod dockerfile;
mod health;
mod support;
mod zipkin;
