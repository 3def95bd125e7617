//! The rules as tables, and what they object to.

use std::collections::BTreeMap;

use super::tokens::tokens;

/// What only some files may name, and which: those whose path begins so.
const RESERVED: &[(&[&str], &[&str])] = &[
    (&["unsafe"], &["src/sys/", "src/main.rs"]),
    (&["httparse"], &["src/http/"]),
    (&["ureq"], &["src/http/"]),
    (&["print", "!"], &[]),
    (&["println", "!"], &[]),
    (&["eprint", "!"], &[]),
    (&["eprintln", "!"], &[]),
    (&["io", "::", "stdout"], &["src/report.rs"]),
    // The gate looks whether stderr is a terminal before it draws on it.
    (&["io", "::", "stderr"], &["src/report.rs", "src/wait/display.rs"]),
    (&["env", "::", "var"], &["src/cli/", "src/compat/"]),
    (&["env", "::", "var_os"], &["src/cli/", "src/compat/"]),
    (&["env", "::", "vars"], &["src/cli/", "src/compat/"]),
    (&["env", "::", "vars_os"], &["src/cli/", "src/compat/"]),
    (&["env", "::", "args"], &["src/cli/", "src/compat/"]),
    (&["env", "::", "args_os"], &["src/cli/", "src/compat/"]),
    (&["thread", "::", "spawn"], &["src/attempt/"]),
    (&["thread", "::", "scope"], &["src/attempt/"]),
    (&["thread", "::", "Builder"], &["src/attempt/"]),
    (&["process", "::", "Command"], &[]),
    (&["::", "fork"], &["src/sys/", "src/init/child.rs"]),
    (&["fork", "("], &["src/sys/", "src/init/child.rs"]),
    (&["vfork", "("], &["src/sys/", "src/init/child.rs"]),
    (&["posix_spawn", "("], &["src/sys/", "src/init/child.rs"]),
    // One getopt for all personalities. What it cannot read: `set +e`, dig's `+short`, find's `-name`, and programs whose
    // options are known only in part.
    (
        &["args", ".", "next"],
        &["src/cli/line.rs", "src/compat/getopt.rs", "src/compat/sh/command.rs", "src/translate/"],
    ),
    // One reader of files, with a name for what it may wait for.
    (&["File", "::", "open"], &["src/system/file.rs", "src/install.rs"]),
];

/// What a module that decides without a clock and without I/O may not name.
const PURE: &[(&str, &[&[&str]])] = &[(
    "health",
    &[
        &["Instant"],
        &["SystemTime"],
        &["std", "::", "fs"],
        &["std", "::", "io"],
        &["std", "::", "net"],
        &["std", "::", "thread"],
        &["nix"],
        &["libc"],
    ],
)];

/// Words that say nothing about what they name.
const EMPTY_WORDS: &[&str] = &["manager", "helper", "helpers", "util", "utils", "service", "misc", "common"];

/// The most lines of a file.
const LINES_MAX: usize = 500;

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[("tests/it/http_options.rs", "one test or two for each option of HTTP")];

/// What is wrong with the file at `path`, each with the path.
pub(super) fn objections(path: &str, text: &str) -> Vec<String> {
    // A unit test in a file of its own, beside what it tests.
    let tokens =
        if path.ends_with("_tests.rs") || path.ends_with("/tests.rs") { Vec::new() } else { tokens(text) };
    let mut wrong = length(path, text);
    wrong.extend(names(path, &tokens));
    if path.starts_with("src/") {
        wrong.extend(globs(&tokens));
        wrong.extend(reserved(path, &tokens));
    }
    wrong.into_iter().map(|why| format!("{path}: {why}")).collect()
}

/// Files that no `mod` leads to.
pub(super) fn unreachable(files: &BTreeMap<String, String>) -> Vec<String> {
    let roots =
        ["src/lib.rs", "src/main.rs", "tests/it/main.rs", "tests/docker/main.rs", "tests/cri/main.rs"];
    let is_declared = |path: &str| {
        let path = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        let Some((folder, name)) = path.rsplit_once('/') else { return false };
        let parents = [
            format!("{folder}.rs"),
            format!("{folder}/mod.rs"),
            format!("{folder}/lib.rs"),
            format!("{folder}/main.rs"),
        ];
        let wanted = ["mod", name].map(str::to_owned);
        parents
            .iter()
            .filter_map(|parent| files.get(parent))
            .any(|parent| tokens(parent).windows(2).any(|window| window == wanted))
            || files.values().any(|text| text.contains(&format!("#[path = \"{name}.rs\"]")))
    };
    files
        .keys()
        // A program that a test builds for itself has its own root.
        .filter(|path| !roots.contains(&path.as_str()) && !is_a_program(path) && !is_declared(path))
        .cloned()
        .collect()
}

/// Whether `path` is a program of its own that a test builds.
fn is_a_program(path: &str) -> bool {
    ["tests/docker/peers/", "tests/it/support/actor/"].iter().any(|folder| path.starts_with(folder))
}

/// The module of the crate's root that `path` belongs to.
fn module(path: &str) -> &str {
    path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or(path)
}

/// Names that are reserved for others.
fn reserved(path: &str, tokens: &[String]) -> Vec<String> {
    let names = |wanted: &[&str]| tokens.windows(wanted.len()).any(|window| window == wanted);
    let mut wrong = Vec::new();
    for (wanted, homes) in RESERVED {
        if names(wanted) && !homes.iter().any(|home| path.starts_with(home)) {
            wrong.push(format!("`{}` is only for {}", wanted.concat(), homes.join(", ")));
        }
    }
    for (pure, forbidden) in PURE {
        if module(path) == *pure {
            let found = forbidden.iter().filter(|wanted| names(wanted));
            wrong.extend(found.map(|wanted| format!("`{}` in {pure}, which is pure", wanted.concat())));
        }
    }
    wrong
}

/// Imports whose direction nobody sees.
fn globs(tokens: &[String]) -> Option<String> {
    let glob = tokens.windows(2).any(|window| window[0] == "::" && window[1] == "*");
    glob.then(|| "a glob import outside unit tests".into())
}

/// Names of files and types that say nothing.
fn names(path: &str, tokens: &[String]) -> Vec<String> {
    let stem = path.trim_end_matches("/mod.rs").trim_end_matches(".rs").rsplit('/').next().unwrap_or(path);
    let mut wrong = Vec::new();
    if EMPTY_WORDS.contains(&stem) {
        wrong.push(format!("the name {stem} says nothing"));
    }
    for pair in tokens.windows(2) {
        if matches!(pair[0].as_str(), "struct" | "enum" | "trait" | "type" | "mod") {
            let name = pair[1].to_ascii_lowercase();
            if EMPTY_WORDS.iter().any(|word| name.ends_with(word)) {
                wrong.push(format!("the name {} says nothing", pair[1]));
            }
        }
    }
    wrong
}

/// Files that hold more than one idea.
fn length(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let excused = LONGER.iter().any(|(longer, _)| *longer == path);
    if lines > LINES_MAX && !excused {
        return vec![format!(
            "{lines} lines, where {LINES_MAX} are the most; cut it, or give the reason in LONGER"
        )];
    }
    if excused && lines <= LINES_MAX {
        return vec![format!("{lines} lines: it needs no place in LONGER any more")];
    }
    Vec::new()
}
