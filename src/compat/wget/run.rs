//! GNU wget's manners: its order of things, its tries, its exit codes
//! (<https://www.gnu.org/software/wget/manual/wget.html#Exit-Status>).

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::http::{Method, Route};
use crate::outcome::{Cause, Failure, Phase};

use crate::compat::transfer::exchange::{
    Body, Course, Heard, Keep, Progress, Redirects, Request, Setback, transfer,
};
use crate::compat::transfer::sink::{Lost, Place, Sink};
use crate::compat::transfer::{Manners, complain};

/// All that one command line of wget asks for.
#[derive(Debug)]
pub(crate) struct Wget {
    /// What to fetch, in this order.
    pub(crate) items: Vec<Item>,
    /// How to get there.
    pub(crate) route: Route,
    /// `--max-redirect`.
    pub(crate) redirects: Redirects,
    /// `-O`: where all bodies go to.
    pub(crate) output: Option<Place>,
    /// What becomes of a file that exists, where the name is that of the URL.
    pub(crate) existing: Existing,
    /// `--spider`.
    pub(crate) reads: Reads,
    /// `--content-on-error`.
    pub(crate) errors: Errors,
    /// `-S`.
    pub(crate) heads: Heads,
    /// `-q`, `-nv`.
    pub(crate) voice: Voice,
    /// `-T`: the limit of each try.
    pub(crate) timeout: Option<Duration>,
    /// `-t` and its like.
    pub(crate) tries: Tries,
}

/// One URL.
#[derive(Debug)]
pub(crate) struct Item {
    /// What to ask; what is wrong with the URL when it cannot be asked.
    pub(crate) request: Result<Request, String>,
    /// The file that the body goes to without `-O`.
    pub(crate) file: PathBuf,
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
pub(crate) enum Reads {
    /// They are.
    Bodies,
    /// Heads are enough.
    Heads,
}

/// What becomes of the body of an answer that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errors {
    /// It is left.
    Left,
    /// It is written.
    Written,
}

/// Whether the heads of answers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heads {
    /// They are not.
    Hidden,
    /// They are, on stderr.
    Told,
}

/// What is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Voice {
    /// Nothing.
    Quiet,
    /// Why a transfer failed.
    Errors,
    /// The status of each answer, too.
    Statuses,
}

/// When a transfer is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tries {
    /// So many times in all.
    pub(crate) most: u32,
    /// The longest pause; the first is a second, and each is a second longer.
    pub(crate) wait: Duration,
    /// Whether a refused connection is worth another try.
    pub(crate) refused: Refused,
}

/// What a refused connection means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// That nobody is there.
    Final,
    /// That nobody is there yet.
    TriedAgain,
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
struct Ended {
    code: u8,
    why: String,
    again: bool,
}

impl Tries {
    /// The pause after `tries` tries.
    pub(crate) fn pause(&self, tries: u32) -> Duration {
        Duration::from_secs(tries.into()).min(self.wait)
    }
}

impl Manners for Wget {
    /// What is said, and ended with, at the limit.
    fn overdue(&self) -> (String, ExitStatus) {
        let line = if self.voice == Voice::Quiet { "" } else { "wget: timed out" };
        (line.into(), ExitStatus::Code(NETWORK))
    }

    /// All of it; of several failures the one with the lowest code counts.
    fn run(&self, deadline: Deadline) -> ExitStatus {
        let mut output = self.output.as_ref().map(Sink::new);
        // As there: the file is made before anything is asked.
        if let Some(Err(lost)) = output.as_mut().map(Sink::open) {
            self.say(Voice::Errors, &format!("wget: {}", told(&lost)), deadline);
            return ExitStatus::Code(GENERIC);
        }
        let mut worst = None;
        for item in &self.items {
            let code = self.fetch(item, output.as_mut(), deadline);
            if code != 0 {
                worst = Some(worst.map_or(code, |worst: u8| worst.min(code)));
            }
        }
        ExitStatus::Code(worst.unwrap_or(0))
    }
}

impl Wget {
    /// Says `line` if it is worth that much.
    fn say(&self, worth: Voice, line: &str, deadline: Deadline) {
        if self.voice >= worth {
            complain(line, deadline);
        }
    }

