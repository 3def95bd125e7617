//! `pid:/file`: the process whose number stands in the file lives. A zombie does not, nor does a process that got the
//! number later.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::signal::kill;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Outcome, Phase, Trace};

use crate::probe::kind::Kind;
use crate::probe::options::Options;
use crate::system::clock;
use crate::system::file::{self, ReadMode};
use crate::system::procfs;
use crate::system::procfs::{Pid, Stat, State};
use crate::target::Target;

/// More than the first line of a pid file has; what follows it (PostgreSQL's has eight lines) is not needed.
const READ_MAX: usize = 64;

/// What a process may have started later than its pid file was written: its start is told in hundredths of a second,
/// and a file server has a clock of its own.
const MARGIN: Duration = Duration::from_secs(2);

/// Looks at the process of a pid file.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
}

/// Reads `/path` or `///path`.
pub(super) fn parse(target: &Target<'_>, _: &Options) -> Result<Box<dyn Kind>, String> {
    Ok(Box::new(PidFile { path: target.absolute_path()? }))
}

impl Kind for PidFile {
    fn touches_files(&self) -> bool {
        true
    }

    /// Looks once.
    fn run(&self, deadline: Deadline, _: &mut Trace) -> Outcome {
        let content = file::read(&self.path, READ_MAX, ReadMode::RegularUntil(deadline))
            .map_err(|error| file::unread(&self.path, &error))?;
        let pid = number(&content).map_err(|why| Failure::answer(Phase::Local, why))?;
        let written = clock::modified(&self.path).ok();
        verdict(pid, written).map_err(|why| Failure::new(Phase::Local, Cause::NotFound, why))
    }
}

/// The number in a pid file: the first line, without the blanks around it.
pub(super) fn number(content: &[u8]) -> Result<Pid, String> {
    let line = content.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
    if content.trim_ascii().is_empty() {
        return Err("the pid file is empty".into());
    }
    std::str::from_utf8(line)
        .ok()
        .and_then(procfs::parse_pid)
        .filter(|pid| *pid <= procfs::PID_MAX)
        .ok_or_else(|| {
            format!("`{}` in the pid file is not a pid", line.get(..20).unwrap_or(line).escape_ascii())
        })
}

/// Whether the process with the number `pid` lives, and is the one that the file meant when it was `written`.
fn verdict(pid: Pid, written: Option<SystemTime>) -> Result<String, String> {
    // Another container's /proc, mounted here, has other processes under these numbers.
    if procfs::own_pid() == Some(pid) {
        return Err(format!("pid {pid} is this very check: the file is stale"));
    }
    let seen = if procfs::is_ours() { procfs::stat(pid) } else { Ok(None) };
    let Ok(Some(stat)) = seen else {
        return match kill(nix::unistd::Pid::from_raw(pid), None) {
            // It belongs to somebody else, so it is there.
            Ok(()) | Err(Errno::EPERM) => Ok(format!("pid {pid} lives, and /proc does not show what it is")),
            Err(_) => Err(format!("there is no process {pid}: the file is stale")),
        };
    };
    if let Some(leader) = procfs::leader(pid).filter(|leader| *leader != pid) {
        return Err(format!("pid {pid} is a thread of process {leader}: the file is stale"));
    }
    if stat.state != State::Alive {
        return Err(procfs::zombie_message(&stat));
    }
    if let Some(late) = written.and_then(|written| later(&stat, written)) {
        let (name, late) = (&stat.comm, clock::spoken(late));
        return Err(format!(
            "pid {pid} is {name} now, which started {late} after the file was written: the file is stale"
        ));
    }
    Ok(format!("{} lives", stat.name()))
}

/// How much later than the file was `written` the process started, where that is too late for it to be the one meant.
fn later(stat: &Stat, written: SystemTime) -> Option<Duration> {
    let late = procfs::start_time(stat)?.duration_since(written).ok()?;
    (late > MARGIN).then_some(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_begins_with_a_number() {
        for (content, pid) in [
            ("42", 42),
            ("42\n", 42),
            ("  42 \r\n", 42),
            ("42\n/var/lib/postgresql\n1700000000\n5432\n", 42),
            ("4194304\n", 4_194_304),
        ] {
            assert_eq!(number(content.as_bytes()), Ok(pid), "{content:?}");
        }
        for (content, reason) in [
            (&b""[..], "the pid file is empty"),
            (b" \n\n", "the pid file is empty"),
            (b"\n42\n", "`` in the pid file is not a pid"),
            (b"0\n", "`0` in the pid file is not a pid"),
            (b"-1\n", "`-1` in the pid file is not a pid"),
            (b"4194305\n", "`4194305` in the pid file is not a pid"),
            (b"99999999999999999999999999\n", "`99999999999999999999` in the pid file is not a pid"),
            (b"nginx\n", "`nginx` in the pid file is not a pid"),
            (b"42 43\n", "`42 43` in the pid file is not a pid"),
            (b"\x7fELF\0\x01", "`\\x7fELF\\x00\\x01` in the pid file is not a pid"),
        ] {
            assert_eq!(number(content), Err(reason.into()), "{content:?}");
        }
    }
}
