//! The options of programs of which only those that matter are known: letters alone and in clusters, values glued on or
//! apart, long names with one dash or two.

use super::semantics::Refusal;

/// A word of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// A letter or a long name, with its value.
    Option(String, Option<String>),
    /// No option.
    Operand(String),
}

/// Sorts `args` up to the first operand, of which `valued` are the options that take a value; what is left stays.
pub(super) fn leading(args: &[String], valued: &[&str]) -> Result<(Vec<Given>, Vec<String>), Refusal> {
    let mut found = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(word) = args.next_if(|word| word.starts_with('-') && *word != "-") {
        if word == "--" {
            break;
        }
        let mut next = |name: &str| {
            args.next().cloned().ok_or_else(|| Refusal::new(format!("option {name} without its value")))
        };
        if let Some(long) = word.strip_prefix("--") {
            let (name, glued) =
                long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let value = match glued {
                Some(value) => Some(value.to_owned()),
                None if valued.contains(&name) => Some(next(word)?),
                None => None,
            };
            found.push(Given::Option(name.to_owned(), value));
            continue;
        }
        let mut letters = word.chars().skip(1);
        while let Some(letter) = letters.next() {
            let name = letter.to_string();
            if !valued.contains(&name.as_str()) {
                found.push(Given::Option(name, None));
                continue;
            }
            let glued: String = letters.by_ref().collect();
            let value = if glued.is_empty() { next(word)? } else { glued };
            found.push(Given::Option(name, Some(value)));
        }
    }
    Ok((found, args.cloned().collect()))
}

/// Sorts all of `args`, options behind operands included.
pub(super) fn all(args: &[String], valued: &[&str]) -> Result<Vec<Given>, Refusal> {
    let mut found = Vec::new();
    let mut rest = args.to_vec();
    loop {
        let (given, left) = leading(&rest, valued)?;
        found.extend(given);
        let mut left = left.into_iter();
        let Some(operand) = left.next() else { return Ok(found) };
        found.push(Given::Operand(operand));
        rest = left.collect();
    }
}
