//! Becoming another program: one search in PATH, one exec and one sentence where it fails, for `wait` and `init` alike and
//! whatever the C library's own execvp(3) does.

use std::ffi::{CStr, CString, NulError, OsStr, OsString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

use crate::exit::ExitStatus;
use crate::sys::exec::{self, Image};
use crate::sys::process::{self, Pid};

/// Where to look when PATH is not set, as musl and glibc (which has no /usr/local) do.
const DEFAULT_PATH: &[u8] = b"/usr/local/bin:/bin:/usr/bin";

/// What is done about an executable text that does not begin with `#!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BareScript {
    /// The kernel cannot run it, and neither do we: 126.
    Refuse,
    /// The shell runs it, as execvp(3) has it.
    RunByShell,
}

/// A command, laid out so that nothing is allocated when it takes a process over.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    name: &'a [u8],
    path: &'a [u8],
    bare_script: BareScript,
    image: Image,
    /// Room for the longest candidate and its NUL.
    room: Vec<u8>,
}

impl<'a> Program<'a> {
    /// Lays `command` out, with those variables of our environment that `is_kept` takes by their names.
    ///
    /// # Errors
    ///
    /// When a word of it has a NUL.
    pub(crate) fn new(
        command: &'a [OsString],
        bare_script: BareScript,
        is_kept: impl Fn(&[u8]) -> bool,
    ) -> Result<Self, NulError> {
        let words: Result<Vec<_>, _> = command.iter().map(|word| CString::new(word.as_bytes())).collect();
        let name = command.first().map(OsString::as_os_str).unwrap_or_default().as_bytes();
        let path = exec::variable(b"PATH").unwrap_or(DEFAULT_PATH);
        let longest = path.split(|byte| *byte == b':').map(<[u8]>::len).max().unwrap_or(0);
        let room = Vec::with_capacity(longest + 1 + name.len() + 1);
        Ok(Self { name, path, bare_script, image: Image::new(words?, process::own_pid(), is_kept), room })
    }

    /// Makes `LISTEN_PID`, where it named us, name `pid`. Async-signal-safe.
    pub(crate) fn name_listener(&mut self, pid: Pid) {
        self.image.name_listener(pid);
    }

    /// Becomes the first candidate that can be executed: nothing is decided before the kernel has tried. Comes back with errno
    /// when there is none: EACCES if there was one that we were not let at. Async-signal-safe.
    pub(crate) fn exec(&mut self) -> c_int {
        if self.name.is_empty() {
            return libc::ENOENT;
        }
        if self.name.contains(&b'/') {
            return self.attempt(b"");
        }
        let mut denied = false;
        let path = self.path;
        for directory in path.split(|byte| *byte == b':') {
            match self.attempt(directory) {
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                other => return other,
            }
        }
        if denied { libc::EACCES } else { libc::ENOENT }
    }

    /// Tries the name in `directory`; an empty one is the current directory.
    fn attempt(&mut self, directory: &[u8]) -> c_int {
        self.room.clear();
        if !directory.is_empty() {
            self.room.extend_from_slice(directory);
            self.room.push(b'/');
        }
        self.room.extend_from_slice(self.name);
        self.room.push(0);
        // What stands in a command or in the environment has no NUL of their own.
        let path = CStr::from_bytes_until_nul(&self.room).unwrap_or_default();
        let error = self.image.exec(path).raw_os_error().unwrap_or(libc::EINVAL);
        if error != libc::ENOEXEC || self.bare_script == BareScript::Refuse || !exec::is_text(path) {
            return error;
        }
        match self.image.exec_script(path).raw_os_error().unwrap_or(libc::EINVAL) {
            // There is no shell here: then the file is what cannot be executed.
            libc::ENOENT => libc::ENOEXEC,
            other => other,
        }
    }
}

/// Why `program` could not be executed: the cause, and what would help.
pub(crate) fn refusal(program: &OsStr, errno: Errno) -> String {
    let path = Path::new(program);
    let is_path = program.as_bytes().contains(&b'/');
    let why = match errno {
        Errno::ENOENT if program.is_empty() => "the command is empty",
        Errno::ENOENT if path.is_absolute() && path.exists() => {
            "it exists, but the interpreter or dynamic loader that it names does not"
        }
        Errno::ENOENT if is_path => "not found",
        Errno::ENOENT => "not found in PATH",
        Errno::EACCES if path.is_dir() => "it is a directory",
        Errno::EACCES => "permission denied; is it executable, and its file system not noexec?",
        Errno::ENOEXEC => "it is neither a program for this machine nor a script that begins with #!",
        Errno::ETXTBSY => "it is being written to; close it first",
        Errno::E2BIG => "its arguments and environment are too long",
        other => other.desc(),
    };
    format!("cannot execute {}: {why}", path.display())
}

/// The code that says it, as a shell has it (POSIX sh, 2.8.2).
pub(crate) fn exit_status(errno: Errno) -> ExitStatus {
    if errno == Errno::ENOENT { ExitStatus::NotFound } else { ExitStatus::NotExecutable }
}
