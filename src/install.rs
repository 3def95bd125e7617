//! `sexton install`: copies this program to where another container can use it, with other programs' names beside it.
//! It needs no shell and no other file of its image.

use std::fmt::Write;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::command::Command;
use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::report::{self, Stream};
use crate::sys::random;
use crate::system::procfs;

/// What the copy is called in a directory.
const NAME: &str = "sexton";

/// Anybody may execute it, and only its owner may replace it.
const MODE: u32 = 0o755;

/// Where the kernel shows a process the file that it runs
/// ([proc_pid_exe(5)](https://man7.org/linux/man-pages/man5/proc_pid_exe.5.html)).
const OWN_FILE: &str = "/proc/self/exe";

/// How long the line may wait for its reader.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Where to copy to.
#[derive(Debug)]
pub(crate) struct Install {
    /// A directory, or the file itself.
    pub(crate) path: PathBuf,
    /// Names of other programs, as links beside the file. Each is one that we answer to.
    pub(crate) names: Vec<String>,
}

impl Command for Install {
    fn run(self: Box<Self>) -> ExitStatus {
        let (stream, text, exit) = match self.install() {
            Ok(line) => (Stream::Stdout, line, ExitStatus::Healthy),
            Err(why) => (Stream::Stderr, format!("sexton: install: {why}"), ExitStatus::Unhealthy),
        };
        report::line(stream, &text, Deadline::after(REPORT_TIMEOUT));
        exit
    }
}

impl Install {
    /// Copies and links: the line that says so.
    fn install(&self) -> Result<String, String> {
        let file = self.destination()?;
        let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(format!("{} has no place for a file", self.path.display()));
        };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        replaceable(&file)?;
        let links: Vec<PathBuf> = self.names.iter().map(|link| directory.join(link)).collect();
        for link in &links {
            replaceable(link)?;
        }

        replace(&file, copy_own_file)?;
        for link in links.iter().filter(|link| **link != file) {
            // A relative link holds wherever the directory is mounted; a file system without them may have hard ones.
            replace(link, |fresh| symlink(name, fresh).or_else(|_| fs::hard_link(&file, fresh)))?;
        }
        // The names are entries of the directory. Not every file system can sync one.
        let _ = File::open(directory).and_then(|directory| directory.sync_all());

        let mut line = format!("installed {}", file.display());
        if !self.names.is_empty() {
            let _ = write!(line, " as {}", self.names.join(", "));
        }
        if statvfs(directory).is_ok_and(|found| found.flags().contains(FsFlags::ST_NOEXEC)) {
            line.push_str("; this mount is noexec: programs do not start from it");
        }
        Ok(line)
    }

    /// The file to write: `PATH/sexton` in a directory, else `PATH` itself. A path that ends with a slash is a directory,
    /// which is made where it is missing: an image without a shell has no mkdir.
    fn destination(&self) -> Result<PathBuf, String> {
        if self.path.is_dir() {
            return Ok(self.path.join(NAME));
        }
        if self.path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            let mut maker = DirBuilder::new();
            maker.recursive(true).mode(MODE);
            maker.create(&self.path).map_err(|error| refusal(&self.path, &error))?;
            return Ok(self.path.join(NAME));
        }
        Ok(self.path.clone())
    }
}

/// Whether what is at `path` may be replaced: a regular file or a link, never what else may stand there.
fn replaceable(path: &Path) -> Result<(), String> {
    let kind = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refusal(path, &error)),
    };
    let what = match kind {
        kind if kind.is_file() || kind.is_symlink() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(format!("{} is {what} and stays; name a directory, or a file that may be replaced", path.display()))
}

/// Puts at `path` what `make` makes: whoever opens it finds the old one or the new one, and never a part of it.
fn replace(path: &Path, make: impl Fn(&Path) -> io::Result<()>) -> Result<(), String> {
    let fresh = path.with_file_name(fresh_name());
    let replaced = make(&fresh).and_then(|()| fs::rename(&fresh, path));
    replaced.map_err(|error| {
        let _ = fs::remove_file(&fresh);
        refusal(path, &error)
    })
}

/// A name that no other file has: two containers that share a volume may both be PID 1.
fn fresh_name() -> String {
    let mut random = [0; 8];
    // Where the kernel has none yet, an old file of that name only makes the attempt fail.
    let _ = random::fill(&mut random);
    format!(".{NAME}.{}.{:016x}", process::id(), u64::from_ne_bytes(random))
}

/// Writes a copy of the program that runs to `path`, which must be new.
fn copy_own_file(path: &Path) -> io::Result<()> {
    let mut source = File::open(OWN_FILE)?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    io::copy(&mut source, &mut copy)?;
    // Whatever the umask has left of it.
    copy.set_permissions(Permissions::from_mode(MODE))?;
    copy.sync_all()
}

/// Why `path` could not be written, and what to do about it.
fn refusal(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    let why = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EROFS) => "read-only file system; mount a volume there that can be written to".into(),
        Some(Errno::EACCES | Errno::EPERM) => format!(
            "no permission for user {}; run as the directory's owner, or give it to that user (fsGroup in Kubernetes)",
            nix::unistd::geteuid()
        ),
        Some(Errno::ENOENT) if !Path::new(OWN_FILE).exists() => {
            "/proc is not mounted, which shows us our own file".into()
        }
        Some(Errno::ENOENT) => "there is no such directory; end the path with / to have it made".into(),
        Some(Errno::ENOTDIR) => "a part of the path is a file".into(),
        _ => procfs::sentence(error),
    };
    format!("cannot write {path}: {why}")
}
