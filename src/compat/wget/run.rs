//! Running a command line of wget: its order of things, its tries, its exit codes
//! (<https://www.gnu.org/software/wget/manual/wget.html#Exit-Status>).

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::http::{Method, Route};
use crate::outcome::{Cause, Failure, Phase};
use crate::system::file;

use crate::compat::RunResult;
use crate::compat::transfer::exchange::{
    BodyAction, RedirectMethod, Redirects, ResponseHead, TransferError, TransferInfo, TransferOptions,
    TransferRequest, run_transfer,
};
use crate::compat::transfer::output::{Destination, Output, WriteError};
use crate::compat::transfer::{TransferTool, stderr_line};

/// All that one command line of wget asks for.
#[derive(Debug)]
pub(crate) struct Wget {
    /// What to fetch, in this order.
    pub(crate) transfers: Vec<Transfer>,
    /// How to get there.
    pub(crate) route: Route,
    /// `--max-redirect`.
    pub(crate) redirects: Redirects,
    /// `-O`: where all bodies go to.
    pub(crate) output: Option<Destination>,
    /// What becomes of a file that exists, where the name is that of the URL.
    pub(crate) existing: Existing,
    /// `--spider`.
    pub(crate) spider: Spider,
    /// `--content-on-error`.
    pub(crate) errors: ContentOnError,
    /// `-S`.
    pub(crate) heads: ServerResponse,
    /// `-q`, `-nv`.
    pub(crate) verbosity: Verbosity,
    /// `-T`: the limit of each try.
    pub(crate) timeout: Option<Duration>,
    /// `-t` and its like.
    pub(crate) tries: RetryPolicy,
    /// `--post-data` and its like.
    pub(crate) body: RequestBody,
    /// Whether `-P` names a folder.
    pub(crate) has_directory: bool,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestBody {
    /// There is none.
    None,
    /// This text.
    Text(String),
    /// The content of this file, which this option names.
    File(String, PathBuf),
}

impl RequestBody {
    /// The bytes to send.
    fn read(&self) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::None => Ok(None),
            Self::Text(text) => Ok(Some(text.clone().into_bytes())),
            Self::File(option, path) => file::of_option(option, path).map(Some),
        }
    }
}

/// One URL.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// What to ask; what is wrong with the URL when it cannot be asked.
    pub(crate) request: Result<TransferRequest, String>,
    /// The file that the body goes to without `-O`.
    pub(crate) file: PathBuf,
}

impl Transfer {
    /// Whether the host of the URL is looked up.
    fn is_looked_up(&self) -> bool {
        self.request.as_ref().is_ok_and(|request| request.url.host.is_looked_up())
    }
}

/// What becomes of a file that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and the new one gets a number.
    Numbered,
    /// It is written anew: `-c`.
    Replaced,
    /// It stays, and nothing is asked: `-nc`.
    Kept,
}

/// Whether bodies are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spider {
    /// Bodies are read.
    Off,
    /// `--spider`: HEAD, and no body.
    On,
}

/// What becomes of the body of an answer that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentOnError {
    /// Do not write it.
    Skip,
    /// Write it.
    Write,
}

/// Whether the headers of responses are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerResponse {
    /// Not printed.
    Hidden,
    /// Printed on stderr.
    Printed,
}

/// What is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Nothing.
    Quiet,
    /// Why a transfer failed.
    Errors,
    /// The status of each answer, too.
    Statuses,
}

/// When a transfer is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// So many times in all.
    pub(crate) most: u32,
    /// The longest pause; the first is a second, and each is a second longer.
    pub(crate) wait: Duration,
    /// Whether a refused connection is worth another try.
    pub(crate) refused: ConnectionRefused,
}

/// What a refused connection means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionRefused {
    /// A failure.
    Final,
    /// Worth another try.
    Retry,
}

/// Its codes.
const GENERIC: u8 = 1;
const FILE: u8 = 3;
const NETWORK: u8 = 4;
const TLS: u8 = 5;
const DENIED: u8 = 6;
const PROTOCOL: u8 = 7;
const SERVER: u8 = 8;

/// How a try ended that did not end well.
struct Attempt {
    code: u8,
    why: String,
    again: bool,
}

impl RetryPolicy {
    /// The pause after `tries` tries.
    pub(crate) fn pause(&self, tries: u32) -> Duration {
        Duration::from_secs(tries.into()).min(self.wait)
    }
}

