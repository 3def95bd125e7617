//! What /proc says of processes and cgroups, and pid files.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sexton::fuzzing::process_table(input));
