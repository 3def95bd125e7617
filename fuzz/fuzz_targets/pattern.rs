//! Patterns, and what they are matched against.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| sexton::fuzzing::pattern(input));
