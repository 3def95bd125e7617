//! Entry points: other inits, and programs that are known not to reap as PID 1.

use super::notation::base;
use super::options::{self, Given};
use super::replacement::Replacement;
use super::semantics::Refusal;

/// Programs that do not wait for children that are not theirs.
const NOT_REAPING: &[&str] = &[
    "java", "node", "nodejs", "npm", "npx", "yarn", "pnpm", "bun", "deno", "python", "python2", "python3",
    "uvicorn", "celery", "flask", "ruby", "rails", "bundle", "puma", "dotnet", "php", "perl", "rclone",
    "rake",
];

/// Programs that reap as PID 1.
const REAPING: &[&str] = &[
    "tini",
    "tini-static",
    "docker-init",
    "dumb-init",
    "catatonit",
    "init",
    "s6-svscan",
    "runit",
    "runsvdir",
    "supervisord",
    "systemd",
    "my_init",
    "sexton",
    "bash",
    "sh",
    "ash",
    "dash",
];

/// Whether a program, by its path, is known not to reap what others leave.
pub(super) fn is_known_not_to_reap(program: &str) -> bool {
    let name = base(program);
    NOT_REAPING.contains(&name) || name.starts_with("python3.")
}

/// Whether it is known to reap.
pub(super) fn reaps(program: &str) -> bool {
    REAPING.contains(&base(program))
}

/// What to write instead of `words`, if they are an init, or a program that is started `alone` and needs one.
pub(super) fn replacement(words: &[String], alone: bool) -> Option<Result<Replacement, Refusal>> {
    let (program, args) = words.split_first()?;
    match base(program) {
        "tini" | "tini-static" | "docker-init" => Some(tini(args)),
        "dumb-init" => Some(dumb_init(args)),
        "catatonit" => Some(catatonit(args)),
        "s6-svscan" | "runsvdir" | "supervisord" | "my_init" => Some(Err(Refusal::with(
            format!("{} supervises several programs", base(program)),
            "a container for each of them, with sexton init in each",
        ))),
        _ if alone && is_known_not_to_reap(program) => {
            let words = std::iter::once("--".to_owned()).chain(words.iter().cloned()).collect();
            let note = format!("as PID 1, {} does not reap what other programs leave", base(program));
            Some(Ok(Replacement::new("init", words, vec![note])))
        }
        _ => None,
    }
}

/// The words of an init.
fn built(mut words: Vec<String>, command: Vec<String>) -> Replacement {
    words.push("--".into());
    words.extend(command);
    Replacement::new("init", words, Vec::new())
}

/// An option that is not known.
fn unknown(program: &str, name: &str) -> Refusal {
    Refusal::new(format!("the option {name} of {program} is not known here"))
}

/// tini.
fn tini(args: &[String]) -> Result<Replacement, Refusal> {
    let (found, rest) = options::leading(args, &["e", "p"])?;
    let mut options: Vec<String> = Vec::new();
    for given in found {
        let Given::Option(name, value) = given else { continue };
        match (name.as_str(), value) {
            ("g", _) => options.push("-g".into()),
            ("v", _) if !options.iter().any(|option| option == "-v") => options.push("-v".into()),
            ("v" | "w", _) => {}
            ("s", _) => options.extend(["--subreaper".into(), "always".into()]),
            ("e", Some(code)) => options.extend(["-e".into(), code]),
            ("p", Some(signal)) => options.extend(["-p".into(), signal]),
            (name, _) => return Err(unknown("tini", name)),
        }
    }
    Ok(built(options, rest))
}

/// dumb-init, which signals the whole session unless told otherwise.
fn dumb_init(args: &[String]) -> Result<Replacement, Refusal> {
    let (found, rest) = options::leading(args, &["r", "rewrite"])?;
    let (mut options, mut group) = (Vec::new(), true);
    for given in found {
        let Given::Option(name, value) = given else { continue };
        match (name.as_str(), value) {
            ("c" | "single-child", _) => group = false,
            ("v" | "verbose", _) => options.push("-v".into()),
            ("r" | "rewrite", Some(pair)) => options.extend(["-r".into(), pair]),
            (name, _) => return Err(unknown("dumb-init", name)),
        }
    }
    if group {
        options.insert(0, "-g".into());
    }
    Ok(built(options, rest))
}

/// catatonit.
fn catatonit(args: &[String]) -> Result<Replacement, Refusal> {
    let (found, rest) = options::leading(args, &[])?;
    let mut options = Vec::new();
    for given in found {
        let Given::Option(name, _) = given else { continue };
        match name.as_str() {
            "g" => options.push("-g".into()),
            "P" => options.push("--pause".into()),
            name => return Err(unknown("catatonit", name)),
        }
    }
    Ok(built(options, rest))
}
