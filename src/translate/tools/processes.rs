//! `pgrep`, `pidof` and `ps`.

use super::{Call, Given, known, options};
use crate::translate::notation::escaped;
use crate::translate::patterns;
use crate::translate::semantics::{Check, Exit, Output, Refusal, Semantics};

/// What a zombie is.
const ZOMBIE: &str = "verdict gets stricter: a zombie is dead";

/// What a pgrep asks.
pub(super) fn pgrep(call: &Call) -> Result<Semantics, Refusal> {
    let (mut full, mut exact, mut counts, mut words) = (false, false, false, Vec::new());
    for given in options(&call.args, &["u", "U", "P", "t", "g", "G", "s", "d", "F", "user"])? {
        match given {
            Given::Operand(word) => words.push(word),
            Given::Option(name, _) => match name.as_str() {
                "f" | "full" => full = true,
                "x" | "exact" => exact = true,
                "c" | "count" => counts = true,
                "l" | "a" | "o" | "n" | "w" => {}
                other => return Err(Refusal::with(format!("pgrep -{other}"), "sexton check process:NAME")),
            },
        }
    }
    let [pattern] = words.as_slice() else { return Err(Refusal::new("pgrep without one pattern")) };
    let pattern = known(pattern, "the pattern of pgrep")?;
    let check = if full && !exact {
        Check::of(format!("process:/{}/", escaped(&pattern))).note(ZOMBIE)
    } else {
        let name = pattern.strip_prefix('^').unwrap_or(&pattern);
        let name = name.strip_suffix('$').unwrap_or(name);
        let name = patterns::bracketed(name)
            .filter(|name| !full && !name.is_empty())
            .ok_or_else(|| Refusal::with(format!("pgrep {pattern}"), "sexton check process:/PATTERN/"))?;
        let check = Check::of(format!("process:{}", escaped(&name))).note(ZOMBIE);
        let is_whole = exact || pattern.starts_with('^') && pattern.ends_with('$');
        if is_whole {
            check
        } else {
            check.note("verdict gets stricter: the whole name counts, not a part of it")
        }
    };
    let output = if counts { Output::Count(Exit::Check) } else { Output::Lines(Exit::Check) };
    Ok(Semantics { check, exit: Exit::Check, output })
}

/// What a pidof asks.
pub(super) fn pidof(call: &Call) -> Result<Semantics, Refusal> {
    let mut words = Vec::new();
    for given in options(&call.args, &["o", "S"])? {
        match given {
            Given::Operand(word) => words.push(word),
            Given::Option(name, _) if matches!(name.as_str(), "s" | "x" | "q") => {}
            Given::Option(name, _) => return Err(Refusal::new(format!("pidof -{name} is not known here"))),
        }
    }
    let [name] = words.as_slice() else {
        return Err(Refusal::new("pidof of several programs, where one is enough"));
    };
    let name = name.rsplit('/').next().unwrap_or(name);
    let check = Check::of(format!("process:{name}")).note(ZOMBIE);
    Ok(Semantics { check, exit: Exit::Check, output: Output::Lines(Exit::Check) })
}

/// What a ps asks: nothing until somebody looks through it.
#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn ps(_: &Call) -> Result<Semantics, Refusal> {
    Ok(Semantics { check: Check::default(), exit: Exit::Known(true), output: Output::Processes(None, false) })
}
