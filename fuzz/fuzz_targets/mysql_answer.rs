//! MySQL's greeting and answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|says: &[u8]| sexton::fuzzing::mysql_answer(says));
