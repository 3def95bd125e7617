//! Formats of curl's `-w`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sexton::fuzzing::write_out(text));
