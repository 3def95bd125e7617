//! memcached's answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|says: &[u8]| sexton::fuzzing::memcached_answer(says));
