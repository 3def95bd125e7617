//! argv as the C runtime hands it over.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

/// The program's arguments, its own name first.
#[derive(Debug)]
pub struct Args(Vec<OsString>);

impl Args {
    /// Copies what `main` was given.
    ///
    /// # Safety
    ///
    /// `argv` points to `argc` pointers to NUL-terminated strings.
    #[must_use]
    pub unsafe fn from_c(argc: c_int, argv: *const *const c_char) -> Self {
        let count = usize::try_from(argc).unwrap_or(0);
        let mut args = Vec::with_capacity(count);
        for index in 0..count {
            // SAFETY: the caller vouches for `argc` readable pointers.
            let word = unsafe { argv.add(index) };
            // SAFETY: the pointer is inside the array that the caller vouches for.
            let word = unsafe { *word };
            // SAFETY: the caller vouches for NUL-terminated strings.
            let word = unsafe { CStr::from_ptr(word) };
            args.push(OsStr::from_bytes(word.to_bytes()).to_os_string());
        }
        Self(args)
    }

    /// The words.
    pub(crate) fn into_vec(self) -> Vec<OsString> {
        self.0
    }
}
