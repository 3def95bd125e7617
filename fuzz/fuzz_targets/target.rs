//! Targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sexton::fuzzing::target(text));
