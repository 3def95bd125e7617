//! The rules of the house that no lint keeps: who may import whom, who may do what, how long a file may be, and that
//! every file is listed where a reader looks for it. DESIGN: "How it is cut".

mod rules;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use self::rules::{IMPORTS, objections, unreachable};

/// The folder of the package.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The files under `folder` whose name ends with `end`, by their path in the package; none where there is no folder.
fn files(folder: &str, end: &str) -> BTreeMap<String, String> {
    fn walk(folder: &Path, end: &str, found: &mut BTreeMap<String, String>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, end, found);
            } else if path.to_string_lossy().ends_with(end) {
                let name = path.strip_prefix(ROOT).unwrap().display().to_string();
                let text = fs::read(&path).unwrap();
                found.insert(name, String::from_utf8_lossy(&text).into_owned());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&Path::new(ROOT).join(folder), end, &mut found);
    found
}

/// All Rust files.
fn sources() -> BTreeMap<String, String> {
    let mut all = files("src", ".rs");
    all.extend(files("tests", ".rs"));
    assert!(all.len() > 20, "the sources are not where they were: {all:?}");
    all
}

#[test]
fn every_file_keeps_the_rules() {
    let wrong: Vec<_> = sources().iter().flat_map(|(path, text)| objections(path, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_part_of_the_program_or_a_test() {
    let wrong = unreachable(&sources());
    assert!(wrong.is_empty(), "in no module tree: {wrong:?}");
}

#[test]
fn every_test_file_is_in_the_table_of_contents() {
    let all = files("tests/it", ".rs");
    let contents = &all["tests/it/main.rs"];
    for path in all.keys() {
        let name = path.trim_start_matches("tests/it/").split(['/', '.']).next().unwrap();
        if matches!(name, "main" | "support") {
            continue;
        }
        assert!(contents.contains(&format!("//! * `{name}`: ")), "tests/it/main.rs does not list {name}");
    }
}

#[test]
fn every_example_is_run_by_a_test_or_shown_in_the_readme() {
    let mut readers: String = files("tests", ".rs").into_values().collect();
    readers.push_str(&fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap_or_default());
    for path in files("examples", "").keys() {
        let name = format!("\"{}\"", path.trim_start_matches("examples/"));
        let named = readers.contains(path.as_str()) || readers.contains(&name);
        assert!(named, "neither a test nor the README names {path}");
    }
}

#[test]
fn the_imports_that_are_allowed_have_no_circle() {
    /// Whether `to` can be reached from `from`.
    fn reaches(from: &str, to: &str, depth: usize) -> bool {
        let allowed =
            IMPORTS.iter().find(|(module, _)| *module == from).map_or(&[][..], |(_, allowed)| allowed);
        allowed.iter().any(|next| *next == to || (depth > 0 && reaches(next, to, depth - 1)))
    }
    for (module, _) in IMPORTS {
        assert!(!reaches(module, module, IMPORTS.len()), "{module} may import itself in a circle");
    }
}

/// Each of these must be objected to, and for the reason named: rules that object to nothing keep nothing.
#[test]
fn the_rules_object_to_what_breaks_them() {
    for (path, text, reason) in [
        ("src/probe/x.rs", "use crate::report::line;", "may not import report"),
        ("src/probe/x.rs", "use crate::{net, cli::Usage};", "may not import cli"),
        ("src/probe/http/x.rs", "fn f() { crate::exit::code() }", "may not import exit"),
        ("src/probe/x.rs", "use super::super::report;", "climbs out of its module"),
        ("src/health.rs", "use super::deadline::Deadline;", "climbs out of its module"),
        ("src/health.rs", "use std::time::Instant;", "`Instant`"),
        ("src/health.rs", "use std::fs;", "`std::fs`"),
        ("src/sys/x.rs", "use crate::deadline::Deadline;", "may not import deadline"),
        ("src/net/x.rs", "use crate::probe::Probe;", "may not import probe"),
        ("src/novel.rs", "", "novel is not in the table"),
        ("src/net/x.rs", "unsafe { f() }", "`unsafe`"),
        ("src/check.rs", "#![allow(x)]\nunsafe fn f() {}", "`unsafe`"),
        ("src/check.rs", "println!(\"x\");", "`println!`"),
        ("src/init/x.rs", "let out = std::io::stderr();", "`io::stderr`"),
        ("src/check.rs", "std::env::var(\"X\")", "`env::var`"),
        ("src/attempt.rs", "std::env::args_os()", "`env::args_os`"),
        ("src/cli/x.rs", "use ureq::http::Method;", "`ureq`"),
        ("src/check.rs", "std::thread::spawn(f)", "`thread::spawn`"),
        ("src/probe/x.rs", "thread::Builder::new()", "`thread::Builder`"),
        ("src/check.rs", "use std::process::Command;", "`process::Command`"),
        ("src/init/reaper.rs", "process::fork()", "`fork(`"),
        ("src/check.rs", "use crate::probe::*;", "glob"),
        ("src/probe/utils.rs", "", "says nothing"),
        ("src/probe/x.rs", "struct SocketManager;", "says nothing"),
        ("src/probe/x.rs", &"\n".repeat(501), "501 lines"),
    ] {
        let found = objections(path, text);
        assert!(found.iter().any(|why| why.contains(reason)), "{path} {text:?}: {found:?}");
    }
    let tree =
        |files: &[(&str, &str)]| files.iter().map(|&(path, text)| (path.into(), text.into())).collect();
    let lost =
        tree(&[("src/lib.rs", "mod a; // mod c;"), ("src/a.rs", ""), ("src/c.rs", ""), ("src/a/b.rs", "")]);
    assert_eq!(unreachable(&lost), ["src/a/b.rs", "src/c.rs"]);
}

/// And to none of these.
#[test]
fn the_rules_do_not_object_to_what_only_looks_like_it() {
    for (path, text) in [
        (
            "src/probe/x.rs",
            "// use crate::report\n/* unsafe */ /// println!\nfn f() { g(\"unsafe crate::cli\") }",
        ),
        ("src/probe/x.rs", "fn f<'a>(s: &'a str) -> char { '\"' }\nuse crate::net::Stream; // \""),
        ("src/probe/x.rs", "let s = r#\"unsafe \" crate::cli\"#; let b = b'\\''; let c = b\"unsafe\";"),
        (
            "src/probe/x.rs",
            "fn f() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n    fn g() { unsafe {} }\n}",
        ),
        ("src/probe/http/x.rs", "use super::super::target::Target; use ureq::Agent;"),
        ("src/main.rs", "unsafe { sexton::Args::from_c(argc, argv) }"),
        ("src/sys/x.rs", "unsafe { libc::fork() }"),
        ("src/cli/x.rs", "use clap::Command; env::var(name); Command::new(\"x\")"),
        ("src/check.rs", "let product = crate::deadline::FACTOR * 2;"),
    ] {
        assert_eq!(objections(path, text), [""; 0], "{path} {text}");
    }
}
