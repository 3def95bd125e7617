//! Running a command line of curl: its retries, its messages, its exit codes (<https://curl.se/docs/manpage.html#EXIT>).

use std::thread;

use crate::deadline::Deadline;
use crate::exit::ExitStatus;
use crate::http::{Method, Route};
use crate::outcome::{Cause, Failure, Phase};

use crate::compat::RunResult;
use crate::compat::curl::options::{self, AfterFailure, CurlArgs, Fail, ResponseHeaders, Verbosity};
use crate::compat::curl::request::{self, Template, Transfer};
use crate::compat::curl::write_out::{self, Attempt, Finished};
use crate::compat::transfer::exchange::{
    BodyAction, RedirectMethod, Redirects, ResponseHead, TransferError, TransferInfo, TransferOptions,
    run_transfer,
};
use crate::compat::transfer::output::{Destination, Output, WriteError};
use crate::compat::transfer::{TransferTool, stderr_line};

use super::UsageError;

/// One command line of curl.
#[derive(Debug)]
pub(crate) struct Curl {
    /// What was asked for.
    pub(crate) args: CurlArgs,
}

/// The transfers, once the files that options name have been read.
struct Session<'a> {
    args: &'a CurlArgs,
    transfers: Vec<Transfer>,
    route: Route,
    write_out: Option<String>,
    verbosity: Verbosity,
}

impl TransferTool for Curl {
    fn timeout_report(&self) -> (String, ExitStatus) {
        let line = match self.verbosity() {
            Verbosity::Silent => "",
            Verbosity::Errors | Verbosity::Verbose => "curl: (28) timed out",
        };
        (line.into(), ExitStatus::Code(28))
    }

    fn write_error_exit(&self) -> ExitStatus {
        ExitStatus::Code(23)
    }

    fn touches_files(&self) -> bool {
        self.args.route.names_files()
            || self.args.file_option().is_some()
            || self.args.urls.iter().any(|url| request::is_looked_up(url))
    }

    fn forbid_files(&mut self) -> Result<(), String> {
        self.args.file_option().map_or(Ok(()), |option| Err(format!("curl {option}")))
    }

    /// Runs the transfers in their order; the last one decides.
    fn run(&self, deadline: Deadline) -> RunResult {
        let session = match self.prepare() {
            Ok(session) => session,
            Err((code, why)) => {
                let line = format!("curl: {why}");
                stderr_line(&line, deadline);
                return RunResult::failed(code, &line);
            }
        };
        let mut last = RunResult::success();
        for transfer in &session.transfers {
            last = session.fetch(transfer, deadline);
            if last.exit.code() != 0 && self.args.after_failure == AfterFailure::Stop {
                break;
            }
        }
        last
    }
}

impl Curl {
    /// What is said on stderr.
    fn verbosity(&self) -> Verbosity {
        options::verbosity(self.args.silent, self.args.show_error, self.args.verbose)
    }

    /// Reads the files that options name, and builds the requests.
    fn prepare(&self) -> Result<Session<'_>, UsageError> {
        let args = &self.args;
        let template = Template::new(args)?;
        let mut destinations = args.destinations.iter();
        let mut transfers = Vec::new();
        for given in &args.urls {
            let request = template.of(given);
            let destination = match destinations.next() {
                None => Destination::Stdout,
                Some(Some(destination)) => destination.clone(),
                Some(None) => request::remote_name(given)?,
            };
            transfers.push(Transfer { request, given: given.clone(), destination });
        }
        let mut route = args.route.clone();
        if request::without_proxy(&transfers, &args.proxy_never_for) {
            route.proxy = None;
        }
        let write_out = args.write_out.clone().map(options::format).transpose()?;
        Ok(Session { args, transfers, route, write_out, verbosity: self.verbosity() })
    }
}

