//! The answers of the servers of younger protocols.
#![no_main]

libfuzzer_sys::fuzz_target!(|says: &[u8]| sexton::fuzzing::server_answer(says));
