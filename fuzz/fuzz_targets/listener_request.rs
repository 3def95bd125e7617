//! Requests to the listener of an init.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sexton::fuzzing::listener_request(bytes));
