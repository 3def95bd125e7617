//! The verdict in a file: whole at any moment, since it is replaced and never written to. A worker does it, as a file
//! system whose server is gone must not hold up PID 1.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::attempt::Worker;
use crate::deadline::Deadline;
use crate::init::log::Log;
use crate::init::log_event::LogEvent;

/// How long the folder may take to say what is there before the start, and to let go of the file at the end.
const OPEN_LIMIT: Duration = Duration::from_secs(2);
const REMOVE_LIMIT: Duration = Duration::from_millis(100);

/// How long a verdict may take to be written before that is told.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// Where the verdict is kept.
pub(super) struct StatusFile {
    path: PathBuf,
    worker: Worker<Order, io::Result<()>>,
    /// When what it does now should be done.
    busy_until: Option<Deadline>,
    /// What is to be written next.
    next: Option<String>,
    /// What is in it, or was last tried.
    last: Option<String>,
    /// Whether it was told that it cannot be written; once is enough.
    failure: WriteFailure,
}

/// What writing came to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteFailure {
    /// None.
    None,
    /// It failed, and that was told.
    Reported,
}

/// What the worker does.
#[derive(Debug)]
enum Order {
    /// See whether a file can be there.
    Look,
    /// Replace what is in it.
    Write(String),
    /// Take it away.
    Remove,
}

impl StatusFile {
    /// At `path`, readable for whom `mode` lets.
    ///
    /// # Errors
    ///
    /// When something is there that is no regular file: a device or a link is somebody else's.
    pub(super) fn open(path: &Path, mode: u32) -> Result<Self, String> {
        // As it is understood now: an init goes to / later.
        let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut place = Place::new(path.clone(), mode);
        let place = std::sync::Mutex::new(move |order| place.apply(order));
        let work = move |order| match place.lock() {
            Ok(mut apply) => apply(order),
            Err(_) => Err(killed()),
        };
        let told = |why: &str| format!("cannot keep the status in {}: {why}", path.display());
        let mut worker = Worker::on_files(work, || Err(killed())).map_err(|failure| told(&failure.reason))?;
        let deadline = Deadline::after(OPEN_LIMIT);
        worker.order(Order::Look).map_err(|failure| told(&failure.reason))?;
        match wait(&worker, deadline) {
            Some(Ok(())) => {}
            Some(Err(why)) => return Err(told(&why.to_string())),
            None => return Err(told("the file system does not answer")),
        }
        Ok(Self { path, worker, busy_until: None, next: None, last: None, failure: WriteFailure::None })
    }

    /// Has what is in it replaced by `line`, as soon as can be.
    pub(super) fn write(&mut self, line: String, log: &mut Log) {
        if self.last.as_ref() != Some(&line) {
            self.next = Some(line);
        }
        self.step(log);
    }

    /// Takes in what has been done, and begins what is next.
    pub(super) fn step(&mut self, log: &mut Log) {
        if let Some(done) = self.worker.finished() {
            self.busy_until = None;
            match done {
                Ok(()) => self.failure = WriteFailure::None,
                Err(why) => {
                    self.last = None;
                    self.tell(&why.to_string(), log);
                }
            }
        } else if self.busy_until.is_some_and(Deadline::has_passed) {
            self.tell("the file system does not answer", log);
        }
        if self.busy_until.is_none()
            && let Some(line) = self.next.take()
            && self.worker.order(Order::Write(line.clone())).is_ok()
        {
            self.busy_until = Some(Deadline::after(WRITE_LIMIT));
            self.last = Some(line);
        }
    }

    /// Tells what is wrong with it, once.
    fn tell(&mut self, why: &str, log: &mut Log) {
        if self.failure == WriteFailure::None {
            self.failure = WriteFailure::Reported;
            let text = format!("cannot write the status file {}: {why}", self.path.display());
            log.record(LogEvent::Warning { text: &text });
        }
    }

    /// When `step` has something to do though the descriptor does not say so.
    pub(super) fn due(&self) -> Option<Deadline> {
        self.busy_until.filter(|_| self.failure == WriteFailure::None)
    }

    /// Readable when something has been done.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.busy_until.map(|_| self.worker.as_fd())
    }

    /// Writes what is still to be written, and takes it away unless it is to be `kept`.
    pub(super) fn close(mut self, kept: bool) {
        let deadline = Deadline::after(REMOVE_LIMIT);
        if self.busy_until.is_some() && wait(&self.worker, deadline).is_none() {
            return;
        }
        let order = if kept { self.next.take().map(Order::Write) } else { Some(Order::Remove) };
        if order.is_some_and(|order| self.worker.order(order).is_ok()) {
            wait(&self.worker, deadline);
        }
    }
}

/// What came of what was ordered, if that is done by `deadline`.
fn wait(worker: &Worker<Order, io::Result<()>>, deadline: Deadline) -> Option<io::Result<()>> {
    loop {
        let done = worker.finished();
        if done.is_some() || deadline.has_passed() {
            return done;
        }
        let mut fds = [PollFd::new(worker.as_fd(), PollFlags::POLLIN)];
        // EINTR is met by another round.
        let _ = poll(&mut fds, PollTimeout::from(deadline.poll_timeout()));
    }
}

/// The worker's task was killed.
fn killed() -> io::Error {
    io::Error::other("its task was killed")
}

/// The file as the worker has it.
struct Place {
    path: PathBuf,
    /// Beside it, where a new one grows.
    fresh: PathBuf,
    mode: u32,
    /// Whether what is there is ours.
    is_ours: bool,
}

impl Place {
    /// The file at `path`, which is absolute.
    fn new(path: PathBuf, mode: u32) -> Self {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".new");
        let fresh = path.with_file_name(name);
        Self { path, fresh, mode, is_ours: false }
    }

    /// Does what is ordered.
    fn apply(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Look => self.look(),
            Order::Write(line) => {
                let result = self.replace(&line);
                if result.is_err() {
                    let _ = fs::remove_file(&self.fresh);
                    // A disk that is full keeps the old verdict away, too: none is better than a wrong one.
                    self.remove();
                }
                result
            }
            Order::Remove => {
                self.remove();
                Ok(())
            }
        }
    }

    /// Refuses what is neither absent nor a regular file.
    fn look(&self) -> io::Result<()> {
        match fs::symlink_metadata(&self.path) {
            Ok(there) if there.is_file() => Ok(()),
            Ok(_) => Err(io::Error::other("something is there that is not a regular file")),
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// Writes the new one and puts it in the old one's place.
    fn replace(&mut self, line: &str) -> io::Result<()> {
        self.look()?;
        // Never through a link that somebody has put there.
        let _ = fs::remove_file(&self.fresh);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(self.mode).open(&self.fresh)?;
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
        fs::rename(&self.fresh, &self.path)?;
        self.is_ours = true;
        Ok(())
    }

    /// Takes it away, if it is ours: one that was there before is somebody else's.
    fn remove(&mut self) {
        if std::mem::take(&mut self.is_ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