impl TransferTool for Wget {
    fn timeout_report(&self) -> (String, ExitStatus) {
        let line = if self.verbosity == Verbosity::Quiet { "" } else { "wget: timed out" };
        (line.into(), ExitStatus::Code(NETWORK))
    }

    fn write_error_exit(&self) -> ExitStatus {
        ExitStatus::Code(FILE)
    }

    fn touches_files(&self) -> bool {
        // Without a place for all there is a file for each body.
        let is_file = match &self.output {
            Some(place) => matches!(place, Destination::File(_)),
            None => self.spider == Spider::Off,
        };
        is_file
            || matches!(self.body, RequestBody::File(..))
            || self.route.names_files()
            || self.transfers.iter().any(Transfer::is_looked_up)
    }

    /// A body that would go to a file named after the URL is thrown away: nobody in a line of a shell has a use for it.
    fn forbid_files(&mut self) -> Result<(), String> {
        if let Some(Destination::File(_)) = self.output {
            return Err("wget -O FILE".into());
        }
        if matches!(self.body, RequestBody::File(..)) {
            return Err("wget --post-file and --body-file".into());
        }
        if self.has_directory {
            return Err("wget -P".into());
        }
        self.output.get_or_insert(Destination::Discard);
        Ok(())
    }

    /// Runs the transfers; of several failures the one with the lowest code counts.
    fn run(&self, deadline: Deadline) -> RunResult {
        let data = match self.body.read() {
            Ok(data) => data,
            Err(why) => return self.refused(FILE, &why, deadline),
        };
        let mut output = self.output.as_ref().map(Output::new);
        // As in wget, the file is created before anything is sent.
        if let Some(Err(lost)) = output.as_mut().map(Output::open) {
            return self.refused(GENERIC, &told(&lost), deadline);
        }
        let mut worst = RunResult::success();
        for transfer in &self.transfers {
            let result = self.fetch(transfer, data.as_deref(), output.as_mut(), deadline);
            let is_worse = worst.exit == ExitStatus::Healthy || result.exit.code() < worst.exit.code();
            if result.exit != ExitStatus::Healthy && is_worse {
                worst = result;
            }
        }
        worst
    }
}

impl Wget {
    /// Says `line` if it is worth that much.
    fn say(&self, worth: Verbosity, line: &str, deadline: Deadline) {
        if self.verbosity >= worth {
            stderr_line(line, deadline);
        }
    }

    /// A failure that no other try mends.
    fn refused(&self, code: u8, why: &str, deadline: Deadline) -> RunResult {
        let line = format!("wget: {why}");
        self.say(Verbosity::Errors, &line, deadline);
        RunResult::failed(code, &line)
    }

    /// One URL, as often as it takes.
    fn fetch(
        &self,
        transfer: &Transfer,
        data: Option<&[u8]>,
        mut output: Option<&mut Output>,
        deadline: Deadline,
    ) -> RunResult {
        let request = match &transfer.request {
            Ok(request) => TransferRequest { data: data.map(<[u8]>::to_vec), ..request.clone() },
            Err(why) => return self.refused(GENERIC, why, deadline),
        };
        if output.is_none() && self.existing == Existing::Kept && transfer.file.exists() {
            return RunResult::success();
        }
        let mut tries = 0;
        let mut method = request.method.clone();
        loop {
            let mut own = Output::new(&Destination::File(self.name(&transfer.file)));
            let folder = transfer.file.parent().filter(|_| output.is_none());
            let output = output.as_deref_mut().unwrap_or(&mut own);
            let request = TransferRequest { method: method.clone(), ..request.clone() };
            let Err(attempt) = self.attempt(request, output, folder, deadline) else {
                return RunResult::success();
            };
            tries += 1;
            // As in wget, a server that cannot answer HEAD is asked with GET.
            if self.spider == Spider::On && method == Method::HEAD && attempt.again && attempt.code == SERVER
            {
                method = Method::GET;
                continue;
            }
            self.say(Verbosity::Errors, &format!("wget: {}", attempt.why), deadline);
            let pause = self.tries.pause(tries);
            let again = attempt.again && attempt.code != SERVER && tries < self.tries.most;
            let out_of_time = again && deadline.remaining() <= pause;
            if !again || out_of_time {
                let result = RunResult::failed(attempt.code, &format!("wget: {}", attempt.why));
                return RunResult { out_of_time, ..result };
            }
            thread::sleep(pause);
        }
    }

