//! curl, by the options of our own.

use std::ffi::OsString;

use crate::compat::curl::flags::FLAGS;
use crate::compat::long_options::{self, LongOptions, ParsedArg};

use super::{Call, known};
use crate::translate::notation::plain;
use crate::translate::semantics::{
    Check, Exit, Flag, HeadLines, Limit, Output, Refusal, Semantics, Statuses,
};

/// What was said so far.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Request {
    urls: Vec<String>,
    check: Check,
    fails: bool,
    follows: bool,
    head: bool,
    include: bool,
    get: bool,
    data: Vec<String>,
    method: Option<String>,
    output: Option<String>,
    write_out: Option<String>,
}

/// What a curl asks.
pub(super) fn ask(call: &Call) -> Result<Semantics, Refusal> {
    let args: Vec<OsString> = call.args.iter().map(Into::into).collect();
    let mut request = Request::default();
    for given in long_options::parse(FLAGS, LongOptions::Curl, args).map_err(|why| format!("curl: {why}"))? {
        match given {
            ParsedArg::Operand(url) => request.urls.push(url),
            ParsedArg::Switch { name, on } => request.switch(name, on)?,
            ParsedArg::Value { name, shown, value } => request.value(name, &shown, value)?,
        }
    }
    request.into_asked(call)
}

impl Request {
    /// Takes a switch.
    fn switch(&mut self, name: &str, on: bool) -> Result<(), Refusal> {
        match name {
            "fail" | "fail-with-body" => self.fails = on,
            "location" => self.follows = on,
            "head" => self.head = on,
            "include" => self.include = on,
            "get" => self.get = on,
            "insecure" if on => self.check.flags.push(Flag("--insecure", None)),
            "ipv4" => self.check.flags.push(Flag("-4", None)),
            "ipv6" => self.check.flags.push(Flag("-6", None)),
            "remote-name" => self.note("no file is written"),
            "version" | "help" => return Err(Refusal::new("curl prints a text of its own and asks nothing")),
            _ => {}
        }
        Ok(())
    }

    /// Adds a difference.
    fn note(&mut self, note: &str) {
        self.check = std::mem::take(&mut self.check).note(note);
    }

    /// Adds an option of ours.
    fn flag(&mut self, name: &'static str, value: impl Into<String>) {
        self.check.flags.push(Flag(name, Some(value.into())));
    }

    /// Takes an option with its value.
    fn value(&mut self, name: &str, shown: &str, value: String) -> Result<(), Refusal> {
        match name {
            "url" => self.urls.push(value),
            "output" => {
                if !matches!(value.as_str(), "/dev/null" | "-" | "/dev/stdout" | "/dev/stderr") {
                    self.note("no file is written");
                }
                self.output = Some(value);
            }
            "dump-header" => return Err(Refusal::new("curl -D writes the headers elsewhere")),
            "write-out" => self.write_out = Some(value),
            "max-time" => self.check.limit = Limit::seconds(&value)?.min(self.check.limit.clone()),
            "header" => self.header(&value)?,
            "user-agent" => self.flag("--user-agent", value),
            "user" => {
                let value = if value.contains(':') { value } else { format!("{value}:") };
                self.flag("--user", value);
            }
            "oauth2-bearer" => self.flag("--header", format!("Authorization: Bearer {value}")),
            "referer" => self.flag("--header", format!("Referer: {value}")),
            "cookie" if value.contains('=') => self.flag("--header", format!("Cookie: {value}")),
            "cookie" => return Err(Refusal::new("curl -b reads a file of cookies")),
            "range" => self.flag("--header", format!("Range: bytes={value}")),
            "data-raw" | "data-binary" if value.starts_with('@') => {
                return Err(Refusal::with(
                    format!("curl {shown} @FILE sends that file unchanged"),
                    "sexton check --data @FILE URL",
                ));
            }
            "data" | "data-ascii" | "data-raw" | "data-binary" => self.data.push(value),
            "json" => {
                self.flag("--header", "Content-Type: application/json");
                self.flag("--header", "Accept: application/json");
                self.data.push(value);
            }
            "request" => self.method = Some(value),
            "proxy" if !value.is_empty() => {
                let value = if value.contains("://") { value } else { format!("http://{value}") };
                self.flag("--proxy", value);
            }
            "unix-socket" => self.flag("--unix-socket", value),
            "abstract-unix-socket" => self.flag("--unix-socket", format!("@{value}")),
            "cacert" => self.flag("--cacert", value),
            "cert" => self.flag("--cert", value),
            "key" => self.flag("--key", value),
            "retry" if value != "0" => {
                self.note("there is one attempt, without --retry: the runtime's own retries are for that");
            }
            "resolve" => {
                return Err(Refusal::with(
                    "curl --resolve names the address of a host",
                    "sexton check --header 'Host: NAME' http://ADDRESS/",
                ));
            }
            // Pauses between attempts, and what changes how bytes travel.
            "retry" | "retry-delay" | "retry-max-time" | "connect-timeout" | "max-redirs" | "noproxy"
            | "keepalive-time" | "proxy" => {}
            _ => return Err(Refusal::new(format!("curl {shown} is not known here"))),
        }
        Ok(())
    }

