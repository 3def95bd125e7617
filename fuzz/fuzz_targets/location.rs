//! The Location of a redirect.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sexton::fuzzing::location(input));