    /// The name that a file gets.
    fn name(&self, file: &Path) -> PathBuf {
        if self.existing != Existing::Numbered || !file.exists() {
            return file.to_owned();
        }
        let numbered = |number: u32| {
            let mut name = file.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        (1..=u32::MAX).map(numbered).find(|name| !name.exists()).unwrap_or_else(|| file.to_owned())
    }

    /// One try; `folder` is made where there is something to write.
    fn attempt(
        &self,
        request: TransferRequest,
        output: &mut Output,
        folder: Option<&Path>,
        deadline: Deadline,
    ) -> Result<(), Attempt> {
        let deadline = self.timeout.map_or(deadline, |timeout| deadline.at_most(timeout));
        let options = TransferOptions {
            route: &self.route,
            redirects: self.redirects,
            redirect_method: RedirectMethod::Standard,
            deadline,
        };
        let is_head = request.method == Method::HEAD;
        let mut on_head = |response: &ResponseHead<'_>| {
            let body = self.on_head(response, is_head, deadline);
            if let (BodyAction::Write, Some(folder)) = (body, folder) {
                // Whether that worked is seen when the file is made.
                let _ = fs::create_dir_all(folder);
            }
            Ok(body)
        };
        run_transfer(request, options, output, &mut TransferInfo::new(), &mut on_head)
            .and_then(|status| if is_good(status) { Ok(()) } else { Err(TransferError::ErrorStatus(status)) })
            .map_err(|error| self.failed_attempt(error))
    }

    /// Tells the head where it is wanted, and says what becomes of the body.
    fn on_head(&self, response: &ResponseHead<'_>, is_head: bool, deadline: Deadline) -> BodyAction {
        let head = String::from_utf8_lossy(response.head);
        let line = head.lines().rev().find(|line| line.starts_with("HTTP/")).unwrap_or_default();
        let status = line.split_once(' ').map_or("", |(_, status)| status);
        self.say(Verbosity::Statuses, &format!("HTTP request sent, awaiting response... {status}"), deadline);
        if self.heads == ServerResponse::Printed {
            for line in head.lines().filter(|line| !line.is_empty()) {
                stderr_line(&format!("  {line}"), deadline);
            }
        }
        let wanted =
            is_good(response.status) && response.status != 204 || self.errors == ContentOnError::Write;
        if wanted && !response.is_followed && !is_head && self.spider == Spider::Off {
            BodyAction::Write
        } else {
            BodyAction::Skip
        }
    }

    /// Its code for a error, and the args for it.
    fn failed_attempt(&self, error: TransferError) -> Attempt {
        match error {
            TransferError::Failed(failure, _) => self.failed(&failure),
            TransferError::BadRedirect(why) => Attempt { code: GENERIC, why, again: false },
            TransferError::TooManyRedirects(most) => {
                Attempt { code: SERVER, why: format!("{most} redirects exceeded"), again: false }
            }
            TransferError::ErrorStatus(status) => {
                let code = if status == 401 { DENIED } else { SERVER };
                let why = format!("server returned error: {status}");
                Attempt { code, why, again: matches!(status, 500 | 501) }
            }
            TransferError::WriteFailed(WriteError::TimedOut) => {
                Attempt { code: FILE, why: "timed out writing the body".into(), again: false }
            }
            TransferError::WriteFailed(lost) => Attempt { code: FILE, why: told(&lost), again: false },
        }
    }

    /// Its code for a failure, and whether that passes by itself.
    fn failed(&self, failure: &Failure) -> Attempt {
        let (code, again) = match (failure.phase, failure.cause) {
            (Phase::Tls, Cause::TimedOut) => (NETWORK, true),
            (Phase::Tls, Cause::Certificate | Cause::Broken) => (TLS, false),
            (Phase::Tls, _) => (NETWORK, false),
            (Phase::Resolve, cause) => (NETWORK, cause == Cause::TimedOut),
            (Phase::Connect, Cause::Refused | Cause::Unreachable) => {
                (NETWORK, self.tries.refused == ConnectionRefused::Retry)
            }
            (_, Cause::Protocol) => (PROTOCOL, false),
            (_, Cause::Broken) => (GENERIC, false),
            _ => (NETWORK, true),
        };
        let why = failure.reason.replace("--insecure", "--no-check-certificate");
        Attempt { code, why: why.replace("--cacert", "--ca-certificate"), again }
    }
}

/// Whether `status` is a success.
fn is_good(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Why something was lost, in args.
fn told(lost: &WriteError) -> String {
    match lost {
        WriteError::TimedOut => "timed out writing".into(),
        WriteError::Refused(why) => why.clone(),
    }
}
