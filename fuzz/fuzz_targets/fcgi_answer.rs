//! php-fpm's answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|says: &[u8]| sexton::fuzzing::fcgi_answer(says));