impl Session<'_> {
    /// One URL, as often as it takes.
    fn fetch(&self, transfer: &Transfer, deadline: Deadline) -> RunResult {
        let mut tries = 0;
        loop {
            let mut output = Output::new(&transfer.destination);
            let mut info = TransferInfo::new();
            let attempt = self.attempt(transfer, deadline, &mut output, &mut info);
            tries += 1;
            let pause = self.args.retry.pause(tries);
            let again = tries <= self.args.retry.times && self.args.retry.is_for(attempt.code, info.status);
            let out_of_time = again && deadline.remaining() <= pause;
            if attempt.code != 0 && self.verbosity != Verbosity::Silent {
                stderr_line(&format!("curl: ({}) {}", attempt.code, attempt.why), deadline);
            }
            if again && !out_of_time {
                thread::sleep(pause);
                continue;
            }
            if let Some(format) = &self.write_out {
                write_out::write(
                    format,
                    &Finished { transfer, attempt: &attempt, output: &output, info: &info },
                    deadline,
                );
            }
            let reason = format!("curl: ({}) {}", attempt.code, attempt.why);
            let result = match attempt.code {
                0 => RunResult::success(),
                code => RunResult::failed(code, &reason),
            };
            return RunResult { out_of_time, ..result };
        }
    }

    /// One try.
    fn attempt(
        &self,
        transfer: &Transfer,
        deadline: Deadline,
        output: &mut Output,
        info: &mut TransferInfo,
    ) -> Attempt {
        let request = match &transfer.request {
            Ok(request) => request.clone(),
            Err((code, why)) => return Attempt { code: *code, why: why.clone() },
        };
        if self.verbosity == Verbosity::Verbose {
            info.trace.steps = Some(Vec::new());
        }
        let deadline = self.args.max_time.map_or(deadline, |timeout| deadline.at_most(timeout));
        let is_head = request.method == Method::HEAD;
        let options = TransferOptions {
            route: &self.route,
            redirects: if self.args.follow { self.args.redirects } else { Redirects::Return },
            redirect_method: if self.args.method.is_some() {
                RedirectMethod::Keep
            } else {
                RedirectMethod::Standard
            },
            deadline,
        };
        let mut heads = Output::new(&transfer.destination);
        let mut on_head = |response: &ResponseHead<'_>| self.on_head(response, is_head, &mut heads, deadline);
        let done = run_transfer(request, options, output, info, &mut on_head);
        for step in info.trace.steps.iter().flatten() {
            stderr_line(&format!("* {step}"), deadline);
        }
        match done {
            Ok(_) => Attempt { code: 0, why: String::new() },
            Err(error) => self.failed_attempt(error),
        }
    }

    /// Writes the head where it is wanted, and says what becomes of the body.
    fn on_head(
        &self,
        response: &ResponseHead<'_>,
        is_head: bool,
        heads: &mut Output,
        deadline: Deadline,
    ) -> Result<BodyAction, TransferError> {
        if self.verbosity == Verbosity::Verbose {
            for line in String::from_utf8_lossy(response.head).lines() {
                stderr_line(&format!("< {line}"), deadline);
            }
        }
        if let Some(destination) = &self.args.dump {
            Output::new(destination).write(response.head, deadline).map_err(TransferError::WriteFailed)?;
        }
        if self.args.heads == ResponseHeaders::Shown {
            heads.write(response.head, deadline).map_err(TransferError::WriteFailed)?;
        }
        match self.args.fail {
            Fail::WithoutBody if response.status >= 400 => Err(TransferError::ErrorStatus(response.status)),
            _ if response.is_followed || is_head => Ok(BodyAction::Skip),
            Fail::WithBody if response.status >= 400 => Ok(BodyAction::WriteThenFail),
            _ => Ok(BodyAction::Write),
        }
    }

    /// curl's code for a error, and the args for it.
    fn failed_attempt(&self, error: TransferError) -> Attempt {
        let (code, why) = match error {
            TransferError::Failed(failure, received) => (self.code(&failure, received), failure.reason),
            TransferError::BadRedirect(why) => (1, why),
            TransferError::TooManyRedirects(most) => (47, format!("maximum ({most}) redirects followed")),
            TransferError::ErrorStatus(status) => (22, format!("the requested URL returned error: {status}")),
            TransferError::WriteFailed(WriteError::TimedOut) => (28, "timed out writing the body".into()),
            TransferError::WriteFailed(WriteError::Refused(why)) => {
                (23, format!("failed writing the body: {why}"))
            }
        };
        Attempt { code, why }
    }

    /// Its code for a failure after `received` bytes of an answer.
    fn code(&self, failure: &Failure, received: u64) -> u8 {
        match (failure.phase, failure.cause) {
            (_, Cause::TimedOut) => 28,
            (Phase::Resolve, _) if self.route.proxy.is_some() => 5,
            (Phase::Resolve, _) => 6,
            // What a proxy says to CONNECT.
            (
                Phase::Connect,
                Cause::Denied | Cause::Forbidden | Cause::Closed | Cause::Reset | Cause::Protocol,
            ) if self.route.proxy.is_some() => 56,
            (Phase::Connect, _) => 7,
            (Phase::Tls, Cause::Certificate) => 60,
            (Phase::Tls, Cause::CaFile) => 77,
            (Phase::Tls, Cause::ClientCertificate) => 58,
            (Phase::Tls, _) => 35,
            (Phase::Request, Cause::Broken) => 2,
            (Phase::Request, _) => 55,
            (Phase::Response, Cause::Closed) if received == 0 => 52,
            (Phase::Response, Cause::Protocol) => 1,
            (Phase::Body, Cause::Closed) => 18,
            _ => 56,
        }
    }
}
