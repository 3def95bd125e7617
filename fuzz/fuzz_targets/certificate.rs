//! A server's certificate.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sexton::fuzzing::certificate(input));
