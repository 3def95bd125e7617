//! Args in, exit code out.
#![no_main]

use std::ffi::{c_char, c_int};

/// The C entry point. Rust's own would set SIGPIPE to ignored, reopen closed fds 0-2 and install signal handlers
/// before we could see what we inherited, and an init must hand all of that on to its child untouched.
#[expect(unsafe_code, reason = "the C runtime calls `main` by this name, with pointers")]
#[unsafe(no_mangle)]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the C runtime passes argc valid, NUL-terminated strings that live as long as the process.
    let args = unsafe { sexton::Args::from_c(argc, argv) };
    sexton::run(args).code()
}
