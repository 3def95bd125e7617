//! Finding a command in PATH, as execvp(3) does: nothing is decided before the kernel has tried.

use std::ffi::{CStr, OsStr, c_int};
use std::os::unix::ffi::OsStrExt;

use crate::sys::exec::{self, Image};

/// Where to look when PATH is not set, as musl and glibc (which has no /usr/local) do.
const DEFAULT: &[u8] = b"/usr/local/bin:/bin:/usr/bin";

/// A command and the places where it may be.
#[derive(Debug)]
pub(super) struct Search<'a> {
    name: &'a [u8],
    path: &'a [u8],
    /// Room for the longest candidate and its NUL: after the fork nothing can be allocated.
    room: Vec<u8>,
}

impl<'a> Search<'a> {
    /// Prepares the search for `name` in `path`, the value of PATH.
    pub(super) fn new(name: &'a OsStr, path: Option<&'a OsStr>) -> Self {
        let name = name.as_bytes();
        let path = path.map_or(DEFAULT, OsStr::as_bytes);
        let longest = path.split(|byte| *byte == b':').map(<[u8]>::len).max().unwrap_or(0);
        Self { name, path, room: Vec::with_capacity(longest + 1 + name.len() + 1) }
    }

    /// Becomes the first candidate that can be executed. Comes back with errno when there is none: EACCES if there was one
    /// that we were not let at. Async-signal-safe.
    pub(super) fn exec(&mut self, image: &mut Image) -> c_int {
        if self.name.is_empty() {
            return libc::ENOENT;
        }
        if self.name.contains(&b'/') {
            return attempt(self.candidate(b""), image);
        }
        let mut denied = false;
        let path = self.path;
        for directory in path.split(|byte| *byte == b':') {
            match attempt(self.candidate(directory), image) {
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                other => return other,
            }
        }
        if denied { libc::EACCES } else { libc::ENOENT }
    }

    /// The name in `directory`; an empty one is the current directory.
    fn candidate(&mut self, directory: &[u8]) -> &CStr {
        self.room.clear();
        if !directory.is_empty() {
            self.room.extend_from_slice(directory);
            self.room.push(b'/');
        }
        self.room.extend_from_slice(self.name);
        self.room.push(0);
        // Words of a command and of the environment have no NUL of their own.
        CStr::from_bytes_until_nul(&self.room).unwrap_or_default()
    }
}

/// Tries one candidate; a text without `#!` goes to the shell.
fn attempt(path: &CStr, image: &mut Image) -> c_int {
    let error = image.exec(path).raw_os_error().unwrap_or(libc::EINVAL);
    if error != libc::ENOEXEC || !exec::is_text(path) {
        return error;
    }
    match image.exec_script(path).raw_os_error().unwrap_or(libc::EINVAL) {
        // There is no shell here: then the file is what cannot be executed.
        libc::ENOENT => libc::ENOEXEC,
        other => other,
    }
}
