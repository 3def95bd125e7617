//! Targets become probes: each with the options of the line, its own, and a name that no other has.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::probe::Probe;
use crate::probe::options::Group;

use super::args::Args;
use super::line::check_constraints;
use super::option::{Given, OptionValue, Origin};
use super::options;
use super::template::{self, Template};

/// Turns `targets` into probes, by the options that `args` hold and that were `given`.
pub(super) fn into_probes(
    targets: &[String],
    args: &mut Args,
    given: &[Given],
) -> Result<Vec<Arc<Probe>>, String> {
    options::complete(&mut args.probe)?;
    let mut probes = Vec::with_capacity(targets.len());
    for target in targets {
        probes.push(read(target, args, given)?);
    }
    refuse_useless(&given.iter().collect::<Vec<_>>(), &probes)?;
    distinguish(&mut probes)?;
    Ok(probes.into_iter().map(Arc::new).collect())
}

/// Reads one target.
fn read(text: &str, args: &mut Args, given: &[Given]) -> Result<Probe, String> {
    let Template { name, target, options: own } = template::read(text, |name| options::find(name).is_some())?;
    if own.is_empty() {
        let probe = Probe::parse(target.text(), &args.probe)?;
        return Ok(probe.named(name));
    }
    let in_target = |why: String| format!("{target}: {why}");
    let own = own.into_iter().map(own_option).collect::<Result<Vec<_>, _>>().map_err(in_target)?;
    // What the line says is for all targets; this one's own is stronger.
    let saved = args.probe.clone();
    let read = apply(&own, args, given).map_err(in_target).and_then(|()| {
        let probe = Probe::parse(target.text(), &args.probe)?;
        refuse_useless(&own.iter().collect::<Vec<_>>(), std::slice::from_ref(&probe)).map_err(in_target)?;
        Ok(probe.named(name))
    });
    args.probe = saved;
    read
}

/// An option after the `#` of a target.
fn own_option((name, value): (String, Option<String>)) -> Result<Given, String> {
    let option = options::find(&name).ok_or_else(|| {
        format!("unknown option `{name}` after the `#`; it takes the options of sexton check that are about one target")
    })?;
    let value = match (option.takes, value) {
        (OptionValue::Nothing, None) => String::new(),
        (OptionValue::Nothing, Some(_)) => return Err(format!("#{name} takes no value")),
        (OptionValue::Value(_), None) => return Err(format!("#{name} needs a value")),
        (OptionValue::Value(_) | OptionValue::Optional { .. }, Some(value)) => value,
        (OptionValue::Optional { usual, .. }, None) => usual.to_owned(),
    };
    Ok(Given::new(option, Origin::Target, value))
}

/// Applies a target's `own` options on top of those of the line.
fn apply(own: &[Given], args: &mut Args, given: &[Given]) -> Result<(), String> {
    let is_own = |one: &&Given| own.iter().any(|own| own.option.name == one.option.name);
    let is_of_probe = |one: &&Given| options::find(one.option.name).is_some();
    let others = given.iter().filter(|one| !is_own(one)).filter(is_of_probe);
    let all: Vec<&Given> = own.iter().chain(others).collect();
    check_constraints(&all, &[])?;
    own.iter().try_for_each(|one| one.apply(args))?;
    options::complete(&mut args.probe)
}

/// Refuses an option that none of `probes` has a use for: bad input is never ignored.
fn refuse_useless(given: &[&Given], probes: &[Probe]) -> Result<(), String> {
    let useful = Probe::groups(probes);
    // A redirect can lead from http to https, so that with --follow an http target has a use for TLS, too.
    let follows = given.iter().any(|one| one.option.name == "follow");
    let is_useless = |one: &&Given| {
        one.origin != Origin::Default
            && one.option.group.is_some_and(|group| {
                let through_redirect = follows && group == Group::Tls && useful.contains(&Group::Http);
                !useful.contains(&group) && !through_redirect
            })
    };
    match given.iter().find(|one| is_useless(one)) {
        Some(one) => Err(format!(
            "{one} does not apply to {}",
            if probes.len() == 1 { "this target" } else { "these targets" }
        )),
        None => Ok(()),
    }
}

/// Refuses a name that is given twice, and numbers unnamed targets that would look alike.
fn distinguish(probes: &mut [Probe]) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for probe in probes.iter().filter(|probe| probe.is_named()) {
        if seen.insert(probe.label().to_owned(), 1).is_some() {
            return Err(format!("two targets are named `{}`", probe.label()));
        }
    }
    for probe in probes.iter_mut().filter(|probe| !probe.is_named()) {
        let count = seen.entry(probe.label().to_owned()).or_insert(0);
        *count += 1;
        if *count > 1 {
            let label = format!("{} ({count})", probe.label());
            probe.relabel(label);
        }
    }
    Ok(())
}

/// The targets of a list in the environment, with commas or blanks between them. A comma inside a target, as in
/// `#status=200,401`, is none of these: what follows it does not begin a target.
pub(super) fn list(text: &str) -> Vec<String> {
    let mut targets: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut is_new = true;
        for part in word.split(',') {
            match targets.last_mut() {
                Some(last) if !is_new && !begins_target(part) => {
                    last.push(',');
                    last.push_str(part);
                }
                _ => targets.push(part.to_owned()),
            }
            is_new = false;
        }
    }
    for target in &mut targets {
        target.truncate(target.trim_end_matches(',').len());
    }
    targets.retain(|target| !target.is_empty());
    targets
}

/// Whether `text` begins as a target does: `[name=]scheme:`, or a variable.
fn begins_target(text: &str) -> bool {
    let scheme = text.split(':').next().unwrap_or_default();
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_' | '=');
    text.starts_with("${") || (text.contains(':') && !scheme.is_empty() && scheme.chars().all(is_scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_where_targets_begin() {
        for (text, targets) in [
            ("tcp://a:1,tcp://b:2", &["tcp://a:1", "tcp://b:2"][..]),
            (" tcp://a:1 ,\ttcp://b:2\n", &["tcp://a:1", "tcp://b:2"]),
            ("http://a/#status=200,401,web=http://b/", &["http://a/#status=200,401", "web=http://b/"]),
            ("${A},${B}", &["${A}", "${B}"]),
            (",", &[]),
            ("", &[]),
        ] {
            assert_eq!(list(text), targets, "{text}");
        }
    }
}
