//! PostgreSQL's answers, and its part of SCRAM.
#![no_main]

libfuzzer_sys::fuzz_target!(|says: &[u8]| sexton::fuzzing::postgres_answer(says));
