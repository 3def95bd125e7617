//! The rules of the house that no lint keeps: who may import whom, who may do what, how long a file may be, and that
//! every file is listed where a reader looks for it. DESIGN: "How it is cut".

mod imports;
mod rules;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use self::rules::{objections, unreachable};

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
fn neither_files_nor_folders_import_each_other_in_a_circle() {
    let files = imports::of_files(&sources());
    let found = imports::circles(&files);
    assert!(found.is_empty(), "files in a circle: {found:?}");
    let rooms = imports::of_folders(&files);
    let folders = imports::circles(&rooms);
    assert!(folders.is_empty(), "folders in a circle: {folders:?}");
    assert!(rooms["sys"].is_empty(), "sys imports {:?}", rooms["sys"]);
}

/// As the tables write them.
fn strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[test]
fn a_circle_is_found_whatever_it_looks_like() {
    let tree =
        |files: &[(&str, &str)]| files.iter().map(|&(path, text)| (path.into(), text.into())).collect();
    for (files, circle) in [
        (&[("src/a.rs", "use crate::b::B;"), ("src/b.rs", "fn f() { crate::a::g() }")][..], &["a", "b"][..]),
        (
            &[("src/x/a.rs", "use super::b::B;"), ("src/x/b.rs", "use crate::x::{c, a::{self, A}};")],
            &["x::a", "x::b"],
        ),
        (
            &[("src/probe/mod.rs", "mod a; use self::a::A;"), ("src/probe/a.rs", "use super::Table;")],
            &["probe", "probe::a"],
        ),
    ] {
        let found = imports::circles(&imports::of_files(&tree(files)));
        assert_eq!(found.first().map(|circle| strs(circle)).as_deref(), Some(circle), "{files:?}");
    }
    let above = tree(&[("src/x/mod.rs", "mod a; use self::a::A;"), ("src/x/a.rs", "use super::X;")]);
    assert!(imports::circles(&imports::of_files(&above)).is_empty());
    let rooms = tree(&[
        ("src/x/a.rs", "use crate::y::b::B;"),
        ("src/y/b.rs", ""),
        ("src/y/c.rs", "use crate::x::d::D;"),
        ("src/x/d.rs", ""),
    ]);
    let rooms = imports::of_files(&rooms);
    assert!(imports::circles(&rooms).is_empty());
    assert_eq!(imports::circles(&imports::of_folders(&rooms)).len(), 1);
}

/// Each of these must be objected to, and for the reason named: rules that object to nothing keep nothing.
#[test]
fn the_rules_object_to_what_breaks_them() {
    for (path, text, reason) in [
        ("src/health.rs", "use std::time::Instant;", "`Instant`"),
        ("src/health.rs", "use std::fs;", "`std::fs`"),
        ("src/net/x.rs", "unsafe { f() }", "`unsafe`"),
        ("src/check.rs", "#![allow(x)]\nunsafe fn f() {}", "`unsafe`"),
        ("src/check.rs", "println!(\"x\");", "`println!`"),
        ("src/init/x.rs", "let out = std::io::stderr();", "`io::stderr`"),
        ("src/check.rs", "std::env::var(\"X\")", "`env::var`"),
        ("src/attempt/mod.rs", "std::env::args_os()", "`env::args_os`"),
        ("src/cli/x.rs", "use httparse::Response;", "`httparse`"),
        ("src/check.rs", "std::thread::spawn(f)", "`thread::spawn`"),
        ("src/probe/x.rs", "thread::Builder::new()", "`thread::Builder`"),
        ("src/check.rs", "use std::process::Command;", "`process::Command`"),
        ("src/init/reaper.rs", "process::fork()", "`fork(`"),
        ("src/compat/x.rs", "while let Some(arg) = args.next() {}", "`args.next`"),
        ("src/probe/x.rs", "let file = std::fs::File::open(path)?;", "`File::open`"),
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
        ("src/http/x.rs", "use super::super::target::Target; use httparse::Response;"),
        ("src/main.rs", "unsafe { sexton::Args::from_c(argc, argv) }"),
        ("src/sys/x.rs", "unsafe { libc::fork() }"),
        ("src/cli/x.rs", "use clap::Command; env::var(name); Command::new(\"x\")"),
        ("src/check.rs", "let product = crate::deadline::FACTOR * 2;"),
    ] {
        assert_eq!(objections(path, text), [""; 0], "{path} {text}");
    }
}
