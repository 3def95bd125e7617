//! The line that `sh -c` runs.
#![no_main]

libfuzzer_sys::fuzz_target!(|line: &str| sexton::fuzzing::shell_line(line));
