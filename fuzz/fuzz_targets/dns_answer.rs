//! A name server's answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| sexton::fuzzing::dns_answer(message));
