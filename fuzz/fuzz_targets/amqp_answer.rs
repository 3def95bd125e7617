//! A broker's answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|says: &[u8]| sexton::fuzzing::amqp_answer(says));
