//! What a child becomes: arguments and environment laid out before the fork, so that nothing is allocated after it.

use std::ffi::{CStr, CString, c_char};
use std::io::{self, Write};
use std::ptr;

/// The shell that runs scripts without `#!`, as execvp(3) has it.
const SHELL: &CStr = c"/bin/sh";

/// The variable of the socket activation protocol that names the process which the sockets are meant for, and the one that
/// pins it further. See [sd_listen_fds(3)](https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html).
const LISTEN_PID: &[u8] = b"LISTEN_PID";
const LISTEN_PIDFDID: &[u8] = b"LISTEN_PIDFDID";

/// Room for `LISTEN_PID=`, a number and a NUL.
const LISTEN_ROOM: usize = 32;

/// An argument vector and an environment, as execve(2) takes them.
#[derive(Debug)]
pub(crate) struct Image {
    /// Owns what `argv` points to.
    _words: Vec<CString>,
    /// A free place for the shell, the words, a null.
    argv: Vec<*const c_char>,
    /// Pointers into our own environment, a null.
    environment: Vec<*const c_char>,
    /// Where in it `LISTEN_PID` stands, if it has to change.
    listen_pid: Option<usize>,
    /// Its new text.
    listen_text: [u8; LISTEN_ROOM],
}

impl Image {
    /// Lays out `words` and this process' environment, byte for byte, but for the variables that `is_kept` refuses by their
    /// name. `LISTEN_PID` is replaced where it names `own_pid`.
    pub(crate) fn new(words: Vec<CString>, own_pid: libc::pid_t, is_kept: impl Fn(&[u8]) -> bool) -> Self {
        let mut argv = Vec::with_capacity(words.len() + 2);
        argv.push(SHELL.as_ptr());
        argv.extend(words.iter().map(|word| word.as_ptr()));
        argv.push(ptr::null());
        let is_activated = variable(LISTEN_PID) == Some(own_pid.to_string().as_bytes());
        let kept = || {
            entries().filter(|entry| {
                let name = entry.to_bytes().split(|&byte| byte == b'=').next().unwrap_or_default();
                is_kept(name) && !(is_activated && name == LISTEN_PIDFDID)
            })
        };
        let environment = kept().map(CStr::as_ptr).chain([ptr::null()]).collect();
        let listen_pid = kept().position(|entry| value_of(entry, LISTEN_PID).is_some());
        Self {
            _words: words,
            argv,
            environment,
            listen_pid: listen_pid.filter(|_| is_activated),
            listen_text: [0; LISTEN_ROOM],
        }
    }

    /// Makes `LISTEN_PID`, where it named us, name `pid`. Async-signal-safe.
    pub(crate) fn name_listener(&mut self, pid: libc::pid_t) {
        let Some(place) = self.listen_pid.and_then(|at| self.environment.get_mut(at)) else { return };
        let mut room = self.listen_text.as_mut_slice();
        // A pid has at most ten digits: it fits, and a NUL stays after it. Formatting a number allocates nothing.
        if write!(room, "LISTEN_PID={pid}").is_ok() {
            *place = self.listen_text.as_ptr().cast();
        }
    }

    /// Becomes the program at `path`; comes back only when that fails, with the reason. Async-signal-safe.
    /// See [execve(2)](https://man7.org/linux/man-pages/man2/execve.2.html).
    pub(crate) fn exec(&self, path: &CStr) -> io::Error {
        let words = self.argv.get(1..).map_or(ptr::null(), <[_]>::as_ptr);
        // SAFETY: the path is live; both vectors are null-terminated and point to live strings.
        unsafe { libc::execve(path.as_ptr(), words, self.environment.as_ptr()) };
        io::Error::last_os_error()
    }

    /// Becomes a shell that runs the script at `path`. Async-signal-safe.
    pub(crate) fn exec_script(&mut self, path: &CStr) -> io::Error {
        if let Some(place) = self.argv.get_mut(1) {
            *place = path.as_ptr();
        }
        // SAFETY: the path is live; both vectors are null-terminated and point to live strings.
        unsafe { libc::execve(SHELL.as_ptr(), self.argv.as_ptr(), self.environment.as_ptr()) };
        io::Error::last_os_error()
    }
}

/// The value of the variable `name` in our environment.
pub(crate) fn variable(name: &[u8]) -> Option<&'static [u8]> {
    entries().find_map(|entry| value_of(entry, name))
}

/// What stands behind `name=`.
fn value_of<'e>(entry: &'e CStr, name: &[u8]) -> Option<&'e [u8]> {
    entry.to_bytes().strip_prefix(name)?.strip_prefix(b"=")
}

/// The entries of our environment, as they are. Nothing in this program ever changes it.
fn entries() -> impl Iterator<Item = &'static CStr> {
    let mut at = environ();
    std::iter::from_fn(move || {
        if at.is_null() {
            return None;
        }
        // SAFETY: the vector is null-terminated, and we have not gone past its end.
        let entry = unsafe { *at };
        if entry.is_null() {
            return None;
        }
        // SAFETY: the end has not been reached.
        at = unsafe { at.add(1) };
        // SAFETY: each entry is a NUL-terminated string that lives as long as the process.
        Some(unsafe { CStr::from_ptr(entry) })
    })
}

/// The environment as the C runtime has it.
fn environ() -> *const *const c_char {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: no other thread writes it; std changes it only by set_var, which nothing here calls.
    unsafe { environ }
}

/// Whether the file at `path` looks like text: no NUL in what is read first. What execvp hands to the shell may as well be
/// a program for another machine, and its complaint about that misleads. Async-signal-safe.
pub(crate) fn is_text(path: &CStr) -> bool {
    // SAFETY: the path is live.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if fd == -1 {
        // Executable and not readable: let the shell say so.
        return true;
    }
    let mut start = [0_u8; 256];
    // SAFETY: the buffer is live and as long as told.
    let got = unsafe { libc::read(fd, start.as_mut_ptr().cast(), start.len()) };
    // SAFETY: opened above, and nobody else has it.
    unsafe { libc::close(fd) };
    !start.iter().take(usize::try_from(got).unwrap_or(0)).any(|byte| *byte == 0)
}