    /// One URL, as often as it takes.
    fn fetch(&self, item: &Item, mut output: Option<&mut Sink>, deadline: Deadline) -> u8 {
        let request = match &item.request {
            Ok(request) => request,
            Err(why) => {
                self.say(Voice::Errors, &format!("wget: {why}"), deadline);
                return GENERIC;
            }
        };
        if output.is_none() && self.existing == Existing::Kept && item.file.exists() {
            return 0;
        }
        let mut tries = 0;
        let mut method = request.method.clone();
        loop {
            let mut own = Sink::new(&Place::File(self.name(&item.file)));
            let folder = item.file.parent().filter(|_| output.is_none());
            let sink = output.as_deref_mut().unwrap_or(&mut own);
            let request = Request { method: method.clone(), ..request.clone() };
            let Err(ended) = self.attempt(request, sink, folder, deadline) else { return 0 };
            tries += 1;
            // As there: a server that cannot answer HEAD is asked with GET.
            if self.reads == Reads::Heads && method == Method::HEAD && ended.again && ended.code == SERVER {
                method = Method::GET;
                continue;
            }
            self.say(Voice::Errors, &format!("wget: {}", ended.why), deadline);
            let pause = self.tries.pause(tries);
            let again = ended.again && ended.code != SERVER && tries < self.tries.most;
            if !again || deadline.remaining() <= pause {
                return ended.code;
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
        request: Request,
        sink: &mut Sink,
        folder: Option<&Path>,
        deadline: Deadline,
    ) -> Result<(), Ended> {
        let deadline = self.timeout.map_or(deadline, |timeout| deadline.at_most(timeout));
        let course = Course { route: &self.route, redirects: self.redirects, keep: Keep::Nothing, deadline };
        let is_head = request.method == Method::HEAD;
        let mut judge = |heard: &Heard<'_>| {
            let body = self.judge(heard, is_head, deadline);
            if let (Body::Written, Some(folder)) = (body, folder) {
                // Whether that worked is seen when the file is made.
                let _ = fs::create_dir_all(folder);
            }
            Ok(body)
        };
        transfer(request, course, sink, &mut Progress::new(), &mut judge)
            .and_then(|status| if is_good(status) { Ok(()) } else { Err(Setback::Refused(status)) })
            .map_err(|setback| self.ended(setback))
    }

    /// Tells the head where it is wanted, and says what becomes of the body.
    fn judge(&self, heard: &Heard<'_>, is_head: bool, deadline: Deadline) -> Body {
        let head = String::from_utf8_lossy(heard.head);
        let line = head.lines().rev().find(|line| line.starts_with("HTTP/")).unwrap_or_default();
        let status = line.split_once(' ').map_or("", |(_, status)| status);
        self.say(Voice::Statuses, &format!("HTTP request sent, awaiting response... {status}"), deadline);
        if self.heads == Heads::Told {
            for line in head.lines().filter(|line| !line.is_empty()) {
                complain(&format!("  {line}"), deadline);
            }
        }
        let wanted = is_good(heard.status) && heard.status != 204 || self.errors == Errors::Written;
        if wanted && !heard.followed && !is_head && self.reads == Reads::Bodies {
            Body::Written
        } else {
            Body::Left
        }
    }

    /// Its code for a setback, and the words for it.
    fn ended(&self, setback: Setback) -> Ended {
        match setback {
            Setback::Failed(failure, _) => self.failed(&failure),
            Setback::Misled(why) => Ended { code: GENERIC, why, again: false },
            Setback::TooMany(most) => {
                Ended { code: SERVER, why: format!("{most} redirects exceeded"), again: false }
            }
            Setback::Refused(status) => {
                let code = if status == 401 { DENIED } else { SERVER };
                let why = format!("server returned error: {status}");
                Ended { code, why, again: matches!(status, 500 | 501) }
            }
            Setback::Lost(Lost::TimedOut) => {
                Ended { code: FILE, why: "timed out writing the body".into(), again: false }
            }
            Setback::Lost(lost) => Ended { code: FILE, why: told(&lost), again: false },
        }
    }

    /// Its code for a failure, and whether that passes by itself.
    fn failed(&self, failure: &Failure) -> Ended {
        let (code, again) = match (failure.phase, failure.cause) {
            (Phase::Tls, Cause::TimedOut) => (NETWORK, true),
            (Phase::Tls, Cause::Certificate | Cause::Broken) => (TLS, false),
            (Phase::Tls, _) => (NETWORK, false),
            (Phase::Resolve, cause) => (NETWORK, cause == Cause::TimedOut),
            (Phase::Connect, Cause::Unreachable) => (NETWORK, self.tries.refused == Refused::TriedAgain),
            (_, Cause::Protocol) => (PROTOCOL, false),
            (_, Cause::Broken) => (GENERIC, false),
            _ => (NETWORK, true),
        };
        let why = failure.reason.replace("--insecure", "--no-check-certificate");
        Ended { code, why: why.replace("--cacert", "--ca-certificate"), again }
    }
}

/// Whether `status` is a success.
fn is_good(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Why something was lost, in words.
fn told(lost: &Lost) -> String {
    match lost {
        Lost::TimedOut => "timed out writing".into(),
        Lost::Refused(why) => why.clone(),
    }
}
