//! PEM files that options name.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sexton::fuzzing::pem(bytes));
