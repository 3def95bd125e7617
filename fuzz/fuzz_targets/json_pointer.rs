//! A JSON pointer and a document.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sexton::fuzzing::json_pointer(input));
