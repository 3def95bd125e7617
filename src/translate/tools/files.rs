//! `cat`, `grep FILE`, `ls`, `stat` and `find`.

use super::{Call, known};
use crate::translate::notation::plain;
use crate::translate::semantics::{Check, Exit, Output, Refusal, Semantics};
use crate::translate::{conditions, filters};

/// What a cat asks.
pub(super) fn cat(call: &Call) -> Result<Semantics, Refusal> {
    let [path] = call.args.as_slice() else { return Err(Refusal::new("cat without one file")) };
    let check = Check::of(conditions::target("file", path)?);
    Ok(Semantics { check, exit: Exit::Check, output: Output::Content })
}

/// What a grep asks that reads a file.
pub(super) fn grep(call: &Call) -> Result<Semantics, Refusal> {
    let Some((path, args)) = call.args.split_last() else {
        return Err(Refusal::new("grep without a pattern"));
    };
    if !path.starts_with('/') {
        return Err(Refusal::new("grep reads what is not known here"));
    }
    let check = Check::of(conditions::target("file", path)?);
    let file = Semantics { check, exit: Exit::Check, output: Output::Content };
    let mut words = vec![call.name.clone()];
    words.extend(args.iter().cloned());
    filters::apply(file, words)
}

/// What an ls or a stat asks.
pub(super) fn look(call: &Call) -> Result<Semantics, Refusal> {
    let paths: Vec<_> = call.args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let [path] = paths.as_slice() else { return Err(Refusal::new("more than one file")) };
    if plain(path).is_some_and(|path| path.contains(['*', '?', '['])) {
        return Err(Refusal::new("files by a pattern"));
    }
    let check =
        Check::of(conditions::target("file", path)?).note("it must be a file; dir:/PATH is for a directory");
    Ok(Semantics { check, exit: Exit::Check, output: Output::Lines(Exit::Check) })
}

/// What a find asks.
pub(super) fn find(call: &Call) -> Result<Semantics, Refusal> {
    let (mut path, mut name, mut age) = (None, None, None);
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-name" => name = args.next().map(|name| known(name, "a name")).transpose()?,
            "-mmin" | "-mtime" => {
                let value = known(args.next().map_or("", String::as_str), "the age")?;
                let Some(number) = value.strip_prefix('-').and_then(|number| number.parse::<f64>().ok())
                else {
                    return Err(Refusal::with(
                        format!("find {arg} {value}: only what is younger is asked for"),
                        "sexton check --max-age 1m file:/PATH",
                    ));
                };
                let minutes = if arg == "-mmin" { number } else { number * 24.0 * 60.0 };
                age = std::time::Duration::try_from_secs_f64(minutes * 60.0).ok();
            }
            "-maxdepth" | "-mindepth" | "-type" => drop(args.next()),
            "-print" | "-quit" => {}
            option if option.starts_with('-') => {
                return Err(Refusal::with(format!("find {option}"), "sexton check --max-age 1m file:/PATH"));
            }
            _ if path.is_some() => return Err(Refusal::new("find in several folders")),
            _ => path = Some(arg.clone()),
        }
    }
    let path = path.ok_or_else(|| Refusal::new("find without a path"))?;
    let path = match name {
        Some(name) if name.contains(['*', '?', '[']) => {
            return Err(Refusal::with("find by a pattern", "sexton check --max-age 1m file:/PATH"));
        }
        Some(name) => format!("{}/{name}", path.trim_end_matches('/')),
        None => path,
    };
    let mut check = Check::of(conditions::target("file", &path)?);
    if let Some(age) = age {
        check = check.flag("--max-age", humantime::format_duration(age).to_string());
    }
    let exit = Exit::Other(Refusal::with(
        "find exits with 0 whether or not it finds something",
        format!("sexton check --max-age 1m file:{path}"),
    ));
    Ok(Semantics { check, exit, output: Output::Lines(Exit::Check) })
}
