//! Frames of gRPC servers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sexton::fuzzing::grpc_answer(bytes));
