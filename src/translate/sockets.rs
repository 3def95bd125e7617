//! bash's `/dev/tcp/HOST/PORT`: a redirection that connects, and what is said and read over it.

use super::notation;
use super::semantics::{Check, Refusal};

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    /// `tcp://HOST:PORT`
    pub(super) target: String,
    /// What was said over it so far, in our notation.
    pub(super) sent: String,
}

/// The target for a host and a port.
pub(super) fn tcp(host: &str, port: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.contains(':') && notation::plain(host).is_some() {
        format!("tcp://[{host}]:{port}")
    } else {
        format!("tcp://{host}:{port}")
    }
}

/// A check that says `text`.
pub(super) fn reply(target: String, text: &str) -> Check {
    let check = Check::of(target);
    if text.is_empty() { check } else { check.flag("--send", payload(text)) }
}

/// `text` as `--send` and `--expect` take it.
pub(super) fn payload(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out
}

/// What echo or printf write.
pub(super) fn spoken(name: &str, args: &[String]) -> Result<String, Refusal> {
    let mut args = args;
    if name == "printf" {
        let Some((format, values)) = args.split_first() else { return Ok(String::new()) };
        let mut values = values.iter();
        let mut out = String::new();
        let mut pieces = format.split('%');
        out.push_str(&unescaped(pieces.next().unwrap_or_default()));
        for piece in pieces {
            match piece.strip_prefix('s') {
                Some(rest) => {
                    out.push_str(values.next().map_or("", String::as_str));
                    out.push_str(&unescaped(rest));
                }
                None => return Err(Refusal::new("a printf of more than %s")),
            }
        }
        return Ok(out);
    }
    let (mut escapes, mut end) = (false, "\n");
    while let Some((first, rest)) = args.split_first() {
        match first.as_str() {
            "-e" => escapes = true,
            "-n" => end = "",
            "-ne" | "-en" => (escapes, end) = (true, ""),
            _ => break,
        }
        args = rest;
    }
    let text = args.join(" ");
    Ok(if escapes { unescaped(&text) } else { text } + end)
}

/// `\r`, `\n`, `\t` and `\\` as what they mean.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('r') => out.push('\r'),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('\\') | None => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}
