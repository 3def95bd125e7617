//! The hosts file and resolv.conf.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| sexton::fuzzing::hosts_file(file));
