//! Responses of HTTP servers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sexton::fuzzing::http_answer(bytes));
