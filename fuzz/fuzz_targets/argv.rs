//! Command lines, ours and those of other programs.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sexton::fuzzing::argv(text));
