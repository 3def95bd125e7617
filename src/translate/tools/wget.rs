//! wget, GNU's and busybox's, by the options of our own.

use std::ffi::OsString;

use crate::compat::long_options::{self, LongOptions, ParsedArg};
use crate::compat::wget::FLAGS;

use super::Call;
use crate::translate::semantics::{
    Check, Exit, Flag, HeadLines, Limit, Output, Refusal, Semantics, Statuses,
};

/// What was said so far.
#[derive(Default)]
struct Request {
    check: Check,
    urls: Vec<String>,
    spider: bool,
    heads: bool,
    stays: bool,
    document: Option<String>,
    method: Option<String>,
    user: Option<String>,
    password: Option<String>,
    tries: Option<String>,
    timeout: Limit,
}

/// What a wget asks.
pub(super) fn ask(call: &Call) -> Result<Semantics, Refusal> {
    let args: Vec<OsString> = call.args.iter().map(Into::into).collect();
    let mut request = Request::default();
    for given in long_options::parse(FLAGS, LongOptions::Gnu, args).map_err(|why| format!("wget: {why}"))? {
        match given {
            ParsedArg::Operand(url) => request.urls.push(url),
            ParsedArg::Switch { name, .. } => request.switch(name)?,
            ParsedArg::Value { name, shown, value } => request.value(name, &shown, value)?,
        }
    }
    request.into_asked(call)
}

impl Request {
    /// Takes a switch.
    fn switch(&mut self, name: &str) -> Result<(), Refusal> {
        match name {
            "spider" => self.spider = true,
            "server-response" => self.heads = true,
            "no-check-certificate" => self.check.flags.push(Flag("--insecure", None)),
            "inet4-only" => self.check.flags.push(Flag("-4", None)),
            "inet6-only" => self.check.flags.push(Flag("-6", None)),
            "version" | "help" => return Err(Refusal::new("wget prints a text of its own and asks nothing")),
            "content-on-error" => return Err(Refusal::new("wget --content-on-error is not known here")),
            _ => {}
        }
        Ok(())
    }

    /// Takes an option with its value.
    fn value(&mut self, name: &str, shown: &str, value: String) -> Result<(), Refusal> {
        let mut flag = |name, value| self.check.flags.push(Flag(name, Some(value)));
        match name {
            "header" => flag("--header", value),
            "referer" => flag("--header", format!("Referer: {value}")),
            "user-agent" => flag("--user-agent", value),
            "body-data" | "post-data" => flag("--data", value),
            "body-file" | "post-file" => flag("--data", format!("@{value}")),
            "ca-certificate" => flag("--cacert", value),
            "certificate" => flag("--cert", value),
            "private-key" => flag("--key", value),
            "output-document" => self.document = Some(value),
            "tries" => self.tries = Some(value),
            "timeout" | "read-timeout" => self.timeout = Limit::seconds(&value)?,
            "user" | "http-user" => self.user = Some(value),
            "password" | "http-password" => self.password = Some(value),
            "method" => self.method = Some(value.to_ascii_uppercase()),
            "max-redirect" => self.stays = value == "0",
            "n" | "output-file" | "directory-prefix" | "waitretry" | "connect-timeout" | "dns-timeout"
            | "proxy" | "progress" | "compression" | "secure-protocol" => {}
            _ => return Err(Refusal::new(format!("wget {shown} is not known here"))),
        }
        Ok(())
    }

    /// The check of it all.
    fn into_asked(self, call: &Call) -> Result<Semantics, Refusal> {
        let [url] = self.urls.as_slice() else {
            return Err(Refusal::with(
                format!("wget with {} URLs", self.urls.len()),
                "sexton check URL... for all, or --any for one",
            ));
        };
        let url = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        let url = url.split('#').next().unwrap_or_default().to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Refusal::new("wget speaks another protocol than HTTP here"));
        }
        let mut check = self.check;
        if let Some(user) = self.user {
            check = check.flag("--user", format!("{user}:{}", self.password.unwrap_or_default()));
        }
        match self.method {
            Some(method) if method != "GET" => check = check.flag("--method", method),
            None if self.spider => check = check.flag("--method", "HEAD"),
            _ => {}
        }
        if !self.stays {
            check.flags.push(Flag("--follow", None));
        }
        let names_authority = check.flags.iter().any(|flag| matches!(flag.0, "--insecure" | "--cacert"));
        if url.starts_with("https:") && !names_authority {
            check = check.note(
                "the bundled public authorities are trusted, not the image's: --cacert FILE names others",
            );
        }
        check.limit = total(self.timeout, self.tries.as_deref());
        let is_shown = matches!(self.document.as_deref(), Some("-" | "/dev/stdout"));
        if !self.spider && !is_shown && self.document.as_deref() != Some("/dev/null") {
            check = check.note("no file is written");
        }
        check.target = url;
        let good = Statuses::range(200..=299);
        let output = match (is_shown && !self.spider, self.heads && call.merged) {
            (_, true) => Output::Head(HeadLines::All, good.clone()),
            (true, false) => Output::Body(good.clone()),
            _ if call.merged => Output::Unknown,
            _ => Output::Nothing,
        };
        Ok(Semantics { check, exit: Exit::Http(good), output })
    }
}

/// The limit of all tries together.
fn total(timeout: Limit, tries: Option<&str>) -> Limit {
    let tries = tries.and_then(|tries| tries.parse::<u32>().ok()).filter(|tries| (2..=20).contains(tries));
    match (timeout, tries) {
        (Limit::Length(length), Some(tries)) => Limit::Length(length.saturating_mul(tries)),
        (limit, _) => limit,
    }
}
