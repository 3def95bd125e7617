//! The escapes of `--send` and `--expect`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| sexton::fuzzing::escapes(input));
