//! `python -c`: the ways to ask for one URL or one port that people write.

use super::code::squeezed;
use super::{Call, known};
use crate::regex::{self, Case};
use crate::translate::notation::escaped;
use crate::translate::semantics::{Check, Exit, Flag, Limit, Output, Refusal, Semantics, Statuses};
use crate::translate::sockets;

/// Its imports.
const IMPORTS: &str = r"(?:(?:import[a-z.,]+|from[a-z.]+import[a-zA-Z.,]+);)*";

/// A request by urllib, which takes nothing but 2xx for success; its URL and limit.
const URLLIB: &str =
    r#"(?:[a-z]+\.)*urlopen\((?:url=)?"(?P<url>[^"]+)"(?:,(?:timeout=)?(?P<limit>[0-9.]+))?\)"#;

/// A request by requests, which takes any response for success.
const REQUESTS: &str =
    r#"(?:requests|httpx)\.(?P<method>get|head)\("(?P<url>[^"]+)"(?:,timeout=(?P<limit>[0-9.]+))?\)"#;

/// What is done with a response that has its status in one of these; `W` stands for the request.
const STATUS_USES: &[&str] = &[
    r"(?:sys\.)?exit\(0ifW\.(?:getcode\(\)|status|code|status_code)==(?P<status>[0-9]{3})else1\)",
    r"exit\(0\)ifW\.(?:getcode\(\)|status|code|status_code)==(?P<status>[0-9]{3})elseexit\(1\)",
    r"(?:sys\.)?exit\(W\.(?:getcode\(\)|status|code|status_code)!=(?P<status>[0-9]{3})\)",
    r"assertW\.(?:getcode\(\)|status|code|status_code)==(?P<status>[0-9]{3})",
    r"[a-z]+=W;(?:sys\.)?exit\(0if[a-z]+\.(?:getcode\(\)|status|code|status_code)==(?P<status>[0-9]{3})else1\)",
    r"[a-z]+=W;(?:sys\.)?exit\([a-z]+\.(?:getcode\(\)|status|code|status_code)!=(?P<status>[0-9]{3})\)",
    r"[a-z]+=W;assert[a-z]+\.(?:getcode\(\)|status|code|status_code)==(?P<status>[0-9]{3})",
];

/// The same where no status is named.
const PLAIN_USES: &[&str] =
    &[r"W(?:\.read\(\)|\.close\(\))?", r"(?:sys\.)?exit\(0ifWelse1\)", r"[a-z]+=W(?:;[a-z]+\.read\(\))?"];

/// The same where the response says whether it is an error.
const CHECKED_USES: &[(&str, bool)] = &[
    (r"W\.raise_for_status\(\)", true),
    (r"[a-z]+=W;[a-z]+\.raise_for_status\(\)", true),
    (r"(?:sys\.)?exit\(0ifW\.okelse1\)", true),
    (r"(?:sys\.)?exit\(notW\.ok\)", true),
    (r"assertW\.ok", true),
];

/// A connection.
const CONNECTIONS: &[&str] = &[
    r#"(?:[a-z]+=)?(?:socket\.)?create_connection\(\("(?P<host>[^"]+)",(?P<port>[0-9]+)\)(?:,(?:timeout=)?(?P<limit>[0-9.]+))?\)(?:\.close\(\))?"#,
    r#"socket\.socket\([A-Za-z_.,]*\)\.connect\(\("(?P<host>[^"]+)",(?P<port>[0-9]+)\)\)"#,
    r#"[a-z]+=socket\.socket\([A-Za-z_.,]*\);(?:[a-z]+\.settimeout\((?P<limit>[0-9.]+)\);)?[a-z]+\.connect\(\("(?P<host>[^"]+)",(?P<port>[0-9]+)\)\)(?:;[a-z]+\.close\(\))?"#,
];

/// What a python asks.
pub(super) fn ask(call: &Call) -> Result<Semantics, Refusal> {
    let code = match call.args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["-c", code, ..] => known(code, "a part of the code")?,
        _ => return Err(Refusal::with("a script of its own", "sexton check http://127.0.0.1:PORT/PATH")),
    };
    let code = squeezed(&code, Some(';'));
    for pattern in CONNECTIONS {
        if let Some(found) = captures(pattern, &code)? {
            let target = sockets::tcp(&escaped(&found.get("host")), &found.get("port"));
            return Ok(Semantics::by_exit(Check::of(target).limit(found.limit()?)));
        }
    }
    for (request, library) in [(URLLIB, Library::Urllib), (REQUESTS, Library::Requests)] {
        for pattern in STATUS_USES {
            if let Some(found) = captures(&pattern.replace('W', request), &code)? {
                let status = found.get("status").parse().unwrap_or(200);
                return found.semantics(library, Statuses::range(status..=status));
            }
        }
        for pattern in PLAIN_USES {
            if let Some(found) = captures(&pattern.replace('W', request), &code)? {
                let any =
                    if library == Library::Urllib { Statuses::range(200..=299) } else { Statuses::any() };
                return found.semantics(library, any);
            }
        }
        for (pattern, _) in CHECKED_USES.iter().filter(|_| library == Library::Requests) {
            if let Some(found) = captures(&pattern.replace('W', request), &code)? {
                return found.semantics(library, Statuses::range(200..=399));
            }
        }
    }
    Err(Refusal::with("Python code that is not a plain request", "sexton check http://127.0.0.1:PORT/PATH"))
}

/// Whose rules hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Library {
    Urllib,
    Requests,
}

/// What a pattern found.
struct Found(Vec<(&'static str, String)>);

impl Found {
    /// A group by its name; empty where it is not there.
    fn get(&self, name: &str) -> String {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone()).unwrap_or_default()
    }

    /// The limit.
    fn limit(&self) -> Result<Limit, Refusal> {
        match self.get("limit").as_str() {
            "" => Ok(Limit::None),
            text => Limit::seconds(text),
        }
    }

    /// The request, which succeeds with `statuses`.
    fn semantics(&self, library: Library, statuses: Statuses) -> Result<Semantics, Refusal> {
        let statuses = match library {
            // Any other is an exception before the status is looked at.
            Library::Urllib => statuses.and(&Statuses::range(200..=299)),
            Library::Requests => statuses,
        };
        let mut check = Check::of(escaped(&self.get("url"))).limit(self.limit()?);
        if self.get("method") == "head" {
            check = check.flag("--method", "HEAD");
        } else {
            check.flags.push(Flag("--follow", None));
        }
        Ok(Semantics { check, exit: Exit::Http(statuses), output: Output::Unknown })
    }
}

/// What `pattern` finds, where it is all of `code`.
fn captures(pattern: &str, code: &str) -> Result<Option<Found>, Refusal> {
    let regex = regex::compile(&format!("^{IMPORTS}{pattern};?$"), Case::Sensitive)?;
    let Some(found) = regex.captures(code) else { return Ok(None) };
    let groups = ["url", "limit", "status", "method", "host", "port"];
    let groups =
        groups.into_iter().filter_map(|name| Some((name, found.name(name)?.as_str().to_owned()))).collect();
    Ok(Some(Found(groups)))
}