    /// Takes a header.
    fn header(&mut self, value: &str) -> Result<(), Refusal> {
        let is_taken_away = value.trim_end().ends_with([':', ';']);
        if is_taken_away || value.starts_with('@') {
            return Err(Refusal::new("curl -H takes a header away, or reads a file of them"));
        }
        self.flag("--header", value);
        Ok(())
    }

    /// The check of it all.
    fn into_asked(mut self, call: &Call) -> Result<Semantics, Refusal> {
        let url = self.url()?;
        if !self.data.is_empty() {
            let data = self.data.join("&");
            self.flag("--data", data);
        }
        match self.method.take() {
            Some(method) if method == "GET" && !self.head => {}
            Some(method) => self.flag("--method", method),
            None if self.head => self.flag("--method", "HEAD"),
            None => {}
        }
        if self.follows {
            self.check.flags.push(Flag("--follow", None));
        }
        let names_authority = self.check.flags.iter().any(|flag| matches!(flag.0, "--insecure" | "--cacert"));
        if url.starts_with("https:") && !names_authority {
            self.note(
                "the bundled public authorities are trusted, not the image's: --cacert FILE names others",
            );
        }
        self.check.target = url;
        let good = if self.fails { Statuses::range(200..=399) } else { Statuses::any() };
        let output = self.output(call, &good)?;
        Ok(Semantics { check: self.check, exit: Exit::Http(good), output })
    }

    /// The one URL.
    fn url(&mut self) -> Result<String, Refusal> {
        let [url] = self.urls.as_slice() else {
            return Err(Refusal::with(
                format!("curl with {} URLs", self.urls.len()),
                "sexton check URL... for all, or --any for one",
            ));
        };
        let mut url = url.clone();
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            None => url = format!("http://{url}"),
            Some("http" | "https") => {}
            Some("telnet") => {
                return Err(Refusal::with("curl telnet:// stays connected", "sexton check tcp://HOST:PORT"));
            }
            Some(other) => return Err(Refusal::new(format!("curl speaks {other} here"))),
        }
        // A fragment is never sent, and holds options of ours.
        url.truncate(url.find('#').unwrap_or(url.len()));
        if plain(&url).is_some_and(|url| url.contains(['{', '}', '[', ' '])) && !url.contains("://[") {
            return Err(Refusal::new("the URL stands for several"));
        }
        if self.get && !self.data.is_empty() {
            let joint = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{joint}{}", self.data.join("&"));
            self.data.clear();
        }
        Ok(url)
    }

    /// What it writes.
    fn output(&self, call: &Call, good: &Statuses) -> Result<Output, Refusal> {
        let is_hidden = matches!(self.output.as_deref(), Some(file) if !matches!(file, "-" | "/dev/stdout"));
        if let Some(format) = &self.write_out {
            let format = known(format, "the format of -w")?.replace("\\n", "");
            let is_code = matches!(format.trim(), "%{http_code}" | "%{response_code}");
            return Ok(if is_code && is_hidden { Output::Code } else { Output::Unknown });
        }
        Ok(match (is_hidden, self.head || self.include) {
            // Errors among it are no part of what is looked for.
            (true, _) if call.merged => Output::Unknown,
            (true, _) => Output::Nothing,
            (_, true) => Output::Head(HeadLines::All, good.clone()),
            _ => Output::Body(good.clone()),
        })
    }
}
