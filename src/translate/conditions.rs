//! `test`, `[ ]` and `[[ ]]`: files, texts, and what commands wrote.

use super::notation::{self, plain};
use super::patterns::{self, Glob};
use super::semantics::{Check, Exit, HeadLines, Output, Refusal, Semantics, Statuses, Verdict, http};
use super::state::{Arg, Code, State};

/// What a test of `args` comes to, and whether it is the opposite of that.
pub(super) fn test(name: &str, args: &[Arg], state: &State) -> Result<(Verdict, bool), Refusal> {
    let mut args = args;
    if let Some(end) = match name {
        "[" => Some("]"),
        "[[" => Some("]]"),
        _ => None,
    } {
        match args.split_last() {
            Some((Arg::Text(last), rest)) if last == end => args = rest,
            _ => return Err(Refusal::new(format!("{name} without {end}"))),
        }
    }
    let mut negated = false;
    while let [Arg::Text(bang), rest @ ..] = args {
        if bang != "!" || rest.is_empty() {
            break;
        }
        negated = !negated;
        args = rest;
    }
    let (verdict, opposite) = match args {
        [] => (Verdict::Known(false), false),
        [one] => filled(one)?,
        [Arg::Text(operator), one] => unary(operator, one)?,
        [left, Arg::Text(operator), right] => binary(name, left, operator, right, state)?,
        _ => return Err(Refusal::new("a test of more than one condition; join tests by && instead")),
    };
    Ok((verdict, negated != opposite))
}

/// A test with an operator before its operand.
fn unary(operator: &str, operand: &Arg) -> Result<(Verdict, bool), Refusal> {
    match operator {
        "-n" => return filled(operand),
        "-z" => return filled(operand).map(|(verdict, negated)| (verdict, !negated)),
        _ => {}
    }
    let Arg::Text(path) = operand else {
        return Err(Refusal::new("a file whose name a command writes"));
    };
    let check = match operator {
        "-e" | "-a" | "-f" => Check::of(target("file", path)?),
        "-s" => {
            let mut check = Check::of(target("file", path)?);
            check.flags.push(super::semantics::Flag("--non-empty", None));
            check
        }
        "-d" => Check::of(target("dir", path)?),
        "-S" => Check::of(target("unix", path)?)
            .note("verdict gets stricter: the socket must accept a connection, not only exist"),
        "-r" => Check::of(target("file", path)?).note("that it may be read is not checked"),
        "-x" => return Err(Refusal::with("whether a file may be executed", format!("file:{path}"))),
        "-L" | "-h" => return Err(Refusal::with("whether a file is a link", format!("file:{path}"))),
        _ => return Err(Refusal::new(format!("test {operator} is not known here"))),
    };
    Ok((Verdict::Check(check), false))
}

/// `scheme:path`, for an absolute path.
pub(super) fn target(scheme: &str, path: &str) -> Result<String, Refusal> {
    if path.starts_with('/') || path.starts_with("${") {
        return Ok(format!("{scheme}:{path}"));
    }
    Err(Refusal::with(
        format!("{path} is relative to a folder that only the container knows"),
        format!("sexton check {scheme}:/FOLDER/{path}"),
    ))
}

/// Whether something is not empty.
fn filled(operand: &Arg) -> Result<(Verdict, bool), Refusal> {
    match operand {
        Arg::Text(text) if plain(text).is_some() => Ok((Verdict::Known(!text.is_empty()), false)),
        Arg::Text(_) => Err(Refusal::new("a test of a variable that only the container knows")),
        Arg::Status => Ok((Verdict::Known(true), false)),
        Arg::Output(semantics) => {
            let semantics = semantics.as_ref().clone();
            match semantics.output {
                Output::Lines(means) => Ok((Semantics::meaning(semantics.check, means)?, false)),
                Output::Nothing => Ok((Verdict::Known(false), false)),
                Output::Code => Err(Refusal::with(
                    "curl writes 000 where nothing answers, so that is never empty",
                    "sexton check URL",
                )),
                Output::Body(statuses) => Err(Refusal::with(
                    "whether a body is empty is not asked",
                    format!("sexton check{} URL", flag_text(&statuses)),
                )),
                Output::Head(_, statuses) => Ok((http(semantics.check, &statuses), false)),
                _ => Err(Refusal::new("whether it writes anything says nothing")),
            }
        }
    }
}

/// ` --status LIST`, or nothing.
fn flag_text(statuses: &Statuses) -> String {
    match statuses.flag() {
        Some(flag) => format!(" {} {}", flag.0, flag.1.unwrap_or_default()),
        None => String::new(),
    }
}

