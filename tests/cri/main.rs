//! The program in Kubernetes' own runtime, containerd, spoken to as the kubelet does: by its CRI. The table of contents:
//!
//! * `probes`: exec probes, healthy, unhealthy and hung; what two hundred of them leave behind
//! * `manifests`: `examples/kubernetes/`, each run from its own text
//! * `pods`: stops and exit codes, a pod with one process namespace, `--listen`
//!
//! Without containerd, or not as root, each test says so and passes; `SEXTON_TEST_CRI=required` makes that a failure.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests start processes and threads, and fail loudly"
)]

mod manifests;
mod pods;
mod probes;
mod support;
