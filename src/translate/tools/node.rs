//! `node -e`: the ways to ask for one URL that people write.

use super::code::squeezed;
use super::{Call, known};
use crate::regex::{self, Case};
use crate::translate::notation::escaped;
use crate::translate::semantics::{Check, Exit, Flag, Output, Refusal, Semantics, Statuses};

/// A request by http.get up to the name of its response; redirects are not followed.
const GET: &str = r#"(?:(?:const|var|let)?http=require\("(?:node:)?https?"\);)?(?:require\("(?:node:)?https?"\)|https?)\.get\("(?P<url>[^"]+)",\(?(?P<r>[a-z]+)\)?=>"#;

/// What is done when no response comes: nothing, which is an exception, or a failure.
const ON_ERROR: &str = r#"(?:\.on\("error",(?:\(?[a-z]*\)?=>\{?(?:console\.[a-z]+\([^)]*\);)?process\.exit\(1\);?\}?|process\.exit\.bind\(process,1\))\))?"#;

/// What is done with the response; `R` is its name.
const USES: &[&str] = &[
    r"\{?process\.exit\(R\.statusCode===?(?P<status>[0-9]{3})\?0:1\);?\}?\)",
    r"\{?process\.exit\(R\.statusCode!==?(?P<status>[0-9]{3})\);?\}?\)",
    r"\{if\(R\.statusCode===?(?P<status>[0-9]{3})\)\{?process\.exit\(0\);?\}?else\{?process\.exit\(1\);?\}?\}\)",
    r"\{if\(R\.statusCode===?(?P<status>[0-9]{3})\)\{?process\.exit\(0\);?\}?process\.exit\(1\);?\}\)",
    r"\{if\(R\.statusCode!==?(?P<status>[0-9]{3})\)\{?(?:throwError\([^)]*\)|thrownewError\([^)]*\)|process\.exit\(1\));?\}?\}\)",
    r"R\.statusCode===?(?P<status>[0-9]{3})\?process\.exit\(0\):process\.exit\(1\)\)",
    r"\{?process\.exit\(R\.statusCode<(?P<below>[0-9]{3})\?0:1\);?\}?\)",
    r"\{?process\.exit\(R\.statusCode>=200&&R\.statusCode<(?P<below>[0-9]{3})\?0:1\);?\}?\)",
    r"\{?process\.exit\(0\);?\}?\)",
];

/// A request by fetch, which follows redirects.
const FETCH: &[&str] = &[
    r#"fetch\("(?P<url>[^"]+)"\)\.then\(\(?(?P<r>[a-z]+)\)?=>\{?process\.exit\([a-z]+\.ok\?0:1\);?\}?\)(?:\.catch\(\(?[a-z_]*\)?=>\{?process\.exit\(1\);?\}?\))?"#,
    r#"fetch\("(?P<url>[^"]+)"\)\.then\(\(?(?P<r>[a-z]+)\)?=>\{?process\.exit\([a-z]+\.status===?(?P<status>[0-9]{3})\?0:1\);?\}?\)(?:\.catch\(\(?[a-z_]*\)?=>\{?process\.exit\(1\);?\}?\))?"#,
    r#"fetch\("(?P<url>[^"]+)"\)\.then\(\(?(?P<r>[a-z]+)\)?=>\{if\(![a-z]+\.ok\)\{?(?:thrownewError\([^)]*\)|thrownewError|process\.exit\(1\));?\}?\}\)(?:\.catch\(\(?[a-z_]*\)?=>\{?process\.exit\(1\);?\}?\))?"#,
    r#"fetch\("(?P<url>[^"]+)"\)\.catch\(\(?[a-z_]*\)?=>\{?process\.exit\(1\);?\}?\)"#,
    r#"fetch\("(?P<url>[^"]+)"\)\.then\(\(?(?P<r>[a-z]+)\)?=>\{if\([a-z]+\.status!==?(?P<status>[0-9]{3})\)\{?(?:thrownewError\([^)]*\)|thrownewError|process\.exit\(1\));?\}?\}\)(?:\.catch\(\(?[a-z_]*\)?=>\{?process\.exit\(1\);?\}?\))?"#,
];

/// What a node asks.
pub(super) fn ask(call: &Call) -> Result<Semantics, Refusal> {
    let code = match call.args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["-e" | "--eval", code, ..] => known(code, "a part of the code")?,
        _ => return Err(Refusal::with("a script of its own", "sexton check http://127.0.0.1:PORT/PATH")),
    };
    let code = arrows(&squeezed(&code, None));
    for (index, pattern) in FETCH.iter().enumerate() {
        if let Some((url, status, _)) = found(pattern, &code)? {
            let statuses = match (status, index) {
                (Some(status), _) => Statuses::range(status..=status),
                (None, 3) => Statuses::any(),
                (None, _) => Statuses::range(200..=299),
            };
            let mut check = Check::of(escaped(&url)).note(
                "verdict gets stricter: node exits with 0 when fetch gets no response before the connection ends",
            );
            check.flags.push(Flag("--follow", None));
            return Ok(Semantics { check, exit: Exit::Http(statuses), output: Output::Unknown });
        }
    }
    for pattern in USES {
        let pattern = format!("{GET}{}{ON_ERROR}(?:\\.end\\(\\))?", pattern.replace('R', "[a-z]+"));
        if let Some((url, status, below)) = found(&pattern, &code)? {
            let statuses = match (status, below) {
                (Some(status), _) => Statuses::range(status..=status),
                (_, Some(below)) => Statuses::range(200..=below - 1),
                _ => Statuses::any(),
            };
            let check = Check::of(escaped(&url));
            return Ok(Semantics { check, exit: Exit::Http(statuses), output: Output::Unknown });
        }
    }
    Err(Refusal::with("JavaScript that is not a plain request", "sexton check http://127.0.0.1:PORT/PATH"))
}

/// The URL, the status that it must have, and the one that it must be below.
type Request = (String, Option<u16>, Option<u16>);

/// The URL and the status, where `pattern` is all of `code`.
fn found(pattern: &str, code: &str) -> Result<Option<Request>, Refusal> {
    let regex = regex::compile(&format!("^(?:await)?{pattern};?$"), Case::Sensitive)?;
    let Some(found) = regex.captures(code) else { return Ok(None) };
    let number = |name| found.name(name).and_then(|number| number.as_str().parse().ok());
    let url = found.name("url").map(|url| url.as_str().to_owned()).unwrap_or_default();
    Ok(Some((url, number("status"), number("below"))))
}

/// The same with each function as an arrow.
fn arrows(out: &str) -> String {
    // `function(r){...}` is `(r)=>{...}`, and no URL has either.
    let mut rest = out;
    let mut arrows = String::with_capacity(out.len());
    while let Some((before, after)) = rest.split_once("function(") {
        let Some((arguments, after)) = after.split_once("){") else { break };
        arrows.push_str(&format!("{before}({arguments})=>{{"));
        rest = after;
    }
    arrows + rest
}