/// A test with an operator between its operands.
fn binary(
    name: &str,
    left: &Arg,
    operator: &str,
    right: &Arg,
    state: &State,
) -> Result<(Verdict, bool), Refusal> {
    let (semantics, wanted, operator) = match (left, right) {
        (Arg::Status, Arg::Text(wanted)) => return status(operator, wanted, state),
        (Arg::Output(semantics), Arg::Text(wanted)) => (semantics.as_ref().clone(), wanted, operator),
        (Arg::Text(wanted), Arg::Output(semantics)) => {
            (semantics.as_ref().clone(), wanted, mirrored(operator))
        }
        (Arg::Text(left), Arg::Text(right)) => return texts(left, operator, right, state),
        _ => return Err(Refusal::new("a test that compares what two commands wrote")),
    };
    let wanted = plain(wanted)
        .ok_or_else(|| Refusal::new("a comparison with a variable that only the container knows"))?;
    match semantics.output {
        Output::Code => {
            let holds = compare(name, operator, &wanted)?;
            // What curl writes where nothing answers.
            let opposite = holds("000");
            let statuses = Statuses::any().filter(|status| holds(&status.to_string()) != opposite);
            Ok((http(semantics.check, &statuses), opposite))
        }
        Output::Head(HeadLines::First, of) => {
            let holds = compare(name, operator, &wanted)?;
            let statuses = of.filter(|status| holds(&patterns::status_line(status)));
            Ok((http(semantics.check, &statuses), false))
        }
        Output::Json(statuses, pointer) => {
            let opposite = equality(operator)?;
            let value = wanted.trim_matches('"').to_owned();
            let check =
                semantics.check.flag("--json-path", format!("{pointer}={}", notation::escaped(&value)));
            Ok((http(check, &statuses), opposite))
        }
        Output::Says(text, means) if text == wanted => {
            let opposite = equality(operator)?;
            Ok((Semantics::meaning(semantics.check, means)?, opposite))
        }
        Output::Count(means) => count(operator, &wanted, semantics.check, means),
        Output::Body(_) | Output::Content => Err(Refusal::with(
            format!("the whole text must be `{wanted}`, and only a part of it can be asked for"),
            format!("sexton check --contains '{wanted}' {}", semantics.check.target),
        )),
        _ => Err(Refusal::new(format!("a comparison of what it writes with `{wanted}`"))),
    }
}

/// Whether it is the opposite of being equal.
fn equality(operator: &str) -> Result<bool, Refusal> {
    match operator {
        "=" | "==" | "-eq" => Ok(false),
        "!=" | "-ne" => Ok(true),
        _ => Err(Refusal::new(format!("a comparison by {operator}"))),
    }
}

/// `$? OPERATOR wanted`.
fn status(operator: &str, wanted: &str, state: &State) -> Result<(Verdict, bool), Refusal> {
    let Ok(wanted) = wanted.parse::<i64>() else {
        return Err(Refusal::new("a comparison of $? with what is not a number"));
    };
    let opposite = |answer: bool| Ok((Verdict::Known(answer), false));
    match (state.last, operator, wanted) {
        (Code::Known(code), _, _) => opposite(number(operator, i64::from(code), wanted)?),
        (Code::Failed, "-eq" | "=" | "==" | "-le" | "-lt", 0) => opposite(false),
        (Code::Failed, "-ne" | "!=" | "-gt", 0) | (Code::Failed, "-ge", 1) => opposite(true),
        _ => Err(Refusal::with(
            "it tells one exit code of the program from another, and so takes some failures for health; with \
             sexton called curl or wget, a timeout is one of them",
            "the request in it, without what follows",
        )),
    }
}

/// A comparison of two texts that are known.
fn texts(left: &str, operator: &str, right: &str, state: &State) -> Result<(Verdict, bool), Refusal> {
    if left == "$?" || right == "$?" {
        return status(operator, if left == "$?" { right } else { left }, state);
    }
    let (Some(left), Some(right)) = (plain(left), plain(right)) else {
        return Err(Refusal::new("a test of a variable that only the container knows"));
    };
    let answer = match (operator, left.parse(), right.parse()) {
        ("=" | "==", ..) => left == right,
        ("!=", ..) => left != right,
        (operator, Ok(left), Ok(right)) => number(operator, left, right)?,
        _ => return Err(Refusal::new(format!("a comparison by {operator}"))),
    };
    Ok((Verdict::Known(answer), false))
}

/// A comparison of numbers.
fn number(operator: &str, left: i64, right: i64) -> Result<bool, Refusal> {
    Ok(match operator {
        "-eq" | "=" | "==" => left == right,
        "-ne" | "!=" => left != right,
        "-lt" => left < right,
        "-le" => left <= right,
        "-gt" => left > right,
        "-ge" => left >= right,
        _ => return Err(Refusal::new(format!("a comparison by {operator}"))),
    })
}

/// The same operator with its operands swapped.
fn mirrored(operator: &str) -> &str {
    match operator {
        "-lt" => "-gt",
        "-le" => "-ge",
        "-gt" => "-lt",
        "-ge" => "-le",
        same => same,
    }
}

/// Whether a text passes.
type Predicate = Box<dyn Fn(&str) -> bool>;

/// Whether a text that a command wrote passes.
fn compare(name: &str, operator: &str, wanted: &str) -> Result<Predicate, Refusal> {
    let wanted = wanted.to_owned();
    Ok(match operator {
        "=~" if name == "[[" => {
            let regex = patterns::Grep::extended(&wanted)?;
            Box::new(move |text| regex.is_match(text))
        }
        "=" | "==" | "!=" if name == "[[" && wanted.contains(['*', '?', '[']) => {
            let glob = Glob::parse(&wanted)?;
            let opposite = operator == "!=";
            Box::new(move |text| glob.is_match(text) != opposite)
        }
        "=" | "==" => Box::new(move |text| text == wanted),
        "!=" => Box::new(move |text| text != wanted),
        _ => {
            let wanted: i64 =
                wanted.trim().parse().map_err(|_| Refusal::new(format!("`{wanted}` is not a number")))?;
            number(operator, 0, 0)?;
            let operator = operator.to_owned();
            Box::new(move |text| {
                text.parse().is_ok_and(|left| number(&operator, left, wanted).unwrap_or(false))
            })
        }
    })
}

/// A comparison of a number of lines.
fn count(operator: &str, wanted: &str, check: Check, means: Exit) -> Result<(Verdict, bool), Refusal> {
    let opposite = match (operator, wanted) {
        ("-gt" | "-ne" | "!=", "0") | ("-ge", "1") => false,
        ("-eq" | "=" | "==" | "-le", "0") | ("-lt", "1") => true,
        _ => {
            return Err(Refusal::with(
                "it counts, and no check of ours does",
                format!("sexton check {}, which asks whether there is one", check.target),
            ));
        }
    };
    Ok((Semantics::meaning(check, means)?, opposite))
}
